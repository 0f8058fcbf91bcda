"""Builds the rows of a case and of a warning from a warning message."""

import msgspec

from alerting.cases.case_summary import severity_in
from alerting.cases.lifecycle import TEXT_ONLY
from alerting.cases.severity import Deadlines
from alerting.db.case_tables import Case, Warning_
from forewarn.contracts.fraud_warning import FraudWarning

REVISED = (
    "action", "severity", "typology", "probability", "expected_loss_minor", "amount_at_risk_minor",
    "currency", "subject_status", "on_call", "forwarding_on", "decision", "model_version",
    "policy_version", "event_time_ms", "appended_at_ms", "raised_at_ms",
)  # fmt: skip
"""Columns that a later revision of a warning always replaces."""

KEPT_IF_SILENT = ("caller", "payee", "payer", "district", "traceparent")
"""Columns that a later revision replaces only if it has a value; the end of a call names no payee."""


def warning_row(warning: FraudWarning, case_id: str, now_ms: int) -> Warning_:
    """The row of a warning that is seen for the first time."""
    row = Warning_(
        warning_id=warning.warning_id,
        case_id=case_id,
        tenant=warning.tenant,
        district=warning.district,
        subscriber=warning.subscriber,
        subject_kind=warning.subject.kind,
        subject_id=warning.subject.subject_id,
        received_at_ms=now_ms,
        revisions=1,
    )
    _fill(row, warning)
    for column in KEPT_IF_SILENT:
        setattr(row, column, getattr(warning, column))
    return row


PERSONAL = ("caller", "payee", "payer")
"""Columns that stay empty once a warning is erased."""


def revise(row: Warning_, warning: FraudWarning, *, erased: bool) -> None:
    """Update a row from a newer revision of its warning.

    Args:
        row: of the warning.
        warning: the newer revision.
        erased: whether the person was erased, so that numbers and accounts stay empty.
    """
    _fill(row, warning)
    for column in KEPT_IF_SILENT:
        if erased and column in PERSONAL:
            continue
        if value := getattr(warning, column):
            setattr(row, column, value)
    row.revisions += 1


def new_case(
    case_id: str, warning: FraudWarning, deadlines: Deadlines, now_ms: int, *, watched: bool
) -> Case:
    """The row of a case that opens with this warning; its sums are filled in later.

    A low warning is a text and no case. In the watch period after a dissuasion none is low.
    """
    severity = severity_in(watched, warning.severity)
    return Case(
        case_id=case_id,
        version=0,
        round=0,
        releases=0,
        follow_up_level=0,
        tenant=warning.tenant,
        district=warning.district,
        subscriber=warning.subscriber,
        state=TEXT_ONLY if severity == "low" else "new",
        severity=severity,
        watched=watched,
        typology=warning.typology,
        probability=warning.probability,
        expected_loss_minor=warning.expected_loss_minor,
        amount_at_risk_minor=warning.amount_at_risk_minor,
        currency=warning.currency,
        caller=warning.caller,
        payee=warning.payee,
        on_call=warning.on_call,
        forwarding_on=warning.forwarding_on,
        subject_kind=warning.subject.kind,
        subject_status=warning.subject_status,
        model_version=warning.model_version,
        withdrawn=False,
        opened_at_ms=now_ms,
        deadline_ms=deadlines.deadline_ms(severity, warning.raised_at_ms),
        first_event_ms=warning.event_time_ms,
        last_event_ms=warning.event_time_ms,
        team="",
        escalation_level=0,
        contact_attempts=0,
        outcome_revision=0,
        prevented_minor=0,
        lost_minor=0,
    )


def _fill(row: Warning_, warning: FraudWarning) -> None:
    for column in REVISED:
        setattr(row, column, getattr(warning, column))
    row.reasons = [msgspec.to_builtins(reason) for reason in warning.reasons]
    row.source_topic = warning.source.topic
    row.source_partition = warning.source.partition
    row.source_offset = warning.source.offset
