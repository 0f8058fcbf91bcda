"""Sends the messages of the outbox to Kafka, in order, and marks the acknowledged ones.

One replica at a time holds the lease, since two would mix up the order of one person's outcomes.
After a crash between the acknowledgement and the mark a message is sent twice but never lost;
readers recognise a repetition by its event id. A message that Kafka refuses for what it is stays in the outbox, is
named in the log and tried again later; the messages behind it go on, also those of the same person.
"""

import contextlib
import threading
import time
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
from sqlalchemy import select, update

from alerting.db.database import Database
from alerting.db.journal_tables import OutboxMessage
from alerting.db.lease import hold
from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import DependencyUnavailableError, ForewarnError
from forewarn.platform.clock import Clock
from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.settings import KafkaSettings

LEASE = "outbox"
LEASE_SECONDS = 30.0
BATCH = 200
IDLE_SECONDS = 0.25
REFUSED_PAUSE_SECONDS = 600.0
"""Pause before a refused message is tried again: what helps is a change of the topic or of a clock."""

REFUSED_MAX = 100
"""So many refused messages are a fault of the topic, not of the messages; the outbox then waits."""

_REFUSALS = (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

log = structlog.get_logger(__name__)


class RecordRefusedError(ForewarnError):
    """Kafka refuses one of the messages for what it is; sending it again fails alike."""


class Producer:
    """A kafka-python producer that connects on first use, and again after a fault.

    After one refused record an idempotent producer can never send again, to no topic, so every error replaces it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def send(self, messages: list[tuple[TopicName, bytes | None, bytes | None]]) -> None:
        """Send (topic, key, value) and wait until all are acknowledged.

        Raises:
            RecordRefusedError: one is refused for what it is; others may be acknowledged.
            DependencyUnavailableError: one is not acknowledged; those before it may be.
        """
        # The connection, the metadata of a topic and the flush wait one after another, within the lease.
        seconds = min(self._settings.request_timeout_seconds, LEASE_SECONDS / 4)
        try:
            if self._producer is None:
                self._producer = KafkaProducer(
                    **client_arguments(self._settings)
                    | {"bootstrap_timeout_ms": int(seconds * 1000)},
                    max_block_ms=int(seconds * 1000),  # of a topic that does not exist
                    acks="all",
                    enable_idempotence=True,  # a retry neither repeats nor reorders
                    linger_ms=5,
                )
            sent = [
                self._producer.send(qualified(topic, self._settings), key=key, value=value)
                for topic, key, value in messages
            ]
            for failure in _failures(sent, seconds):
                raise failure
        except _REFUSALS as error:
            self.close()
            raise RecordRefusedError(
                f"Kafka refuses a message: {type(error).__name__}.",
                hint="Check max.message.bytes and message.timestamp.type of the topic, and the clock.",
            ) from error
        except KafkaError as error:
            self.close()
            raise DependencyUnavailableError(
                f"Kafka did not accept a message: {type(error).__name__}.",
                hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS, and `forewarn topics check`.",
            ) from error

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        for _ in range(2):
            # Closing flushes first, which fails for a batch that was split, and while Kafka is away.
            with contextlib.suppress(KafkaError):
                producer.close(timeout=2)
                return


def _failures(sent: list[Any], seconds: float) -> list[KafkaError]:
    """Errors of the futures, a refusal first: the others fail for that reason, as the producer is then dead.

    The futures are asked themselves, since a flush fails for a batch that the client splits.
    """
    deadline = time.monotonic() + seconds
    failures: list[KafkaError] = []
    for future in sent:
        try:
            future.get(timeout=max(0.001, deadline - time.monotonic()))
        except KafkaError as error:
            failures.append(error)
    return sorted(failures, key=lambda error: not isinstance(error, _REFUSALS))


class OutboxSender:
    """Moves messages from the outbox to Kafka, as a background task."""

    def __init__(self, db: Database, producer: Producer, clock: Clock, *, owner: str) -> None:
        self._db = db
        self._producer = producer
        self._clock = clock
        self._owner = owner
        self._alone = 0  # messages to send one by one, as one of them is refused
        self._retry_at_ms: dict[int, int] = {}  # of refused messages, by number

    def turn(self, _stop: threading.Event) -> float:
        """Send one batch; return the pause after it, 0 while there is more.

        Raises:
            DependencyUnavailableError: if Kafka or the database does not answer.
        """
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, LEASE_SECONDS, now_ms):
            return IDLE_SECONDS
        size = 1 if self._alone else BATCH
        waiting = self._waiting(size, now_ms)
        if not waiting:
            self._alone = 0
            return IDLE_SECONDS
        try:
            self._producer.send([(row.topic, row.key, row.value) for row in waiting])  # type: ignore[misc]  # the column holds topic names only
        except RecordRefusedError as error:
            if len(waiting) > 1:
                self._alone = len(waiting)
            else:
                self._set_aside(waiting[0], error, now_ms)
            return 0.0
        self._alone = max(0, self._alone - 1)
        with self._db.write() as session:
            session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.message_no.in_([row.message_no for row in waiting]))
                .values(sent_at_ms=self._clock())
            )
        return 0.0 if len(waiting) == size else IDLE_SECONDS

    def _waiting(self, size: int, now_ms: int) -> list[OutboxMessage]:
        """The oldest messages that are not sent, without the refused ones whose pause goes on."""
        self._retry_at_ms = {no: at for no, at in self._retry_at_ms.items() if at > now_ms}
        unsent = select(OutboxMessage).where(OutboxMessage.sent_at_ms.is_(None))
        if self._retry_at_ms:
            unsent = unsent.where(OutboxMessage.message_no.not_in(list(self._retry_at_ms)))
        with self._db.read() as session:
            return list(session.scalars(unsent.order_by(OutboxMessage.message_no).limit(size)))

    def _set_aside(self, row: OutboxMessage, error: RecordRefusedError, now_ms: int) -> None:
        if len(self._retry_at_ms) >= REFUSED_MAX:
            raise DependencyUnavailableError(
                f"Kafka refuses more than {REFUSED_MAX} messages of the outbox.", hint=error.hint
            ) from error
        self._retry_at_ms[row.message_no] = now_ms + int(REFUSED_PAUSE_SECONDS * 1000)
        self._alone = max(0, self._alone - 1)
        log.error(
            "message_refused",
            message_no=row.message_no,
            topic=row.topic,
            bytes=len(row.value or b""),
            why=str(error),
        )

    def close(self) -> None:
        """Close the producer."""
        self._producer.close()
