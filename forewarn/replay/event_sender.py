"""Events and bad rows to Kafka, with nothing lost silently."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from forewarn.contracts import DeadLetter, encode, kept
from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka import explained
from forewarn.platform.settings import KafkaSettings
from forewarn.replay.file_events import BadRow, Ready
from forewarn.replay.replay_progress import Progress

TOPICS: tuple[TopicName, ...] = ("calls", "transfers", "dead-letters")


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    progress: Progress
    sent: dict[str, int] = field(default_factory=dict)
    bad_rows: int = 0
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


def send(
    items: Iterable[Ready | BadRow],
    producer: Any,
    settings: KafkaSettings,
    tally: Tally,
    *,
    now_ms: Callable[[], int],
    on_item: Callable[[Ready | BadRow, Tally], None] | None = None,
) -> None:
    """Send everything and wait for the acknowledgements.

    Args:
        items: events and bad rows, in the order in which to send them.
        producer: with the partitioner of Java's clients; kafka-python's, or one with its interface.
        settings: for the names of the topics.
        tally: counts on while it sends, so that an end by force can tell how far it came.
        now_ms: UTC milliseconds, for dead letters.
        on_item: receives every item, for progress and messages.

    Raises:
        DependencyUnavailableError: if Kafka did not take some of them.
        ConfigurationError: if a topic is missing.
    """

    def failed(error: BaseException) -> None:
        tally.failed += 1
        tally.first_failure = tally.first_failure or f"{type(error).__name__}: {error}"

    def acknowledged(source: int, number: int, _metadata: Any) -> None:
        tally.progress.acknowledged(source, number)

    topics = {name: qualified(name, settings) for name in TOPICS}
    with explained(settings):
        for item in items:
            if isinstance(item, BadRow):
                value = encode(_dead_letter(item, topics[item.topic], now_ms()))
                future = producer.send(topics["dead-letters"], value)
            else:
                future = producer.send(topics[item.topic], item.value, key=item.key)
            number = tally.progress.sent(item.source)
            future.add_callback(acknowledged, item.source, number).add_errback(failed)
            tally.count(item)
            if on_item is not None:
                on_item(item, tally)
            if tally.failed:
                break
        producer.flush()
    if tally.failed:
        raise DependencyUnavailableError(
            f"Kafka did not take {tally.failed} of {tally.total + tally.bad_rows} records "
            f"({tally.first_failure}).",
            hint="Check that the brokers are up.",
        )


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
