"""The columns of a case that sum up its warnings: a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import load_only

from alerting.cases.severity import ORDER
from alerting.db.case_tables import Case, Warning_

SUMMED_UP = load_only(
    Warning_.case_id, Warning_.tenant, Warning_.district, Warning_.action, Warning_.severity,
    Warning_.typology, Warning_.probability, Warning_.expected_loss_minor,
    Warning_.amount_at_risk_minor, Warning_.subject_kind, Warning_.subject_id,
    Warning_.subject_status, Warning_.caller, Warning_.payee, Warning_.on_call,
    Warning_.forwarding_on, Warning_.model_version, Warning_.event_time_ms, Warning_.raised_at_ms,
    raiseload=True,
)  # fmt: skip
"""Loads of a warning what its case sums up and its ledger settles; the reasons alone would double the memory."""


@dataclass(frozen=True, slots=True)
class Change:
    """Changes by a new revision that the dispatch has to act on."""

    severity_rose: bool
    evidence_changed: bool
    revived: bool


def in_force(warnings: Sequence[Warning_]) -> list[Warning_]:
    """The warnings that were not withdrawn."""
    return [warning for warning in warnings if warning.action != "withdraw"]


def money_of(warnings: Sequence[Warning_]) -> tuple[int, int]:
    """Expected loss and amount at risk of the warnings of one scam, in minor units.

    Transfers add up unless they are completed. Calls count only while there are no transfers, since
    both concern the same money.
    """
    transfers = [warning for warning in warnings if warning.subject_kind == "transfer"]
    if transfers:
        preventable = [item for item in transfers if item.subject_status != "completed"]
        return (
            sum(item.expected_loss_minor for item in preventable),
            sum(item.amount_at_risk_minor for item in preventable),
        )
    return (
        max((item.expected_loss_minor for item in warnings), default=0),
        max((item.amount_at_risk_minor for item in warnings), default=0),
    )


def gone_of(warnings: Sequence[Warning_]) -> tuple[int, int | None]:
    """The sum of the payments that went through, minor units, and when the newest did."""
    gone = [
        item
        for item in warnings
        if item.subject_kind == "transfer" and item.subject_status == "completed"
    ]
    latest_ms = max((item.event_time_ms for item in gone), default=None)
    return sum(item.amount_at_risk_minor for item in gone), latest_ms


def summarise(case: Case, warnings: Sequence[Warning_]) -> Change:
    """Update the columns of a case from its warnings; return what changed."""
    alive = in_force(warnings)
    was_withdrawn = case.withdrawn
    case.withdrawn = not alive
    case.first_event_ms = min(warning.event_time_ms for warning in warnings)
    case.last_event_ms = max(warning.event_time_ms for warning in warnings)
    shown = alive or list(warnings)
    newest = max(shown, key=lambda warning: (warning.event_time_ms, warning.warning_id))
    worst = max(shown, key=lambda warning: (ORDER[warning.severity], warning.probability))
    severity = severity_in(case.watched, worst.severity)
    rose = ORDER[severity] > ORDER.get(case.severity, 0)
    evidence = (case.subject_kind, case.subject_status, case.on_call, case.forwarding_on)
    case.severity = severity
    case.probability = max(warning.probability for warning in shown)
    case.typology = _typology(worst, shown)
    case.expected_loss_minor, case.amount_at_risk_minor = money_of(alive)
    case.gone_minor, case.gone_at_ms = gone_of(alive)
    case.caller = newest.caller or _first(shown, "caller")
    case.payee = newest.payee or _first(shown, "payee")
    case.on_call = newest.on_call
    case.forwarding_on = newest.forwarding_on
    case.subject_kind = newest.subject_kind
    case.subject_status = newest.subject_status
    case.model_version = worst.model_version
    case.district = newest.district or case.district
    after = (case.subject_kind, case.subject_status, case.on_call, case.forwarding_on)
    return Change(
        severity_rose=rose,
        evidence_changed=evidence != after,
        revived=bool(alive) and was_withdrawn,
    )


def severity_in(watched: bool, severity: str) -> str:
    """The severity that a warning has in its case: at least critical while the person is watched."""
    return max(severity, "critical", key=ORDER.__getitem__) if watched else severity


def _typology(worst: Warning_, shown: Sequence[Warning_]) -> str:
    if worst.typology != "unknown":
        return worst.typology
    named = [warning for warning in shown if warning.typology != "unknown"]
    return max(named, key=lambda warning: warning.probability).typology if named else "unknown"


def _first(warnings: Sequence[Warning_], column: str) -> str | None:
    for warning in warnings:
        value: str | None = getattr(warning, column)
        if value:
            return value
    return None
