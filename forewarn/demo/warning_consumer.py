"""Reads the warnings topic: counts, latencies, and the subscriber of each warning."""

import threading
import time
from typing import Any

import msgspec

from forewarn.contracts import FraudWarning
from forewarn.demo.demo_figures import Figures

_decoder = msgspec.json.Decoder(FraudWarning)


class WarningConsumer(threading.Thread):
    """Follows the warnings of this run.

    Args:
        consumer: a kafka-python consumer of the warnings topic, at its end when it is handed over.
        figures: receives each warning.
    """

    def __init__(self, consumer: Any, figures: Figures) -> None:
        super().__init__(name="warning consumer", daemon=True)
        self._consumer, self._figures = consumer, figures
        self._people: dict[str, str] = {}
        self.raised: list[tuple[str, int]] = []
        self._ending = threading.Event()
        self.error: BaseException | None = None

    def subscriber(self, warning_id: str) -> str | None:
        """The subscriber of a warning of this run; the API shows numbers masked."""
        return self._people.get(warning_id)

    def stop(self) -> None:
        """End soon; what was appended before is still read."""
        self._ending.set()

    def run(self) -> None:
        """Read until asked to stop and no message is left."""
        try:
            while True:
                batches = self._consumer.poll(timeout_ms=100)
                if not batches and self._ending.is_set():
                    return
                now = time.monotonic()
                for records in batches.values():
                    for record in records:
                        self._note(record, now)
        except BaseException as error:  # noqa: BLE001  shown by the main thread, which asks for it
            self.error = error

    def _note(self, record: Any, now: float) -> None:
        warning = _decoder.decode(record.value)
        new = warning.action == "raise" and warning.warning_id not in self._people
        self._people[warning.warning_id] = warning.subscriber
        if new:
            self.raised.append((warning.subscriber, warning.event_time_ms))
        # Both times are Kafka's own appends (LogAppendTime), so no clock of ours is in between.
        latency = (record.timestamp - warning.appended_at_ms) / 1000
        self._figures.warned(warning.typology, warning.severity, new=new, latency=latency, now=now)
