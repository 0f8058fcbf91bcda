"""Visits to make: orders to patrols for open cases."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.dispatch_tables import Delivery
from alerting.service_errors import NotFoundError
from alerting.web.console.queries.queue_query import Countdown, countdown_of

LIMIT = 50
CURRENT = ("sent", "confirmed")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: the case, the order, and the state of both."""

    case: Case
    delivery: Delivery
    countdown: Countdown
    notes: list[CaseEvent]


def load_visits(session: Session, who: Principal, now_ms: int) -> list[Visit]:
    """The newest order of each open case in scope, newest first.

    The limit leaves out the oldest ones, which pile up while patrols do not report back.
    """
    rows = session.execute(
        select(Case, Delivery)
        .join(Delivery, Delivery.case_id == Case.case_id)
        .where(
            Delivery.channel == "patrol",
            Delivery.state.in_(CURRENT),
            Case.state.in_(OPEN_STATES),
            who.scope.condition(Case.tenant, Case.district),
        )
        .order_by(Delivery.created_at_ms.desc(), Delivery.delivery_id)
        .limit(4 * LIMIT)
    )
    newest: dict[str, tuple[Case, Delivery]] = {}
    for case, delivery in rows:
        newest.setdefault(case.case_id, (case, delivery))
    return [
        Visit(case, delivery, countdown_of(case, now_ms), _notes(session, case.case_id))
        for case, delivery in list(newest.values())[:LIMIT]
    ]


def find_visit(session: Session, delivery_id: str, who: Principal) -> tuple[Case, Delivery]:
    """The case and order of a visit.

    Raises:
        NotFoundError: there is none, or not for them.
    """
    row = session.execute(
        select(Case, Delivery)
        .join(Delivery, Delivery.case_id == Case.case_id)
        .where(
            Delivery.delivery_id == delivery_id,
            Delivery.channel == "patrol",
            who.scope.condition(Case.tenant, Case.district),
        )
    ).first()
    if row is None:
        raise NotFoundError("visit", delivery_id)
    return row[0], row[1]


def _notes(session: Session, case_id: str) -> list[CaseEvent]:
    statement = select(CaseEvent).where(CaseEvent.case_id == case_id, CaseEvent.kind == "noted")
    return list(session.scalars(statement.order_by(CaseEvent.event_no.desc()).limit(3)))
