"""The bank of a demonstration: it holds each attempted transfer while it asks the decision service.

Records of a person whose transfer waits are sent after its answer, as a bank completes a payment after it.
"""

import asyncio
import json
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from forewarn.contracts import Transfer, decode_transfer
from forewarn.errors import ContractError
from forewarn.simulator.live_town import TownRecord
from streams.decisions.bank_request import DEADLINE

DEADLINE_MS = 2_000
"""Longer than a bank's: on a machine that runs everything, also the simulation, answers take longer."""

CUSTOMERS_ONE_IN = 8
"""Share of the town's people whose bank asks: the town pays a hundred times faster than people do, on the
machine that also simulates, streams and scores it."""

CONNECTIONS = 64
LATENCIES_KEPT = 50_000
STOP_SECONDS = 10.0

SendRecord = Callable[[TownRecord], None]


@dataclass(frozen=True, slots=True)
class BankFigures:
    """What the bank was answered; money in minor units.

    Attributes:
        decisions: answers by decision.
        fallbacks: answers without a decision of a worker, by reason.
        failed: questions without an answer; their transfers were sent all the same.
        p50_seconds, p99_seconds: from question to answer; None without one.
        held_minor: held or refused.
        held_of_frauds_minor: the part of it that belongs to a fraud, by the town's truth.
    """

    decisions: dict[str, int] = field(default_factory=dict)
    fallbacks: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    held_minor: int = 0
    held_of_frauds_minor: int = 0


class TownBank(threading.Thread):
    """Asks for each attempted transfer, on a loop of its own.

    Args:
        url: of the decision service.
        key: of the bank.
        one_in: one person in so many is a customer.
    """

    def __init__(self, url: str, key: str, *, one_in: int = CUSTOMERS_ONE_IN) -> None:
        super().__init__(name="bank", daemon=True)
        self._url, self._key, self._one_in = url, key, one_in
        self._produce: SendRecord | None = None
        self._guard = threading.Lock()
        self._behind: dict[bytes, deque[TownRecord]] = {}  # by person, what waits for an answer
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._ready = threading.Event()
        self._decisions: Counter[str] = Counter()
        self._fallbacks: Counter[str] = Counter()
        self._failed = self._held = self._held_of_frauds = 0
        self._seconds: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def open(self, send: SendRecord) -> None:
        """Begin to work.

        Args:
            send: sends a record that is not asked about.
        """
        self._produce = send
        self.start()

    def take(self, record: TownRecord) -> None:
        """Ask about a record, send it, or keep it until the person's waiting transfer is answered."""
        with self._guard:
            if record.key in self._behind:
                self._behind[record.key].append(record)
                return
            event = _question(record) if self._is_customer(record.key) else None
            if event is None:
                self._send(record)
                return
            self._behind[record.key] = deque()
        self._start_question(record, event)

    def figures(self) -> BankFigures:
        """The figures up to now."""
        with self._guard:
            p50 = p99 = None
            if self._seconds:
                p50, p99 = (float(x) for x in np.percentile(self._seconds, (50, 99)))
            return BankFigures(
                dict(self._decisions), dict(self._fallbacks), self._failed, p50, p99,
                self._held, self._held_of_frauds,
            )  # fmt: skip

    def run(self) -> None:
        """Run the loop until ``stop``."""
        asyncio.set_event_loop(self._loop)
        self._session = self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._session.close())

    def stop(self) -> None:
        """Wait for the answers that are under way, within a bound, and end."""
        deadline = time.monotonic() + STOP_SECONDS
        while self._behind and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self.join(STOP_SECONDS)

    def _is_customer(self, person: bytes) -> bool:
        return zlib.crc32(person) % self._one_in == 0

    def _send(self, record: TownRecord) -> None:
        if self._produce is None:
            raise RuntimeError("the bank was not opened")
        self._produce(record)

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._key}", DEADLINE: str(DEADLINE_MS)},
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=DEADLINE_MS / 1000 + 5),
        )

    def _start_question(self, record: TownRecord, event: Transfer) -> None:
        self._ready.wait()
        asyncio.run_coroutine_threadsafe(self._ask(record, event), self._loop)

    async def _ask(self, record: TownRecord, event: Transfer) -> None:
        began = time.monotonic()
        answer: dict[str, Any] = {}
        try:
            if self._session is not None:
                url = f"{self._url}/v1/decisions"
                async with self._session.post(url, data=record.value) as response:
                    if response.status == 200:
                        answer = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            answer = {}
        if answer.get("recorded") not in ("yes", "unconfirmed", "spooled"):
            self._send(record)
        self._note(answer, event, record.episode >= 0, time.monotonic() - began)
        self._go_on(record.key)

    def _note(self, answer: dict[str, Any], event: Transfer, fraud: bool, seconds: float) -> None:
        with self._guard:
            if not answer:
                self._failed += 1
                return
            self._decisions[answer["decision"]] += 1
            self._seconds.append(seconds)
            if answer["probability"] is None:
                self._fallbacks[answer["reason"]] += 1
            if answer["decision"] in ("hold", "refuse"):
                self._held += event.amount_minor
                self._held_of_frauds += event.amount_minor if fraud else 0

    def _go_on(self, person: bytes) -> None:
        """Send what waited behind the answer, up to the person's next question."""
        with self._guard:
            waiting = self._behind[person]
            while waiting:
                record = waiting.popleft()
                event = _question(record)
                if event is not None:
                    self._start_question(record, event)
                    return
                self._send(record)
            del self._behind[person]


def _question(record: TownRecord) -> Transfer | None:
    """The transfer that the bank asks about; None for every other record."""
    if record.topic != "transfers":
        return None
    try:
        event = decode_transfer(record.value)
    except ContractError:
        return None
    asks = event.status == "attempted" and event.direction == "outgoing"
    return event if asks else None
