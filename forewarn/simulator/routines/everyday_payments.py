"""Everyday payments: purchases, transfers between people, one's own money, bills."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, SHOPPING, SOCIAL, Ints, occurrences
from forewarn.simulator.income import spending_mood
from forewarn.simulator.people import CONTACTS
from forewarn.simulator.routines.everyday_calls import closeness
from forewarn.simulator.town_ledger import PURPOSES, Scene, Settlement
from forewarn.simulator.town_scenario import DAY_MS
from forewarn.simulator.world import World, money, settle_ms, talk_ms


def add_payments(world: World) -> None:
    """Write the everyday payments of the period into the ledger."""
    _purchases(world)
    _payments_between_people(world)
    _own_money(world)
    _bills(world)


def settlements(rng: np.random.Generator, count: int, *, blocked: float = 0.006) -> Ints:
    """How honest attempts end: limits and wrong passwords block some, a few are reversed."""
    return rng.choice(
        [Settlement.COMPLETED, Settlement.BLOCKED, Settlement.REVERSED, Settlement.ABANDONED],
        count,
        p=[1 - blocked - 0.006, blocked, 0.002, 0.004],
    )


def _purchases(world: World) -> None:
    """Shopping at favourite and at new merchants, and the refunds of some of it."""
    rng, people, businesses = world.scenario.rng("purchases"), world.people, world.businesses
    who, day = occurrences(
        rng, 1.9 * people.spending, spending_mood(world, weekend=1.25), burstiness=0.3
    )
    favourites = rng.integers(0, businesses.merchants.size, (people.count, 12))
    regular = rng.random(who.size) < 0.86
    merchant = np.where(
        regular,
        favourites[who, np.minimum(closeness(rng, who.size), 11)],
        rng.integers(0, businesses.merchants.size, who.size),
    )
    # One purchase in eighty is a telephone, a sofa or a journey.
    dear = rng.random(who.size) < 0.0125
    amount = money(rng, np.where(dear, 180_000.0, 2_600.0), np.where(dear, 1.3, 1.15), who.size)
    # A quarter is paid to a personal code at a stall: a transfer, as far as the bank can tell.
    stall = (rng.random(who.size) < 0.25) & ~dear
    near = (who * 7 + rng.geometric(0.05, who.size)) % businesses.vendors.size
    payee = np.where(stall, businesses.vendors[near], businesses.merchants[merchant])
    time = world.clock.times(rng, day, SHOPPING)
    settlement = settlements(rng, who.size)
    world.ledger.postings.add(
        who.size, person=who, other=payee,
        time_ms=time,
        settle_ms=rng.integers(200, 2_500, who.size), amount_minor=amount,
        purpose=np.where(stall, PURPOSES.index("transfer"), PURPOSES.index("purchase")),
        settlement=settlement, device=people.device[who],
    )  # fmt: skip
    back = np.flatnonzero(
        (settlement == Settlement.COMPLETED) & ~stall & (rng.random(who.size) < 0.03)
    )
    world.ledger.postings.add(
        back.size, person=who[back], other=businesses.merchants[merchant[back]], outgoing=False,
        time_ms=time[back] + rng.integers(600_000, 6 * DAY_MS, back.size),
        amount_minor=amount[back], purpose=PURPOSES.index("refund"),
    )  # fmt: skip


def _payments_between_people(world: World) -> None:
    """Transfers to friends and family, and to strangers for work done or second-hand goods."""
    rng, people = world.scenario.rng("between people"), world.people
    who, day = occurrences(rng, 0.25 * people.spending, world.clock.weekday_factor(weekend=1.2))
    number = people.contacts[who, closeness(rng, who.size, 1.3)]
    # Adults support their kin with more than the price of a shared dinner.
    large = rng.random(who.size) < 0.08
    amount = money(rng, np.where(large, 600_000.0, 14_000.0), 1.1, who.size)
    time = world.clock.times(rng, day, SOCIAL)
    pay_person(world, rng, who, number, time, amount)

    who, day = occurrences(rng, 0.05 * people.spending, world.clock.weekday_factor(weekend=1.1))
    chosen = rng.integers(0, world.businesses.tradesman_numbers.size, who.size)
    time = world.clock.times(rng, day, SOCIAL)
    amount = money(rng, np.where(rng.random(who.size) < 0.2, 300_000.0, 22_000.0), 1.1, who.size)
    world.ledger.postings.add(
        who.size, person=who, other=world.businesses.tradesman_accounts[chosen], time_ms=time,
        settle_ms=settle_ms(rng, amount), amount_minor=amount,
        settlement=settlements(rng, who.size, blocked=0.015), device=people.device[who],
    )  # fmt: skip
    # Two in five are arranged on the phone, half of those while still talking.
    calls = np.flatnonzero(rng.random(who.size) < 0.4)
    talk = talk_ms(rng, calls.size, 150, 1.0)
    before = np.where(
        rng.random(calls.size) < 0.5, talk // 2, talk + rng.integers(60_000, 7_200_000, calls.size)
    )
    world.ledger.calls.add(
        calls.size, person=who[calls], other=world.businesses.tradesman_numbers[chosen[calls]],
        inbound=rng.random(calls.size) < 0.5, start_ms=time[calls] - before, duration_ms=talk,
    )  # fmt: skip


def pay_person(
    world: World, rng: np.random.Generator, who: Ints, number: Ints, time: Ints, amount: Ints,
    scene: Scene = Scene.EVERYDAY,
) -> None:  # fmt: skip
    """Pay the owners of numbers out of the contact matrix; a subscriber is also credited."""
    people = world.people
    settlement = settlements(rng, who.size)
    delay = settle_ms(rng, amount)
    world.ledger.postings.add(
        who.size, person=who, other=people.accounts_of[number], time_ms=time, settle_ms=delay,
        amount_minor=amount, settlement=settlement, device=people.device[who], scene=scene,
    )  # fmt: skip
    paid = np.flatnonzero((number < people.count) & (settlement == Settlement.COMPLETED))
    world.ledger.postings.add(
        paid.size, person=number[paid], other=who[paid], outgoing=False,
        time_ms=time[paid] + delay[paid], amount_minor=amount[paid], scene=scene,
    )  # fmt: skip


def _own_money(world: World) -> None:
    """Money that stays one's own: savings moved or broken, cash, credit taken and paid back."""
    rng, people, businesses = world.scenario.rng("own money"), world.people, world.businesses
    flat = world.clock.weekday_factor(weekend=0.6)
    bank = rng.integers(0, 8, people.count)

    who, day = occurrences(rng, np.full(people.count, 0.045), flat)
    amount = money(rng, people.savings_minor[who] * 0.12 + 5_000, 1.0, who.size)
    to_own = rng.random(who.size) < 0.6
    world.ledger.postings.add(
        who.size, person=who,
        other=np.where(to_own, people.second_account[who], businesses.bank_accounts[bank[who]]),
        time_ms=world.clock.times(rng, day, OFFICE), settle_ms=settle_ms(rng, amount),
        amount_minor=amount, settlement=settlements(rng, who.size, blocked=0.02),
        device=people.device[who],
    )  # fmt: skip

    who, day = occurrences(rng, np.full(people.count, 0.06), flat)
    world.ledger.postings.add(
        who.size, person=who, other=businesses.cash_accounts[bank[who]],
        time_ms=world.clock.times(rng, day, SHOPPING), settle_ms=1_500,
        # One in twenty takes out much at once: for a wedding, a tradesman, a journey.
        amount_minor=np.where(
            rng.random(who.size) < 0.05,
            rng.geometric(0.012, who.size),
            rng.geometric(0.12, who.size),
        ).clip(1, 200) * 10_000,
        purpose=PURPOSES.index("cash"),
    )  # fmt: skip

    for purpose, rate, share in (("savings_break", 0.006, 0.25), ("loan", 0.004, 0.3)):
        who, day = occurrences(rng, np.full(people.count, rate), flat)
        base = people.savings_minor if purpose == "savings_break" else people.income_minor * 6
        amount = money(rng, base[who] * share + 10_000, 0.9, who.size)
        time = world.clock.times(rng, day, OFFICE)
        world.ledger.postings.add(
            who.size, person=who, other=businesses.bank_accounts[bank[who]], outgoing=False,
            time_ms=time, amount_minor=amount, purpose=PURPOSES.index(purpose),
            scene=Scene.HONEST_LOAN if purpose == "loan" else Scene.EVERYDAY,
        )  # fmt: skip
        # It was wanted for something: most of it goes out again within days, half to new payees.
        spent = (amount * rng.uniform(0.4, 1.0, who.size)).astype(np.int64)
        stranger = rng.integers(0, businesses.tradesman_accounts.size, who.size)
        payee = np.where(
            rng.random(who.size) < 0.5,
            businesses.tradesman_accounts[stranger],
            businesses.merchants[rng.integers(0, businesses.merchants.size, who.size)],
        )
        world.ledger.postings.add(
            who.size, person=who, other=payee,
            time_ms=time + np.asarray(rng.exponential(20 * 3_600_000, who.size), dtype=np.int64) + 300_000,
            settle_ms=settle_ms(rng, spent), amount_minor=spent,
            settlement=settlements(rng, who.size, blocked=0.02), device=people.device[who],
            scene=Scene.HONEST_LOAN if purpose == "loan" else Scene.EVERYDAY,
        )  # fmt: skip


