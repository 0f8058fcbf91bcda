"""Families: gifts of grandparents, relatives abroad, the night at the hospital, a new number."""

import numpy as np

from forewarn.simulator.activity_clock import LATE, OFFICE, SOCIAL, occurrences
from forewarn.simulator.people import FAMILY
from forewarn.simulator.routines.everyday_payments import pay_person, settlements
from forewarn.simulator.town_ledger import Scene
from forewarn.simulator.town_scenario import DAY_MS, MINUTE_MS
from forewarn.simulator.world import World, money, settle_ms, talk_ms


def gifts(world: World) -> None:
    """Grandparents send money: monthly on their own day, often right after the child has called."""
    rng, people = world.scenario.rng("gifts"), world.people
    givers = np.flatnonzero((people.age >= 58) & (rng.random(people.count) < 0.4))
    due = rng.integers(1, 29, givers.size)
    usual = money(rng, 150_000.0, 0.9, givers.size)
    kin = people.contacts[givers, rng.integers(0, FAMILY, givers.size)]
    row, day = np.nonzero(due[:, None] == world.clock.day_of_month[None, :])
    who, number, amount = givers[row], kin[row], usual[row]
    time = world.clock.times(rng, day, SOCIAL)
    fresh = rng.random(row.size) < 0.15  # to a card that is new, for a school or a first flat
    pay_person(
        world, rng, who[~fresh], number[~fresh], time[~fresh], amount[~fresh],
        Scene.GRANDPARENT_GIFT,
    )  # fmt: skip
    large = money(rng, 2_000_000.0, 0.8, row.size)[fresh]
    world.ledger.postings.add(
        int(fresh.sum()),
        person=who[fresh],
        other=world.directory.new_accounts(int(fresh.sum())),
        time_ms=time[fresh],
        settle_ms=settle_ms(rng, large),
        amount_minor=large,
        settlement=settlements(rng, large.size, blocked=0.02),
        device=people.device[who[fresh]],
        scene=Scene.GRANDPARENT_GIFT,
    )
    called = np.flatnonzero(rng.random(row.size) < 0.6)
    talk = talk_ms(rng, called.size, 420, 0.9)
    before = np.where(
        rng.random(called.size) < 0.5, talk * 2 // 3, talk + rng.integers(0, 3_600_000, called.size)
    )
    world.ledger.calls.add(
        called.size,
        person=who[called],
        other=number[called],
        inbound=True,
        start_ms=time[called] - before,
        duration_ms=talk,
        scene=Scene.GRANDPARENT_GIFT,
    )


def abroad(world: World) -> None:
    """Relatives abroad call from foreign numbers at odd hours and are sent money and tuition."""
    rng, people = world.scenario.rng("abroad"), world.people
    kin = np.flatnonzero(rng.random(people.count) < 0.05)
    numbers = world.directory.new_numbers(kin.size, "foreign")
    accounts = world.directory.new_accounts(kin.size)
    row, day = occurrences(rng, np.full(kin.size, 0.3), world.clock.weekday_factor(weekend=1.6))
    answered = rng.random(row.size) < 0.75
    talk = talk_ms(rng, row.size, 800, 1.0)
    world.ledger.calls.add(
        row.size,
        person=kin[row],
        other=numbers[row],
        inbound=rng.random(row.size) < 0.7,
        start_ms=world.clock.times(rng, day, LATE),
        duration_ms=np.where(answered, talk, 25_000),
        answered=answered,
        scene=Scene.RELATIVE_ABROAD,
    )
    row, day = occurrences(rng, np.full(kin.size, 0.05), world.clock.weekday_factor(weekend=1.0))
    tuition = rng.random(row.size) < 0.25
    payee = accounts[row]
    payee[tuition] = world.directory.new_accounts(int(tuition.sum()))
    amount = money(rng, np.where(tuition, 4_000_000.0, 600_000.0), 0.8, row.size)
    world.ledger.postings.add(
        row.size,
        person=kin[row],
        other=payee,
        time_ms=world.clock.times(rng, day, LATE),
        settle_ms=settle_ms(rng, amount),
        amount_minor=amount,
        settlement=settlements(rng, row.size, blocked=0.03),
        device=people.device[kin[row]],
        scene=Scene.RELATIVE_ABROAD,
    )


def hospital(world: World) -> None:
    """A relative or the hospital itself calls; within the hour money goes to a new payee."""
    rng, people, businesses = world.scenario.rng("hospital"), world.people, world.businesses
    who, day = occurrences(rng, np.full(people.count, 0.002), world.clock.weekday_factor(weekend=1))
    time = world.clock.times(rng, day, SOCIAL)
    kin = people.contacts[who, rng.integers(0, FAMILY, who.size)]
    office = businesses.offices[rng.integers(0, businesses.offices.size, who.size)]
    talk = talk_ms(rng, who.size, 240, 0.8)
    world.ledger.calls.add(
        who.size,
        person=who,
        other=np.where(rng.random(who.size) < 0.45, office, kin),
        inbound=True,
        start_ms=time,
        duration_ms=talk,
        scene=Scene.HOSPITAL,
    )
    payee = world.directory.new_accounts(who.size)
    for again in (1.0, 0.5, 0.25):
        rows = np.flatnonzero(rng.random(who.size) < again)
        time = time + rng.lognormal(np.log(20 * MINUTE_MS), 1.0, who.size).astype(np.int64)
        amount = money(rng, 900_000.0, 0.9, rows.size)
        world.ledger.postings.add(
            rows.size,
            person=who[rows],
            other=payee[rows],
            time_ms=time[rows],
            settle_ms=settle_ms(rng, amount),
            amount_minor=amount,
            settlement=settlements(rng, rows.size, blocked=0.03),
            device=people.device[who[rows]],
            scene=Scene.HOSPITAL,
        )


def new_numbers(world: World) -> None:
    """An acquaintance gets a new number: long calls from an unknown number that come again for weeks."""
    rng, people = world.scenario.rng("new numbers"), world.people
    who, day = occurrences(rng, np.full(people.count, 0.01), world.clock.weekday_factor(weekend=1))
    number = world.directory.new_numbers(who.size, "mobile")
    time = world.clock.times(rng, day, SOCIAL)
    for likely in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        rows = np.flatnonzero(rng.random(who.size) < likely)
        world.ledger.calls.add(
            rows.size,
            person=who[rows],
            other=number[rows],
            inbound=rng.random(rows.size) < 0.6,
            start_ms=time[rows],
            duration_ms=talk_ms(rng, rows.size, 200, 1.2),
        )
        time = time + rng.exponential(1.5 * DAY_MS, who.size).astype(np.int64)
    # Half of them are also paid at some point, for a dinner or a debt.
    paid = np.flatnonzero(rng.random(who.size) < 0.5)
    amount = money(rng, 40_000.0, 1.3, paid.size)
    world.ledger.postings.add(
        paid.size,
        person=who[paid],
        other=world.directory.new_accounts(paid.size),
        time_ms=world.clock.times(rng, day[paid], OFFICE) + rng.integers(0, 6 * DAY_MS, paid.size),
        settle_ms=settle_ms(rng, amount),
        amount_minor=amount,
        settlement=settlements(rng, paid.size),
        device=people.device[who[paid]],
    )
