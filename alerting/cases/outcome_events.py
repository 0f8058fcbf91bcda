"""The outcome of a case as events for the ``outcomes`` topic: a pure function.

There is one event per warning, so that each call and transfer with a warning gets its label, except
for withdrawn warnings of a case that was a fraud. The amounts are split over the transfers as in
the ledger, so that they add up to those of the case. ``event_id`` depends on the revision of the
outcome: a correction is an event of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence

from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, STOPPED
from alerting.db.case_tables import Case, Warning_
from forewarn.contracts.outcome import Disposition, Outcome


def outcomes_of(
    case: Case,
    warnings: Sequence[Warning_],
    disposition: Disposition,
    *,
    prevented: Mapping[str, int],
    lost: Mapping[str, int],
    known_at_ms: int,
) -> list[Outcome]:
    """The events of the outcome of a case.

    Args:
        prevented: confirmed account per transfer id.
        lost: lost account per transfer id.
        known_at_ms: when the outcome became known; training may use it from then on only.
    """
    amounts = {*prevented, *lost}
    ordered = sorted(
        _labelled(warnings, disposition, amounts),
        key=lambda row: (row.event_time_ms, row.warning_id),
    )
    carriers = _carriers(ordered, amounts)
    events = []
    for row in ordered:
        keys = [key for key, warning_id in carriers.items() if warning_id == row.warning_id]
        named = _names_swindlers(case, disposition) and row.action != "withdraw"
        events.append(
            Outcome(
                event_id=_event_id(row.warning_id, case.outcome_revision),
                event_time_ms=known_at_ms,
                subscriber=case.subscriber,
                tenant=case.tenant,
                district=case.district,
                revision=min(case.outcome_revision, 1000),
                disposition=disposition,
                label_time_ms=known_at_ms,
                case_id=case.case_id,
                warning_id=row.warning_id,
                transfer_id=row.subject_id if row.subject_kind == "transfer" else None,
                callers=(row.caller,) if row.caller and named else (),
                payees=(row.payee,) if row.payee and named else (),
                at_risk_minor=row.amount_at_risk_minor,
                prevented_minor=sum(prevented.get(key, 0) for key in keys),
                lost_minor=sum(lost.get(key, 0) for key in keys),
                currency=row.currency,
                typology=row.typology,
                model_version=row.model_version,
                fraud_began_ms=_began(case, disposition),
            )
        )
    return events


def _labelled(
    warnings: Sequence[Warning_], disposition: Disposition, amounts: set[str]
) -> Sequence[Warning_]:
    """The warnings that the outcome labels.

    In a case that was a fraud, a payment whose warning was withdrawn may be honest. Labelled as
    fraud it would be a wrong label and make its payee a swindler, so it is left out unless it was
    stopped or lost.
    """
    if disposition not in ("dissuaded", "loss_occurred"):
        return warnings
    labelled = [
        row
        for row in warnings
        if row.action != "withdraw" or row.subject_status in STOPPED or row.subject_id in amounts
    ]
    return labelled or warnings


def _names_swindlers(case: Case, disposition: Disposition) -> bool:
    """Whether an outcome names the callers and payees of its warnings.

    An unreachable victim says nothing about them, but the outcome may correct an earlier one.
    """
    return disposition != "unreachable" or case.outcome_revision > 1


def _event_id(warning_id: str, revision: int) -> str:
    name = f"{warning_id}/{revision}".encode()
    return f"o-{hashlib.blake2b(name, digest_size=12).hexdigest()}"


def _began(case: Case, disposition: Disposition) -> int | None:
    return case.first_event_ms if disposition in ("dissuaded", "loss_occurred") else None


def _carriers(warnings: Sequence[Warning_], keys: set[str]) -> dict[str, str]:
    """The warning whose event carries the amount of each key: its own, or the first one."""
    own = {row.subject_id: row.warning_id for row in warnings if row.subject_kind == "transfer"}
    first = warnings[0].warning_id
    return {key: own.get(key, first) if key != NOT_A_TRANSFER else first for key in keys}