def _bills(world: World) -> None:
    """Rent, instalments and utilities, each on its own day of the month."""
    rng, people, businesses = world.scenario.rng("bills"), world.people, world.businesses
    kinds = ((0.8, 8_000, 0.6, "utility"), (0.9, 5_000, 0.5, "utility"), (0.3, 180_000, 0.5, "rent"),
             (0.25, 320_000, 0.5, "instalment"))  # fmt: skip
    for share, median, sigma, kind in kinds:
        payers = np.flatnonzero((rng.random(people.count) < share) & (people.age >= 18))
        due = rng.integers(1, 29, payers.size)
        amount = money(rng, float(median), sigma, payers.size)
        if kind == "utility":
            payee = businesses.utility_accounts[rng.integers(0, 12, payers.size)]
        elif kind == "rent":
            payee = people.accounts_of[
                people.contacts[payers, rng.integers(6, CONTACTS, payers.size)]
            ]
        else:
            payee = businesses.bank_accounts[rng.integers(0, 8, payers.size)]
        row, day = np.nonzero(due[:, None] == world.clock.day_of_month[None, :])
        world.ledger.postings.add(
            row.size, person=payers[row], other=payee[row],
            time_ms=world.clock.times(rng, day, SHOPPING), settle_ms=settle_ms(rng, amount[row]),
            amount_minor=amount[row], purpose=PURPOSES.index("transfer" if kind == "rent" else "bill"),
            device=people.device[payers[row]],
        )  # fmt: skip
