"""Collects everything about a case into sections, numbers in clear or masked."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access.masking import mask_account, mask_name, mask_phone
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.contact_tables import Activity
from alerting.db.dispatch_tables import Delivery
from alerting.db.ledger_tables import LedgerEntry
from alerting.db.order_tables import Appeal, Order

Row = dict[str, Any]
DAYS_BEFORE_MS = 14 * 86_400_000
MAX_ROWS = 20_000
"""Calls and payments of the timeline at most, the newest first."""

_PHONES = frozenset({"subscriber", "caller", "number", "notify_phone", "phone"})
_ACCOUNTS = frozenset({"payee", "payer", "payer_account", "payee_account", "account"})
_WRITTEN = frozenset(
    {
        "statement", "decision_note", "release_note", "reference", "freeze_reference",
        "last_error", "provider_reference",
    }
)  # fmt: skip
"""What people wrote, or a gateway answered: it may name a person."""

_NAMES = frozenset({"payer_name", "payee_name", "objector"})

_CASE = (
    "case_id", "tenant", "district", "subscriber", "state", "severity", "typology", "probability",
    "expected_loss_minor", "amount_at_risk_minor", "gone_minor", "gone_at_ms", "currency", "caller", "payee",
    "opened_at_ms", "deadline_ms", "responded_at_ms", "holder", "team", "disposition", "closed_at_ms", "closed_by",
    "duplicate_of", "follows", "prevented_minor", "lost_minor", "model_version",
)  # fmt: skip
_WARNING = (
    "warning_id", "action", "severity", "typology", "probability", "expected_loss_minor", "amount_at_risk_minor",
    "currency", "subject_kind", "subject_id", "subject_status", "caller", "payee", "payer", "on_call",
    "forwarding_on", "reasons", "decision", "model_version", "policy_version", "event_time_ms", "raised_at_ms",
    "received_at_ms", "revisions", "source_topic", "source_partition", "source_offset",
)  # fmt: skip
_DELIVERY = (
    "delivery_id", "channel", "purpose", "recipient", "template", "reason", "state", "attempts", "last_error",
    "provider_reference", "created_at_ms", "sent_at_ms", "confirmed_at_ms",
)  # fmt: skip
_ACTIVITY = (
    "subject_id", "kind", "at_ms", "status", "direction", "peer", "amount_minor", "currency", "duration_ms",
)  # fmt: skip
_LEDGER = ("at_ms", "account", "reason", "transfer_id", "amount_minor", "currency")


def sections_of(session: Session, case: Case, *, clear: bool) -> dict[str, Any]:
    """Every section but the audit excerpt.

    Args:
        session: a transaction that reads.
        case: in scope.
        clear: numbers, accounts and names in clear; else masked, and free text is left out.
    """

    def rows(table: type[Any], names: Iterable[str], *order: Any) -> list[Row]:
        found = session.scalars(select(table).where(table.case_id == case.case_id).order_by(*order))
        return [shown(row, names, clear=clear) for row in found]

    orders = [name.key for name in Order.__table__.columns]
    appeals = [name.key for name in Appeal.__table__.columns]
    return {
        "case": shown(case, _CASE, clear=clear),
        "warnings": rows(Warning_, _WARNING, Warning_.event_time_ms, Warning_.warning_id),
        "history": [
            _event(row, clear=clear)
            for row in session.scalars(
                select(CaseEvent)
                .where(CaseEvent.case_id == case.case_id)
                .order_by(CaseEvent.event_no)
            )
        ],
        "timeline": _timeline(session, case, clear=clear),
        "orders": [
            row if clear else row | {"reason": ""}
            for row in rows(Order, orders, Order.ordered_at_ms, Order.order_id)
        ],
        "objections": rows(Appeal, appeals, Appeal.filed_at_ms, Appeal.appeal_id),
        "messages": rows(Delivery, _DELIVERY, Delivery.created_at_ms, Delivery.delivery_id),
        "ledger": [
            {name: getattr(row, name) for name in _LEDGER}
            for row in session.scalars(
                select(LedgerEntry)
                .where(LedgerEntry.case_id == case.case_id)
                .order_by(LedgerEntry.entry_no)
            )
        ],
    }


def numbers_in(sections: Mapping[str, Any]) -> int:
    """How many different numbers, accounts and names the sections hold; the person alone counts."""
    personal = _PHONES | _ACCOUNTS | _NAMES | {"peer"}
    found: set[str] = set()
    for name, section in sections.items():
        if name in ("ledger", "audit"):  # accounts of the ledger are no bank's
            continue
        for row in section if isinstance(section, list) else [section]:
            found |= {str(row[column]) for column in personal & row.keys() if row[column]}
    return max(1, len(found))


def shown(row: Any, names: Iterable[str], *, clear: bool) -> Row:
    """The named columns of a row; numbers, accounts and names as asked for."""
    return {name: _value(name, getattr(row, name), clear=clear) for name in names}


def _value(name: str, value: Any, *, clear: bool) -> Any:
    if clear or not isinstance(value, str):
        return value
    masks: tuple[tuple[frozenset[str], Callable[[str], str]], ...] = (
        (_PHONES, mask_phone),
        (_ACCOUNTS, mask_account),
        (_NAMES, mask_name),
        (_WRITTEN, lambda _: ""),
    )
    return next((mask(value) for group, mask in masks if name in group), value)


def _event(row: CaseEvent, *, clear: bool) -> Row:
    detail: Mapping[str, Any] = row.detail
    if not clear:  # people write names and numbers into remarks
        detail = {name: value for name, value in detail.items() if name not in ("note", "reason")}
    return {"at_ms": row.at_ms, "kind": row.kind, "actor": row.actor, "detail": dict(detail)}


def _timeline(session: Session, case: Case, *, clear: bool) -> list[Row]:
    if not case.subscriber:
        return []
    found = session.scalars(
        select(Activity)
        .where(
            Activity.tenant == case.tenant,
            Activity.subscriber == case.subscriber,
            Activity.at_ms >= case.first_event_ms - DAYS_BEFORE_MS,
        )
        .order_by(Activity.at_ms.desc())
        .limit(MAX_ROWS)
    ).all()
    lines = []
    for row in reversed(found):
        line = {name: getattr(row, name) for name in _ACTIVITY}
        mask = mask_phone if row.kind == "call" else mask_account
        lines.append(line | {"peer": row.peer if clear else mask(row.peer)})
    return lines
