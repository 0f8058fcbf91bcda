"""Work and clubs: the boss who really is in a hurry, the one who collects money for all."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, SHOPPING, occurrences
from forewarn.simulator.routines.everyday_calls import closeness
from forewarn.simulator.routines.everyday_payments import settlements
from forewarn.simulator.town_ledger import Scene
from forewarn.simulator.town_scenario import HOUR_MS, MINUTE_MS
from forewarn.simulator.world import World, money, settle_ms, talk_ms


def urgent_favours(world: World) -> None:
    """An acquaintance calls and asks for a large payment to a third party at once; it is honest."""
    rng, people = world.scenario.rng("favours"), world.people
    rate = np.where(people.is_work("owner", "self_employed", "sales"), 0.012, 0.002)
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=0.4))
    time = world.clock.times(rng, day, OFFICE)
    talk = talk_ms(rng, who.size, 240, 0.8)
    called = np.flatnonzero(rng.random(who.size) < 0.75)
    stranger = world.directory.new_numbers(who.size, "mobile")
    asks = np.where(
        rng.random(who.size) < 0.35, stranger, people.contacts[who, closeness(rng, who.size)]
    )
    world.ledger.calls.add(
        called.size,
        person=who[called],
        other=asks[called],
        inbound=True,
        start_ms=time[called],
        duration_ms=talk[called],
        scene=Scene.URGENT_FAVOUR,
    )
    live = rng.random(who.size) < 0.5
    later = talk + rng.lognormal(np.log(15 * MINUTE_MS), 1.0, who.size).astype(np.int64)
    amount = money(rng, 1_200_000.0, 1.1, who.size)
    world.ledger.postings.add(
        who.size,
        person=who,
        other=world.directory.new_accounts(who.size),
        time_ms=time + np.where(live, talk * 3 // 5, later),
        settle_ms=settle_ms(rng, amount),
        amount_minor=amount,
        settlement=settlements(rng, who.size, blocked=0.04),
        device=people.device[who],
        scene=Scene.URGENT_FAVOUR,
    )


def collectors(world: World) -> None:
    """Class funds and group purchases: many small payers, one quick payment onward."""
    rng, people, businesses = world.scenario.rng("collectors"), world.people, world.businesses
    who, day = occurrences(
        rng, np.full(people.count, 0.0015), world.clock.weekday_factor(weekend=1)
    )
    begin = world.clock.times(rng, day, SHOPPING)
    payers = rng.integers(4, 30, who.size)
    each = money(rng, 9_000.0, 1.0, who.size)
    row = np.repeat(np.arange(who.size), payers)
    world.ledger.postings.add(
        row.size,
        person=who[row],
        other=world.directory.new_accounts(row.size),
        outgoing=False,
        time_ms=begin[row] + rng.exponential(1.2 * HOUR_MS, row.size).astype(np.int64),
        amount_minor=each[row],
    )
    world.ledger.postings.add(
        who.size,
        person=who,
        other=businesses.merchants[rng.integers(0, businesses.merchants.size, who.size)],
        time_ms=begin + rng.integers(2 * HOUR_MS, 12 * HOUR_MS, who.size),
        settle_ms=1_200,
        amount_minor=each * payers,
        settlement=settlements(rng, who.size),
        device=people.device[who],
    )
