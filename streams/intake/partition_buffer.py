"""What waits in one partition, and which of it is worked on next.

Calls and transfers of a person lie in two topics, read independently. While a worker is behind,
one topic may be an hour further in event time than the other, and a transfer would be scored
before the call that explains it. So a partition's runs are merged by event time, and where a topic
is known to have more to come, nothing later than its newest buffered event is taken (for a bounded
time, since a silent topic must not hold up the other).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from forewarn.contracts import DeadLetter, Event
from forewarn.errors import ForewarnError
from streams.intake.record_decoder import DecodedRecords, RawRecord

SOURCE_COUNT = 3


class JournalMismatchError(ForewarnError):
    """The journalled chunk cannot be made again from what Kafka redelivers."""

    def __init__(self, partition: int, source: int, wanted: int, have: int) -> None:
        super().__init__(
            f"partition {partition}: the journal names {wanted} events of source {source}, "
            f"Kafka redelivers {have}.",
            hint="The chunk is applied by offsets instead; its vectors may differ.",
        )


@dataclass(slots=True)
class Chunk:
    """The unit of work: a stretch of one partition's events in the order in which they are applied.

    ``before`` and ``after`` are the positions (next offset) in each source topic; 0 while nothing
    of the source has been seen and no journal knows it. Once events are set aside, ``order`` is the
    source of each event that was taken, and ``failed`` the places in it of those set aside.
    """

    partition: int
    events: list[Event]
    source: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    appended_ms: npt.NDArray[np.int64]
    dead_letters: list[DeadLetter]
    before: tuple[int, ...]
    after: tuple[int, ...]
    finished: list[DecodedRecords] = field(default_factory=list)
    runs: list[DecodedRecords] = field(default_factory=list)
    order: npt.NDArray[np.uint8] | None = None
    failed: tuple[int, ...] = ()

    @property
    def taken(self) -> npt.NDArray[np.uint8]:
        """The source of each event that was taken, in merge order."""
        return self.source if self.order is None else self.order

    def record(self, index: int) -> RawRecord:
        """The bytes of an event as they were received.

        Raises:
            LookupError: if the runs of the chunk were not decoded from records.
        """
        source, offset = int(self.source[index]), int(self.offsets[index])
        for run in self.runs:
            if run.source == source:
                for record in run.records:
                    if record.offset == offset:
                        return record
        raise LookupError(f"offset {offset} of source {source} is in no run of the chunk")

    def set_aside(self, indices: Sequence[int], letters: Sequence[DeadLetter]) -> "Chunk":
        """The chunk without these events, whose dead letters it carries instead."""
        kept = np.delete(np.arange(len(self.events)), indices)
        places = np.delete(np.arange(len(self.taken)), self.failed)
        return replace(
            self,
            events=[self.events[i] for i in kept.tolist()],
            source=self.source[kept],
            offsets=self.offsets[kept],
            appended_ms=self.appended_ms[kept],
            dead_letters=[*self.dead_letters, *letters],
            order=self.taken,
            failed=tuple(sorted([*self.failed, *places[list(indices)].tolist()])),
        )

    @property
    def first_appended_ms(self) -> tuple[int, ...]:
        """Append time of the first event of each source, UTC milliseconds; 0 for none."""
        mine = (self.appended_ms[self.source == source] for source in range(SOURCE_COUNT))
        return tuple(int(times[0]) if len(times) else 0 for times in mine)

    def acknowledge(self) -> None:
        """Let the offsets of the wholly consumed runs be committed."""
        for run in self.finished:
            run.acknowledge()


class PartitionBuffer:
    """Runs of one partition that wait for a lane.

    Args:
        partition: the partition number, the same in every source topic.
        positions: next offset of each source, from the journal; 0 where unknown.
        align_seconds: longest wait for a source that is behind.

    ``positions`` moves as chunks are taken, ``done`` as the owner finishes them.
    """

    def __init__(self, partition: int, positions: tuple[int, ...], align_seconds: float) -> None:
        self.partition = partition
        self.positions = list(positions)
        self.done = positions
        self._ends = [0] * SOURCE_COUNT
        self._align_seconds = align_seconds
        self._runs: tuple[deque[DecodedRecords], ...] = tuple(deque() for _ in range(SOURCE_COUNT))
        self._holding_since: float | None = None

    @property
    def events(self) -> int:
        """Events that wait."""
        return sum(run.remaining for runs in self._runs for run in runs)

    @property
    def empty(self) -> bool:
        """Whether no run waits (a run of rejected records only still has to be taken)."""
        return not any(self._runs)

    def oldest_ms(self, source: int) -> int | None:
        """Append time of the oldest waiting event of a source, UTC milliseconds."""
        for run in self._runs[source]:
            if run.remaining:
                return int(run.appended_ms[run.cursor])
        return None

    def next_offset(self, source: int) -> int | None:
        """Offset of the oldest waiting event of a source."""
        for run in self._runs[source]:
            if run.remaining:
                return int(run.offsets[run.cursor])
        return None

    def add(self, run: DecodedRecords) -> None:
        """Append a run behind those of its source.

        Raises:
            RuntimeError: if it begins before the end of what was added: an event would be in a chunk
                twice, and its second vector would count the first.
        """
        if len(run.offsets) and run.offsets[0] < self._ends[run.source]:
            raise RuntimeError(
                f"partition {self.partition}: offset {run.offsets[0]} of source {run.source} was "
                f"delivered again within one assignment, behind {self._ends[run.source]}"
            )
        self._ends[run.source] = run.next_offset
        self._runs[run.source].append(run)

    def take(self, limit: int, behind: Callable[[int], bool], now: float) -> Chunk | None:
        """Take up to ``limit`` events in merge order; None while nothing may be taken yet.

        Args:
            limit: most events of the chunk.
            behind: whether more records of a source are known to exist beyond those buffered.
            now: monotonic seconds.
        """
        if self.empty:
            return None
        keys = [self._keys(source) for source in range(SOURCE_COUNT)]
        horizon = self._horizon(keys, behind)
        merged = np.concatenate(keys)
        source = np.repeat(np.arange(SOURCE_COUNT, dtype=np.uint8), [len(k) for k in keys])
        order = np.argsort(merged, kind="stable")
        if horizon is not None:
            allowed = int(np.searchsorted(merged[order], horizon, side="right"))
            if allowed == 0 and len(order) and not self._waited_enough(now):
                return None
            order = order[: allowed or len(order)]
        self._holding_since = None
        return self._cut(source[order[:limit]])

    def take_journalled(self, order: npt.NDArray[np.uint8], after: tuple[int, ...]) -> Chunk | None:
        """Take again exactly the chunk that a journal describes; None until all of it is here.

        Args:
            order: the source of each event, in merge order.
            after: the positions behind the chunk.

        Raises:
            JournalMismatchError: the records that were redelivered are not those of the journal
                (retention removed some, or they are decoded otherwise than before).
        """
        wanted = np.bincount(order, minlength=SOURCE_COUNT)
        for source in range(SOURCE_COUNT):
            if not wanted[source]:
                continue
            runs = self._runs[source]
            if not runs or runs[-1].next_offset < after[source]:
                return None
            have = sum(
                int(np.count_nonzero(run.offsets[run.cursor :] < after[source])) for run in runs
            )
            if have != wanted[source]:
                raise JournalMismatchError(self.partition, source, int(wanted[source]), have)
        return self._cut(order)

    def _keys(self, source: int) -> npt.NDArray[np.int64]:
        parts = [run.merge_ms[run.cursor :] for run in self._runs[source]]
        keys = np.concatenate(parts) if parts else np.empty(0, np.int64)
        return np.maximum.accumulate(keys) if len(parts) > 1 else keys

    @staticmethod
    def _horizon(keys: list[npt.NDArray[np.int64]], behind: Callable[[int], bool]) -> int | None:
        """The newest event time up to which every source that has more to come is buffered."""
        newest = [int(k[-1]) if len(k) else -1 for source, k in enumerate(keys) if behind(source)]
        return min(newest) if newest else None

    def _waited_enough(self, now: float) -> bool:
        if self._holding_since is None:
            self._holding_since = now
        return now - self._holding_since >= self._align_seconds

    def _cut(self, source: npt.NDArray[np.uint8]) -> Chunk:
        before = tuple(self.positions)
        counts = np.bincount(source, minlength=SOURCE_COUNT)
        taken = _Taken()
        for code in range(SOURCE_COUNT):
            self._drain(code, int(counts[code]), taken)
        rank = _ranks(source)
        return Chunk(
            partition=self.partition,
            events=[taken.events[i] for i in rank],
            source=source,
            offsets=np.concatenate([*taken.offsets, np.empty(0, np.int64)])[rank],
            appended_ms=np.concatenate([*taken.appended_ms, np.empty(0, np.int64)])[rank],
            dead_letters=taken.dead_letters,
            before=before,
            after=tuple(self.positions),
            finished=taken.finished,
            runs=taken.runs,
        )

    def _drain(self, code: int, count: int, taken: "_Taken") -> None:
        """Take ``count`` events of one source, and the runs that this leaves empty."""
        runs = self._runs[code]
        while runs and (count or not runs[0].remaining):
            run = runs[0]
            share = min(count, run.remaining)
            start, stop = run.cursor, run.cursor + share
            if start == 0:
                taken.dead_letters.extend(run.dead_letters)
            taken.runs.append(run)
            taken.events.extend(run.events[start:stop])
            taken.offsets.append(run.offsets[start:stop])
            taken.appended_ms.append(run.appended_ms[start:stop])
            run.cursor = stop
            count -= share
            if run.remaining:
                self.positions[code] = int(run.offsets[stop])
                return
            self.positions[code] = run.next_offset
            taken.finished.append(runs.popleft())


@dataclass(slots=True)
class _Taken:
    """What was drained so far, sources laid end to end."""

    events: list[Event] = field(default_factory=list)
    offsets: list[npt.NDArray[np.int64]] = field(default_factory=list)
    appended_ms: list[npt.NDArray[np.int64]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    finished: list[DecodedRecords] = field(default_factory=list)
    runs: list[DecodedRecords] = field(default_factory=list)


def _ranks(source: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where each event of the merged order lies when sources are laid end to end.

    Merging keeps each source's order, so the k-th event of a source in the merge is the k-th of
    its stretch.
    """
    starts = np.argsort(source, kind="stable")
    ranks = np.empty(len(source), np.int64)
    ranks[starts] = np.arange(len(source))
    return ranks
