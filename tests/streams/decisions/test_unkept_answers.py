"""An answer that Redis did not take is the answer of every replica, also when the one that gave it is killed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streams.decisions import unkept_answers
from streams.decisions.answer_memory import AnswerMemory, KeptAnswer, Standing
from streams.decisions.answer_store import QuestionNames
from tests.streams.decisions.bank import MemoryRedis, MemoryTopic, Workers, payment, worker_answer
from tests.streams.decisions.desk_replica import KEY, Replica

SOON = 0.3
"""Seconds: a deadline that passes soon, and leaves a busy machine time for what is in memory."""


def replica_of(redis: MemoryRedis, topic: MemoryTopic, workers: Workers | None = None) -> Replica:
    return Replica(redis, workers or Workers(worker_answer), topic=topic)


def question_id(transfer_id: str = "t1") -> bytes:
    names = QuestionNames(KEY)
    event = payment(transfer_id)
    return names.identity(event.tenant, transfer_id) + names.digest(event) + b"0" * 16


async def test_the_answer_of_a_killed_replica_is_that_of_the_others_and_of_a_new_one() -> None:
    """Redis had not taken it; the workers would say something else."""
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = True
    killed, other = replica_of(redis, topic), replica_of(redis, topic)
    body, _ = await killed.ask()
    assert body["reason"] == "store_unavailable"
    assert await other.ask() == (body, True)
    redis.away = False
    assert await other.ask() == (body, True)
    assert await replica_of(redis, topic).ask() == (body, True)
    await other.keep_all()
    assert await replica_of(redis, MemoryTopic()).ask() == (body, True)
    assert other.workers.asked == []


async def test_a_late_answer_of_the_workers_replaces_no_answer_of_a_killed_replica() -> None:
    """The new replica reads both: what the bank has, and what came for it afterwards."""
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = True
    body, _ = await replica_of(redis, topic).ask()
    redis.away = False
    started = replica_of(redis, topic)
    started.desk.note_late(question_id(), worker_answer("hold"))
    await started.keep_all()
    assert await replica_of(redis, MemoryTopic()).ask() == (body, True)


async def test_a_late_answer_during_a_question_waits_for_none_of_its_banks() -> None:
    """The fallback that the bank is given in a moment is not in Redis yet; the late answer must not be first."""
    redis, topic = MemoryRedis(), MemoryTopic()
    replica = replica_of(redis, topic, Workers(lambda: None))
    asking = asyncio.create_task(replica.ask(SOON))
    while not replica.workers.asked:
        await asyncio.sleep(0)
    replica.desk.note_late(question_id(), worker_answer("hold"))
    assert replica.value("forewarn_decide_unkept_answers") == 0
    body, _ = await asking
    assert body["reason"] == "no_answer_in_time"


async def test_two_replicas_that_answer_at_once_without_redis_give_the_first_of_the_topic() -> None:
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = True
    replicas = [replica_of(redis, topic, Workers(lambda: None)) for _ in range(2)]
    replicas[1].workers.away = True  # so that their answers differ
    one, other = await asyncio.gather(*(replica.ask() for replica in replicas))
    assert len({answer.body for _, answer in topic.records}) == 2
    assert one[0] == other[0]
    assert sorted([one[1], other[1]]) == [False, True]
    redis.away = False
    for replica in replicas:
        await replica.keep_all()
    assert await replica_of(redis, MemoryTopic()).ask() == (one[0], True)


async def test_of_two_answers_that_were_given_the_first_record_counts_from_then_on() -> None:
    """Kafka was too slow for both banks; the replica that gave the other answer says so in a metric."""
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = topic.silent = True
    replicas = [replica_of(redis, topic, Workers(lambda: None)) for _ in range(2)]
    bodies = [(await replica.ask(SOON))[0] for replica in replicas]
    assert bodies[0] != bodies[1]
    topic.deliver()
    for replica in replicas:
        assert await replica.ask() == (bodies[0], True)
    redis.away = False
    for replica in reversed(replicas):
        await replica.keep_all()
    assert await replica_of(redis, MemoryTopic()).ask() == (bodies[0], True)
    differing = [r.value("forewarn_decide_differing_answers_total") for r in replicas]
    assert differing == [0, 1]


async def test_an_answer_that_nothing_takes_is_given_and_shared_once_kafka_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unkept_answers, "SHARE_PAUSE_SECONDS", 0.001)
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = topic.away = True
    replica, other = replica_of(redis, topic), replica_of(redis, topic)
    async with asyncio.timeout(60):
        body, repeated = await replica.ask(SOON)
        assert (body["reason"], repeated) == ("store_unavailable", False)
        assert replica.value("forewarn_decide_unconfirmed_answers_total") == 1
        assert await replica.ask() == (body, True)
        topic.away = False
        while not topic.records:
            await asyncio.sleep(0.001)
    assert await other.ask() == (body, True)


async def test_what_redis_kept_before_counts_although_the_topic_says_otherwise() -> None:
    """A replica that did not reach Redis gave another answer than the first one."""
    redis, topic = MemoryRedis(), MemoryTopic()
    first, _ = await replica_of(redis, MemoryTopic()).ask()
    cut = MemoryRedis()
    cut.away = True
    replica = replica_of(cut, topic, Workers(lambda: None))
    second, _ = await replica.ask(SOON)
    assert second != first
    cut.away, cut.values = False, redis.values
    other = replica_of(redis, topic)
    for one in (replica, other):
        await one.keep_all()
        assert await one.ask() == (first, True)
    assert replica.value("forewarn_decide_differing_answers_total") == 1
    assert other.value("forewarn_decide_differing_answers_total") == 0


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out for one's own answers is counted as unconfirmed; others keep what is left out of theirs."""
    monkeypatch.setattr(unkept_answers, "UNKEPT_ANSWERS", 2)
    redis, topic = MemoryRedis(), MemoryTopic()
    redis.away = topic.away = True
    replica = replica_of(redis, topic)
    bodies = [(await replica.ask(SOON, transfer_id=f"t{n}"))[0] for n in range(3)]
    assert replica.value("forewarn_decide_unkept_answers") == 2
    assert replica.value("forewarn_decide_unconfirmed_answers_total") == 3
    assert await replica.ask(transfer_id="t2") == (bodies[2], True)
    other = replica_of(redis, MemoryTopic())
    for n in range(3):
        other.unkept.learn(b"%032d" % n, KeptAnswer(b"0" * 16, b"{}"))
    assert other.value("forewarn_decide_unkept_answers") == 2


