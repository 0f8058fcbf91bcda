"""Every question gets one answer: that of the workers, or the fallback with its reason."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from streams.decisions import decision_desk
from streams.decisions.answer_store import QuestionNames
from streams.decisions.decision_errors import RequestRefusedError
from tests.streams.decisions.bank import MemoryRedis, Workers, payment, worker_answer
from tests.streams.decisions.desk_replica import KEY, Replica

SOON = 0.3
"""Seconds: a deadline that passes soon, and leaves a busy machine time to read the store in memory."""


@pytest.fixture(autouse=True)
def patient_with_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer for a file than a bank would wait."""
    monkeypatch.setattr(decision_desk, "SPOOL_LEAST_SECONDS", 60.0)


async def test_the_answer_of_the_workers_is_sent_and_kept_for_every_replica() -> None:
    redis = MemoryRedis()
    first = Replica(redis, Workers(worker_answer))
    body, repeated = await first.ask()
    assert (body["decision"], body["recorded"], repeated) == ("hold", "yes", False)
    other = Replica(redis, Workers(lambda: worker_answer("proceed")))
    assert await other.ask() == (body, True)
    assert other.workers.asked == []
    assert first.value("forewarn_decide_answers_total", decision="hold", reason="over_hold") == 1


async def test_a_key_in_redis_says_nothing_of_the_payment_and_expires() -> None:
    redis = MemoryRedis()
    await Replica(redis, Workers(worker_answer)).ask(transfer_id="transfer-of-li-na")
    [(_, key, _, _, _, seconds)] = redis.sets
    assert b"transfer-of-li-na" not in key
    assert seconds == 60


async def test_no_answer_in_time_is_the_fallback_and_stays_it() -> None:
    """The later answer of the workers does not change what the bank was given."""
    redis = MemoryRedis()
    replica = Replica(redis, Workers(lambda: None))
    body, _ = await replica.ask(SOON, amount_minor=3_000_000)
    assert (body["decision"], body["reason"]) == ("challenge", "no_answer_in_time")
    assert body["probability"] is None
    keeping = asyncio.create_task(replica.unkept.run())
    names = QuestionNames(KEY)
    event = payment(amount_minor=3_000_000)
    name = names.identity("default", "t1") + names.digest(event)
    replica.desk.note_late(name + b"0" * 16, worker_answer("hold"))
    await asyncio.sleep(0.02)
    keeping.cancel()
    assert await Replica(redis, Workers(worker_answer)).ask(amount_minor=3_000_000) == (body, True)
    assert replica.value("forewarn_decide_late_answers_total", decision="hold") == 1


async def test_an_answer_that_no_replica_waits_for_counts_when_the_bank_asks_again() -> None:
    """The replica that asked has crashed; the next reader of its partition keeps the answer."""
    redis, names = MemoryRedis(), QuestionNames(KEY)
    started = Replica(redis, Workers(lambda: None))
    keeping = asyncio.create_task(started.unkept.run())
    name = names.identity("default", "t1") + names.digest(payment())
    started.desk.note_late(name + b"0" * 16, worker_answer("refuse"))
    async with asyncio.timeout(5):
        while not redis.values:
            await asyncio.sleep(0)
    keeping.cancel()
    body, repeated = await Replica(redis, Workers(worker_answer)).ask()
    assert (body["decision"], repeated) == ("refuse", True)


async def test_replicas_that_are_asked_at_the_same_time_give_one_answer() -> None:
    redis = MemoryRedis()
    replicas = [
        Replica(redis, Workers(lambda d=d: worker_answer(d)))  # type: ignore[misc]
        for d in ("hold", "proceed")
    ]
    (one, _), (other, _) = await asyncio.gather(*(replica.ask() for replica in replicas))
    assert one == other


async def test_the_same_question_at_the_same_time_is_asked_once() -> None:
    replica = Replica(MemoryRedis(), Workers(worker_answer))
    bodies = await asyncio.gather(*(replica.ask() for _ in range(5)))
    assert len({json.dumps(body) for body, _ in bodies}) == 1
    assert sorted(repeated for _, repeated in bodies) == [False, True, True, True, True]
    assert len(replica.workers.asked) == 1


