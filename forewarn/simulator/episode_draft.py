"""Writing episodes: one draft holds all episodes of one typology, stage by stage.

A typology reads like a script for one victim, but every value in it is an array over all victims.
``alive`` says who still believes; a script calls `Draft.go_on` wherever a real victim may see
through it, run out of money or be talked out of it, which is what makes episodes of every length.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.rings import Rings
from forewarn.simulator.town_ledger import PURPOSES, EpisodeStage, Scene, Settlement
from forewarn.simulator.town_scenario import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from forewarn.simulator.world import World, money, neatly, notes, ring_ms, settle_ms, talk_ms

Mask = NDArray[np.bool_]


SHOP_SHARE = 0.15
WAKES_HOUR, SLEEPS_HOUR = 7, 23
SITS_UP_SHARE = 0.15


@dataclass(slots=True)
class Draft:
    """All episodes of one typology; arrays are over the episodes.

    Attributes:
        victim: subscriber; ring: position in ``rings``; start_ms: first contact.
        episode: ids; alive: who still goes along; caller: number in use; slot: account slot.
        sits_up: who goes on at night.

    """

    world: World
    rings: Rings
    rng: np.random.Generator
    victim: Ints
    ring: Ints
    start_ms: Ints
    episode: Ints
    alive: Mask = field(init=False)
    caller: Ints = field(init=False)
    slot: Ints = field(init=False)
    sits_up: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.alive = np.ones(self.victim.size, dtype=bool)
        self.sits_up = self.rng.random(self.victim.size) < SITS_UP_SHARE
        self.caller = self.rings.numbers_at(self.rng, self.ring, self.start_ms)
        self.slot = self.rings.account_slot_at(self.rng, self.ring, self.start_ms)

    @property
    def count(self) -> int:
        """How many episodes there are."""
        return self.victim.size

    @property
    def savings(self) -> Ints:
        """What each victim owns, in minor units."""
        return self.world.people.savings_minor[self.victim]

    def chance(self, probability: float) -> Mask:
        """An independent coin for each episode."""
        return self.rng.random(self.count) < probability

    def go_on(self, probability: float) -> Mask:
        """Who still goes along after a point at which some do not."""
        self.alive &= self.chance(probability)
        return self.alive

    def wait(self, median_minutes: float, sigma: float = 0.8) -> Ints:
        """A log-normal time span in milliseconds."""
        return np.asarray(
            self.rng.lognormal(np.log(median_minutes * MINUTE_MS), sigma, self.count),
            dtype=np.int64,
        )

    def awake(self, time_ms: Ints) -> Ints:
        """What would fall into the night happens next morning, but for those who sit up for it."""
        clock = self.world.clock
        hour = clock.local_hour(time_ms)
        late = hour >= SLEEPS_HOUR
        night = (late | (hour < WAKES_HOUR)) & ~self.sits_up
        midnight = time_ms - (time_ms - clock.start_ms) % DAY_MS + late * DAY_MS
        morning = midnight + WAKES_HOUR * HOUR_MS + self.seconds(0, 4 * 3_600)
        return np.asarray(np.where(night, morning, time_ms))

    def talk(self, median_minutes: float, sigma: float = 0.8) -> Ints:
        """Durations of calls in milliseconds."""
        return talk_ms(self.rng, self.count, median_minutes * 60, sigma)

    def next_caller(self, time_ms: Ints) -> None:
        """The victim is handed to an accomplice, or the ring has moved to other numbers."""
        self.caller = self.rings.numbers_at(self.rng, self.ring, time_ms)

    def next_account(self, time_ms: Ints) -> None:
        """The ring names another account to pay to."""
        self.slot = self.rings.account_slot_at(self.rng, self.ring, time_ms)

    def call(
        self, who: Mask, time_ms: Ints, duration_ms: Ints, stage: EpisodeStage, *,
        inbound: bool = True, answered: bool = True, number: Ints | None = None,
        attestation: int = 255,
    ) -> Ints:  # fmt: skip
        """The present caller calls (or is called back); returns when each call ends."""
        rows = np.flatnonzero(who)
        other = self.caller if number is None else number
        duration = duration_ms if answered else ring_ms(self.rng, self.count)
        self.world.ledger.calls.add(
            rows.size, person=self.victim[rows], other=other[rows], inbound=inbound,
            start_ms=time_ms[rows], duration_ms=duration[rows], answered=answered,
            attestation=attestation, scene=Scene.FRAUD, episode=self.episode[rows], stage=stage,
        )  # fmt: skip
        return np.asarray(time_ms + duration)

    def pay(
        self, who: Mask, time_ms: Ints, amount_minor: Ints, stage: EpisodeStage, *,
        blocked: float = 0.05, purpose: str = "transfer", payee: Ints | None = None,
    ) -> Mask:  # fmt: skip
        """The victim pays the ring; returns for whom the money left. The bank stops a few."""
        rows = np.flatnonzero(who)
        amount = np.maximum(100, amount_minor[rows])
        if purpose == "cash":
            amount = notes(amount)
        settlement = self.rng.choice(
            [Settlement.COMPLETED, Settlement.BLOCKED, Settlement.ABANDONED, Settlement.REVERSED],
            rows.size, p=[1 - blocked - 0.02, blocked, 0.012, 0.008],
        )  # fmt: skip
        kind = np.full(rows.size, PURPOSES.index(purpose))
        if purpose == "transfer":  # some accounts of rings pass for shops
            kind[self.rng.random(rows.size) < SHOP_SHARE] = PURPOSES.index("purchase")
        self.world.ledger.postings.add(
            rows.size, person=self.victim[rows],
            other=(self.rings.accounts[self.ring, self.slot] if payee is None else payee)[rows],
            time_ms=time_ms[rows], settle_ms=settle_ms(self.rng, amount), amount_minor=amount,
            purpose=kind, settlement=settlement,
            device=self.world.people.device[self.victim[rows]],
            scene=Scene.FRAUD, episode=self.episode[rows], stage=stage,
        )  # fmt: skip
        left = np.zeros(self.count, dtype=bool)
        left[rows] = settlement == Settlement.COMPLETED
        return left

    def receive(
        self, who: Mask, time_ms: Ints, amount_minor: Ints, stage: EpisodeStage, *,
        purpose: str = "transfer", bank: bool = False,
    ) -> None:  # fmt: skip
        """The victim is paid: bait from the ring, or a loan or broken savings from a bank."""
        rows = np.flatnonzero(who)
        banks = self.world.businesses.bank_accounts
        payer = (
            banks[self.victim[rows] % banks.size]
            if bank
            else self.rings.accounts[self.ring[rows], self.slot[rows]]
        )
        self.world.ledger.postings.add(
            rows.size, person=self.victim[rows], other=payer, outgoing=False,
            time_ms=time_ms[rows], amount_minor=np.maximum(100, amount_minor[rows]),
            purpose=PURPOSES.index(purpose), scene=Scene.FRAUD, episode=self.episode[rows],
            stage=stage,
        )  # fmt: skip

    def gather(self, who: Mask, time_ms: Ints, share: float) -> None:
        """The victim moves a share of the savings to the account that the payments leave from."""
        rows = np.flatnonzero(who)
        people = self.world.people
        self.world.ledger.postings.add(
            rows.size, person=self.victim[rows], other=people.second_account[self.victim[rows]],
            outgoing=False, time_ms=time_ms[rows],
            amount_minor=neatly(self.rng, self.savings[rows] * share + 10_000),
            scene=Scene.FRAUD, episode=self.episode[rows], stage=EpisodeStage.FUNDING,
        )  # fmt: skip

    def line(
        self, who: Mask, time_ms: Ints, stage: EpisodeStage, *, forwarding: Mask, active: bool
    ) -> None:
        """The victim switches call forwarding (to the ring) or do-not-disturb."""
        rows = np.flatnonzero(who)
        self.world.ledger.lines.add(
            rows.size, person=self.victim[rows], time_ms=time_ms[rows],
            forwarding=forwarding[rows], active=active,
            target=np.where(forwarding[rows] & active, self.caller[rows], -1),
            scene=Scene.FRAUD, episode=self.episode[rows], stage=stage,
        )  # fmt: skip

    def seconds(self, low: float, high: float) -> Ints:
        """Uniform time spans in milliseconds."""
        return np.asarray(
            self.rng.uniform(low * SECOND_MS, high * SECOND_MS, self.count), dtype=np.int64
        )

    def amount(self, median_minor: float, sigma: float, *, means_share: float = 10.0) -> Ints:
        """Amounts as swindlers name them, at most a share of what the victim owns."""
        drawn = money(self.rng, median_minor, sigma, self.count)
        most = neatly(self.rng, self.savings * means_share + 20_000)
        return np.minimum(drawn, most)

    def changed(
        self, amount_minor: Ints, low: float, high: float, most_minor: NDArray[Any] | None = None
    ) -> Ints:
        """The next amount, as neat as the first: grown or shrunk by a factor, up to a bound."""
        wanted = amount_minor * self.rng.uniform(low, high, self.count)
        return neatly(self.rng, wanted if most_minor is None else np.minimum(wanted, most_minor))
