"""The chunks of the workers, computed again in an order that their record versions allow.

Records are shared, so the values that a worker read depend on the worker that wrote a record before it.
Scores log for each chunk and record the version that was read and the version on which the update landed.
That is a dataflow: a chunk can be computed once every record exists in the version that it read; its update
makes the version after the one on which it landed. Where these differ (a lost race), the chunk's events
are applied again to the version on which they landed, as the worker did.
"""

import bisect
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from features.engine import Engine, Plan, RunResult
from features.event_columns import EventColumns
from forewarn.errors import ForewarnError

RecordVersion = tuple[bytes, int, int]
"""A record's key, its life (after a record has expired, a new one starts at version 0), its version."""

_DAY_MS: Final = 86_400_000


class InconsistentVersionsError(ForewarnError):
    """The logged versions contradict each other, so no order of the chunks explains them."""


@dataclass(slots=True)
class LoggedChunk:
    """One chunk as its scores describe it.

    Attributes:
        partition: partition number.
        number: of the chunk in its partition.
        appended_ms: append time of its first score, UTC ms.
        columns: its events in order, continuation rows of outcomes included.
        reads: version of each record that a row read; uint32 [rows, 3].
        applied: version on which the update of the record landed; uint32 [rows, 3].
    """

    partition: int
    number: int
    appended_ms: int
    columns: EventColumns
    reads: npt.NDArray[np.uint32]
    applied: npt.NDArray[np.uint32]


@dataclass(slots=True)
class _Node:
    """A chunk in the dataflow: the versions that it needs and makes, one for each of its records."""

    chunk: LoggedChunk
    plan: Plan
    read: list[RecordVersion]
    landed: list[RecordVersion]
    left: int = 0
    void: bool = False

    def made(self, place: int) -> RecordVersion:
        key, life, version = self.landed[place]
        return key, life, version + 1


