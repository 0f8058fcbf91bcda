"""The plans of several chunks made in one step, and their run in one.

A step over arrays costs as much for five events as for fifty, and a live stream comes in chunks of a few. Each chunk
keeps records of its own, as if it were planned and run alone: a chunk that is repeated alone has to come to the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from features.entity_keys import StateForm
from features.event_columns import EventColumns
from features.plan import I64, Plan, plan
from features.run_result import RunResult


@dataclass(frozen=True)
class JointPlan:
    """The plan of several chunks and that of each.

    Attributes:
        whole: all rows, with a record for each chunk that needs it.
        parts: the plan of each chunk.
        row_bounds, record_bounds, group_bounds: where the rows, records and watermarks of each chunk begin in
            ``whole``, and the end of the last; one more than there are chunks.
    """

    whole: Plan
    parts: list[Plan]
    row_bounds: list[int]
    record_bounds: list[int]
    group_bounds: list[int]

    def split(self, result: RunResult) -> list[RunResult]:
        """The result of each chunk, from that of ``whole``."""
        spans = zip(
            self.parts,
            _spans(self.row_bounds),
            _spans(self.record_bounds),
            _spans(self.group_bounds),
            strict=True,
        )
        return [
            result.part(part, rows=rows, records=records, groups=groups)
            for part, rows, records, groups in spans
        ]


def joint_plan(
    columns: EventColumns, row_bounds: Sequence[int], prefix: str, form: StateForm
) -> JointPlan:
    """Plan chunks that follow one another.

    Args:
        columns: the rows of all chunks, chunk by chunk.
        row_bounds: where the rows of each chunk begin, and the end of the last.
        prefix, form: of the keys.

    Raises:
        ValueError: as ``features.plan.plan``.
    """
    bounds = list(row_bounds)
    chunks = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    whole = plan(columns, prefix, form, chunks=chunks)
    # Records and watermarks are numbered by first appearance, so those of a chunk follow one another.
    record_bounds = _bounds(whole.slots, bounds)
    group_bounds = _bounds(whole.groups, bounds)
    parts = [
        _part(whole, rows, records, groups)
        for rows, records, groups in zip(
            _spans(bounds), _spans(record_bounds), _spans(group_bounds), strict=True
        )
    ]
    return JointPlan(whole, parts, bounds, record_bounds, group_bounds)


def _spans(bounds: Sequence[int]) -> list[slice]:
    return [slice(*pair) for pair in pairwise(bounds)]


def _bounds(indices: I64, row_bounds: Sequence[int]) -> list[int]:
    """How many different indices appear before each chunk, and in all."""
    newest = np.maximum.accumulate(indices.max(axis=1)) if len(indices) else indices[:, 0]
    counts: I64 = np.concatenate([[0], newest + 1])
    found: list[int] = counts[list(row_bounds)].tolist()
    return found


def _part(whole: Plan, rows: slice, records: slice, groups: slice) -> Plan:
    return Plan(
        columns=whole.columns.view(rows),
        keys=whole.keys[records],
        entity=whole.entity[records],
        slots=_shifted(whole.slots[rows], records.start),
        groups=_shifted(whole.groups[rows], groups.start),
        group_record=whole.group_record[groups] - records.start,
        group_source=whole.group_source[groups],
        group_partition=whole.group_partition[groups],
    )


def _shifted(indices: I64, first: int) -> I64:
    """Indices from a chunk's first on; -1 stays."""
    shifted: npt.NDArray[np.int64] = np.maximum(indices - first, -1)
    return shifted
