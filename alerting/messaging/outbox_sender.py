"""Sends the messages of the outbox to Kafka, in order, and marks the acknowledged ones.

One replica at a time holds the lease, since two would mix up the order of one person's outcomes.
After a crash between the acknowledgement and the mark a message is sent twice but never lost;
readers recognise a repetition by its event id.
"""

import threading
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError
from sqlalchemy import select, update

from alerting.db.database import Database
from alerting.db.journal_tables import OutboxMessage
from alerting.db.lease import hold
from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.clock import Clock
from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.settings import KafkaSettings

LEASE = "outbox"
LEASE_SECONDS = 30.0
BATCH = 200
IDLE_SECONDS = 0.25


class Producer:
    """A kafka-python producer that connects on first use, and again after a fault."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def send(self, messages: list[tuple[TopicName, bytes | None, bytes | None]]) -> None:
        """Send (topic, key, value) and wait until all are acknowledged.

        Raises:
            DependencyUnavailableError: one is not acknowledged; those before it may be.
        """
        seconds = self._settings.request_timeout_seconds
        try:
            if self._producer is None:
                self._producer = KafkaProducer(
                    **client_arguments(self._settings),
                    bootstrap_timeout_ms=int(seconds * 1000),
                    acks="all",
                    enable_idempotence=True,  # a retry neither repeats nor reorders
                    linger_ms=5,
                )
            sent = [
                self._producer.send(qualified(topic, self._settings), key=key, value=value)
                for topic, key, value in messages
            ]
            self._producer.flush(timeout=seconds)
            for future in sent:
                future.get(timeout=seconds)
        except KafkaError as error:
            self.close()
            raise DependencyUnavailableError(
                f"Kafka did not accept a message: {type(error).__name__}.",
                hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS, and `forewarn topics check`.",
            ) from error

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=2)


class OutboxSender:
    """Moves messages from the outbox to Kafka, as a background task."""

    def __init__(self, db: Database, producer: Producer, clock: Clock, *, owner: str) -> None:
        self._db = db
        self._producer = producer
        self._clock = clock
        self._owner = owner

    def turn(self, _stop: threading.Event) -> float:
        """Send one batch; return the pause after it, 0 while there is more.

        Raises:
            DependencyUnavailableError: if Kafka or the database does not answer.
        """
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, LEASE_SECONDS, now_ms):
            return IDLE_SECONDS
        with self._db.read() as session:
            waiting = list(
                session.scalars(
                    select(OutboxMessage)
                    .where(OutboxMessage.sent_at_ms.is_(None))
                    .order_by(OutboxMessage.message_no)
                    .limit(BATCH)
                )
            )
        if not waiting:
            return IDLE_SECONDS
        self._producer.send([(row.topic, row.key, row.value) for row in waiting])  # type: ignore[misc]  # the column holds topic names only
        with self._db.write() as session:
            session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.message_no.in_([row.message_no for row in waiting]))
                .values(sent_at_ms=self._clock())
            )
        return 0.0 if len(waiting) == BATCH else IDLE_SECONDS

    def close(self) -> None:
        """Close the producer."""
        self._producer.close()
