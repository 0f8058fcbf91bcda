"""The vector program: how catalog entries become numbers, as a table that the kernel loops over.

Each row of a program is ``slot, op, a, b, c, d``; rows are ordered by block and operation
(``features.catalog.declaration``):

=========== ==================================== =========================
operation   value                                operands
=========== ==================================== =========================
OP_SUM      ``acc[a, b]``                        window, channel
OP_RATIO    ``acc[a, b] / acc[c, d]``            two windows and channels
OP_DISTINCT ``dist[a, b]``                       table, distinct window
OP_SCALAR   ``scalars[a]``                       index of the scalar
OP_LARGER   ``max(acc[a, b], acc[c, d])``        two windows and channels
=========== ==================================== =========================

Window values are integers; a quotient is one division in float64; the result is rounded once, to float32.
So any implementation that counts the same integers gets the same bits.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.declaration import N_OPS
from features.kernel.compilation import inner
from features.kernel.record_state import Cursor


class Program(NamedTuple):
    """A catalog as the kernel runs it.

    Attributes:
        rows: uint32 [features, 6]; unsigned, so that compiled code need not look for negative indices.
        bounds: int64 [blocks * operations + 1], where each operation of each block begins.
        inputs: int64 [len(INPUTS)], slots of the features that the subscriber's step reads.
        offset_ms: local time minus UTC.
    """

    rows: npt.NDArray[np.uint32]
    bounds: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    offset_ms: int


class Values(NamedTuple):
    """What one event reads of one record, before the program turns it into its vector.

    Attributes:
        acc: int64 [windows, channels].
        dist: float64 [2, distinct windows].
        scalars: float64 [scalars].
        vectors: float32 [n, features]; written by :func:`evaluate`.
    """

    acc: npt.NDArray[np.int64]
    dist: npt.NDArray[np.float64]
    scalars: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float32]


@inner
def evaluate(c: Cursor, program: Program, values: Values, block: int) -> None:
    """Run one block of the program into the event's vector; one loop for each operation."""
    rows, bounds, acc = program.rows, program.bounds, values.acc
    vectors, i, first = values.vectors, c.row, block * N_OPS
    for f in range(bounds[first], bounds[first + 1]):
        vectors[i, rows[f, 0]] = np.float32(acc[rows[f, 2], rows[f, 3]])
    for f in range(bounds[first + 1], bounds[first + 2]):
        denominator = acc[rows[f, 4], rows[f, 5]]
        ratio = np.float64(acc[rows[f, 2], rows[f, 3]]) / np.float64(denominator)
        vectors[i, rows[f, 0]] = np.float32(ratio if denominator != 0 else np.nan)
    for f in range(bounds[first + 2], bounds[first + 3]):
        vectors[i, rows[f, 0]] = np.float32(values.dist[rows[f, 2], rows[f, 3]])
    for f in range(bounds[first + 3], bounds[first + 4]):
        vectors[i, rows[f, 0]] = np.float32(values.scalars[rows[f, 2]])
    for f in range(bounds[first + 4], bounds[first + 5]):
        larger = max(acc[rows[f, 2], rows[f, 3]], acc[rows[f, 4], rows[f, 5]])
        vectors[i, rows[f, 0]] = np.float32(larger)
