"""The courier: sends what the dispatch desk wrote, and records what became of it.

A delivery is leased in one transaction, sent outside any, and recorded in another. A replica that
dies in between leaves a lease that runs out; the next one asks again whether the page is still
wanted (somebody may have taken the case meanwhile) and sends with the same id.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from alerting.cases.lifecycle import WAITING_STATES
from alerting.channels.base import (
    Channel,
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
)
from alerting.channels.breaker import Breakers
from alerting.clock import Clock
from alerting.db.cases import Case, Warning_
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.dispatch import record
from alerting.dispatch.attempt import Result, decide_next
from alerting.dispatch.templates import digest, render
from alerting.metrics import DELIVERIES, DELIVERY_SECONDS
from alerting.timers.schedule import ADVISE, PAGE

BATCH = 50
CONCURRENCY = 8
IDLE_SECONDS = 0.25
MAX_GROUP = 500


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for one or more deliveries (more if they are grouped).

    ``bulk``: one text to many people, none of whom has a case; recorded as a whole.
    """

    delivery_ids: tuple[str, ...]
    message: Message
    attempts: int
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class CourierOptions:
    """Bounds of the courier."""

    owner: str
    lease_seconds: float
    max_attempts: int


class Courier:
    """Sends deliveries, driven by a ``Loop``."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        channels: Mapping[str, Channel],
        breakers: Breakers,
        options: CourierOptions,
    ) -> None:
        self._db = db
        self._clock = clock
        self._channels = dict(channels)
        self._breakers = breakers
        self._options = options
        self._pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="alerting-courier")

    def turn(self, _stop: threading.Event) -> float:
        """Lease a batch, send it, record it; returns the pause after it."""
        parcels = self.lease()
        if not parcels:
            return IDLE_SECONDS
        list(self._pool.map(self.deliver, parcels))
        return 0.0

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def lease(self) -> list[Parcel]:
        """Take what is due, so that no other replica sends it too."""
        now_ms = self._clock()
        with self._db.write() as session:
            due = session.scalars(
                self._db.skip_locked(
                    select(Delivery)
                    .where(
                        or_(
                            Delivery.state.in_(("pending", "awaiting"))
                            & (Delivery.not_before_ms <= now_ms),
                            (Delivery.state == "sending") & (Delivery.lease_until_ms <= now_ms),
                        ),
                        Delivery.channel.in_(self._channels),
                    )
                    .order_by(Delivery.priority.desc(), Delivery.not_before_ms)
                    .limit(BATCH)
                )
            ).all()
            rows = {row.delivery_id: row for row in due}
            for group_key in {row.group_key for row in due if row.state == "pending"} - {""}:
                rows |= {mate.delivery_id: mate for mate in self._mates(session, group_key)}
            wanted = self._still_wanted(session, list(rows.values()), now_ms)
            for row in wanted:
                row.state = "sending"
                row.attempts += 1
                row.lease_owner = self._options.owner
                row.lease_until_ms = now_ms + int(self._options.lease_seconds * 1000)
            return self._parcels(session, wanted)

    def deliver(self, parcel: Parcel) -> None:
        """Send one parcel and record the result."""
        channel = self._channels[parcel.message.channel]
        retry_ms = self._breakers.retry_ms(channel.gateway, self._clock())
        if retry_ms is not None:
            self._put_back(parcel, retry_ms)
            return
        reference, fault = "", ""
        with DELIVERY_SECONDS.labels(parcel.message.channel).time():
            try:
                receipt = channel.send(parcel.message)
            except ChannelRefusedError as error:
                result: Result = "refused"
                fault = str(error)
            except ChannelUnavailableError as error:
                result, fault = "unavailable", str(error)
            except Exception as error:  # noqa: BLE001 - a fault of a channel must not end the loop
                result, fault = "unavailable", type(error).__name__
            else:
                result = "confirmed" if receipt.confirmed else "taken"
                reference = receipt.reference
        if result == "unavailable":
            self._breakers.failed(channel.gateway, self._clock())
        else:
            self._breakers.succeeded(channel.gateway)
        DELIVERIES.labels(parcel.message.channel, result).inc()
        self._record(parcel, result, reference, fault)

    def _mates(self, session: Session, group_key: str) -> Sequence[Delivery]:
        """Others of the same group that wait for the same recipient."""
        return session.scalars(
            self._db.skip_locked(
                select(Delivery)
                .where(Delivery.group_key == group_key, Delivery.state == "pending")
                .order_by(Delivery.created_at_ms)
                .limit(MAX_GROUP)
            )
        ).all()

    @staticmethod
    def _still_wanted(session: Session, rows: Sequence[Delivery], now_ms: int) -> list[Delivery]:
        """Cancel what nobody needs any more since it was written or last tried."""
        ids = {row.case_id for row in rows if row.case_id}
        cases = {case.case_id: case for case in session.scalars(_cases(ids))}
        for row in rows:
            case = cases.get(row.case_id or "")
            if case is None:  # of a sweep
                continue
            over = case.state == "closed" or case.withdrawn
            if over or (row.purpose == PAGE and case.state not in WAITING_STATES):
                row.state = "cancelled"
                row.last_error = "case_is_over" if over else "case_was_taken"
                row.lease_until_ms = now_ms
        return [row for row in rows if row.state != "cancelled"]

    @staticmethod
    def _parcels(session: Session, rows: Sequence[Delivery]) -> list[Parcel]:
        groups: dict[str, list[Delivery]] = {}
        for row in rows:
            groups.setdefault(row.group_key or row.delivery_id, []).append(row)
        orders = _orders(session, [row for row in rows if row.channel in ("bank", "operator")])
        parcels = []
        for members in groups.values():
            first = members[0]
            if first.purpose == ADVISE:
                parcels.append(_bulk(members))
                continue
            texts = [render(row.template, row.language, row.content) for row in members]  # type: ignore[arg-type]  # the column holds zh or en
            event = {"kind": first.template, "cases": [row.content for row in members]}
            for row in members:
                row.batch_id = first.delivery_id
            message = Message(
                delivery_id=first.delivery_id,
                channel=first.channel,
                recipient=first.recipient,
                address=first.address,
                text=digest(texts, first.language),  # type: ignore[arg-type]  # as above
                language=first.language,
                order=orders.get(first.delivery_id, event),
            )
            ids = tuple(row.delivery_id for row in members)
            parcels.append(Parcel(ids, message, max(row.attempts for row in members)))
        return parcels

    def _put_back(self, parcel: Parcel, retry_ms: int) -> None:
        """The breaker is open: nothing was tried, so it counts as no attempt."""
        with self._db.write() as session:
            session.execute(
                update(Delivery)
                .where(
                    Delivery.delivery_id.in_(parcel.delivery_ids),
                    Delivery.state == "sending",
                    Delivery.lease_owner == self._options.owner,
                )
                .values(
                    state="pending",
                    not_before_ms=retry_ms,
                    attempts=Delivery.attempts - 1,
                    last_error="gateway_is_left_alone",
                )
            )

    def _record(self, parcel: Parcel, result: Result, reference: str, fault: str) -> None:
        now_ms = self._clock()
        following = decide_next(
            parcel.message.channel,
            result,
            attempts=parcel.attempts,
            max_attempts=self._options.max_attempts,
            now_ms=now_ms,
        )
        if parcel.bulk:
            with self._db.write() as session:
                record.bulk(
                    session, parcel.delivery_ids, self._options.owner, following, fault, now_ms
                )
            return
        for delivery_id in parcel.delivery_ids:
            with self._db.write() as session:
                record.attempt(
                    self._db,
                    session,
                    delivery_id,
                    self._options.owner,
                    following,
                    reference=reference,
                    fault=fault,
                    now_ms=now_ms,
                )


def _bulk(members: Sequence[Delivery]) -> Parcel:
    """One text to many people. Each recipient carries its own id, by which the gateway tells whom
    it texted before, since after a crash the same people may be grouped otherwise."""
    first = members[0]
    ids = tuple(row.delivery_id for row in members)
    message = Message(
        delivery_id=f"b-{hashlib.blake2b(chr(31).join(ids).encode(), digest_size=12).hexdigest()}",
        channel=first.channel,
        recipient=first.recipient,
        address="",
        text=render(first.template, first.language, first.content),  # type: ignore[arg-type]  # zh or en
        language=first.language,
        order={
            "recipients": [{"delivery_id": row.delivery_id, "to": row.address} for row in members]
        },
    )
    return Parcel(ids, message, max(row.attempts for row in members), bulk=True)


def _cases(ids: set[str]) -> Select[Case]:
    return select(Case).where(Case.case_id.in_(ids))


def _orders(session: Session, rows: Sequence[Delivery]) -> dict[str, dict[str, Any]]:
    """The fields of orders to banks and operators, read when they are sent: they name accounts
    and numbers, which stand in the warning and nowhere else."""
    cases = {row.case_id for row in rows}
    known = session.scalars(select(Warning_).where(Warning_.case_id.in_(cases))).all()
    orders: dict[str, dict[str, Any]] = {}
    for row in rows:
        mine = [warning for warning in known if warning.case_id == row.case_id]
        if row.channel == "bank":
            orders[row.delivery_id] = _hold(row, mine)
        else:
            orders[row.delivery_id] = _suspension(row, mine)
    return orders


def _hold(row: Delivery, warnings: Sequence[Warning_]) -> dict[str, Any]:
    transfer = next((item for item in warnings if item.subject_id == row.address), None)
    return {
        "order": "hold_transfer",
        "case_id": row.case_id,
        "transfer_id": row.address,
        "payer_account": transfer.payer if transfer else None,
        "payee_account": transfer.payee if transfer else None,
        "amount_minor": transfer.amount_at_risk_minor if transfer else None,
        "currency": transfer.currency if transfer else None,
    }


def _suspension(row: Delivery, warnings: Sequence[Warning_]) -> dict[str, Any]:
    call = max(
        (item for item in warnings if item.caller),
        key=lambda item: item.event_time_ms,
        default=None,
    )
    return {
        "order": "suspend_line",
        "case_id": row.case_id,
        "number": row.address,
        "caller": call.caller if call else None,
    }
