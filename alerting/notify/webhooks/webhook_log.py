"""Takes steps of cases' lives over into the log of each target, each once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.access.scope import EVERYTHING
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.webhook_tables import WebhookCall, WebhookFeed
from alerting.notify.webhooks.case_events_of_life import (
    KINDS,
    LIFE_EVENTS,
    RAISES,
    WITHDRAWS,
    LifeEvent,
    Recorded,
    life_event,
)

BATCH = 500
MAX_WAITING = 10_000
"""Calls of one target that wait; later ones are logged as dropped, and not sent."""

SETTLED_MS = 60_000
"""Event numbers are given before transactions commit: a lower one may appear so much later."""


DETAIL = ("disposition", "prevented_minor", "lost_minor", "method", "duplicate_of", "severity")
"""Fields of an event that hold codes and amounts; a remark is never sent."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where steps of cases go: those of some events, of cases in a scope, signed with a secret."""

    name: str
    url: str
    secret: str
    events: frozenset[LifeEvent] = frozenset(LIFE_EVENTS)
    scope: Scope = EVERYTHING


def take_over(session: Session, target: WebhookTarget, now_ms: int) -> int:
    """Add the calls for new events of cases, in the caller's transaction; return how many.

    A target that is new begins with the events from now on.
    """
    feed = session.get(WebhookFeed, target.name)
    if feed is None:
        newest = session.scalar(select(func.max(CaseEvent.event_no)))
        session.add(WebhookFeed(target=target.name, floor_no=newest or 0))
        return 0
    rows = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.event_no > feed.floor_no)
        .order_by(CaseEvent.event_no)
        .limit(BATCH)
    ).all()
    known = set(
        session.scalars(
            select(WebhookCall.event_no).where(
                WebhookCall.target == target.name,
                WebhookCall.event_no.in_([row.event_no for row in rows]),
            )
        )
    )
    fresh = [row for row in rows if row.kind in KINDS and row.event_no not in known]
    calls = _calls(session, target, fresh, now_ms)
    session.add_all(calls)
    settled = [row.event_no for row in rows if row.at_ms < now_ms - SETTLED_MS]
    if settled:
        feed.floor_no = max(settled)
    return len(calls)


def _calls(
    session: Session, target: WebhookTarget, rows: Sequence[CaseEvent], now_ms: int
) -> list[WebhookCall]:
    ids = {row.case_id for row in rows}
    if not ids:
        return []
    cases = {
        case.case_id: case
        for case in session.scalars(
            select(Case).where(
                Case.case_id.in_(ids), target.scope.condition(Case.tenant, Case.district)
            )
        )
    }
    histories = _warning_events(session, list(cases))
    waiting = session.scalar(
        select(func.count()).where(
            WebhookCall.target == target.name, WebhookCall.state == "pending"
        )
    )
    found: list[WebhookCall] = []
    for row in rows:
        case = cases.get(row.case_id)
        if case is None:
            continue
        before = [one for one in histories[row.case_id] if one.event_no < row.event_no]
        event = life_event(_recorded(row), before)
        if event is None or event not in target.events:
            continue
        full = (waiting or 0) + len(found) >= MAX_WAITING
        found.append(_call(target, row, case, event, "dropped" if full else "pending", now_ms))
    return found


def _call(
    target: WebhookTarget, row: CaseEvent, case: Case, event: str, state: str, now_ms: int
) -> WebhookCall:
    return WebhookCall(
        target=target.name,
        event_no=row.event_no,
        case_id=case.case_id,
        tenant=case.tenant,
        district=case.district,
        event=event,
        body=body_of(target, row, case, event),
        state=state,
        next_at_ms=now_ms,
        created_at_ms=now_ms,
        last_error="too_many_waiting" if state == "dropped" else "",
    )


def body_of(target: WebhookTarget, row: CaseEvent, case: Case, event: str) -> dict[str, object]:
    """The fields of a call: codes, amounts and times; no number, no account and no remark."""
    return {
        "delivery_id": f"{target.name}-{row.event_no}",
        "event": event,
        "event_no": row.event_no,
        "at_ms": row.at_ms,
        "actor": row.actor,
        "detail": {name: row.detail[name] for name in DETAIL if name in row.detail},
        "case": {
            "case_id": case.case_id,
            "tenant": case.tenant,
            "district": case.district,
            "state": case.state,
            "severity": case.severity,
            "typology": case.typology,
            "amount_at_risk_minor": case.amount_at_risk_minor,
            "expected_loss_minor": case.expected_loss_minor,
            "currency": case.currency,
            "opened_at_ms": case.opened_at_ms,
            "deadline_ms": case.deadline_ms,
            "holder": case.holder,
            "disposition": case.disposition,
            "prevented_minor": case.prevented_minor,
            "lost_minor": case.lost_minor,
            "version": case.version,
        },
    }


def _warning_events(session: Session, case_ids: Sequence[str]) -> dict[str, list[Recorded]]:
    rows = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id.in_(case_ids), CaseEvent.kind.in_((*RAISES, WITHDRAWS)))
        .order_by(CaseEvent.event_no)
    )
    found: dict[str, list[Recorded]] = defaultdict(list)
    for row in rows:
        found[row.case_id].append(_recorded(row))
    return found


def _recorded(row: CaseEvent) -> Recorded:
    return Recorded(row.event_no, row.kind, str(row.detail.get("severity", "")))
