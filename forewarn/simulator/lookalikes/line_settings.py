"""Silent and forwarded lines for honest reasons: nights, meetings, leave, a second handset."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, Floats, Ints, occurrences
from forewarn.simulator.town_ledger import Scene
from forewarn.simulator.town_scenario import HOUR_MS, MINUTE_MS
from forewarn.simulator.world import World, talk_ms


def habits(world: World) -> None:
    """Do-not-disturb at night and in meetings, forwarding to a colleague or to one's other phone."""
    rng, people = world.scenario.rng("line habits"), world.people
    night = np.where(rng.random(people.count) < 0.05, 0.8, 0.0)
    who, day = occurrences(rng, night, world.clock.weekday_factor(weekend=0.9), burstiness=0)
    begin = world.clock.start_ms + day * 24 * HOUR_MS + rng.normal(22.5, 0.7, who.size) * HOUR_MS
    _switch(world, who, begin, rng.normal(8.5, 0.8, who.size) * HOUR_MS, forwarding=False)

    who, day = occurrences(
        rng, np.full(people.count, 0.025), world.clock.weekday_factor(weekend=0.3)
    )
    begin = world.clock.times(rng, day, OFFICE).astype(np.float64)
    _switch(
        world, who, begin, rng.lognormal(np.log(50 * MINUTE_MS), 0.7, who.size), forwarding=False
    )

    # Nuisance calls make people silence the line: the stranger is still on it, or just was.
    who, day = occurrences(rng, np.full(people.count, 0.006), world.clock.weekday_factor(weekend=1))
    begin = world.clock.times(rng, day, OFFICE).astype(np.float64)
    world.ledger.calls.add(
        who.size,
        person=who,
        other=world.directory.new_numbers(who.size, "mobile"),
        inbound=True,
        start_ms=begin.astype(np.int64),
        duration_ms=talk_ms(rng, who.size, 240, 1.0),
        scene=Scene.LINE_HABIT,
    )
    begin = begin + rng.lognormal(np.log(2.5 * MINUTE_MS), 0.9, who.size)
    _switch(
        world, who, begin, rng.lognormal(np.log(80 * MINUTE_MS), 0.9, who.size), forwarding=False
    )

    busy = np.where(people.is_work("owner", "self_employed", "sales"), 0.02, 0.005)
    who, day = occurrences(rng, busy, world.clock.weekday_factor(weekend=1.2))
    begin = world.clock.times(rng, day, OFFICE).astype(np.float64)
    _switch(world, who, begin, rng.lognormal(np.log(5 * HOUR_MS), 1.0, who.size), forwarding=True)


def _switch(world: World, who: Ints, begin: Floats, span: Floats, *, forwarding: bool) -> None:
    """Switch on at ``begin`` and off after ``span`` milliseconds."""
    rng, people = world.scenario.rng(f"switch {forwarding}"), world.people
    other = people.contacts[who, rng.integers(0, 12, who.size)]
    fresh = rng.random(who.size) < 0.4  # one's own second handset, unknown to everyone
    second = world.directory.new_numbers(who.size, "mobile")
    target = np.where(fresh, second, other)
    for active, time in ((True, begin), (False, begin + np.maximum(span, MINUTE_MS))):
        world.ledger.lines.add(
            who.size,
            person=who,
            time_ms=time.astype(np.int64),
            forwarding=forwarding,
            active=active,
            target=target if forwarding and active else -1,
            scene=Scene.LINE_HABIT,
        )