async def test_the_same_question_with_an_earlier_deadline_is_answered_by_that_one() -> None:
    """Both banks get the same answer, and none of them late."""
    replica = Replica(MemoryRedis(), Workers(lambda: None))
    patient = asyncio.create_task(replica.ask(600.0))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        (hasty, repeated), (body, _) = await asyncio.gather(replica.ask(SOON), patient)
    assert (body["reason"], hasty, repeated) == ("no_answer_in_time", body, True)
    assert len(replica.workers.asked) == 1


async def test_a_question_that_lay_unread_past_its_deadline_is_answered_at_once() -> None:
    """A loop that was held up answers what it finds without waiting again; the event goes to the workers."""
    redis, workers = MemoryRedis(), Workers(lambda: None)
    replica = Replica(redis, workers)
    async with asyncio.timeout(60):
        body, _ = await replica.ask(600.0, unread_seconds=700.0)
    assert (body["reason"], body["recorded"]) == ("no_answer_in_time", "yes")
    assert [event.transfer_id for event in workers.asked] == ["t1"]
    assert await Replica(redis, workers).ask(600.0, unread_seconds=700.0) == (body, True)


@pytest.mark.parametrize("together", [True, False])
async def test_another_payment_under_the_same_id_is_a_conflict(together: bool) -> None:
    replica = Replica(MemoryRedis(), Workers(worker_answer))
    if together:
        results = await asyncio.gather(
            replica.ask(), replica.ask(amount_minor=5), return_exceptions=True
        )
        refusal: Any = results[1]
    else:
        await replica.ask()
        with pytest.raises(RequestRefusedError) as caught:
            await replica.ask(amount_minor=5)
        refusal = caught.value
    assert (refusal.status, refusal.code) == (409, "transfer_id_reused")


@pytest.mark.parametrize("refuse", [True, False])
async def test_more_questions_than_may_wait_are_answered_at_once(refuse: bool) -> None:
    replica = Replica(MemoryRedis(), Workers(lambda: None), in_flight=1, refuse=refuse)
    waiting = asyncio.create_task(replica.ask(0.5))
    await asyncio.sleep(0)
    if refuse:
        with pytest.raises(RequestRefusedError) as refused:
            await replica.ask(600.0, transfer_id="t2")
        assert refused.value.status == 429
    else:
        body, _ = await replica.ask(600.0, transfer_id="t2")
        assert (body["reason"], body["recorded"]) == ("overloaded", "no")
    assert not waiting.done()
    waiting.cancel()


async def test_what_redis_did_not_take_is_kept_many_answers_in_one_round_trip() -> None:
    """A Redis that comes back after minutes has thousands to take."""
    redis = MemoryRedis()
    redis.away = True
    replica = Replica(redis, Workers(lambda: None))
    bodies = [(await replica.ask(SOON, transfer_id=f"t{n}"))[0] for n in range(3)]
    assert replica.value("forewarn_decide_unkept_answers") == 3
    redis.away, trips = False, redis.trips
    await replica.keep_all(3)
    assert redis.trips == trips + 1
    assert replica.value("forewarn_decide_unkept_answers") == 0
    other = Replica(redis, Workers(worker_answer))
    assert [await other.ask(transfer_id=f"t{n}") for n in range(3)] == [(b, True) for b in bodies]


@pytest.mark.parametrize("silent", [False, True])
async def test_without_redis_the_fallback_is_answered_and_the_event_goes_to_the_workers(
    silent: bool,
) -> None:
    """A Redis that says nothing costs half of the deadline, however long its own timeout is."""
    redis = MemoryRedis()
    redis.away, redis.silent = not silent, silent
    replica = Replica(redis, Workers(lambda: None))
    async with asyncio.timeout(60):
        body, _ = await replica.ask(SOON)
    assert (body["reason"], body["probability"]) == ("store_unavailable", None)
    assert body["recorded"] == "yes"
    assert [event.transfer_id for event in replica.workers.asked] == ["t1"]
    assert await replica.ask() == (body, True)
    redis.away = redis.silent = False
    # The answer of the workers comes once they have Redis again; it does not replace the bank's.
    names = QuestionNames(KEY)
    name = names.identity("default", "t1") + names.digest(payment())
    replica.desk.note_late(name + b"0" * 16, worker_answer("hold"))
    await replica.keep_all()
    assert await replica.ask() == (body, True)
    assert await Replica(redis, Workers(worker_answer)).ask() == (body, True)


