"""A simulated town: the events of a period as columns, and the truth about them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from forewarn.simulator import (
    delivery_faults,
    fraud_episodes,
    income,
    lookalikes,
    routines,
    truth_labels,
)
from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.event_frames import PartyTexts, call_frame, ids, transfer_frame
from forewarn.simulator.fraud_episodes import TYPOLOGY_NAMES, Episodes
from forewarn.simulator.party_directory import KINDS
from forewarn.simulator.payment_channels import choose_channels
from forewarn.simulator.town_events import (
    Columns,
    EventRows,
    call_events,
    honest_event_count,
    transfer_events,
)
from forewarn.simulator.town_ledger import PURPOSES, EpisodeStage, Scene
from forewarn.simulator.town_scenario import HOUR_MS, Scenario
from forewarn.simulator.truth_labels import Course
from forewarn.simulator.world import World

CASH = PURPOSES.index("cash")


@dataclass
class Town:
    """Everything that happened, integer-coded; frames are made on demand.

    Attributes:
        call_rows: events of the ``calls`` topic in order of arrival; ``transfer_rows`` likewise.
        legs, postings, lines: what the events' ``row`` points into.
    """

    scenario: Scenario
    world: World
    legs: Columns
    postings: Columns
    lines: Columns
    call_rows: EventRows
    transfer_rows: EventRows
    episodes: Episodes
    course: Course
    texts: PartyTexts

    @property
    def event_count(self) -> int:
        """How many records the town sends on both topics, duplicates included."""
        return len(self.call_rows) + len(self.transfer_rows)

    def call_slice(self, first: int, after: int) -> pl.DataFrame:
        """Events of the ``calls`` topic by position; the columns of the event contracts."""
        rows = self.call_rows.take(np.arange(first, min(after, len(self.call_rows))))
        return call_frame(rows, self.legs, self.lines, self.texts, self.scenario)

    def transfer_slice(self, first: int, after: int) -> pl.DataFrame:
        """Events of the ``transfers`` topic by position."""
        rows = self.transfer_rows.take(np.arange(first, min(after, len(self.transfer_rows))))
        return transfer_frame(rows, self.postings, self.texts, self.scenario)

    @cached_property
    def calls(self) -> pl.DataFrame:
        """All events of the ``calls`` topic in order of arrival."""
        return self.call_slice(0, len(self.call_rows))

    @cached_property
    def transfers(self) -> pl.DataFrame:
        """All events of the ``transfers`` topic in order of arrival."""
        return self.transfer_slice(0, len(self.transfer_rows))

    @cached_property
    def people(self) -> pl.DataFrame:
        """Subscriber, age, age group, district, work, household."""
        return self.world.people.frame(self.scenario, self.texts.numbers.to_list())

    @cached_property
    def truth(self) -> pl.DataFrame:
        """One row an episode: the whole truth about it."""
        return truth_labels.episode_frame(self.episodes, self.course, self.texts.numbers)

    @cached_property
    def reports(self) -> pl.DataFrame:
        """What became known to the police within the period, and when."""
        reports = truth_labels.report_frame(
            self.scenario, self.episodes, self.course, self.texts.numbers
        )
        known = np.zeros(self.episodes.person.size, dtype=np.int64)
        known[reports["episode"].to_numpy()] = reports["label_time_ms"].to_numpy()
        paid = np.flatnonzero(self.postings["outgoing"] & (self.postings["purpose"] != CASH))
        payments = {name: column[paid] for name, column in self.postings.items()}
        for name, table, column, texts in (
            ("callers", self.legs, "start_ms", self.texts.numbers),
            ("payees", payments, "time_ms", self.texts.accounts),
        ):
            names = truth_labels.named(self.scenario, table, column, texts, known)
            reports = reports.join(
                names.rename({"name": name}), on="episode", how="left", maintain_order="left"
            ).with_columns(pl.col(name).fill_null([]))
        return reports.drop("episode")

    @cached_property
    def labels(self) -> pl.DataFrame:
        """One row for every event that is not everyday life; all others are honest.

        Columns: event_id, topic, event_time_ms, subscriber, is_fraud, scene, typology, ring_id,
        episode_id, stage, engaged, first_loss_ms. Honest rows (the hard negatives) have only the
        first six.
        """
        calls, lines = self.call_rows, self.call_rows.kind == 2
        return pl.concat(
            [
                self._labels(calls.take(np.flatnonzero(~lines)), self.legs, "calls", b"c", 0, 0),
                self._labels(
                    calls.take(np.flatnonzero(lines)), self.lines, "calls", b"c", 0,
                    self.legs["person"].size,
                ),
                self._labels(self.transfer_rows, self.postings, "transfers", b"t", 3, 0),
            ]
        ).sort("event_time_ms", "event_id")  # fmt: skip

    def _labels(
        self, events: EventRows, table: Columns, topic: str, letter: bytes, salt: int, shift: int
    ) -> pl.DataFrame:
        scene = table["scene"][events.row]
        rows = events.take(np.flatnonzero((scene != Scene.EVERYDAY) & (events.copy == 0)))
        scene = table["scene"][rows.row]
        episode = table["episode"][rows.row].astype(np.int64)
        fraud = episode >= 0
        known = np.maximum(episode, 0)
        frame = pl.DataFrame(
            {
                "event_id": ids(
                    (rows.row + shift) * 4 + rows.kind, self.scenario.seed + salt, letter
                ),
                "topic": pl.repeat(topic, len(rows), eager=True),
                "event_time_ms": rows.time_ms,
                "subscriber": self.texts.numbers.gather(
                    table["person"][rows.row].astype(np.uint32)
                ),
                "is_fraud": fraud,
                "scene": _lower(Scene).gather(scene.astype(np.uint32)),
                "stage": _lower(EpisodeStage).gather(table["stage"][rows.row].astype(np.uint32)),
            }
        )
        if not self.episodes.person.size:  # no fraud at all: the columns are there, and null
            empty = {"typology": pl.String, "ring_id": pl.String, "episode_id": pl.String,
                     "engaged": pl.Boolean, "first_loss_ms": pl.Int64}  # fmt: skip
            return frame.with_columns(pl.lit(None, dtype=t).alias(n) for n, t in empty.items())
        of_episode = pl.DataFrame(
            {
                "typology": pl.Series(TYPOLOGY_NAMES).gather(
                    self.episodes.typology[known].astype(np.uint32)
                ),
                "ring_id": truth_labels.ring_ids(self.episodes.ring[known]),
                "episode_id": truth_labels.episode_ids(known),
                "engaged": self.episodes.engaged[known],
                "first_loss_ms": self.course.first_loss_ms[known],
            }
        )
        of_episode = of_episode.with_columns(
            pl.col("first_loss_ms").replace(truth_labels.NEVER, None)
        ).with_columns(pl.when(pl.Series(fraud)).then(pl.all()))
        return frame.hstack(of_episode)


def _lower(enum: type[Scene] | type[EpisodeStage]) -> pl.Series:
    return pl.Series([member.name.lower() for member in enum])


def simulate(scenario: Scenario) -> Town:
    """Simulate a town from beginning to end; about two seconds for a million events.

    >>> small = fw.simulate(fw.Scenario(seed=3, subscribers=50, days=1))
    >>> small.calls["event_time_ms"].min() >= small.scenario.start_ms
    True

    Args:
        scenario: equal scenarios give equal towns.

    Returns:
        The town; its frames (``calls``, ``transfers``, ``labels``, ``reports``, ``people``) are made on
        demand. Times are UTC milliseconds, amounts minor units.
    """
    world = World.create(scenario)
    routines.add_routines(world)
    income.add_income(world)
    lookalikes.add_lookalikes(world)
    honest = honest_event_count(world.ledger.calls.columns(), world.ledger.postings.columns())
    episodes = fraud_episodes.add_fraud(world, honest)
    legs = _without_loops(world.ledger.calls.columns(), "person")
    postings = _without_loops(world.ledger.postings.columns(), "own")
    lines = world.ledger.lines.columns()
    never = np.full(episodes.person.size, truth_labels.NEVER, dtype=np.int64)
    planned = truth_labels.course(scenario, episodes, legs, postings, never)
    stopped = truth_labels.intervene(scenario, episodes, legs, postings, lines)
    delivery_faults.engage_lines(scenario, legs)
    _attest(world, legs)
    _borrow_devices(world, postings)
    choose_channels(world, postings)
    happened = truth_labels.course(scenario, episodes, legs, postings, stopped)
    happened.spared_minor = np.maximum(planned.lost_minor - happened.lost_minor, 0)
    limits = scenario.start_ms, scenario.end_ms
    call_rows = call_events(legs, lines, *limits)
    transfer_rows = transfer_events(postings, _reversal_ms(scenario, postings), *limits)
    return Town(
        scenario=scenario, world=world, legs=legs, postings=postings, lines=lines,
        call_rows=delivery_faults.inject_delivery_faults(scenario, call_rows, "calls"),
        transfer_rows=delivery_faults.inject_delivery_faults(scenario, transfer_rows, "transfers"),
        episodes=episodes, course=happened, texts=_texts(world),
    )  # fmt: skip


def _without_loops(table: Columns, own: str) -> Columns:
    """Drop what would go from one party to itself, such as a call that spoofs its victim's number."""
    mine = np.where(table[own] >= 0, table[own], table["person"])
    keep = np.flatnonzero(mine != table["other"])
    return {name: column[keep] for name, column in table.items()}


