"""Workers, replicas and the broker are killed while banks ask: one answer for each payment, in time, all the same.

FOREWARN_CHAOS_PAYMENTS asks about so many (`make chaos-payments`: 10,000); FOREWARN_CHAOS_SEED repeats faults and
traffic. Replicas, bank, workers and broker share the processors here, so two clocks judge an answer: the service's own,
less what the kernel counts as its wait for a processor, and the bank's, less what its own loop was held up.
"""

import asyncio
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from benchmarks.decide_process import DecideProcess, payment
from benchmarks.world import PSEUDONYM_KEY
from forewarn.contracts import Transfer
from forewarn.local.child_process import stop_all
from forewarn.local.wait import wait_until
from streams.decisions.answer_store import QuestionNames
from tests.chaos.asking_bank import (
    HEAL_SECONDS,
    Bank,
    has_kept_all,
    is_ready,
    require_counted_once,
)
from tests.chaos.town import Town, has_joined

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(3600)]

PAYMENTS = int(os.environ.get("FOREWARN_CHAOS_PAYMENTS", "300"))
SEED = int(os.environ.get("FOREWARN_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
PER_SECOND = 50
DEADLINE_MS = 500
HEAL_SHARE = 0.5
"""Of the faults; after the others the next one comes before the workers are back."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    print(f"\nFOREWARN_CHAOS_SEED={SEED} FOREWARN_CHAOS_PAYMENTS={PAYMENTS}")
    town = Town(tmp_path, SEED, 2)
    yield town
    town.close()


@pytest.fixture
def replicas(town: Town) -> Iterator[list[DecideProcess]]:
    made = [
        DecideProcess(
            town.world,
            f"decide-{n}",
            {
                "FOREWARN_DECIDE_ANSWER_PARTITION": str(n),
                # Proxies and a busy machine: Redis is not away because it is slow.
                "FOREWARN_DECIDE_STORE_TIMEOUT_SECONDS": "0.4",
            },
        )
        for n in range(2)
    ]
    yield made
    stop_all(made)


def play(town: Town, replicas: list[DecideProcess], asking: asyncio.Event) -> Counter[str]:
    """Kill one part after another while payments ask; each kind at least once."""

    def kill_replica() -> None:
        replica = town.draw.choice(replicas)
        replica.kill()
        replica.start()
        wait_until(lambda: is_ready(replica), HEAL_SECONDS, what="the replica to come back")

    faults = {
        "kill worker": town.kill,
        "kill replica": kill_replica,
        "crash broker": town.crash_broker,
        "cut Redis": lambda: town.cut(town.redis_proxy),
    }
    done: Counter[str] = Counter()
    while not asking.is_set() or len(done) < len(faults):
        for name in town.draw.sample(list(faults), len(faults)):
            print(name, flush=True)
            faults[name]()
            done[name] += 1
            town.restart_ended()
            if town.draw.random() < HEAL_SHARE:
                await_workers(town)
            time.sleep(town.draw.uniform(0.5, 2.0))
    return done


def await_workers(town: Town) -> None:
    """Wait until all workers are in the group, for so long that some answers are theirs."""
    wait_until(
        lambda: all(has_joined(worker) for worker in town.workers),
        HEAL_SECONDS,
        what="the workers",
    )


async def ask_all(bank: Bank, events: list[Transfer]) -> None:
    control = asyncio.create_task(bank.control.run())
    async with bank.session() as session:
        tasks = []
        for event in events:
            tasks.append(asyncio.create_task(bank.ask(session, event)))
            await asyncio.sleep(1 / PER_SECOND)
        await asyncio.gather(*tasks)
    control.cancel()


def identity_of(event: Transfer) -> str:
    """How replicas name the question in their logs."""
    names = QuestionNames(PSEUDONYM_KEY.encode())
    return names.identity(event.tenant, event.transfer_id).decode()


def said(replicas: list[DecideProcess], what: str) -> set[str]:
    """Questions about whose answers the replicas' logs say this."""
    pattern = re.compile(rf"answer_{what}.*?question.*?([0-9a-f]{{32}})")
    return {name for replica in replicas for name in pattern.findall(replica.log_file.read_text())}


async def ask_again(bank: Bank, events: list[Transfer]) -> None:
    """Every replica is asked about every payment once more."""
    async with bank.session() as session:
        for event in events:
            for place in range(len(bank.replicas)):
                await bank.ask(session, event, place)


async def test_every_payment_gets_one_answer_whatever_is_killed(
    town: Town, replicas: list[DecideProcess]
) -> None:
    await asyncio.to_thread(town.start)
    for replica in replicas:
        await asyncio.to_thread(replica.start)
    for replica in replicas:
        await asyncio.to_thread(
            wait_until, lambda r=replica: is_ready(r), HEAL_SECONDS, what="a replica"
        )
    await asyncio.to_thread(await_workers, town)
    bank, events = (
        Bank(replicas, random.Random(SEED), DEADLINE_MS),
        [payment(n) for n in range(PAYMENTS)],
    )
    asked = asyncio.Event()
    playing = asyncio.create_task(asyncio.to_thread(play, town, replicas, asked))
    await ask_all(bank, events)
    asked.set()
    print(bank.summary())
    late = [one for one in bank.punctuality if one.is_served_late or one.is_carried_late]
    faults = await playing
    for replica in replicas:
        await asyncio.to_thread(
            wait_until, lambda r=replica: has_kept_all(r), HEAL_SECONDS, what="all answers kept"
        )
    first = {name: len(bodies) for name, bodies in bank.bodies.items()}
    await ask_again(bank, events)
    reasons: Counter[str] = Counter()
    recorded: Counter[str] = Counter()
    answers = {
        name: [msgspec.json.decode(b) for b in bodies] for name, bodies in bank.bodies.items()
    }
    for found in answers.values():
        reasons[found[0]["reason"]] += 1
        recorded[found[0]["recorded"]] += 1
    print(
        f"{len(answers)} payments, {sum(first.values())} answers, {dict(reasons)}, {dict(recorded)},"
        f" {bank.lost_connections} lost connections, faults {dict(faults)}"
    )
    assert len(answers) == PAYMENTS
    differing = {name for name, found in answers.items() if len(found) > 1}
    lost = said(replicas, "unconfirmed")
    unconfirmed = {event.transfer_id for event in events if identity_of(event) in lost}
    print(
        f"{len(differing)} payments with two answers, {len(unconfirmed)} that neither Redis nor Kafka took in time,"
        f" {len(said(replicas, 'differs'))} for which Redis had another one"
    )
    for name in sorted(differing):
        print(name, *(body.decode() for body in bank.bodies[name]), sep="\n  ")
    # What is given before any server has it may be lost with its replica; the replica says which answers these are.
    assert differing <= unconfirmed
    accepted = [e for e in events if answers[e.transfer_id][0]["recorded"] == "yes"]
    await require_counted_once(town, accepted)
    assert not late, "answers came late for another reason than a busy processor"
