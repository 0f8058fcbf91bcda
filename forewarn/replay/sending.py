"""Events and bad rows to Kafka, with nothing lost silently."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from forewarn.errors import DependencyUnavailableError
from forewarn.events import DeadLetter, encode
from forewarn.replay.stream import BadRow, Ready
from forewarn.settings import KafkaSettings
from forewarn.topics import qualified


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    sent: dict[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    failed: int = 0
    first_failure: str = ""

    @property
    def total(self) -> int:
        """Events handed to Kafka."""
        return sum(self.sent.values())


def send(
    items: Iterable[Ready | BadRow],
    producer: Any,
    settings: KafkaSettings,
    *,
    now_ms: Callable[[], int],
    on_item: Callable[[Ready | BadRow, Tally], None] | None = None,
) -> Tally:
    """Send everything and wait for the acknowledgements.

    Args:
        items: events and bad rows, in the order in which to send them.
        producer: a kafka-python producer with its default partitioner.
        settings: for the names of the topics.
        now_ms: UTC milliseconds, for dead letters.
        on_item: told of every item, for progress and messages.

    Returns:
        The counts.

    Raises:
        DependencyUnavailableError: if Kafka did not take some of them.
    """
    tally = Tally()

    def failed(error: BaseException) -> None:
        tally.failed += 1
        tally.first_failure = tally.first_failure or f"{type(error).__name__}: {error}"

    for item in items:
        if isinstance(item, BadRow):
            tally.bad_rows += 1
            topic = qualified("dead-letters", settings)
            value = encode(_dead_letter(item, qualified(item.topic, settings), now_ms()))
            producer.send(topic, value).add_errback(failed)
        else:
            tally.sent[item.topic] = tally.sent.get(item.topic, 0) + 1
            topic = qualified(item.topic, settings)
            producer.send(topic, item.value, key=item.key).add_errback(failed)
        if on_item is not None:
            on_item(item, tally)
        if tally.failed:
            break
    producer.flush()
    if tally.failed:
        raise DependencyUnavailableError(
            f"Kafka did not take {tally.failed} of {tally.total + tally.bad_rows} records "
            f"({tally.first_failure}).",
            hint="Replaying again is safe: events keep their ids and are applied once.",
        )
    return tally


def _dead_letter(row: BadRow, topic: str, now_ms: int) -> DeadLetter:
    """A dead letter that names the line; partition -1 says that it never was in Kafka."""
    return DeadLetter(
        reason="bad_row",
        detail=str(row),
        topic=topic,
        partition=-1,
        offset=row.line,
        appended_at_ms=now_ms,
        rejected_at_ms=now_ms,
        key="",
        value=base64.b64encode(row.raw).decode(),
    )
