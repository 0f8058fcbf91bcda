"""Leases the deliveries that a replica sends next, so that no other replica sends them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from alerting.cases.timers.timer_schedule import ADVISE
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery

BATCH = 50
MAX_GROUP = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries that go out as one message over one channel."""

    channel: str
    delivery_ids: tuple[str, ...]


def lease_batches(
    db: Database,
    session: Session,
    channels: Sequence[str],
    owner: str,
    *,
    lease_ms: int,
    now_ms: int,
) -> list[Batch]:
    """Lease the deliveries that are due, in the caller's write transaction.

    Deliveries of a group that wait for their first attempt go out together. From then on they are
    a batch that does not change: a gateway whose answer was lost ignores a repeated key, so a
    delivery that joined the batch later would never arrive.
    """
    ready = _leasable(now_ms, early=False)
    due = session.scalars(
        db.skip_locked(
            select(Delivery)
            .where(ready, Delivery.channel.in_(channels))
            .order_by(Delivery.priority.desc(), Delivery.not_before_ms)
            .limit(BATCH)
        )
    ).all()
    rows = {row.delivery_id: row for row in due}
    for group_key in {row.group_key for row in due if row.group_key and not row.batch_id}:
        rows |= {mate.delivery_id: mate for mate in _joining(db, session, group_key)}
    for batch_id in {row.batch_id for row in due if row.group_key and row.batch_id}:
        members = _whole(db, session, batch_id, now_ms)
        if members is None:  # another replica holds some of them
            rows = {key: row for key, row in rows.items() if row.batch_id != batch_id}
        else:
            rows |= {member.delivery_id: member for member in members}
    batches: dict[str, list[Delivery]] = {}
    for row in rows.values():
        batches.setdefault(row.batch_id or row.group_key or row.delivery_id, []).append(row)
    for members in batches.values():
        _take(members, owner, lease_ms, now_ms)
    return [
        Batch(members[0].channel, tuple(row.delivery_id for row in members))
        for members in batches.values()
    ]


def _leasable(now_ms: int, *, early: bool) -> ColumnElement[bool]:
    waiting = Delivery.state.in_(("pending", "awaiting"))
    left_behind = (Delivery.state == "sending") & (Delivery.lease_until_ms <= now_ms)
    return or_(waiting if early else waiting & (Delivery.not_before_ms <= now_ms), left_behind)


def _joining(db: Database, session: Session, group_key: str) -> Sequence[Delivery]:
    """The deliveries of a group that were never sent."""
    return session.scalars(
        db.skip_locked(
            select(Delivery)
            .where(
                Delivery.group_key == group_key,
                Delivery.state == "pending",
                Delivery.batch_id == "",
            )
            .order_by(Delivery.created_at_ms, Delivery.delivery_id)
            .limit(MAX_GROUP)
        )
    ).all()


def _whole(db: Database, session: Session, batch_id: str, now_ms: int) -> Sequence[Delivery] | None:
    """The rest of a batch, or None if another replica holds a part of it."""
    mine = Delivery.batch_id == batch_id
    members = session.scalars(
        db.skip_locked(select(Delivery).where(mine, _leasable(now_ms, early=True)))
    ).all()
    left = session.scalar(
        select(func.count())
        .select_from(Delivery)
        .where(mine, Delivery.state.in_(("pending", "awaiting", "sending")))
    )
    return members if len(members) == left else None


def _take(members: list[Delivery], owner: str, lease_ms: int, now_ms: int) -> None:
    batch_id = members[0].batch_id or members[0].delivery_id
    for row in members:
        row.state = "sending"
        row.attempts += 1
        row.lease_owner = owner
        row.lease_until_ms = now_ms + lease_ms
        if row.purpose != ADVISE:  # a text to many people has a key for each of them
            row.batch_id = batch_id
