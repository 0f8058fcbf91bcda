"""Sends the town's events to Kafka in accelerated event time; interventions change what follows."""

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from forewarn.contracts import decode_transfer
from forewarn.contracts.topics import qualified
from forewarn.demo.demo_figures import Figures
from forewarn.platform.settings import KafkaSettings
from forewarn.simulator.live_town import LiveTown, TownRecord

RECORDS_PER_UPDATE = 200
"""Records between two updates of the figures."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a talk with a person shows: the frauds that go on, which an intervention ends, and the money that stays.

    ``attempted`` is whether a fraud led nowhere, or was stopped, within the day before.
    """

    typologies: tuple[str, ...]
    spared_minor: int
    attempted: bool = False


class TownProducer(threading.Thread):
    """Sends records; the one thread that touches the town.

    Args:
        live: the town from the moment where sending begins.
        producer: a kafka-python producer.
        settings: names the topics.
        figures: receives what was sent.
        first_ms: event time at which sending begins.
        speed: seconds of event time in a second.
        seconds: how long to send.
        bank: holds attempted transfers while it asks; None: all records are sent at once.
    """

    def __init__(
        self,
        live: LiveTown,
        producer: Any,
        settings: KafkaSettings,
        figures: Figures,
        *,
        first_ms: int,
        speed: float,
        seconds: float,
        bank: Callable[[TownRecord], None] | None = None,
    ) -> None:
        super().__init__(name="town producer", daemon=True)
        self._live, self._producer, self._figures = live, producer, figures
        self._topics: dict[str, str] = {
            name: qualified(name, settings) for name in ("calls", "transfers", "outcomes")
        }
        self._pass_on = bank or self.produce
        self._first_ms, self._speed, self._seconds = first_ms, speed, seconds
        self._questions: queue.SimpleQueue[tuple[str, bool, Future[Truth]]] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._paid: defaultdict[str, int] = defaultdict(int)
        self._now_ms = first_ms
        self.sent = 0
        self.error: BaseException | None = None

    def ask(self, subscriber: str, *, intervene: bool, timeout_seconds: float = 10.0) -> Truth:
        """Learn what a person is in, as a talk with him or her would show.

        Args:
            subscriber: E.164.
            intervene: dissuade the person, so that what he or she is in goes no further.
            timeout_seconds: bound on waiting for an answer.
        """
        answer: Future[Truth] = Future()
        self._questions.put((subscriber, intervene, answer))
        if not self.is_alive():
            self._answer_questions()
        return answer.result(timeout_seconds)

    def paid_to_swindlers(self, subscriber: str) -> int:
        """Minor units that a victim's completed payments have cost since sending began."""
        return self._paid[subscriber]

    def stop(self) -> None:
        """End sending soon."""
        self._ending.set()

    def run(self) -> None:
        """Send until the time is over."""
        try:
            self._send_all()
            self._producer.flush(timeout=30)
        except BaseException as error:  # noqa: BLE001  shown by the main thread, which asks for it
            self.error = error

    def _send_all(self) -> None:
        began = time.monotonic()
        per_second = 1000 * self._speed
        last_ms = self._first_ms + int(self._seconds * per_second)
        for record in self._live:
            if record.arrival_ms > last_ms:
                break
            due = began + (record.arrival_ms - self._first_ms) / per_second
            while (wait := due - time.monotonic()) > 0.001:
                self._answer_questions()
                if self._ending.wait(min(wait, 0.01)):
                    return
            if self._ending.is_set():
                return
            self._send(record)
        while time.monotonic() < began + self._seconds and not self._ending.wait(0.01):
            self._answer_questions()

    def produce(self, record: TownRecord) -> None:
        """Send one record to Kafka; any thread may call this."""
        self._producer.send(self._topics[record.topic], record.value, key=record.key)

    def _send(self, record: TownRecord) -> None:
        self._pass_on(record)
        self._now_ms = record.arrival_ms
        self.sent += 1
        if record.episode >= 0 and record.topic == "transfers":
            self._note_payment(record)
        if self.sent % RECORDS_PER_UPDATE == 0:
            self._figures.sent(self.sent, record.arrival_ms, time.monotonic())
            self._answer_questions()

    def _note_payment(self, record: TownRecord) -> None:
        transfer = decode_transfer(record.value)
        if transfer.direction == "outgoing" and transfer.status == "completed":
            self._paid[transfer.subscriber] += transfer.amount_minor

    def _answer_questions(self) -> None:
        while True:
            try:
                subscriber, intervene, answer = self._questions.get_nowait()
            except queue.Empty:
                return
            typologies = tuple(self._live.under_way(subscriber, self._now_ms))
            attempted = self._live.attempted(subscriber, self._now_ms)
            spared = 0
            if intervene:
                stopped = self._live.intervene(subscriber, self._now_ms)
                spared = sum(episode.spared_minor for episode in stopped)
            answer.set_result(Truth(typologies, spared, attempted))
