"""Banks that really call back, and money that really rests on a second account for minutes."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, occurrences
from forewarn.simulator.routines.everyday_payments import settlements
from forewarn.simulator.town_ledger import PURPOSES, Scene
from forewarn.simulator.town_scenario import HOUR_MS, MINUTE_MS
from forewarn.simulator.world import World, money, settle_ms, talk_ms


def call_backs(world: World) -> None:
    """A customer asks, the bank calls back from a line of a branch, some act while it talks."""
    rng, people, businesses = world.scenario.rng("call backs"), world.people, world.businesses
    rate = np.where(people.age >= 18, 0.014, 0.002)
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=0.2))
    asked = world.clock.times(rng, day, OFFICE)
    talk = talk_ms(rng, who.size, 260, 0.8)
    first = np.flatnonzero(rng.random(who.size) < 0.7)
    world.ledger.calls.add(
        first.size,
        person=who[first],
        other=businesses.bank_numbers[who[first] % 8],
        inbound=False,
        start_ms=asked[first],
        duration_ms=talk[first],
        scene=Scene.BANK_CALLBACK,
    )
    back = asked + talk + rng.lognormal(np.log(35 * MINUTE_MS), 1.1, who.size).astype(np.int64)
    branch = rng.random(who.size) < 0.6
    number = np.where(
        branch,
        businesses.offices[rng.integers(0, businesses.offices.size, who.size)],
        businesses.bank_numbers[who % 8],
    )
    advice = talk_ms(rng, who.size, 620, 0.8)
    world.ledger.calls.add(
        who.size,
        person=who,
        other=number,
        inbound=True,
        start_ms=back,
        duration_ms=advice,
        scene=Scene.BANK_CALLBACK,
    )
    lent = np.flatnonzero(rng.random(who.size) < 0.12)
    world.ledger.postings.add(
        lent.size,
        person=who[lent],
        other=businesses.bank_accounts[who[lent] % 8],
        outgoing=False,
        time_ms=back[lent] + advice[lent] // 3,
        amount_minor=money(rng, people.income_minor[who[lent]] * 3.0 + 100_000.0, 0.8, lent.size),
        purpose=PURPOSES.index("loan"),
        scene=Scene.BANK_CALLBACK,
    )
    # A wealth product, another card of one's own, or an old debt elsewhere: often a new payee.
    acts = np.flatnonzero(rng.random(who.size) < 0.4)
    fresh = world.directory.new_accounts(acts.size)
    kind = rng.random(acts.size)
    payee = np.where(
        kind < 0.45,
        fresh,
        np.where(
            kind < 0.7, people.second_account[who[acts]], businesses.bank_accounts[who[acts] % 8]
        ),
    )
    amount = money(rng, people.savings_minor[who[acts]] * 0.15 + 50_000.0, 0.9, acts.size)
    world.ledger.postings.add(
        acts.size,
        person=who[acts],
        other=payee,
        time_ms=back[acts] + (advice[acts] * rng.uniform(0.4, 1.6, acts.size)).astype(np.int64),
        settle_ms=settle_ms(rng, amount),
        amount_minor=amount,
        settlement=settlements(rng, acts.size, blocked=0.03),
        device=people.device[who[acts]],
        scene=Scene.BANK_CALLBACK,
    )


def through_second_account(world: World) -> None:
    """A dormant card wakes: a windfall arrives on it and is moved on soon, as a mule's would be."""
    rng, people, businesses = world.scenario.rng("second accounts"), world.people, world.businesses
    who, day = occurrences(rng, np.full(people.count, 0.008), world.clock.weekday_factor(weekend=1))
    time = world.clock.times(rng, day, OFFICE)
    amount = money(rng, 400_000.0, 1.3, who.size)
    payer = np.where(rng.random(who.size) < 0.5, who, world.directory.new_accounts(who.size))
    world.ledger.postings.add(
        who.size,
        person=who,
        own=people.second_account[who],
        other=payer,
        outgoing=False,
        time_ms=time,
        amount_minor=amount,
    )
    for likely in (0.85, 0.4):
        rows = np.flatnonzero(rng.random(who.size) < likely)
        time = time + rng.lognormal(np.log(0.7 * HOUR_MS), 1.6, who.size).astype(np.int64)
        part = (amount[rows] * rng.uniform(0.3, 1.0, rows.size)).astype(np.int64).clip(100)
        target = np.where(
            rng.random(rows.size) < 0.6,
            businesses.merchants[rng.integers(0, businesses.merchants.size, rows.size)],
            world.directory.new_accounts(rows.size),
        )
        world.ledger.postings.add(
            rows.size,
            person=who[rows],
            own=people.second_account[who[rows]],
            other=target,
            time_ms=time[rows],
            settle_ms=settle_ms(rng, part),
            amount_minor=part,
            settlement=settlements(rng, rows.size),
            device=people.device[who[rows]],
        )
