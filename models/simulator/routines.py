"""Everyday life: whom people call and whom they pay when nothing is wrong."""

import numpy as np

from models.simulator.businesses import sales_line
from models.simulator.clock import (
    COURIER,
    LATE,
    OFFICE,
    SHOPPING,
    SOCIAL,
    Floats,
    Ints,
    occurrences,
)
from models.simulator.income import spending_mood
from models.simulator.ledger import PURPOSES, Scene, Settlement
from models.simulator.people import CONTACTS
from models.simulator.scenario import DAY_MS
from models.simulator.world import World, money, ring_ms, settle_ms, talk_ms


def live(world: World) -> None:
    """Write the everyday calls and payments of the whole period into the ledger."""
    _social_calls(world)
    _calls_by_businesses(world)
    _calls_to_businesses(world)
    _purchases(world)
    _payments_between_people(world)
    _own_money(world)
    _bills(world)


def closeness(rng: np.random.Generator, count: int, exponent: float = 1.1) -> Ints:
    """Draw ranks of contacts: a few get most of the calls (Zipf)."""
    weights = 1.0 / (np.arange(CONTACTS) + 1.0) ** exponent
    cumulative = np.cumsum(weights) / weights.sum()
    return np.searchsorted(cumulative, rng.random(count), side="right")


def _social_calls(world: World) -> None:
    """Calls among people who know each other; both ends are legs if both are subscribers."""
    rng, people = world.scenario.rng("social"), world.people
    busy = np.where(people.is_work("sales", "owner", "self_employed"), 1.8, 1.0)
    who, day = occurrences(
        rng, 1.1 * people.activity * busy, world.clock.weekday_factor(weekend=0.9)
    )
    rank = closeness(rng, who.size)
    other = people.contacts[who, rank]
    late = rng.random(who.size) < 0.12
    start = np.where(late, world.clock.times(rng, day, LATE), world.clock.times(rng, day, SOCIAL))
    answered = rng.random(who.size) < 0.74
    median = np.where(rank < 4, 85.0, 60.0)
    talk = (talk_ms(rng, who.size, 1.0, 1.25) * median).clip(1_000, 3 * 3_600_000).astype(np.int64)
    duration = np.where(answered, talk, ring_ms(rng, who.size))
    # Subscribers of other networks call as often as they are called.
    resident = other < people.count
    inbound = ~resident & (rng.random(who.size) < 0.5)
    world.ledger.calls.add(
        who.size, person=who, other=other, inbound=inbound, start_ms=start,
        duration_ms=duration, answered=answered,
    )  # fmt: skip
    legs = np.flatnonzero(resident)
    world.ledger.calls.add(
        legs.size, person=other[legs], other=who[legs], inbound=True, start_ms=start[legs],
        duration_ms=duration[legs], answered=answered[legs],
    )  # fmt: skip


def _inbound(
    world: World, name: str, rate: float | Floats, profile: Floats, numbers: Ints,
    answered_share: float, median_seconds: float, sigma: float, scene: Scene, weekend: float,
) -> tuple[Ints, Ints, Ints]:  # fmt: skip
    """One kind of calls by strangers; returns person, number index and start."""
    rng, people = world.scenario.rng(name), world.people
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), people.count)
    who, day = occurrences(rng, rates, world.clock.weekday_factor(weekend=weekend))
    number = numbers[rng.integers(0, numbers.size, who.size)]
    start = world.clock.times(rng, day, profile)
    answered = rng.random(who.size) < answered_share
    duration = np.where(
        answered, talk_ms(rng, who.size, median_seconds, sigma), ring_ms(rng, who.size)
    )
    world.ledger.calls.add(
        who.size, person=who, other=number, inbound=True, start_ms=start,
        duration_ms=duration, answered=answered, scene=scene,
    )  # fmt: skip
    return who, number, start


def _calls_by_businesses(world: World) -> None:
    """Couriers, offices (schools, clinics, shops), tradesmen, and sales call centres."""
    people, businesses = world.people, world.businesses
    buyers = 0.22 * people.spending
    _inbound(
        world, "couriers", buyers, COURIER, businesses.couriers, 0.8, 16, 0.7, Scene.COURIER, 0.9
    )
    _inbound(world, "offices", 0.09, OFFICE, businesses.offices, 0.7, 75, 1.2, Scene.EVERYDAY, 0.3)
    _inbound(
        world, "tradesmen", 0.07, SOCIAL, businesses.tradesman_numbers, 0.7, 60, 1.2,
        Scene.EVERYDAY, 0.8,
    )  # fmt: skip
    _one_off_calls(world)
    rng = world.scenario.rng("sales")
    listed = rng.gamma(0.9, 1.1, people.count)  # some people's numbers are on every list
    who, day = occurrences(rng, 0.28 * listed, world.clock.weekday_factor(weekend=0.4))
    centre = rng.integers(0, businesses.sales.shape[0], who.size)
    number = sales_line(rng, businesses, centre, day, world.scenario.start.toordinal())
    answered = rng.random(who.size) < 0.52
    # Most hang up within seconds; who is interested listens for many minutes.
    listens = rng.random(who.size) < 0.22
    talk = np.where(listens, talk_ms(rng, who.size, 210, 0.9), talk_ms(rng, who.size, 9, 0.7))
    world.ledger.calls.add(
        who.size, person=who, other=number, inbound=True,
        start_ms=world.clock.times(rng, day, OFFICE),
        duration_ms=np.where(answered, talk, ring_ms(rng, who.size)),
        answered=answered, scene=Scene.SALES_CALL,
    )  # fmt: skip


