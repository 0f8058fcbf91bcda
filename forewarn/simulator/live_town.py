"""A town that answers: records in order of arrival, changed by interventions while they are sent.

A victim who is dissuaded hangs up and pays no further in that episode. What is already attempted
but not settled is blocked; calls, payments and line changes still to come are never sent.
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from forewarn.contracts import decode_call, decode_transfer, encode
from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.event_frames import (
    call_frame,
    call_records,
    transfer_frame,
    transfer_records,
)
from forewarn.simulator.fraud_episodes import TYPOLOGY_NAMES
from forewarn.simulator.outcome_reports import outcome_records
from forewarn.simulator.town import Town
from forewarn.simulator.town_events import BLOCKED, CALL_ENDED, LINE_CHANGED, EventRows
from forewarn.simulator.town_ledger import Settlement
from forewarn.simulator.town_scenario import DAY_MS, SECOND_MS

BLOCK_ROWS = 20_000
ATTEMPT_MS = DAY_MS
"""For how long a person remembers a fraud that led nowhere, or that was stopped, when a responder asks."""
HANG_UP_MS = 5 * SECOND_MS
BLOCKING_MS = 2 * SECOND_MS


class TownRecord(NamedTuple):
    """One record to send; ``topic`` is the name without prefix, ``episode`` -1 outside fraud."""

    topic: str
    key: bytes
    value: bytes
    event_time_ms: int
    arrival_ms: int
    episode: int


class Stopped(NamedTuple):
    """One episode that an intervention ended; money in minor units."""

    episode_id: str
    typology: str
    spared_minor: int


def iter_events(
    town: Town, start_ms: int = 0, *, outcomes: bool = False
) -> Iterator[tuple[str, bytes, bytes, int]]:
    """All records of a town in order of arrival, as Kafka takes them.

    >>> topic, key, value, event_time_ms = next(fw.iter_events(town))
    >>> topic in ("calls", "transfers"), event_time_ms >= town.scenario.start_ms
    (True, True)

    Args:
        town: whose events.
        start_ms: skip what arrives earlier, UTC milliseconds.
        outcomes: also the reports to the police, on the ``outcomes`` topic.

    Returns:
        Topic without prefix, key, value (JSON) and event time in UTC milliseconds of each record.
    """
    for record in LiveTown(town, start_ms=start_ms, outcomes=outcomes):
        yield record[:4]


class LiveTown:
    """An iterator of records which `intervene` changes as it goes.

    Args:
        town: the town; its own history is not changed.
        start_ms: skip what arrives earlier, for example because state was warmed with it.
        outcomes: also send the reports to the police, on the ``outcomes`` topic.

    Use from one thread; call `intervene` between two records.
    """

    def __init__(self, town: Town, *, start_ms: int = 0, outcomes: bool = False) -> None:
        self.town = town
        self._with_outcomes = outcomes
        self._now_ms = start_ms
        self._start_ms = start_ms
        self._added: list[tuple[int, int, TownRecord]] = []
        self._additions = 0
        self._stopped: dict[int, int] = {}
        numbers = town.texts.numbers[: town.world.people.count].to_list()
        self._person = {number: index for index, number in enumerate(numbers)}
        self._keys = [number.encode() for number in numbers]
        victims = np.flatnonzero(town.episodes.engaged)
        self._episodes: dict[int, list[int]] = {}
        for episode in victims.tolist():
            self._episodes.setdefault(int(town.episodes.person[episode]), []).append(episode)
        self._vain: dict[int, list[int]] = {}
        for episode in np.flatnonzero(~town.episodes.engaged.astype(bool)).tolist():
            self._vain.setdefault(int(town.episodes.person[episode]), []).append(episode)

    def __iter__(self) -> Iterator[TownRecord]:
        merged = heapq.merge(self._calls(), self._transfers(), self._outcomes(), key=_arrival)
        for record in merged:
            while self._added and self._added[0][0] <= record.arrival_ms:
                yield heapq.heappop(self._added)[2]
            self._now_ms = record.arrival_ms
            # Read at the last moment: the intervention may have come while this one was waiting.
            if record.event_time_ms <= self._stopped.get(record.episode, record.event_time_ms):
                yield record
        while self._added:
            yield heapq.heappop(self._added)[2]

    def under_way(self, subscriber: str, time_ms: int) -> list[str]:
        """The typologies of frauds that a subscriber is in at some time and that go on after it."""
        return [
            TYPOLOGY_NAMES[self.town.episodes.typology[episode]]
            for episode in self._open(subscriber, time_ms)
        ]

    def attempted(self, subscriber: str, time_ms: int) -> bool:
        """Whether a fraud against a subscriber led nowhere, or was stopped, within the day before."""
        person = self._person.get(subscriber, -1)
        began = self.town.course.began_ms
        in_vain = any(
            began[episode] <= time_ms < began[episode] + ATTEMPT_MS
            for episode in self._vain.get(person, [])
        )
        return in_vain or any(
            time_ms < self._stopped.get(episode, -ATTEMPT_MS) + ATTEMPT_MS
            for episode in self._episodes.get(person, [])
        )

    def intervene(self, subscriber: str, time_ms: int) -> list[Stopped]:
        """Dissuade a victim: the frauds against this person stop.

        Args:
            subscriber: E.164; nothing happens for an unknown number or a person without a fraud.
            time_ms: event time of the contact; not before what was sent already.

        Returns:
            The episodes that this ended, with the money that would have left after it.
        """
        moment = max(time_ms, self._now_ms)
        stopped = []
        for episode in self._open(subscriber, moment):
            self._stopped[episode] = moment
            self._hang_up(episode, moment)
            spared = self._block(episode, moment)
            name = TYPOLOGY_NAMES[self.town.episodes.typology[episode]]
            stopped.append(Stopped(f"e{episode:07d}", name, spared))
        return stopped

    def _open(self, subscriber: str, moment: int) -> list[int]:
        """Engaged episodes that have begun within 60 days and were not stopped."""
        began = self.town.course.began_ms
        return [
            episode
            for episode in self._episodes.get(self._person.get(subscriber, -1), [])
            if began[episode] <= moment < began[episode] + 60 * DAY_MS
            and episode not in self._stopped
        ]

    def _hang_up(self, episode: int, moment: int) -> None:
        """End the calls that are under way a few seconds from now."""
        legs = self.town.legs
        start = legs["start_ms"]
        rows = np.flatnonzero(
            (legs["episode"] == episode)
            & (start <= moment)
            & (start + legs["duration_ms"] > moment + HANG_UP_MS)
            & legs["answered"].astype(bool)
        )
        end = moment + HANG_UP_MS
        events = _rows(CALL_ENDED, rows, end)
        frame = call_frame(events, legs, self.town.lines, self.town.texts, self.town.scenario)
        for text in call_records(frame).to_list():
            event = decode_call(text.encode())
            changed = msgspec.structs.replace(event, duration_ms=end - event.started_at_ms)  # type: ignore[union-attr]  # these rows are ends of calls
            self._add("calls", changed.subscriber, encode(changed), end, episode)

    def _block(self, episode: int, moment: int) -> int:
        """Block what is attempted and not settled; returns the money that does not leave."""
        postings = self.town.postings
        mine = (postings["episode"] == episode) & postings["outgoing"].astype(bool)
        mine &= postings["settlement"] == Settlement.COMPLETED
        settles = postings["time_ms"] + postings["settle_ms"]
        rows = np.flatnonzero(
            mine & (settles > moment) & (postings["time_ms"] < self.town.scenario.end_ms)
        )
        pending = rows[postings["time_ms"][rows] <= moment]
        when = moment + BLOCKING_MS
        frame = transfer_frame(
            _rows(BLOCKED, pending, when), postings, self.town.texts, self.town.scenario
        )
        for text in transfer_records(frame).to_list():
            event = decode_transfer(text.encode())
            self._add("transfers", event.subscriber, encode(event), when, episode)
        return int(postings["amount_minor"][rows].sum())

    def _add(self, topic: str, subscriber: str, value: bytes, time_ms: int, episode: int) -> None:
        record = TownRecord(topic, subscriber.encode(), value, time_ms, time_ms, episode)
        self._additions += 1  # ties go in the order of adding; records are never compared
        heapq.heappush(self._added, (time_ms, self._additions, record))

    def _calls(self) -> Iterator[TownRecord]:
        town, rows = self.town, self.town.call_rows
        first = int(np.searchsorted(rows.arrival_ms, self._start_ms, side="left"))
        for begin in range(first, len(rows), BLOCK_ROWS):
            block = rows.take(np.arange(begin, min(begin + BLOCK_ROWS, len(rows))))
            line = block.kind == LINE_CHANGED
            leg, switch = np.where(line, 0, block.row), np.where(line, block.row, 0)
            switched = town.lines if town.lines["person"].size else None
            person = town.legs["person"][leg]
            episode = town.legs["episode"][leg]
            if switched is not None:
                person = np.where(line, switched["person"][switch], person)
                episode = np.where(line, switched["episode"][switch], episode)
            frame = call_frame(block, town.legs, town.lines, town.texts, town.scenario)
            yield from self._records("calls", call_records(frame).to_list(), block, person, episode)

    def _transfers(self) -> Iterator[TownRecord]:
        town, rows = self.town, self.town.transfer_rows
        first = int(np.searchsorted(rows.arrival_ms, self._start_ms, side="left"))
        for begin in range(first, len(rows), BLOCK_ROWS):
            block = rows.take(np.arange(begin, min(begin + BLOCK_ROWS, len(rows))))
            person = town.postings["person"][block.row]
            episode = town.postings["episode"][block.row]
            frame = transfer_frame(block, town.postings, town.texts, town.scenario)
            texts = transfer_records(frame).to_list()
            yield from self._records("transfers", texts, block, person, episode)

    def _outcomes(self) -> Iterator[TownRecord]:
        if self._with_outcomes:
            for episode, key, value, time_ms in outcome_records(self.town):
                if time_ms >= self._start_ms:
                    yield TownRecord("outcomes", key, value, time_ms, time_ms, episode)

    def _records(
        self, topic: str, texts: list[str], block: EventRows, person: Ints, episode: Ints
    ) -> Iterator[TownRecord]:
        keys = self._keys
        columns = zip(
            texts, person.tolist(), block.time_ms.tolist(), block.arrival_ms.tolist(),
            episode.tolist(), strict=True,
        )  # fmt: skip
        for text, who, time_ms, arrival_ms, of_episode in columns:
            yield TownRecord(topic, keys[who], text.encode(), time_ms, arrival_ms, of_episode)


def _arrival(record: TownRecord) -> int:
    return record.arrival_ms


def _rows(kind: int, rows: Ints, time_ms: int) -> EventRows:
    times = np.full(rows.size, time_ms, dtype=np.int64)
    kinds = np.full(rows.size, kind, dtype=np.uint8)
    return EventRows(kinds, rows, times, times, np.zeros(rows.size, np.uint8))
