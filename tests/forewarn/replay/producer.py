"""A producer that keeps what it is sent and acknowledges what a test chooses."""

from collections.abc import Callable, Iterable
from typing import Any

from kafka.errors import KafkaTimeoutError

from forewarn.platform.settings import KafkaSettings
from forewarn.replay import BadRow, EventSender, Ready, Tally


def sent(items: Iterable[Ready | BadRow], producer: Any, tally: Tally, **hooks: Any) -> None:
    """Send items of the files a and b."""
    files = ["a", "b"]
    EventSender(producer, KafkaSettings(), tally, files=files, now_ms=lambda: 5, **hooks).send(
        items
    )


class Future:
    """One record's acknowledgement, there from the start."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def add_callback(self, call: Callable[..., object], *arguments: object) -> "Future":
        if self._error is None:
            call(*arguments, None)
        return self

    def add_errback(self, call: Callable[..., object], *arguments: object) -> "Future":
        if self._error is not None:
            call(*arguments, self._error)
        return self

    def when_settled(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments, self._error)

    def get(self, timeout: float) -> None:
        if self._error is not None:
            raise self._error


class AcknowledgingProducer:
    """Takes every record but those whose numbers, counted from 0, are refused, with this error."""

    def __init__(
        self, refused: frozenset[int] = frozenset(), error: Exception | None = None
    ) -> None:
        self._error = error or KafkaTimeoutError("from a test")
        self.sent: list[tuple[str, bytes]] = []
        self._refused = refused
        self._number = -1

    def send(self, topic: str, value: bytes | None, key: bytes | None = None) -> Any:
        self._number += 1
        if self._number in self._refused:
            return Future(self._error)
        self.sent.append((topic, value or b""))
        return Future(None)

    def flush(self, timeout: float | None = None) -> None:
        """Everything was acknowledged at once."""
