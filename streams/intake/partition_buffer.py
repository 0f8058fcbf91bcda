"""Records of one partition that wait for a lane, merged over its topics by event time.

Calls and transfers of a person lie in two topics, read independently. While a worker is behind,
one topic may be an hour further in event time than the other, and a transfer would be scored
before the call that explains it. So the topics are merged by event time, and where a topic is known
to have more to come, no event later than its newest buffered one is taken (for a bounded time,
since a silent topic must not hold up the other).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from forewarn.contracts import DeadLetter, Event
from forewarn.contracts.payment_question import PaymentQuestion
from forewarn.errors import ForewarnError
from streams.intake.record_decoder import TRANSFERS, DecodedRecords
from streams.transport import RawRecord

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
    """A number of events of one partition in the order in which they are applied.

    Attributes:
        partition: its number.
        events: the events.
        source: code of each event's topic.
        offsets: of each event.
        appended_ms: append time of each event, UTC milliseconds.
        dead_letters: records that are rejected with the chunk.
        before: next offset of each source before the chunk; 0 while none was seen or journalled.
        after: the same after the chunk.
        finished: fetched records of which the chunk takes the last event.
        decoded: fetched records from which the events come.
        order: source of each event that was taken, once events are set aside; None before.
        failed: places in ``order`` of the events set aside.
        questions: by index of the event, the payments that a bank waits for.
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
    decoded: list[DecodedRecords] = field(default_factory=list)
    order: npt.NDArray[np.uint8] | None = None
    failed: tuple[int, ...] = ()
    questions: Mapping[int, PaymentQuestion] = field(default_factory=dict)

    @property
    def taken(self) -> npt.NDArray[np.uint8]:
        """The source of each event that was taken, in merge order."""
        return self.source if self.order is None else self.order

    def record(self, index: int) -> RawRecord:
        """The bytes of an event as they were received.

        Raises:
            LookupError: the events of the chunk were not decoded from records.
        """
        source, offset = int(self.source[index]), int(self.offsets[index])
        for decoded in self.decoded:
            if decoded.source == source:
                for record in decoded.records:
                    if record.offset == offset:
                        return record
        raise LookupError(f"offset {offset} of source {source} is not in the chunk")

    def set_aside(self, indices: Sequence[int], letters: Sequence[DeadLetter]) -> "Chunk":
        """Return the chunk without these events, with their dead letters instead.

        Args:
            indices: of the events.
            letters: their dead letters.
        """
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
            questions={
                place: self.questions[old]
                for place, old in enumerate(kept.tolist())
                if old in self.questions
            },
        )

    @property
    def first_appended_ms(self) -> tuple[int, ...]:
        """Append time of the first event of each source, UTC milliseconds; 0 for none."""
        mine = (self.appended_ms[self.source == source] for source in range(SOURCE_COUNT))
        return tuple(int(times[0]) if len(times) else 0 for times in mine)

    def acknowledge(self) -> None:
        """Acknowledge the fetched records of which the last event is done."""
        for decoded in self.finished:
            decoded.acknowledge()