@dataclass(slots=True)
class ChunkReplay:
    """Computes chunks in an order that explains their versions.

    Args:
        engine: of the catalog that the scores were computed with.
        chunks: any order.

    Attributes:
        void: number of chunks that cannot be computed, because none of ``chunks`` made a record that
            they read (it was made before the export begins).
        races: number of updates that landed on another version than was read.
    """

    engine: Engine
    chunks: Sequence[LoggedChunk]
    void: int = 0
    races: int = 0
    _states: dict[RecordVersion, bytes] = field(default_factory=dict)
    _uses: Counter[RecordVersion] = field(default_factory=Counter)
    _ready: deque[_Node] = field(default_factory=deque)
    _readers: dict[RecordVersion, list[_Node]] = field(default_factory=lambda: defaultdict(list))
    _landing: dict[RecordVersion, tuple[_Node, RunResult, int]] = field(default_factory=dict)

    def run(self) -> Iterator[tuple[LoggedChunk, RunResult]]:
        """Yield each chunk with its result, in an order in which they may have happened.

        Raises:
            InconsistentVersionsError: if there is no such order.
        """
        nodes = self._nodes()
        makers = _makers(nodes)
        self._void(nodes, makers)
        sound = [node for node in nodes if not node.void]
        self.void = len(nodes) - len(sound)
        for node in sound:
            waiting = {state for state in node.read if state[2] > 0}
            node.left = len(waiting)
            for state in waiting:
                self._readers[state].append(node)
            if not waiting:
                self._ready.append(node)
            self._uses.update(state for state in node.read if state[2] > 0)
            self._uses.update(
                landed
                for read, landed in zip(node.read, node.landed, strict=True)
                if landed != read and landed[2] > 0
            )
        done = 0
        while self._ready:
            node = self._ready.popleft()
            result = self.engine.run(node.plan, [self._use(state) for state in node.read])
            done += 1
            yield node.chunk, result
            self._settle(node, result)
        if done < len(sound) or self._landing:
            raise InconsistentVersionsError(
                f"{len(sound) - done} chunks wait for each other's records.",
                hint="Check that the directory holds the scores of one installation only.",
            )

    def _nodes(self) -> list[_Node]:
        nodes = []
        births: dict[bytes, list[int]] = defaultdict(list)
        for chunk in self.chunks:
            plan = self.engine.plan(chunk.columns)
            read = _per_record(plan, chunk, chunk.reads)
            landed = _per_record(plan, chunk, chunk.applied)
            nodes.append(
                _Node(
                    chunk,
                    plan,
                    [(key, 0, version) for key, version in zip(plan.keys, read, strict=True)],
                    [(key, 0, version) for key, version in zip(plan.keys, landed, strict=True)],
                )
            )
            for key, version in zip(plan.keys, landed, strict=True):
                if version == 0:
                    births[key].append(chunk.appended_ms)
        again = {key: sorted(times) for key, times in births.items() if len(times) > 1}
        if again:
            for node in nodes:
                node.read = [_in_life(state, node.chunk, again) for state in node.read]
                node.landed = [_in_life(state, node.chunk, again) for state in node.landed]
        return nodes

    def _void(self, nodes: Sequence[_Node], makers: dict[RecordVersion, _Node]) -> None:
        """Mark chunks that depend on a version that no chunk made, and all that depend on them."""
        needs: dict[RecordVersion, list[_Node]] = defaultdict(list)
        for node in nodes:
            for state in {*node.read, *node.landed}:
                if state[2] > 0:
                    needs[state].append(node)
        lost = deque(state for state in needs if state not in makers)
        while lost:
            for node in needs.get(lost.popleft(), ()):
                if not node.void:
                    node.void = True
                    lost.extend(node.made(place) for place in range(len(node.landed)))

    def _settle(self, node: _Node, result: RunResult) -> None:
        """Make the new versions of a chunk's records, now or once the version below each exists."""
        values = {write.key: write.value for write in result.writes()}
        for place, (read, landed) in enumerate(zip(node.read, node.landed, strict=True)):
            if read == landed:
                self._make(node.made(place), values[read[0]])
                continue
            self.races += 1
            if landed[2] == 0 or landed in self._states:
                self._make(node.made(place), self._land(node, result, place))
            else:
                self._landing[landed] = (node, result, place)

    def _land(self, node: _Node, result: RunResult, place: int) -> bytes:
        landed = node.landed[place]
        return self.engine.reapply(node.plan, result, {landed[0]: self._use(landed)})[0].value

    def _make(self, state: RecordVersion, value: bytes) -> None:
        """Note a new version, and every version that a waiting update makes from it."""
        while True:
            if not self._uses[state]:
                return
            self._states[state] = value
            for reader in self._readers.pop(state, ()):
                reader.left -= 1
                if not reader.left:
                    self._ready.append(reader)
            waiting = self._landing.pop(state, None)
            if waiting is None:
                return
            value = self._land(*waiting)
            state = waiting[0].made(waiting[2])

    def _use(self, state: RecordVersion) -> bytes | None:
        if state[2] == 0:
            return None
        value = self._states[state]
        self._uses[state] -= 1
        if not self._uses[state]:
            del self._states[state], self._uses[state]
        return value


def _makers(nodes: Sequence[_Node]) -> dict[RecordVersion, _Node]:
    makers: dict[RecordVersion, _Node] = {}
    for node in nodes:
        for place in range(len(node.landed)):
            state = node.made(place)
            other = makers.setdefault(state, node)
            if other is not node:
                raise InconsistentVersionsError(
                    f"Version {state[2]} of a record was made by chunk {node.chunk.number} of "
                    f"partition {node.chunk.partition} and by chunk {other.chunk.number} of "
                    f"partition {other.chunk.partition}.",
                    hint="An update was lost, or the directory mixes two installations.",
                )
    return makers


def _per_record(plan: Plan, chunk: LoggedChunk, versions: npt.NDArray[np.uint32]) -> list[int]:
    """The version of each record, which all rows of a chunk have to agree on."""
    found = np.zeros(len(plan.keys), np.int64)
    touched = plan.slots >= 0
    found[plan.slots[touched]] = versions[touched]
    if not np.array_equal(found[plan.slots[touched]], versions[touched]):
        raise InconsistentVersionsError(
            f"Chunk {chunk.number} of partition {chunk.partition} names two versions of one record."
        )
    return [int(version) for version in found]


def _in_life(
    state: RecordVersion, chunk: LoggedChunk, births: dict[bytes, list[int]]
) -> RecordVersion:
    """Assign a version to a life of its record by the chunk's append time.

    Versions start at 1 again after a record has expired; lives are weeks apart.
    """
    key, _, version = state
    times = births.get(key)
    if times is None:
        return state
    starts = [times[0]]
    for time_ms in times[1:]:
        if time_ms - starts[-1] > _DAY_MS:
            starts.append(time_ms)
    life = bisect.bisect_right(starts, chunk.appended_ms + _DAY_MS // 2) - 1
    return key, max(0, life), version
