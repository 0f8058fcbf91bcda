"""Mule accounts that subscribers lent: a dormant account wakes, is paid, and pays on within minutes.

There are two layers. Victims pay the first; it pays on to accounts elsewhere, to cash points, and to
the second, which subscribers lent as well and which is paid by mules only.
"""

from dataclasses import dataclass

import numpy as np

from forewarn.simulator.activity_clock import SHOPPING, Ints
from forewarn.simulator.rings import Rings
from forewarn.simulator.town_ledger import PURPOSES, EpisodeStage, Scene, Settlement
from forewarn.simulator.town_scenario import DAY_MS, MINUTE_MS
from forewarn.simulator.world import World, money, neatly, notes


@dataclass(slots=True)
class _Lent:
    """Accounts that subscribers lent, one episode each, numbered from ``first_episode``."""

    person: Ints
    account: Ints
    ring: Ints
    first_episode: int


@dataclass(slots=True)
class _Receipts:
    """Money that arrives on lent accounts: ``which`` of them, when, how much, from what account."""

    which: Ints
    time_ms: Ints
    amount_minor: Ints
    payer: Ints


def add_mules(world: World, rings: Rings, first_episode: int) -> tuple[Ints, Ints]:
    """Write what passes through mule accounts; one episode for each lent account.

    Victims who are subscribers are in the ledger already: their completed payments arrive. The
    rest of the money comes from victims outside the town.

    Returns:
        ``person`` and ``ring`` of each episode, in order of their ids from ``first_episode``.
    """
    rng = world.scenario.rng("mules")
    ring, slot = np.nonzero(rings.mule >= 0)
    first = _Lent(rings.mule[ring, slot], rings.accounts[ring, slot], ring, first_episode)
    receipts = _receipts_of_victims(world, rings, rng, first, slot)
    _receive(world, first, receipts)
    ring, slot = np.nonzero(rings.onward_mule >= 0)
    after = first_episode + first.person.size
    second = _Lent(rings.onward_mule[ring, slot], rings.onward[ring, slot], ring, after)
    onward = _pay_on(world, rings, rng, first, receipts, second)
    _receive(world, second, onward)
    _pay_on(world, rings, rng, second, onward, None)
    return (
        np.concatenate([first.person, second.person]),
        np.concatenate([first.ring, second.ring]),
    )


