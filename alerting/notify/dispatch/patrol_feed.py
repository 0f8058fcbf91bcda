"""The patrol feed: what was sent to patrols for cases that are still open, from a point on.

The point is a number that orders get in the order of their commits (``dispatch.record``), not a
time: an order that is stamped earlier and committed later would never be seen behind a cursor.
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
    """One call to a patrol; ``event_id`` is where to go on from."""

    event_id: str
    case_id: str
    district: str
    text: str
    at_ms: int


def newest_call(db: Database) -> str | None:
    """What changes with every new call to any patrol; None if there was none."""
    newest = select(func.max(Delivery.feed_no)).where(Delivery.channel == "patrol")
    with db.read() as session:
        number = session.scalar(newest)
    return None if number is None else str(number)


def patrol_calls(db: Database, scope: Scope, after: str | None) -> list[PatrolCall]:
    """Calls after an event id, oldest first, up to a page; without one, from the beginning.

    An id that this database never gave (it was restored, or is of an older version) is answered
    from the beginning too: twice is better than never.
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