class PartitionBuffer:
    """Decoded records of one partition that wait for a lane.

    Args:
        partition: the partition number, the same in every source topic.
        positions: next offset of each source, from the journal; 0 where unknown.
        align_seconds: longest wait for a source that is behind.

    Attributes:
        positions: next offset of each source; moves as chunks are taken.
        done: the same; moves as the owner finishes chunks.
    """

    def __init__(self, partition: int, positions: tuple[int, ...], align_seconds: float) -> None:
        self.partition = partition
        self.positions = list(positions)
        self.done = positions
        self._ends = [0] * SOURCE_COUNT
        self._align_seconds = align_seconds
        self._queues: tuple[deque[DecodedRecords], ...] = tuple(
            deque() for _ in range(SOURCE_COUNT)
        )
        self._holding_since: float | None = None

    @property
    def events(self) -> int:
        """Events that wait."""
        return sum(decoded.remaining for queue in self._queues for decoded in queue)

    @property
    def empty(self) -> bool:
        """Whether nothing waits (rejected records still have to be taken, too)."""
        return not any(self._queues)

    @property
    def asked(self) -> bool:
        """Whether a payment waits that a bank waits for; taken ones count until their fetch is done."""
        return any(decoded.questions for decoded in self._queues[TRANSFERS])

    def oldest_ms(self, source: int) -> int | None:
        """Append time of the oldest waiting event of a source, UTC milliseconds."""
        for decoded in self._queues[source]:
            if decoded.remaining:
                return int(decoded.appended_ms[decoded.cursor])
        return None

    def next_offset(self, source: int) -> int | None:
        """Offset of the oldest waiting event of a source."""
        for decoded in self._queues[source]:
            if decoded.remaining:
                return int(decoded.offsets[decoded.cursor])
        return None

    def add(self, decoded: DecodedRecords) -> None:
        """Append records behind the others of their source.

        Raises:
            RuntimeError: they begin before the end of the others: an event would be in a chunk
                twice, and its second vector would count the first.
        """
        source, offsets = decoded.source, decoded.offsets
        if len(offsets) and offsets[0] < self._ends[source]:
            raise RuntimeError(
                f"partition {self.partition}: offset {offsets[0]} of source {source} was "
                f"delivered again within one assignment, behind {self._ends[source]}"
            )
        self._ends[source] = decoded.next_offset
        self._queues[source].append(decoded)

    def take(self, limit: int, behind: Callable[[int], bool], now: float) -> Chunk | None:
        """Take up to ``limit`` events in merge order; None while none may be taken yet.

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
            if self.asked:
                allowed = max(allowed, self._after_last_question(source[order]))
            if allowed == 0 and len(order) and not self._waited_enough(now):
                return None
            order = order[: allowed or len(order)]
        self._holding_since = None
        return self._cut(source[order[:limit]])

    def _after_last_question(self, source: npt.NDArray[np.uint8]) -> int:
        """How many events are taken so that no payment which a bank waits for waits for more."""
        last, place = -1, 0
        for decoded in self._queues[TRANSFERS]:
            for offset in decoded.offsets[decoded.cursor :].tolist():
                if offset in decoded.questions:
                    last = place
                place += 1
        if last < 0:
            return 0
        return int(np.flatnonzero(source == TRANSFERS)[last]) + 1

    def take_journalled(self, order: npt.NDArray[np.uint8], after: tuple[int, ...]) -> Chunk | None:
        """Take exactly the chunk that a journal describes; None until all of it has arrived.

        Args:
            order: the source of each event, in merge order.
            after: next offset of each source after the chunk.

        Raises:
            JournalMismatchError: the records that were redelivered are not those of the journal
                (retention removed some, or they are decoded differently).
        """
        wanted = np.bincount(order, minlength=SOURCE_COUNT)
        for source in range(SOURCE_COUNT):
            if not wanted[source]:
                continue
            queue = self._queues[source]
            if not queue or queue[-1].next_offset < after[source]:
                return None
            have = sum(
                int(np.count_nonzero(decoded.offsets[decoded.cursor :] < after[source]))
                for decoded in queue
            )
            if have != wanted[source]:
                raise JournalMismatchError(self.partition, source, int(wanted[source]), have)
        return self._cut(order)

    def _keys(self, source: int) -> npt.NDArray[np.int64]:
        parts = [decoded.merge_ms[decoded.cursor :] for decoded in self._queues[source]]
        keys = np.concatenate(parts) if parts else np.empty(0, np.int64)
        return np.maximum.accumulate(keys) if len(parts) > 1 else keys

    @staticmethod
    def _horizon(keys: list[npt.NDArray[np.int64]], behind: Callable[[int], bool]) -> int | None:
        """Event time up to which every source that has more to come is buffered; None for no bound."""
        newest = [int(k[-1]) if len(k) else -1 for source, k in enumerate(keys) if behind(source)]
        return min(newest) if newest else None

    def _waited_enough(self, now: float) -> bool:
        if self._holding_since is None:
            self._holding_since = now
        return now - self._holding_since >= self._align_seconds

    def _cut(self, source: npt.NDArray[np.uint8]) -> Chunk:
        before = tuple(self.positions)
        counts = np.bincount(source, minlength=SOURCE_COUNT)
        drained = _Drained()
        for code in range(SOURCE_COUNT):
            self._drain(code, int(counts[code]), drained)
        rank = _ranks(source)
        offsets = np.concatenate([*drained.offsets, np.empty(0, np.int64)])[rank]
        return Chunk(
            partition=self.partition,
            events=[drained.events[i] for i in rank],
            source=source,
            offsets=offsets,
            appended_ms=np.concatenate([*drained.appended_ms, np.empty(0, np.int64)])[rank],
            dead_letters=drained.dead_letters,
            before=before,
            after=tuple(self.positions),
            finished=drained.finished,
            decoded=drained.decoded,
            questions=_questions(drained.decoded, source, offsets),
        )

    def _drain(self, code: int, count: int, drained: "_Drained") -> None:
        """Take ``count`` events of one source, and the records that this leaves without events."""
        queue = self._queues[code]
        while queue and (count or not queue[0].remaining):
            decoded = queue[0]
            share = min(count, decoded.remaining)
            start, stop = decoded.cursor, decoded.cursor + share
            if start == 0:
                drained.dead_letters.extend(decoded.dead_letters)
            drained.decoded.append(decoded)
            drained.events.extend(decoded.events[start:stop])
            drained.offsets.append(decoded.offsets[start:stop])
            drained.appended_ms.append(decoded.appended_ms[start:stop])
            decoded.cursor = stop
            count -= share
            if decoded.remaining:
                self.positions[code] = int(decoded.offsets[stop])
                return
            self.positions[code] = decoded.next_offset
            drained.finished.append(queue.popleft())


@dataclass(slots=True)
class _Drained:
    """Events taken so far, one source after the other."""

    events: list[Event] = field(default_factory=list)
    offsets: list[npt.NDArray[np.int64]] = field(default_factory=list)
    appended_ms: list[npt.NDArray[np.int64]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    finished: list[DecodedRecords] = field(default_factory=list)
    decoded: list[DecodedRecords] = field(default_factory=list)


def _questions(
    decoded: Sequence[DecodedRecords],
    source: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
) -> dict[int, PaymentQuestion]:
    """The questions of a chunk by the index of their event; mostly none."""
    asked = {offset: each.questions[offset] for each in decoded for offset in each.questions}
    if not asked:
        return {}
    mine = np.flatnonzero((source == TRANSFERS) & np.isin(offsets, list(asked)))
    return {i: asked[int(offsets[i])] for i in mine.tolist()}


def _ranks(source: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Position of each event of the merged order when the sources follow one another.

    Merging keeps each source's order, so the k-th event of a source in the merge is the k-th of
    that source.
    """
    starts = np.argsort(source, kind="stable")
    ranks = np.empty(len(source), np.int64)
    ranks[starts] = np.arange(len(source))
    return ranks