def _receipts_of_victims(
    world: World, rings: Rings, rng: np.random.Generator, lent: _Lent, slot: Ints
) -> _Receipts:
    """What victims pay to the first layer, here and elsewhere."""
    paid = world.ledger.postings.columns()
    arrives = (paid["scene"] == Scene.FRAUD) & paid["outgoing"].astype(bool)
    arrives &= paid["settlement"] == Settlement.COMPLETED
    place = _place_of(world, lent)
    rows = np.flatnonzero(arrives & (place[paid["other"].astype(np.int64)] >= 0))
    known = place[paid["other"][rows].astype(np.int64)]
    known_time = (paid["time_ms"][rows] + paid["settle_ms"][rows]).astype(np.int64)

    # Victims elsewhere pay during the week in which the ring uses the account.
    count = rng.poisson(2.2, lent.account.size)
    unseen = np.repeat(np.arange(lent.account.size), count)
    weeks = rings.accounts.shape[1] // 3
    week = (slot[unseen] // 3 - rings.phase[lent.ring[unseen]]) % weeks
    cycle = weeks * 6 * DAY_MS
    begin = world.clock.start_ms // cycle * cycle + week * 6 * DAY_MS
    begin = np.where(begin + 6 * DAY_MS < world.clock.start_ms, begin + cycle, begin)
    day = (begin - world.clock.start_ms) // DAY_MS + rng.integers(0, 6, unseen.size)
    unseen_time = world.clock.times(rng, day, SHOPPING)
    amount = np.concatenate(
        [paid["amount_minor"][rows].astype(np.int64), money(rng, 500_000.0, 1.3, unseen.size)]
    )
    payer = np.concatenate(
        [paid["own"][rows].astype(np.int64), world.directory.new_accounts(unseen.size)]
    )
    payer = np.where(payer < 0, np.concatenate([paid["person"][rows], payer[rows.size :]]), payer)
    return _Receipts(
        np.concatenate([known, unseen]).astype(np.int64),
        np.concatenate([known_time, unseen_time]).astype(np.int64),
        amount,
        payer.astype(np.int64),
    )


def _receive(world: World, lent: _Lent, receipts: _Receipts) -> None:
    """The money arrives."""
    which = receipts.which
    world.ledger.postings.add(
        which.size, person=lent.person[which], own=lent.account[which], other=receipts.payer,
        outgoing=False, time_ms=receipts.time_ms, amount_minor=receipts.amount_minor,
        scene=Scene.MULE, episode=lent.first_episode + which, stage=EpisodeStage.RECEIPT,
    )  # fmt: skip


def _pay_on(
    world: World, rings: Rings, rng: np.random.Generator, lent: _Lent, receipts: _Receipts,
    next_layer: _Lent | None,
) -> _Receipts:  # fmt: skip
    """One to three payments onward, within minutes for most and on the next day for some.

    Returns:
        What of it arrives on the lent accounts of the next layer; nothing without one.
    """
    splits = rng.integers(1, 4, receipts.which.size)
    row = np.repeat(np.arange(receipts.which.size), splits)
    share = rng.uniform(0.9, 1.0, row.size) / splits[row]
    soon = receipts.time_ms[row] + rng.lognormal(np.log(9 * MINUTE_MS), 1.0, row.size)
    tomorrow = (receipts.time_ms[row] - world.clock.start_ms) // DAY_MS + 1
    later = world.clock.times(rng, tomorrow, SHOPPING)
    time = np.where(rng.random(row.size) < 0.8, soon, later).astype(np.int64)
    source = receipts.which[row]
    amount = neatly(rng, receipts.amount_minor[row] * share)
    cash = (rng.random(row.size) < 0.12) & (amount >= 10_000) & (amount < 2_000_000)
    amount = np.where(cash, notes(amount), amount)
    ring, slot = lent.ring[source], rng.integers(0, rings.onward.shape[1], row.size)
    if next_layer is None:  # what is lent pays on to the ring's own account
        slot = np.where(rings.onward_mule[ring, slot] >= 0, 0, slot)
    # The ring works half of these accounts itself, all from one telephone.
    of_ring = world.directory.new_devices(rings.typology.size)
    remote = rng.random(lent.person.size)[source] < 0.5
    cash_points = world.businesses.cash_accounts
    payee = np.where(
        cash, cash_points[lent.person[source] % cash_points.size], rings.onward[ring, slot]
    )
    settle = rng.integers(300, 4_000, row.size)
    settlement = rng.choice([Settlement.COMPLETED, Settlement.BLOCKED], row.size, p=[0.93, 0.07])
    world.ledger.postings.add(
        row.size, person=lent.person[source], own=lent.account[source], other=payee, time_ms=time,
        settle_ms=settle, amount_minor=amount,
        purpose=np.where(cash, PURPOSES.index("cash"), PURPOSES.index("transfer")),
        settlement=settlement,
        device=np.where(remote, of_ring[ring], world.people.device[lent.person[source]]),
        scene=Scene.MULE, episode=lent.first_episode + source, stage=EpisodeStage.ONWARD,
    )  # fmt: skip
    if next_layer is None:
        return _Receipts(*(np.empty(0, np.int64) for _ in range(4)))
    place = _place_of(world, next_layer)[payee]
    arrives = np.flatnonzero((place >= 0) & (settlement == Settlement.COMPLETED))
    return _Receipts(
        place[arrives], (time + settle)[arrives], amount[arrives], lent.account[source][arrives]
    )


def _place_of(world: World, lent: _Lent) -> Ints:
    """For every account, its position among the lent ones, or -1."""
    place = np.full(world.directory.account_count, -1, dtype=np.int64)
    place[lent.account] = np.arange(lent.account.size)
    return place
