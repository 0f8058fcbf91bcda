"""The patrol feed: orders to patrols for open cases, after a cursor.

The cursor is a number that orders get in the order of their commits (``delivery_results``), not a
time: an order with an earlier time and a later commit would be missed.
"""

from dataclasses import dataclass

from sqlalchemy import func, select

from alerting.access import Scope
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.message_templates import render

PAGE = 100


@dataclass(frozen=True, slots=True)
class PatrolCall:
    """One call to a patrol; ``event_id`` is the cursor after it."""

    event_id: str
    case_id: str
    district: str
    text: str
    at_ms: int


def newest_call(db: Database) -> str | None:
    """A value that changes with every new call to a patrol; None before the first."""
    newest = select(func.max(Delivery.feed_no)).where(Delivery.channel == "patrol")
    with db.read() as session:
        number = session.scalar(newest)
    return None if number is None else str(number)


def patrol_calls(db: Database, scope: Scope, after: str | None) -> list[PatrolCall]:
    """Calls after an event id, oldest first, up to a page; without an id, from the beginning.

    An unknown id (the database was restored) also starts from the beginning, since a repeated call
    is better than a missed one.
    """
    number, _, delivery_id = (after or "0").partition("/")
    with db.read() as session:
        known = delivery_id and session.scalar(
            select(Delivery.feed_no).where(
                Delivery.delivery_id == delivery_id, Delivery.channel == "patrol"
            )
        )
        since = known if known and str(known) == number else 0
        rows = session.scalars(
            select(Delivery)
            .join(Case, Case.case_id == Delivery.case_id)
            .where(
                Delivery.channel == "patrol",
                Delivery.feed_no > since,
                Delivery.state == "sent",
                Case.state.in_(OPEN_STATES),
                Case.withdrawn.is_(False),
                scope.condition(Delivery.tenant, Delivery.district),
            )
            .order_by(Delivery.feed_no)
            .limit(PAGE)
        ).all()
    return [
        PatrolCall(
            event_id=f"{row.feed_no}/{row.delivery_id}",
            case_id=row.case_id or "",
            district=row.district,
            text=render(row.template, row.language, row.content),  # type: ignore[arg-type]  # zh or en
            at_ms=row.sent_at_ms or 0,
        )
        for row in rows
    ]
