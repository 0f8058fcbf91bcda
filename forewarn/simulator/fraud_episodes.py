"""Plans fraud episodes and their victims, and generates the events of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import OFFICE, SHOPPING, Ints
from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.mules import add_mules
from forewarn.simulator.rings import TYPOLOGIES, Rings, create_rings
from forewarn.simulator.town_ledger import EpisodeStage, Scene
from forewarn.simulator.typologies import SCRIPTS
from forewarn.simulator.world import World, ring_ms, talk_ms

MULE = len(TYPOLOGIES)
TYPOLOGY_NAMES = (*TYPOLOGIES, "mule")

EVENTS_PER_EPISODE = 14.5
"""Mean events that one engaged episode brings along, with its rejected calls and its mules."""

SLOW_DAYS = 25

REJECTED_PER_EPISODE = {"task_scam": 1.5, "purchase_game": 0.6, "investment_romance": 0.8}
"""Calls by the ring that lead nowhere, per engaged episode; 7 for typologies that live by calls."""

_AGE_WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    # by AGE_GROUPS; from these, the national shares of 62 % and 33 % follow (docs/simulator.md)
    "purchase_game": (1.5, 1.3, 0.5, 0.2),
    "police_impersonation": (0.3, 0.9, 1.1, 1.0),
    "family_emergency": (0.1, 0.3, 1.0, 2.5),
    "safe_account": (0.1, 0.8, 1.2, 1.2),
}
_COMMON_WEIGHTS = (0.4, 1.65, 0.8, 0.15)


@dataclass(slots=True)
class Episodes:
    """Columns over all episodes; ids are positions."""

    person: Ints
    typology: Ints
    ring: Ints
    engaged: NDArray[np.bool_]


def add_fraud(world: World, honest_events: int) -> Episodes:
    """Write all fraud of the period into the ledger.

    Args:
        world: the town, its everyday life already in the ledger.
        honest_events: how many events that life expands to; the prevalence is relative to them.
    """
    rng = world.scenario.rng("frauds")
    prevalence = world.scenario.prevalence
    wanted = honest_events * prevalence / (1 - prevalence) / EVENTS_PER_EPISODE
    shares = np.array([world.scenario.typology_shares.get(name, 0.0) for name in TYPOLOGIES])
    counts = rng.multinomial(rng.poisson(wanted), shares / shares.sum())
    rings = create_rings(world, counts)

    typology = np.repeat(np.arange(len(TYPOLOGIES)), counts)
    engaged = typology.size
    person = _victims(world, rng, typology)
    ring = _ring_of(rng, rings, typology)
    start = _first_contacts(world, rng, typology)
    for index, name in enumerate(TYPOLOGIES):
        chosen = np.flatnonzero(typology == index)
        if chosen.size:
            draft = Draft(
                world=world, rings=rings, rng=world.scenario.rng(name), victim=person[chosen],
                ring=ring[chosen], start_ms=start[chosen], episode=chosen,
            )  # fmt: skip
            SCRIPTS[name](draft)

    refused_person, refused_ring = _refused(world, rings, rng, typology, ring, start)
    mule_person, mule_ring = add_mules(world, rings, engaged + refused_person.size)
    all_rings = np.concatenate([ring, refused_ring, mule_ring])
    typologies = rings.typology[all_rings]
    typologies[engaged + refused_person.size :] = MULE
    return Episodes(
        person=np.concatenate([person, refused_person, mule_person]),
        typology=typologies,
        ring=all_rings,
        engaged=np.arange(all_rings.size) < engaged,
    )


def _victims(world: World, rng: np.random.Generator, typology: Ints) -> Ints:
    """The victim of each engaged episode, by age; the same person at most once a typology."""
    group = world.people.age_group
    victims = np.empty(typology.size, dtype=np.int64)
    for index, name in enumerate(TYPOLOGIES):
        chosen = np.flatnonzero(typology == index)
        weights = np.array(_AGE_WEIGHTS.get(name, _COMMON_WEIGHTS))[group]
        again = chosen.size > group.size // 4
        victims[chosen] = rng.choice(
            group.size, chosen.size, replace=again, p=weights / weights.sum()
        )
    return victims


def _ring_of(rng: np.random.Generator, rings: Rings, typology: Ints) -> Ints:
    """A ring of the right typology for each episode."""
    first = np.searchsorted(rings.typology, typology, side="left")
    after = np.searchsorted(rings.typology, typology, side="right")
    return np.asarray(first + (rng.random(typology.size) * (after - first)).astype(np.int64))


def _first_contacts(world: World, rng: np.random.Generator, typology: Ints) -> Ints:
    """When each episode begins: in office hours for call scams, whenever people shop for others."""
    day = rng.integers(0, world.clock.days, typology.size)
    # What takes weeks is partly under way when the period begins.
    slow = typology == TYPOLOGIES.index("investment_romance")
    earlier = rng.integers(-SLOW_DAYS, world.clock.days, typology.size)
    day = np.where(slow, earlier, day)
    online = np.isin(typology, [TYPOLOGIES.index("task_scam"), TYPOLOGIES.index("purchase_game")])
    return np.where(
        online, world.clock.times(rng, day, SHOPPING), world.clock.times(rng, day, OFFICE)
    )


def _refused(
    world: World, rings: Rings, rng: np.random.Generator, typology: Ints, ring: Ints, start: Ints
) -> tuple[Ints, Ints]:
    """Calls of the rings to people who do not answer, hang up, or listen and see through it."""
    rates = np.array([REJECTED_PER_EPISODE.get(name, 7.0) for name in TYPOLOGIES])
    source = np.repeat(np.arange(typology.size), rng.poisson(rates[typology]))
    person = rng.integers(0, world.people.count, source.size)
    time = start[source] + rng.integers(-7_200_000, 7_200_000, source.size)
    answered = rng.random(source.size) < 0.55
    listens = rng.random(source.size) < 0.2
    talk = np.where(
        listens, talk_ms(rng, source.size, 150, 0.9), talk_ms(rng, source.size, 10, 0.8)
    )
    first = typology.size
    world.ledger.calls.add(
        source.size, person=person, other=rings.numbers_at(rng, ring[source], time), inbound=True,
        start_ms=time, duration_ms=np.where(answered, talk, ring_ms(rng, source.size)),
        answered=answered, scene=Scene.FRAUD_REJECTED,
        episode=first + np.arange(source.size), stage=EpisodeStage.CONTACT,
    )  # fmt: skip
    return person, ring[source]
