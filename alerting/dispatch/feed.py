"""The patrol feed: what was sent to patrols, in order, from a point on."""

from dataclasses import dataclass

from sqlalchemy import select, tuple_

from alerting.access import Scope
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.dispatch.templates import render

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
    """The event id of the newest call to any patrol; None if there was none."""
    statement = (
        select(Delivery.sent_at_ms, Delivery.delivery_id)
        .where(Delivery.channel == "patrol", Delivery.state == "sent")
        .order_by(Delivery.sent_at_ms.desc(), Delivery.delivery_id.desc())
        .limit(1)
    )
    with db.read() as session:
        row = session.execute(statement).first()
    return None if row is None else f"{row.sent_at_ms}/{row.delivery_id}"


def patrol_calls(db: Database, scope: Scope, after: str | None) -> list[PatrolCall]:
    """Calls after an event id, oldest first; without one, the newest page of them."""
    statement = select(Delivery).where(
        Delivery.channel == "patrol",
        Delivery.state == "sent",
        scope.condition(Delivery.tenant, Delivery.district),
    )
    position = (Delivery.sent_at_ms, Delivery.delivery_id)
    if after is None:
        statement = statement.order_by(Delivery.sent_at_ms.desc(), Delivery.delivery_id.desc())
    else:
        at, _, delivery_id = after.partition("/")
        since = tuple_(*position) > tuple_(min(int(at), 2**62), delivery_id)
        statement = statement.where(since).order_by(*position)
    with db.read() as session:
        rows = list(session.scalars(statement.limit(PAGE)))
    rows.sort(key=lambda row: (row.sent_at_ms or 0, row.delivery_id))
    return [
        PatrolCall(
            event_id=f"{row.sent_at_ms}/{row.delivery_id}",
            case_id=row.case_id or "",
            district=row.district,
            text=render(row.template, row.language, row.content),  # type: ignore[arg-type]  # zh or en
            at_ms=row.sent_at_ms or 0,
        )
        for row in rows
    ]
