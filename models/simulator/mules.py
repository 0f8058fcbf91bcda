"""Mule accounts that subscribers lent: a dormant account wakes, is paid, and pays on within minutes."""

import numpy as np

from models.simulator.clock import Ints
from models.simulator.ledger import Scene, Settlement, Stage
from models.simulator.rings import Rings
from models.simulator.scenario import DAY_MS, MINUTE_MS
from models.simulator.world import World, money


def lend(world: World, rings: Rings, first_episode: int) -> tuple[Ints, Ints]:
    """Write what passes through mule accounts; one episode for each lent account.

    Victims who are subscribers are in the ledger already: their completed payments arrive. The
    rest of the money comes from victims elsewhere, whom nobody here sees.

    Returns:
        ``person`` and ``ring`` of each episode, in order of their ids from ``first_episode``.
    """
    rng = world.scenario.rng("mules")
    ring, slot = np.nonzero(rings.mule >= 0)
    person = rings.mule[ring, slot]
    account = rings.accounts[ring, slot]
    episode_of = np.full(world.directory.account_count, -1, dtype=np.int64)
    episode_of[account] = np.arange(account.size)

    paid = world.ledger.postings.columns()
    arrives = (paid["scene"] == Scene.FRAUD) & paid["outgoing"].astype(bool)
    arrives &= paid["settlement"] == Settlement.COMPLETED
    rows = np.flatnonzero(arrives & (episode_of[paid["other"].astype(np.int64)] >= 0))
    known = episode_of[paid["other"][rows].astype(np.int64)]
    known_time = (paid["time_ms"][rows] + paid["settle_ms"][rows]).astype(np.int64)

    # Victims elsewhere pay during the week in which the ring uses the account.
    count = rng.poisson(2.2, account.size)
    unseen = np.repeat(np.arange(account.size), count)
    week = (slot[unseen] // 3 - rings.phase[ring[unseen]]) % (rings.accounts.shape[1] // 3)
    cycle = rings.accounts.shape[1] // 3 * 6 * DAY_MS
    begin = world.clock.start_ms // cycle * cycle + week * 6 * DAY_MS
    begin = np.where(begin + 6 * DAY_MS < world.clock.start_ms, begin + cycle, begin)
    unseen_time = begin + np.asarray(rng.random(unseen.size) * 6 * DAY_MS, dtype=np.int64)

    which = np.concatenate([known, unseen]).astype(np.int64)
    time = np.concatenate([known_time, unseen_time]).astype(np.int64)
    amount = np.concatenate(
        [paid["amount_minor"][rows].astype(np.int64), money(rng, 500_000.0, 1.3, unseen.size)]
    )
    payer = np.concatenate(
        [paid["own"][rows].astype(np.int64), world.directory.new_accounts(unseen.size)]
    )
    payer = np.where(payer < 0, np.concatenate([paid["person"][rows], payer[rows.size :]]), payer)
    world.ledger.postings.add(
        which.size, person=person[which], own=account[which], other=payer, outgoing=False,
        time_ms=time, amount_minor=amount, scene=Scene.MULE, episode=first_episode + which,
        stage=Stage.RECEIPT,
    )  # fmt: skip
    _pay_on(world, rings, rng, ring, person, account, which, time, amount, first_episode)
    return person, ring


def _pay_on(
    world: World, rings: Rings, rng: np.random.Generator, ring: Ints, person: Ints, account: Ints,
    which: Ints, time: Ints, amount: Ints, first_episode: int,
) -> None:  # fmt: skip
    """One to three payments onward, within minutes for most and on the next day for some."""
    splits = rng.integers(1, 4, which.size)
    row = np.repeat(np.arange(which.size), splits)
    share = rng.uniform(0.9, 1.0, row.size) / splits[row]
    delay = np.where(
        rng.random(row.size) < 0.8,
        rng.lognormal(np.log(9 * MINUTE_MS), 1.0, row.size),
        rng.uniform(4, 30, row.size) * 60 * MINUTE_MS,
    ).astype(np.int64)
    source = which[row]
    cash = rng.random(row.size) < 0.2
    payee = rings.onward[ring[source], rng.integers(0, rings.onward.shape[1], row.size)]
    # The ring works half of these accounts itself, all from one telephone.
    of_ring = world.directory.new_devices(rings.typology.size)
    remote = rng.random(person.size)[source] < 0.5
    cash_points = world.businesses.cash_accounts
    payee = np.where(cash, cash_points[person[source] % cash_points.size], payee)
    world.ledger.postings.add(
        row.size, person=person[source], own=account[source], other=payee,
        time_ms=time[row] + delay, settle_ms=rng.integers(300, 4_000, row.size),
        amount_minor=np.maximum(100, (amount[row] * share).astype(np.int64)),
        purpose=np.where(cash, 7, 0), channel=np.where(cash, 3, 0),
        settlement=rng.choice([Settlement.COMPLETED, Settlement.BLOCKED], row.size, p=[0.93, 0.07]),
        device=np.where(remote, of_ring[ring[source]], world.people.device[person[source]]), scene=Scene.MULE,
        episode=first_episode + source, stage=Stage.ONWARD,
    )  # fmt: skip