def _attest(world: World, legs: Columns) -> None:
    """Sign the calls (RFC 8588): most networks do not yet; foreign and spoofed ones never get A."""
    rng = world.scenario.rng("attestation")
    open_ = np.flatnonzero(legs["attestation"] == 255)
    kind = world.directory.kinds[legs["other"][open_].astype(np.int64)]
    draw = rng.random(open_.size)
    signed = np.searchsorted([0.35, 0.5, 0.58], draw, side="right")
    foreign = kind == KINDS.index("foreign")
    legs["attestation"][open_] = np.where(foreign, np.where(draw < 0.3, 2, 3), signed)


def _borrow_devices(world: World, postings: Columns) -> None:
    """A third of the people also pay from a second device, honest or deceived alike."""
    rng, people = world.scenario.rng("devices"), world.people
    second = world.directory.new_devices(people.count)
    share = np.where(rng.random(people.count) < 0.33, rng.beta(1.0, 4.0, people.count), 0.0)
    person = postings["person"]
    swap = (rng.random(person.size) < share[person]) & (postings["device"] == people.device[person])
    postings["device"][swap] = second[person[swap]]


def _reversal_ms(scenario: Scenario, postings: Columns) -> Ints:
    """After what time a completed transfer that is reversed comes back: an hour to two days."""
    rng = scenario.rng("reversals")
    return rng.integers(HOUR_MS, 48 * HOUR_MS, postings["person"].size)


def _texts(world: World) -> PartyTexts:
    scenario = world.scenario
    return PartyTexts(
        numbers=pl.Series(world.directory.number_texts(scenario.rng("numbers"))),
        accounts=world.directory.account_texts(scenario.seed),
        devices=world.directory.device_texts(scenario.seed),
        districts=pl.Series(list(scenario.districts)).gather(
            world.people.district.astype(np.uint32)
        ),
    )
