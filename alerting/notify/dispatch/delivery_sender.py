"""Sends the deliveries that the dispatch service wrote, and records their results.

A delivery is leased in one transaction, sent outside any, and recorded in another. Since it may have
waited behind a slow gateway, the sender checks right before sending that it still holds the lease
and that the message is still due. When a replica dies in between, its lease expires and the next
replica sends with the same id.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from sqlalchemy import case as sql_case
from sqlalchemy import select, update

from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.notify.channels.channel import (
    Channel,
    ChannelRefusedError,
    ChannelUnavailableError,
)
from alerting.notify.channels.circuit_breaker import Breakers
from alerting.notify.dispatch import delivery_results
from alerting.notify.dispatch.delivery_lease import Batch, lease_batches
from alerting.notify.dispatch.outgoing_message import OutgoingMessage, compose_message
from alerting.notify.dispatch.retry_decision import Result, decide_next
from alerting.notify.dispatch.suppression import suppression_reason
from alerting.service_metrics import DELIVERIES, DELIVERY_SECONDS
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.clock import Clock

CONCURRENCY = 8
IDLE_SECONDS = 0.25

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliverySenderOptions:
    """Bounds of the sender; ``owner`` is the replica's name in leases, ``link_of`` as in messages."""

    owner: str
    lease_seconds: float
    max_attempts: int
    link_of: Callable[[str], str] | None = None


class DeliverySender:
    """Sends deliveries, as a background task."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        channels: Mapping[str, Channel],
        breakers: Breakers,
        options: DeliverySenderOptions,
    ) -> None:
        self._db = db
        self._clock = clock
        self._channels = dict(channels)
        self._breakers = breakers
        self._options = options
        self._pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="alerting-deliveries")

    def turn(self, _stop: threading.Event) -> float:
        """Lease some deliveries, send and record them; return the pause after it, in seconds."""
        batches = self.lease()
        if not batches:
            return IDLE_SECONDS
        list(self._pool.map(self._guarded, batches))
        return 0.0

    def close(self) -> None:
        """Wait for the deliveries under way."""
        self._pool.shutdown()

    def lease(self) -> list[Batch]:
        """Lease the deliveries that are due."""
        with self._db.write() as session:
            return lease_batches(
                self._db,
                session,
                list(self._channels),
                self._options.owner,
                lease_ms=int(self._options.lease_seconds * 1000),
                now_ms=self._clock(),
            )

    def deliver(self, batch: Batch) -> None:
        """Send one leased batch and record the result."""
        outgoing = self._prepare(batch)
        if outgoing is None:
            return
        channel = self._channels[batch.channel]
        gateway = channel.gateway(outgoing.message)
        retry_ms = self._breakers.retry_ms(gateway, self._clock())
        if retry_ms is not None:
            self._put_back(outgoing, retry_ms)
            return
        reference, fault = "", ""
        with DELIVERY_SECONDS.labels(batch.channel).time():
            try:
                receipt = channel.send(outgoing.message)
            except ChannelRefusedError as error:
                result: Result = "refused"
                fault = str(error)
            except ChannelUnavailableError as error:
                result, fault = "unavailable", str(error)
            except Exception as error:  # noqa: BLE001 - a fault of a channel must not end the task
                result, fault = "unavailable", type(error).__name__
            else:
                result = "confirmed" if receipt.confirmed else "taken"
                reference = receipt.reference
        if result == "unavailable":
            self._breakers.failed(gateway, self._clock())
        else:
            self._breakers.succeeded(gateway)
        DELIVERIES.labels(batch.channel, result).inc()
        self._record(outgoing, result, reference, fault)

    def _guarded(self, batch: Batch) -> None:
        """Send one batch; after a fault its lease expires and it is sent again."""
        try:
            self.deliver(batch)
        except DependencyUnavailableError:  # no delivery can go on without the database
            raise
        except Exception as error:  # noqa: BLE001 - a fault of one message must not stop the others
            # The type alone: a driver's message may quote a row.
            _log.error("delivery_fault", channel=batch.channel, fault=type(error).__name__)

    def _prepare(self, batch: Batch) -> OutgoingMessage | None:
        """Build the message of the deliveries that are still leased and due; cancel the others."""
        with self._db.read() as session:
            found = session.execute(
                select(Delivery, Case)
                .outerjoin(Case, Case.case_id == Delivery.case_id)
                .where(
                    Delivery.delivery_id.in_(batch.delivery_ids),
                    Delivery.state == "sending",
                    Delivery.lease_owner == self._options.owner,
                    Delivery.lease_until_ms > self._clock(),
                )
                .order_by(Delivery.created_at_ms, Delivery.delivery_id)
            ).all()
            due = [row for row, case in found if suppression_reason(row, case) is None]
            suppressed = [row.delivery_id for row, case in found if suppression_reason(row, case)]
            outgoing = compose_message(session, due, self._options.link_of) if due else None
        for delivery_id in suppressed:
            with self._db.write() as session:
                delivery_results.cancel(
                    self._db, session, delivery_id, self._options.owner, self._clock()
                )
        return outgoing

    def _put_back(self, outgoing: OutgoingMessage, retry_ms: int) -> None:
        """Postpone while the breaker is open; this is not an attempt, and a new batch may still grow."""
        with self._db.write() as session:
            session.execute(
                update(Delivery)
                .where(
                    Delivery.delivery_id.in_(outgoing.delivery_ids),
                    Delivery.state == "sending",
                    Delivery.lease_owner == self._options.owner,
                )
                .values(
                    state="pending",
                    not_before_ms=retry_ms,
                    attempts=Delivery.attempts - 1,
                    batch_id=sql_case((Delivery.attempts <= 1, ""), else_=Delivery.batch_id),
                    last_error="gateway_is_left_alone",
                )
            )

    def _record(
        self, outgoing: OutgoingMessage, result: Result, reference: str, fault: str
    ) -> None:
        now_ms = self._clock()
        following = decide_next(
            outgoing.message.channel,
            result,
            attempts=outgoing.attempts,
            max_attempts=self._options.max_attempts,
            now_ms=now_ms,
        )
        if outgoing.bulk:
            with self._db.write() as session:
                delivery_results.bulk(
                    session, outgoing.delivery_ids, self._options.owner, following, fault, now_ms
                )
            return
        for delivery_id in outgoing.delivery_ids:
            with self._db.write() as session:
                delivery_results.attempt(
                    self._db,
                    session,
                    delivery_id,
                    self._options.owner,
                    following,
                    reference=reference,
                    fault=fault,
                    now_ms=now_ms,
                )
