"""Seeded traffic for benchmarks and crash tests: cheap to make, and every count is known.

People call and pay at random; a handful of suspects call many people. The simulator of
``forewarn.simulator`` makes life-like towns; this makes volume. Event times ascend by a fixed step,
so that the same seed gives the same events whatever the speed of the machine.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from forewarn.contracts import CallEnded, CallStarted, Transfer, encode
from forewarn.contracts.topics import TopicName

LARGE_MINOR = 8_000_000
"""Smallest large amount; ordinary ones are below 5,000,000."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A recipe for events.

    Attributes:
        seed: everything follows from it.
        subscribers: protected people; drawn evenly.
        callers: numbers that call them; drawn evenly, shared by all.
        payees: accounts that they pay; drawn evenly, shared by all.
        step_ms: event time between two events, in milliseconds.
        large_share: share of the events that are attempted transfers of a large amount
            (``LARGE_MINOR`` and more), which the benchmark's policy warns about.
        name: prefix of the event ids.
    """

    seed: int
    subscribers: int = 10_000
    callers: int = 2_000
    payees: int = 5_000
    step_ms: float = 1.0
    large_share: float = 0.0
    name: str = "s"

    def events(self, count: int, start_ms: int) -> Iterator[tuple[TopicName, str, bytes]]:
        """Topic, key and value of each event; 60 % are calls, 40 % transfers."""
        draw = random.Random(self.seed)
        on_call: dict[str, tuple[str, str, int]] = {}  # a person is on one call at a time
        for number in range(count):
            now_ms = start_ms + int(number * self.step_ms)
            identity = f"{self.name}{self.seed}-{number}"
            if self.large_share and draw.random() < self.large_share:
                subscriber = self._subscriber(draw)
                amount_minor = LARGE_MINOR + draw.randrange(1_000_000)
                made = self._transfer(draw, identity, subscriber, now_ms, amount_minor)
                yield "transfers", subscriber, made
                continue
            if on_call and draw.random() < 0.3:
                subscriber, (caller, call_id, started_ms) = on_call.popitem()
                yield (
                    "calls",
                    subscriber,
                    self._ended(identity, subscriber, caller, call_id, started_ms, now_ms),
                )
                continue
            subscriber = self._subscriber(draw)
            if subscriber not in on_call and draw.random() < 0.43:
                caller = f"+8617{draw.randrange(self.callers):09d}"
                on_call[subscriber] = (caller, identity, now_ms)
                yield "calls", subscriber, self._started(identity, subscriber, caller, now_ms)
            else:
                amount_minor = draw.randrange(1_000, 5_000_000)
                made = self._transfer(draw, identity, subscriber, now_ms, amount_minor)
                yield "transfers", subscriber, made

    def _subscriber(self, draw: random.Random) -> str:
        return f"+8613{draw.randrange(self.subscribers):09d}"

    @staticmethod
    def _started(identity: str, subscriber: str, caller: str, now_ms: int) -> bytes:
        return encode(
            CallStarted(
                event_id=identity,
                event_time_ms=now_ms,
                subscriber=subscriber,
                district="430400",
                call_id=identity,
                direction="inbound",
                caller=caller,
                callee=subscriber,
                attestation="C",
            )
        )

    @staticmethod
    def _ended(
        identity: str, subscriber: str, caller: str, call_id: str, started_ms: int, now_ms: int
    ) -> bytes:
        return encode(
            CallEnded(
                event_id=identity,
                event_time_ms=now_ms,
                subscriber=subscriber,
                district="430400",
                call_id=call_id,
                direction="inbound",
                caller=caller,
                callee=subscriber,
                started_at_ms=started_ms,
                duration_ms=max(0, now_ms - started_ms),
                answered=True,
                attestation="C",
            )
        )

    def _transfer(
        self, draw: random.Random, identity: str, subscriber: str, now_ms: int, amount_minor: int
    ) -> bytes:
        return encode(
            Transfer(
                event_id=identity,
                event_time_ms=now_ms,
                subscriber=subscriber,
                district="430400",
                transfer_id=identity,
                status="attempted",
                payer_account=f"62{subscriber[1:]}",
                payee_account=f"6217{draw.randrange(self.payees):08d}",
                amount_minor=amount_minor,
                device=f"d{subscriber[-6:]}",
            )
        )