def test_an_answer_that_more_replicas_can_know_counts_and_the_first_of_equals() -> None:
    memory, answers = AnswerMemory(2), [KeptAnswer(b"d", b"%d" % n) for n in range(6)]
    standings = [Standing.GIVEN, Standing.SHARED, Standing.SHARED, Standing.KEPT, Standing.GIVEN]
    found = [memory.note(b"q", a, s) for a, s in zip(answers, standings, strict=False)]
    assert [one.body for one in found] == [b"0", b"1", b"1", b"3", b"3"]
    # Redis lost what it had, or it expired there.
    assert memory.note(b"q", answers[5], Standing.KEPT) == memory.answer(b"q") == answers[5]
    for name in (b"r", b"s"):
        memory.note(name, answers[0], Standing.GIVEN)
    assert (memory.answer(b"q"), memory.standing(b"q")) == (None, None)
    assert memory.standing(b"s") == Standing.GIVEN


class Mortal:
    """Counts what a replica does at its servers, and kills it before or after one of these steps."""

    def __init__(self, step: int, after: bool) -> None:
        self.step, self.after, self.steps = step, after, 0
        self.asking: asyncio.Task[Any] | None = None

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        async def acted(*given: Any) -> Any:
            self.steps += 1
            dies = self.steps >= self.step
            if dies and not (self.after and self.steps == self.step):
                await self.die()
            found = await act(*given)
            if dies:
                await self.die()
            return found

        return acted

    async def die(self) -> None:
        if self.asking is not None:
            self.asking.cancel()
        await asyncio.Event().wait()


class Switching(MemoryRedis):
    """Away at the round trips that are named."""

    def __init__(self, away_at: Sequence[int]) -> None:
        super().__init__()
        self._away_at, self._round = away_at, 0

    async def send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        self._round += 1
        if self._round in self._away_at:
            raise ConnectionError("away")
        return await super().send(commands)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("away_at", [(), (1,), (2,), (1, 2), (2, 3)])
async def test_a_replica_may_be_killed_at_every_step(
    away_at: Sequence[int], step: int, after: bool
) -> None:
    """If its bank has an answer, every other replica gives the same one."""
    redis, topic, mortal = MemoryRedis(), MemoryTopic(), Mortal(step, after)
    own = Switching(away_at)
    own.values = redis.values
    own.send = mortal.around(own.send)  # type: ignore[method-assign]
    its_topic = MemoryTopic()
    its_topic.records = topic.records
    its_topic.deliver = topic.deliver  # type: ignore[method-assign]
    its_topic.follow = topic.follow  # type: ignore[method-assign]
    its_topic.share = mortal.around(its_topic.share)  # type: ignore[method-assign]
    killed, other = replica_of(own, its_topic), replica_of(redis, topic)
    keeping = asyncio.create_task(killed.unkept.run())
    mortal.asking = asyncio.create_task(killed.ask())
    [found] = await asyncio.gather(mortal.asking, return_exceptions=True)
    for _ in range(20):
        await asyncio.sleep(0)  # it goes on until it is killed
    keeping.cancel()
    given = [] if isinstance(found, BaseException) else [found[0]]
    given += [(await one.ask())[0] for one in (other, replica_of(redis, topic))]
    assert all(body == given[0] for body in given)
