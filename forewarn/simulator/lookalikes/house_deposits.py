"""House deposits: an agent's calls for weeks, broken savings, then sums never paid before."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, Ints, occurrences
from forewarn.simulator.routines.everyday_payments import settlements
from forewarn.simulator.town_ledger import PURPOSES, Scene
from forewarn.simulator.town_scenario import DAY_MS, HOUR_MS, MINUTE_MS
from forewarn.simulator.world import World, money, settle_ms, talk_ms


def deposits(world: World) -> None:
    """Deposit and down payment to new payees, in steps below the bank's daily limit.

    With a car or a renovation in place of a house it is the same to those who watch.
    """
    rng, people, businesses = world.scenario.rng("housing"), world.people, world.businesses
    rate = np.where((people.age >= 23) & (people.age <= 65), 0.0009, 0.0001)
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=1.3))
    agent = world.directory.new_numbers(who.size, "mobile")
    signing = world.clock.times(rng, day, OFFICE)
    for _ in range(5):
        rows = np.flatnonzero(rng.random(who.size) < 0.8)
        world.ledger.calls.add(
            rows.size,
            person=who[rows],
            other=agent[rows],
            inbound=rng.random(rows.size) < 0.6,
            start_ms=signing[rows] - rng.integers(2 * HOUR_MS, 20 * DAY_MS, rows.size),
            duration_ms=talk_ms(rng, rows.size, 300, 0.9),
            scene=Scene.HOUSE_DEPOSIT,
        )
    on_line = np.flatnonzero(rng.random(who.size) < 0.5)
    world.ledger.calls.add(
        on_line.size,
        person=who[on_line],
        other=agent[on_line],
        inbound=True,
        start_ms=signing[on_line] - 4 * MINUTE_MS,
        duration_ms=talk_ms(rng, on_line.size, 900, 0.6) + 4 * MINUTE_MS,
        scene=Scene.HOUSE_DEPOSIT,
    )
    broken = np.flatnonzero(rng.random(who.size) < 0.6)
    world.ledger.postings.add(
        broken.size,
        person=who[broken],
        other=businesses.bank_accounts[who[broken] % 8],
        outgoing=False,
        time_ms=signing[broken] - rng.integers(10 * MINUTE_MS, 2 * DAY_MS, broken.size),
        amount_minor=money(
            rng, people.savings_minor[who[broken]] * 0.5 + 50_000.0, 0.5, broken.size
        ),
        purpose=PURPOSES.index("savings_break"),
        scene=Scene.HOUSE_DEPOSIT,
    )
    _pay_in_steps(world, rng, who, signing)


def _pay_in_steps(world: World, rng: np.random.Generator, who: Ints, time: Ints) -> None:
    """One to five growing payments to the seller, minutes or days apart."""
    people = world.people
    payee = world.directory.new_accounts(who.size)
    amount = money(rng, people.savings_minor[who] * 0.06 + 100_000.0, 0.6, who.size)
    for step in range(5):
        rows = np.flatnonzero(rng.random(who.size) < (1.0 if step == 0 else 0.65))
        world.ledger.postings.add(
            rows.size,
            person=who[rows],
            other=payee[rows],
            time_ms=time[rows],
            settle_ms=settle_ms(rng, amount[rows]),
            amount_minor=amount[rows],
            settlement=settlements(rng, rows.size, blocked=0.06),
            device=people.device[who[rows]],
            scene=Scene.HOUSE_DEPOSIT,
        )
        pause = np.where(rng.random(who.size) < 0.5, 6 * MINUTE_MS, 1.5 * DAY_MS)
        time = time + (pause * rng.lognormal(0, 0.7, who.size)).astype(np.int64)
        amount = money(rng, people.savings_minor[who] * 0.15 + 200_000.0, 0.5, who.size)
