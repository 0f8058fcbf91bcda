"""Stand-ins for the neighbours of the decision desk, and payments to ask about."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from forewarn.contracts import Source, Transfer
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer, PaymentDecision
from forewarn.errors import DependencyUnavailableError
from streams.decisions.answer_memory import KeptAnswer

NOW_MS = 1_780_000_000_000


def payment(transfer_id: str = "t1", **changes: Any) -> Transfer:
    """An attempted transfer."""
    values: dict[str, Any] = {
        "event_id": f"{transfer_id}-1",
        "event_time_ms": NOW_MS,
        "subscriber": "+8613800000001",
        "transfer_id": transfer_id,
        "status": "attempted",
        "payer_account": "own",
        "payee_account": "other",
        "amount_minor": 100,
    }
    return Transfer(**(values | changes))


def worker_answer(decision: PaymentDecision = "hold", **changes: Any) -> PaymentAnswer:
    """What a worker would say."""
    values: dict[str, Any] = {
        "question_id": "q",
        "transfer_id": "t1",
        "decision": decision,
        "reason": "over_hold",
        "probability": 0.5,
        "expected_loss_minor": 50,
        "currency": "CNY",
        "line": LineNow(),
        "model_version": "m1",
        "policy_version": "p1",
        "decided_at_ms": NOW_MS,
        "counts_until_ms": NOW_MS + 1,
        "source": Source("transfers", 0, 7),
    }
    return PaymentAnswer(**(values | changes))


class MemoryRedis:
    """A connection that knows GET and SET NX, and can be away or say nothing."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.away = False
        self.silent = False
        self.trips = 0
        self.sets: list[tuple[Any, ...]] = []

    def group(self, key: bytes) -> bytes:
        return b""

    async def send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if self.away:
            raise ConnectionError("away")
        while self.silent:
            await asyncio.sleep(0.001)
        self.trips += 1
        await asyncio.sleep(0)
        replies: list[Any] = []
        for name, key, *rest in commands:
            if name == "GET":
                replies.append(self.values.get(key))
                continue
            self.sets.append((name, key, *rest))
            new = key not in self.values
            if new:
                self.values[key] = rest[0]
            replies.append(b"OK" if new else None)
        return replies

    async def load_script(self, source: str) -> None: ...

    async def delete_all(self, pattern: bytes, *, keep: bytes) -> None: ...

    async def close(self) -> None: ...


class Workers:
    """A link whose workers answer at once, when ``release`` is set, or never.

    Args:
        reply: what they answer; None for never.
    """

    def __init__(self, reply: Callable[[], PaymentAnswer | None]) -> None:
        self.reply = reply
        self.asked: list[Transfer] = []
        self.sent: list[Transfer] = []
        self.away = False
        self.acknowledges = True
        self.partition = 0
        self._waiting: dict[bytes, asyncio.Future[PaymentAnswer]] = {}

    def expect(self, name: bytes) -> tuple[bytes, "asyncio.Future[PaymentAnswer]"]:
        question_id = name + b"%016d" % len(self.asked)
        future: asyncio.Future[PaymentAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[question_id] = future
        return question_id, future

    def forget(self, question_id: bytes) -> None:
        self._waiting.pop(question_id, None)

    async def ask(
        self, question_id: bytes, event: Transfer, answer_by_ms: int
    ) -> "asyncio.Future[Any]":
        if self.away:
            raise DependencyUnavailableError("no broker")
        self.asked.append(event)
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.acknowledges:
            sent.set_result(None)
        answer, waiting = self.reply(), self._waiting.get(question_id)
        if answer is not None and waiting is not None:
            waiting.set_result(answer)
        return sent

    async def send(self, event: Transfer) -> None:
        if self.away:
            raise DependencyUnavailableError("no broker")
        self.sent.append(event)


class MemoryTopic:
    """The topic of unkept answers; every reader gets every record, in order."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, KeptAnswer]] = []
        self.away = False
        self.silent = False
        self._readers: list[tuple[Callable[[bytes, KeptAnswer], None], int]] = []

    def follow(self, learn: Callable[[bytes, KeptAnswer], None]) -> None:
        """Give a reader what is there, and what comes."""
        self._readers.append((learn, 0))
        self.deliver()

    async def share(self, identity: bytes, answer: KeptAnswer) -> None:
        if self.away:
            raise DependencyUnavailableError("no broker")
        self.records.append((identity, answer))
        await asyncio.sleep(0)
        if not self.silent:
            self.deliver()

    def deliver(self) -> None:
        """Let every reader have what it has not read."""
        for place, (learn, position) in enumerate(self._readers):
            for identity, answer in self.records[position:]:
                learn(identity, answer)
            self._readers[place] = (learn, len(self.records))
