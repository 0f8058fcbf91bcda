"""Events and bad rows to Kafka, with nothing lost silently."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from forewarn.contracts import MAX_KEPT_BYTES, DeadLetter, encode, kept
from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka import explained
from forewarn.platform.settings import KafkaSettings
from forewarn.replay.batch_producer import EventRefusedError
from forewarn.replay.file_events import BadRow, Ready
from forewarn.replay.replay_progress import Progress

TOPICS: tuple[TopicName, ...] = ("calls", "transfers", "dead-letters")


REFUSED_MAX = 10_000
"""Records that Kafka may refuse one by one; beyond, something is wrong with the topic and not with the rows."""


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    progress: Progress
    sent: dict[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    refused: int = 0
    failed: int = 0
    first_failure: str = ""

    def count(self, item: Ready | BadRow) -> None:
        """One more."""
        if isinstance(item, BadRow):
            self.bad_rows += 1
        else:
            self.sent[item.topic] = self.sent.get(item.topic, 0) + 1

    @property
    def total(self) -> int:
        """Events handed to Kafka."""
        return sum(self.sent.values())


class EventSender:
    """Sends events and bad rows, and gives each a place: on its topic, or among the dead letters.

    Args:
        producer: with the partitioner of Java's clients, such as ``BatchProducer``.
        settings: for the names of the topics.
        tally: counts on while it sends, so that an end by force can tell how far it came.
        files: names of the files, by the ``source`` of the items.
        now_ms: UTC milliseconds, for dead letters.
        on_item: receives every item, for progress and messages.
        on_refusal: receives every event that Kafka refused though it takes others, and the bad row it becomes.
    """

    def __init__(
        self,
        producer: Any,
        settings: KafkaSettings,
        tally: Tally,
        *,
        files: Sequence[str],
        now_ms: Callable[[], int],
        on_item: Callable[[Ready | BadRow], None] | None = None,
        on_refusal: Callable[[Ready, BadRow], None] | None = None,
    ) -> None:
        self._producer, self._settings, self._tally = producer, settings, tally
        self._files, self._now_ms = files, now_ms
        self._on_item, self._on_refusal = on_item, on_refusal
        self._topics = {name: qualified(name, settings) for name in TOPICS}
        # Filled by the producer's thread, emptied by the loop that sends.
        self._refused: SimpleQueue[tuple[Ready, int, BaseException]] = SimpleQueue()

    def send(self, items: Iterable[Ready | BadRow]) -> None:
        """Send everything and wait for the acknowledgements.

        Args:
            items: in the order in which to send them.

        Raises:
            DependencyUnavailableError: if Kafka did not take some of them.
            ConfigurationError: if a topic is missing.
        """
        tally = self._tally
        with explained(self._settings):
            for item in items:
                number = tally.progress.sent(item.source)
                if isinstance(item, BadRow):
                    self._send_letter(item, number)
                else:
                    self._producer.send(
                        self._topics[item.topic], item.value, key=item.key
                    ).when_settled(self._settled, item, number)
                tally.count(item)
                if self._on_item is not None:
                    self._on_item(item)
                if not self._refused.empty():
                    self._put_aside()
                if tally.failed:
                    break
            self._producer.flush()
            self._put_aside()
            self._producer.flush()
        if tally.failed:
            raise DependencyUnavailableError(
                f"Kafka did not take {tally.failed} of {tally.total + tally.bad_rows} records "
                f"({tally.first_failure}).",
                hint="Check that the brokers are up, and what the topics accept.",
            )

    def _send_letter(self, row: BadRow, number: int) -> None:
        value = encode(_dead_letter(row, self._topics[row.topic], self._now_ms()))
        future = self._producer.send(self._topics["dead-letters"], value)
        future.when_settled(self._settled, row, number)

    def _settled(self, item: Ready | BadRow, number: int, error: BaseException | None) -> None:
        """Kafka has a record, or not; called by the producer's thread."""
        if error is None:
            self._tally.progress.acknowledged(item.source, number)
        elif isinstance(error, EventRefusedError) and isinstance(item, Ready):
            self._refused.put((item, number, error))
        else:
            self._fail(f"{self._place(item)}: {str(error) or type(error).__name__}")

    def _fail(self, reason: str) -> None:
        self._tally.failed += 1
        self._tally.first_failure = self._tally.first_failure or reason

    def _place(self, item: Ready | BadRow) -> str:
        return f"{self._files[item.source]}:{item.line} to {self._topics[item.topic]}"

    def _put_aside(self) -> None:
        """Send the events that Kafka refused to the dead letters, and report them."""
        while not self._refused.empty():
            item, number, error = self._refused.get()
            reason = f"refused by Kafka on {self._topics[item.topic]}: {error}"
            self._tally.refused += 1
            self._tally.sent[item.topic] -= 1
            if self._tally.refused > REFUSED_MAX:
                self._fail(f"{self._place(item)}: {reason}; more than {REFUSED_MAX:,} were refused")
                return
            name = self._files[item.source]
            row = BadRow(
                name, item.line, reason, item.value[:MAX_KEPT_BYTES], item.topic, 0, item.source,
                "see what the topic accepts: its largest message, its times",
            )  # fmt: skip
            self._send_letter(row, number)
            if self._on_refusal is not None:
                self._on_refusal(item, row)


def _dead_letter(row: BadRow, topic: str, now_ms: int) -> DeadLetter:
    """A dead letter that names the line; partition -1 says that it never was in Kafka."""
    return DeadLetter(
        reason="bad_row",
        detail=str(row)[:500],
        topic=topic,
        partition=-1,
        offset=row.line,
        appended_at_ms=now_ms,
        rejected_at_ms=now_ms,
        key="",
        value=kept(row.raw),
    )
