"""The dead letters: read, chosen, and sent again to where they came from."""

import base64
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from forewarn.contracts import MAX_KEPT_BYTES, DeadLetter, encode
from forewarn.contracts.topics import qualified, topic_specs
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.kafka.client_errors import explained, in_words, missing_topic
from forewarn.platform.settings import KafkaSettings

BATCH_LETTERS = 500
"""Between two marks of how far a replay came: what a crash can make it send twice."""

_decoder = msgspec.json.Decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class Filed:
    """A record of the topic of dead letters.

    Attributes:
        offset: in that topic.
        letter: its content, or None if the record is not a dead letter.
        has_home: whether it came from a topic of this installation.
    """

    offset: int
    letter: DeadLetter | None
    has_home: bool = True

    @property
    def reason(self) -> str:
        """Why it is there."""
        return "undecodable" if self.letter is None else self.letter.reason

    @property
    def is_marker(self) -> bool:
        """Whether it only says how far a replay came."""
        return self.reason == "replayed"

    @property
    def replayable(self) -> bool:
        """Whether the original record can be sent again.

        A row of a file never was one: the file has to be corrected and replayed instead. Of a record
        of 256 KiB or more only the beginning is here.
        """
        if self.letter is None or not self.has_home or self.reason in ("bad_row", "replayed"):
            return False
        key, value = base64.b64decode(self.letter.key), base64.b64decode(self.letter.value)
        return len(key) + len(value) > 0 and max(len(key), len(value)) < MAX_KEPT_BYTES


class DeadLetters:
    """Reads the topic of dead letters up to the end that it has now; a context manager.

    Raises:
        ConfigurationError: if the topic does not exist.
        DependencyUnavailableError: from every method, if Kafka does not answer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.topic = qualified("dead-letters", settings)
        self._partition = TopicPartition(self.topic, 0)
        self._homes = {spec.name for spec in topic_specs(settings).values()} - {self.topic}

    def __enter__(self) -> Self:
        with explained(self._settings):
            self._consumer = KafkaConsumer(
                **client_arguments(self._settings), group_id=None, enable_auto_commit=False
            )
            if not self._consumer.partitions_for_topic(self.topic):
                self._consumer.close()
                raise missing_topic(self.topic)
            self._consumer.assign([self._partition])
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def replayed_up_to(self) -> int:
        """The first offset that no mark in the topic covers; reads the whole topic."""
        return max(
            (
                filed.letter.offset
                for filed in self.read()
                if filed.letter is not None and filed.is_marker
            ),
            default=0,
        )

    def read(self, start: int = 0) -> Iterator[Filed]:
        """Records from an offset to the present end, oldest first."""
        with explained(self._settings):
            end = self._consumer.end_offsets([self._partition])[self._partition]
            first = self._consumer.beginning_offsets([self._partition])[self._partition]
            self._consumer.seek(self._partition, max(start, first))
        patience_seconds = self._settings.request_timeout_seconds
        deadline = time.monotonic() + patience_seconds
        position = max(start, first)
        while position < end:
            with explained(self._settings):
                batches = self._consumer.poll(timeout_ms=1000)
                # Not the last record's offset: what is compacted or aborted has none.
                reached = self._consumer.position(self._partition)
            if reached > position:
                deadline = time.monotonic() + patience_seconds
            elif time.monotonic() > deadline:
                raise DependencyUnavailableError(
                    f"{self.topic} gave nothing for {patience_seconds:g} s at offset {position} "
                    f"of {end}.",
                    hint="Check that the leader of its partition is up.",
                )
            position = reached
            for record in batches.get(self._partition, []):
                if record.offset < end:
                    letter = _letter(record.value)
                    home = letter is not None and letter.topic in self._homes
                    yield Filed(record.offset, letter, home)


@dataclass(slots=True)
class ReplayCounts:
    """What became of dead letters; the counts are of this run."""

    sent: int = 0
    passed_over: int = 0


class DeadLetterReplay:
    """Sends dead letters to where they came from and marks in their topic how far it came.

    Args:
        producer: a kafka-python producer that waits for all replicas.
        settings: names the topics and bounds the wait for acknowledgements.
        mark: whether to mark; not for a choice of letters.
        now_ms: UTC milliseconds, for the marks.
    """

    def __init__(
        self,
        producer: KafkaProducer,
        settings: KafkaSettings,
        *,
        mark: bool,
        now_ms: Callable[[], int],
    ) -> None:
        self._producer, self._settings = producer, settings
        self._mark, self._now_ms = mark, now_ms
        self.tally = ReplayCounts()

    def run(self, letters: Iterable[Filed]) -> ReplayCounts:
        """Send everything that can be sent, batch by batch, each acknowledged before the next.

        Raises:
            DependencyUnavailableError: if Kafka did not take one; those before it were sent.
        """
        letters = iter(letters)
        while batch := list(islice(letters, BATCH_LETTERS)):
            self._batch(batch)
        return self.tally

    def _batch(self, batch: list[Filed]) -> None:
        futures: list[tuple[Filed, Any]] = []
        refused: tuple[Filed, KafkaError] | None = None
        done = batch[0].offset
        for filed in batch:
            try:
                futures.append((filed, self._send(filed)))
            except KafkaError as error:  # the buffer is full, or its topic has no leader
                refused = (filed, error)
                break
        for filed, future in futures:
            try:
                if future is not None:
                    future.get(timeout=self._settings.request_timeout_seconds)
            except KafkaError as error:
                refused = (filed, error)
                break
            self.tally.sent += future is not None
            self.tally.passed_over += future is None and not filed.is_marker
            done = filed.offset + 1
        if done > batch[0].offset and self._mark and any(not f.is_marker for f in batch):
            self._note(done)
        if refused is not None:
            raise DependencyUnavailableError(
                f"dead letter {refused[0].offset} was not taken "
                f"({in_words(refused[1])}); {self.tally.sent:,} before it were.",
                hint=f"Go on later with --from {refused[0].offset}.",
            ) from refused[1]

    def _send(self, filed: Filed) -> Any:
        if not filed.replayable or filed.letter is None:
            return None
        letter = filed.letter
        value, key = base64.b64decode(letter.value), base64.b64decode(letter.key)
        return self._producer.send(letter.topic, value or None, key=key or None)

    def _note(self, offset: int) -> None:
        """Mark in the topic itself: a group's offset would be forgotten after a week unused."""
        topic = qualified("dead-letters", self._settings)
        marker = DeadLetter(
            reason="replayed",
            detail="everything before this offset was sent again or passed over",
            topic=topic,
            partition=0,
            offset=offset,
            appended_at_ms=self._now_ms(),
            rejected_at_ms=self._now_ms(),
            key="",
            value="",
        )
        with explained(self._settings):
            sending = self._producer.send(topic, encode(marker))
            sending.get(timeout=self._settings.request_timeout_seconds)


def _letter(value: bytes | None) -> DeadLetter | None:
    try:
        letter = _decoder.decode(value or b"")
        base64.b64decode(letter.key)
        base64.b64decode(letter.value)
    except (
        msgspec.DecodeError,
        ValueError,
    ):  # the latter for bytes that are not UTF-8 or not base64
        return None
    return letter