@pytest.mark.parametrize(("late", "recorded"), [(False, "no"), (True, "spooled")])
async def test_without_redis_and_kafka_the_answer_says_that_nothing_has_the_event(
    tmp_path: Path, late: bool, recorded: str
) -> None:
    redis, workers = MemoryRedis(), Workers(lambda: None)
    redis.away = workers.away = True
    replica = Replica(redis, workers, spool=tmp_path)
    body, _ = await replica.ask(accept_late=late)
    assert (body["reason"], body["recorded"]) == ("store_unavailable", recorded)


async def test_an_answer_that_redis_does_not_take_by_the_deadline_is_given_and_kept_later() -> None:
    redis = MemoryRedis()

    def reply() -> Any:
        redis.silent = True  # from now on
        return worker_answer("hold")

    replica = Replica(redis, Workers(reply))
    async with asyncio.timeout(60):
        body, repeated = await replica.ask(SOON)
    assert (body["decision"], repeated) == ("hold", False)
    assert replica.value("forewarn_decide_unkept_answers") == 1
    redis.silent = False
    await replica.keep_all()
    assert await Replica(redis, Workers(worker_answer)).ask() == (body, True)


@pytest.mark.parametrize(
    ("away", "acknowledges", "late", "reason", "recorded"),
    [
        (True, True, False, "stream_unavailable", "no"),
        (True, True, True, "stream_unavailable", "spooled"),
        (False, False, False, "no_answer_in_time", "unconfirmed"),
        (False, False, True, "no_answer_in_time", "spooled"),
        (False, True, True, "no_answer_in_time", "yes"),
    ],
)
async def test_the_answer_says_whether_the_event_was_recorded(
    tmp_path: Path, away: bool, acknowledges: bool, late: bool, reason: str, recorded: str
) -> None:
    workers = Workers(lambda: None)
    workers.away, workers.acknowledges = away, acknowledges
    replica = Replica(MemoryRedis(), workers, spool=tmp_path)
    body, _ = await replica.ask(SOON, accept_late=late)
    assert (body["reason"], body["recorded"]) == (reason, recorded)
    assert replica.value("forewarn_decide_spooled_events") == (recorded == "spooled")


@pytest.mark.parametrize("late", [True, False])
async def test_an_event_that_was_not_recorded_is_when_the_bank_asks_again(
    tmp_path: Path, late: bool
) -> None:
    """The answer stays as it is, and says what was the case when it was given."""
    redis, workers = MemoryRedis(), Workers(lambda: None)
    workers.away = True
    body, _ = await Replica(redis, workers).ask(SOON)
    assert body["recorded"] == "no"
    workers.away = False
    replica = Replica(redis, workers, spool=tmp_path)
    assert await replica.ask(accept_late=late) == (body, True)
    while not (workers.sent or replica.value("forewarn_decide_spooled_events")):
        await asyncio.sleep(0.001)
    assert [event.transfer_id for event in workers.sent] == ([] if late else ["t1"])
    known = Workers(worker_answer)
    for _ in range(2):
        await Replica(redis, known).ask(transfer_id="t2")
    await asyncio.sleep(0)
    assert known.sent == []


async def test_a_full_spool_says_so(tmp_path: Path) -> None:
    workers = Workers(lambda: None)
    workers.away = True
    replica = Replica(MemoryRedis(), workers, spool=tmp_path, spool_events=1)
    kept = [
        (await replica.ask(SOON, accept_late=True, transfer_id=f"t{n}"))[0]["recorded"]
        for n in range(2)
    ]
    assert kept == ["spooled", "no"]
    assert replica.value("forewarn_decide_spooled_events") == 1
    assert replica.value("forewarn_decide_spool_refusals_total") == 1


async def test_a_bank_that_hangs_up_finds_the_answer_when_it_asks_again() -> None:
    redis = MemoryRedis()
    gate = asyncio.Event()
    workers = Workers(worker_answer)
    replica = Replica(redis, workers)
    send = redis.send

    async def slow(commands: Any) -> list[Any]:
        await gate.wait()
        return await send(commands)

    redis.send = slow  # type: ignore[method-assign]
    asking = asyncio.create_task(replica.ask())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    gate.set()
    await replica.desk.drain()
    assert (await replica.ask())[1]
    assert len(workers.asked) == 1
