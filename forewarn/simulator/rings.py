"""The swindlers: rings with a stock of numbers that they rotate and of accounts that they burn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.party_directory import KINDS
from forewarn.simulator.town_scenario import DAY_MS, TYPOLOGY_SHARES
from forewarn.simulator.world import World

TYPOLOGIES = tuple(TYPOLOGY_SHARES)
NUMBERS = 48
ACCOUNTS = 24
EPISODES_PER_RING = 14
SPOOFED_SHARE = 0.06
LENT_SHARE = 0.15
ONWARD = 6
ONWARD_LENT_SHARE = 0.2
BOUGHT_SHARE = 0.25
ACCOUNT_DAYS = 6


@dataclass(slots=True)
class Rings:
    """Columns over the rings.

    ``numbers`` and ``accounts`` are matrices of ring by slot. A ring calls from three numbers at a
    time and moves on after ``rotation_days``; an account takes money for about a week before it is
    frozen or full. ``onward`` are the accounts of a second layer, where the money goes from there.
    ``mule`` and ``onward_mule`` are the subscribers who lent an account, -1 if it is from elsewhere.
    """

    typology: Ints
    numbers: Ints
    accounts: Ints
    mule: Ints
    onward: Ints
    onward_mule: Ints
    rotation_days: Ints
    phase: Ints

    def numbers_at(self, rng: np.random.Generator, ring: Ints, time_ms: Ints) -> Ints:
        """The number a ring calls from at some time; callers from three to six seats share it."""
        period = time_ms // DAY_MS // self.rotation_days[ring] + self.phase[ring]
        slot = (period * 3 + rng.integers(0, 3, ring.size)) % NUMBERS
        return np.asarray(self.numbers[ring, slot])

    def account_slot_at(self, rng: np.random.Generator, ring: Ints, time_ms: Ints) -> Ints:
        """The slot of the account a ring takes money on at some time."""
        week = time_ms // (ACCOUNT_DAYS * DAY_MS) + self.phase[ring]
        return (week * 3 + rng.integers(0, 3, ring.size)) % ACCOUNTS


def create_rings(world: World, episodes: Ints) -> Rings:
    """Draw the rings for a number of episodes of each typology.

    The kinds of their numbers (mobile, landline, service, foreign) are those of the honest numbers
    that already made a call in the ledger, so that the kind of a number reveals nothing.
    """
    rng = world.scenario.rng("rings")
    per_typology = -(-episodes // EPISODES_PER_RING)
    typology = np.repeat(np.arange(len(TYPOLOGIES)), per_typology)
    count = typology.size
    calls = world.ledger.calls.columns()
    heard = calls["other"][calls["inbound"].astype(bool)].astype(np.int64)
    kinds = (
        world.directory.kinds[rng.choice(heard, count * NUMBERS)]
        if heard.size
        else np.zeros(count * NUMBERS, dtype=np.int64)
    )
    # Some calls show a number that belongs to another party: spoofing. Short codes always do.
    short = kinds == KINDS.index("short")
    kinds[short] = KINDS.index("service")
    numbers = world.directory.new_numbers_of(kinds)
    spoofed = np.flatnonzero(rng.random(numbers.size) < SPOOFED_SHARE)
    if heard.size:
        numbers[spoofed] = rng.choice(heard, spoofed.size)
    banks = world.businesses.bank_numbers
    numbers[short] = banks[rng.integers(0, banks.size, int(short.sum()))]
    numbers = numbers.reshape(count, NUMBERS)
    accounts = world.directory.new_accounts(count * ACCOUNTS).reshape(count, ACCOUNTS)
    # Some were bought from people elsewhere, whom others here have paid for years.
    known = world.people.accounts_of[world.people.count :]
    bought = rng.random(accounts.shape) < BOUGHT_SHARE
    accounts[bought] = rng.choice(known, int(bought.sum()))
    # Some accounts are lent by subscribers, mostly the young; one card of theirs each.
    people = world.people
    lenders = np.flatnonzero((people.age >= 18) & (people.age < 62))
    mule = np.full(count * ACCOUNTS, -1, dtype=np.int64)
    phase = rng.integers(0, 1_000, count)
    lent = np.flatnonzero(_used(world, phase).ravel() & (rng.random(mule.size) < LENT_SHARE))
    lent = lent[: min(lent.size, lenders.size // 4)]
    weights = np.where(people.age[lenders] < 35, 3.0, 1.0)
    # The first account of the second layer is the ring's own: what is lent pays on to there.
    onward_lent = rng.random((count, ONWARD)) < ONWARD_LENT_SHARE
    onward_lent[:, 0] = False
    second = np.flatnonzero(onward_lent.ravel())[: lenders.size // 12]
    chosen = rng.choice(lenders, lent.size + second.size, replace=False, p=weights / weights.sum())
    mule[lent] = chosen[: lent.size]
    lender = mule.reshape(count, ACCOUNTS)
    onward_mule = np.full((count, ONWARD), -1, dtype=np.int64)
    onward_mule.flat[second] = chosen[lent.size :]
    onward = world.directory.new_accounts(count * ONWARD).reshape(count, ONWARD)
    accounts = np.where(lender >= 0, people.second_account[lender], accounts)
    return Rings(
        typology=typology,
        numbers=numbers,
        accounts=accounts,
        mule=lender,
        onward=np.where(onward_mule >= 0, people.second_account[onward_mule], onward),
        onward_mule=onward_mule,
        rotation_days=rng.integers(1, 6, count),
        phase=phase,
    )


def _used(world: World, phase: Ints) -> NDArray[np.bool_]:
    """Which account slots (ring by slot) come into use within the period."""
    first = world.clock.start_ms // (ACCOUNT_DAYS * DAY_MS)
    weeks = np.arange(first, world.clock.end_ms // (ACCOUNT_DAYS * DAY_MS) + 1)
    used = np.zeros((phase.size, ACCOUNTS), dtype=bool)
    for seat in range(3):
        slot = ((weeks[None, :] + phase[:, None]) * 3 + seat) % ACCOUNTS
        np.put_along_axis(used, slot, True, axis=1)
    return used
