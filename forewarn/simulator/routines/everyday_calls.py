"""Everyday calls: among people, by businesses and strangers, and to businesses."""

import numpy as np

from forewarn.simulator.activity_clock import (
    COURIER,
    LATE,
    OFFICE,
    SOCIAL,
    Floats,
    Ints,
    occurrences,
)
from forewarn.simulator.businesses import sales_line
from forewarn.simulator.people import CONTACTS
from forewarn.simulator.town_ledger import Scene
from forewarn.simulator.world import World, ring_ms, talk_ms


def add_calls(world: World) -> None:
    """Write the everyday calls of the period into the ledger."""
    _social_calls(world)
    _calls_by_businesses(world)
    _one_off_calls(world)
    _calls_to_businesses(world)


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
