"""The dead letters: read, chosen, and sent again to where they came from."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from forewarn.errors import DependencyUnavailableError
from forewarn.events import DeadLetter
from forewarn.kafka.connection import client_arguments
from forewarn.settings import KafkaSettings
from forewarn.topics import qualified

REPLAY_GROUP = "forewarn-dead-letters-replay"
"""Consumer group whose committed offset remembers how far dead letters were replayed."""

_decoder = msgspec.json.Decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class Filed:
    """A dead letter with its offset in the topic of dead letters."""

    offset: int
    letter: DeadLetter

    @property
    def replayable(self) -> bool:
        """A row of a file never was an event: its file has to be mended and replayed instead."""
        return self.letter.reason != "bad_row"


class DeadLetters:
    """Reads the topic of dead letters up to the end that it has now; a context manager.

    Raises:
        DependencyUnavailableError: if Kafka does not answer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._partition = TopicPartition(qualified("dead-letters", settings), 0)

    def __enter__(self) -> Self:
        try:
            self._consumer = KafkaConsumer(
                **client_arguments(self._settings),
                group_id=f"{self._settings.topic_prefix}{REPLAY_GROUP}",
                enable_auto_commit=False,
            )
            self._consumer.assign([self._partition])
        except KafkaError as error:
            raise DependencyUnavailableError(
                f"Kafka at {self._settings.bootstrap_servers} does not answer: {error}.",
                hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS and that the brokers are up.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close(autocommit=False)

    def replayed_up_to(self) -> int:
        """The first offset that ``mark_replayed`` has not covered."""
        return self._consumer.committed(self._partition) or 0

    def mark_replayed(self, offset: int) -> None:
        """Remember that everything up to and with this offset was replayed or passed over."""
        position = OffsetAndMetadata(offset + 1, "", -1)
        self._consumer.commit({self._partition: position})

    def read(self, start: int = 0) -> Iterator[Filed]:
        """Dead letters from an offset to the present end, oldest first."""
        end = self._consumer.end_offsets([self._partition])[self._partition]
        first = self._consumer.beginning_offsets([self._partition])[self._partition]
        self._consumer.seek(self._partition, max(start, first))
        while self._consumer.position(self._partition) < end:
            for records in self._consumer.poll(timeout_ms=1000).values():
                for record in records:
                    if record.offset >= end:
                        return
                    yield Filed(record.offset, _decoder.decode(record.value))


def send_again(
    letters: list[Filed], producer: KafkaProducer, sent: Callable[[Filed], Any] = lambda _: None
) -> int:
    """Send the original bytes with the original key to the topic they came from.

    Returns:
        How many were sent; rows of files are passed over.

    Raises:
        DependencyUnavailableError: if Kafka did not take one; those before it were sent.
    """
    count = 0
    for filed in letters:
        if not filed.replayable:
            continue
        letter = filed.letter
        try:
            producer.send(
                letter.topic,
                base64.b64decode(letter.value) or None,
                key=base64.b64decode(letter.key) or None,
            ).get(timeout=30)
        except KafkaError as error:
            raise DependencyUnavailableError(
                f"dead letter {filed.offset} was not taken: {error}.",
                hint="Those before it were sent; replay the rest with --offset.",
            ) from error
        count += 1
        sent(filed)
    return count
