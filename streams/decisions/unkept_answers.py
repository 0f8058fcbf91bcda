"""Answers that Redis did not take in time: sent to the other replicas over Kafka, and kept in Redis once it takes them.

A replica that is killed takes with it what it alone knows, and the next one would give another answer. So an answer that
Redis did not take is appended to one partition that every replica reads, and is given when it has come back from there:
the first record about a question is its answer on all of them, also on a replica that appended a second one meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import structlog

from forewarn.errors import DependencyUnavailableError
from streams.decisions.answer_memory import KeptAnswer, Standing
from streams.decisions.answer_store import AnswerStore
from streams.decisions.decision_metrics import DecisionMetrics

log = structlog.get_logger(__name__)

UNKEPT_ANSWERS = 10_000
"""Answers that wait for Redis, for Kafka, and those of other replicas that wait for Redis: so many of each. More are not
kept by this replica; what it learned of others they keep, too."""

KEEP_PAUSE_SECONDS, KEEP_TOGETHER = 0.2, 100
"""Between two attempts to keep what Redis did not take, and how many answers go in one round trip."""

SHARE_PAUSE_SECONDS, SHARE_SECONDS = 1.0, 600.0
"""Between two attempts to tell the others, and for how long: a bank has long asked again by then."""

Share = Callable[[bytes, KeptAnswer], Awaitable[None]]
"""(identity, answer): appends to the topic and returns when Kafka has it; raises DependencyUnavailableError."""


class _Waiting(NamedTuple):
    """An answer that waits for Redis; ``given`` if a bank has it."""

    identity: bytes
    answer: KeptAnswer
    given: bool


class UnkeptAnswers:
    """Sees to it that an answer outlives its replica.

    Args:
        store: of answers.
        share: tells the other replicas, and this one.
        metrics: counted.
    """

    def __init__(self, store: AnswerStore, share: Share, metrics: DecisionMetrics) -> None:
        self._store = store
        self._memory = store.memory
        self._share = share
        self._metrics = metrics
        self._own: asyncio.Queue[_Waiting] = asyncio.Queue(UNKEPT_ANSWERS)
        self._others: asyncio.Queue[_Waiting] = asyncio.Queue(UNKEPT_ANSWERS)
        self._sharing: set[asyncio.Task[bool]] = set()
        self._awaited: dict[bytes, asyncio.Future[None]] = {}
        self._in_hand = 0
        metrics.unkept.set_function(
            lambda: self._own.qsize() + self._others.qsize() + self._in_hand
        )

    async def give(
        self, identity: bytes, answer: KeptAnswer, bound: AbstractAsyncContextManager[None]
    ) -> KeptAnswer:
        """The answer to give where Redis did not take this one; the replicas have it, or will have it.

        Args:
            identity: of the question.
            answer: to it.
            bound: how long to wait for the topic; raises TimeoutError.
        """
        counts = self._memory.note(identity, answer, Standing.GIVEN)
        if counts != answer:
            return counts
        if not await self._is_shared(identity, answer, bound):
            log.warning("answer_unconfirmed", question=identity.decode())
            self._metrics.unconfirmed.inc()
        counts = self._memory.answer(identity) or answer
        self._keep_later(_Waiting(identity, counts, given=True))
        return counts

    def keep_late(self, identity: bytes, answer: KeptAnswer) -> None:
        """Keep an answer that came too late for its bank, unless this replica knows one; it counts if none was given."""
        if self._memory.answer(identity) is None:
            self._keep_later(_Waiting(identity, answer, given=False))

    def _keep_later(self, waiting: _Waiting) -> None:
        try:
            self._own.put_nowait(waiting)
        except asyncio.QueueFull:
            log.warning("unkept_answer_dropped")

    def learn(self, identity: bytes, answer: KeptAnswer) -> None:
        """Take a record of the topic, its own too; must be called in the order of the records."""
        known = self._memory.answer(identity)
        self._memory.note(identity, answer, Standing.SHARED)
        awaited = self._awaited.get(identity)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
        if known is None and not self._others.full():
            self._others.put_nowait(_Waiting(identity, answer, given=False))

    async def run(self) -> None:
        """Keep in Redis what it did not take, for as long as the service runs."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_all_of(self._own))
            group.create_task(self._keep_all_of(self._others))

    async def _is_shared(
        self, identity: bytes, answer: KeptAnswer, bound: AbstractAsyncContextManager[None]
    ) -> bool:
        """Append an answer to the topic; whether a killed replica would leave it, or one before it, there."""
        if len(self._sharing) >= UNKEPT_ANSWERS:
            return False
        back = self._awaited.setdefault(identity, asyncio.get_running_loop().create_future())
        sharing = asyncio.create_task(self._share_until_known(identity, answer))
        self._sharing.add(sharing)
        sharing.add_done_callback(self._sharing.discard)
        try:
            async with bound:
                await asyncio.shield(back)
        except TimeoutError:
            return back.done() or (sharing.done() and not sharing.exception() and sharing.result())
        finally:
            self._awaited.pop(identity, None)
        return True

    async def _share_until_known(self, identity: bytes, answer: KeptAnswer) -> bool:
        """Whether Kafka has taken the answer in the end."""
        until = time.monotonic() + SHARE_SECONDS
        while time.monotonic() < until:
            try:
                await self._share(identity, answer)
            except DependencyUnavailableError:
                await asyncio.sleep(SHARE_PAUSE_SECONDS)
            else:
                return True
            if self._memory.standing(identity) == Standing.KEPT:
                break
        return False

    async def _keep_all_of(self, queue: asyncio.Queue[_Waiting]) -> None:
        while True:
            batch = [await queue.get()]
            while len(batch) < KEEP_TOGETHER and not queue.empty():
                batch.append(queue.get_nowait())
            self._in_hand += len(batch)
            kept = await self._keep_all([(one.identity, one.answer) for one in batch])
            self._in_hand -= len(batch)
            for one, found in zip(batch, kept, strict=True):
                if one.given and found.body != one.answer.body:
                    log.warning("answer_differs", question=one.identity.decode())
                    self._metrics.differing.inc()

    async def _keep_all(self, answers: list[tuple[bytes, KeptAnswer]]) -> list[KeptAnswer]:
        while True:
            try:
                async with asyncio.timeout(self._store.timeout_seconds):
                    return await self._store.keep_all(answers)
            except (DependencyUnavailableError, TimeoutError):
                await asyncio.sleep(KEEP_PAUSE_SECONDS)