def _one_off_calls(world: World) -> None:
    """Numbers that call once and never again: wrong numbers, surveys, buyers, borrowed handsets."""
    rng, people = world.scenario.rng("one-off calls"), world.people
    rate = np.full(people.count, 0.16) * people.activity
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=0.8))
    answered = rng.random(who.size) < 0.6
    lasting = rng.random(who.size) < 0.3
    talk = np.where(lasting, talk_ms(rng, who.size, 160, 1.0), talk_ms(rng, who.size, 14, 0.8))
    world.ledger.calls.add(
        who.size,
        person=who,
        other=world.directory.new_numbers(who.size, "mobile"),
        inbound=True,
        start_ms=world.clock.times(rng, day, SOCIAL),
        duration_ms=np.where(answered, talk, ring_ms(rng, who.size)),
        answered=answered,
    )


def _calls_to_businesses(world: World) -> None:
    """Calls to shops, offices and tradesmen; people whose work is calling strangers do more."""
    rng, people, businesses = world.scenario.rng("outbound"), world.people, world.businesses
    rate = np.full(people.count, 0.12) * people.activity
    rate = np.where(people.is_work("courier"), 14.0, rate)
    rate = np.where(people.is_work("sales"), 9.0, rate)
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=0.5))
    pool = np.concatenate(
        [businesses.merchant_numbers, businesses.offices, businesses.tradesman_numbers]
    )
    number = pool[rng.integers(0, pool.size, who.size)]
    # A courier's or seller's calls go to strangers, partly subscribers of the same town.
    strangers = people.is_work("courier", "sales")[who]
    resident = strangers & (rng.random(who.size) < 0.5)
    customer = rng.integers(0, people.count, who.size)
    resident &= customer != who
    number = np.where(resident, customer, number)
    start = world.clock.times(rng, day, OFFICE)
    answered = rng.random(who.size) < np.where(strangers, 0.6, 0.85)
    median = np.where(people.is_work("courier")[who], 14.0, np.where(strangers, 30.0, 70.0))
    talk = (talk_ms(rng, who.size, 1.0, 1.0) * median).clip(1_000, 7_200_000).astype(np.int64)
    duration = np.where(answered, talk, ring_ms(rng, who.size))
    world.ledger.calls.add(
        who.size, person=who, other=number, inbound=False, start_ms=start,
        duration_ms=duration, answered=answered,
    )  # fmt: skip
    legs = np.flatnonzero(resident)
    world.ledger.calls.add(
        legs.size, person=number[legs], other=who[legs], inbound=True, start_ms=start[legs],
        duration_ms=duration[legs], answered=answered[legs], scene=Scene.COURIER,
    )  # fmt: skip


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
    amount = money(rng, 2_600, 1.15, who.size)
    # A quarter is paid to a personal code at a stall: a transfer, as far as the bank can tell.
    stall = rng.random(who.size) < 0.25
    near = (who * 7 + rng.geometric(0.05, who.size)) % businesses.vendors.size
    payee = np.where(stall, businesses.vendors[near], businesses.merchants[merchant])
    time = world.clock.times(rng, day, SHOPPING)
    settlement = settlements(rng, who.size)
    world.ledger.postings.add(
        who.size, person=who, other=payee,
        time_ms=time,
        settle_ms=rng.integers(200, 2_500, who.size), amount_minor=amount,
        purpose=np.where(stall, PURPOSES.index("transfer"), PURPOSES.index("purchase")),
        channel=rng.choice([0, 1, 4], who.size, p=[0.7, 0.06, 0.24]),
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
        device=people.device[who], channel=rng.choice([0, 1, 2], who.size, p=[0.8, 0.1, 0.1]),
    )  # fmt: skip

    who, day = occurrences(rng, np.full(people.count, 0.035), flat)
    world.ledger.postings.add(
        who.size, person=who, other=businesses.cash_accounts[bank[who]],
        time_ms=world.clock.times(rng, day, OFFICE), settle_ms=1_500,
        amount_minor=(rng.geometric(0.12, who.size) * 10_000).clip(10_000, 2_000_000),
        purpose=PURPOSES.index("cash"), channel=CASH_CHANNEL,
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


CASH_CHANNEL = 3


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
