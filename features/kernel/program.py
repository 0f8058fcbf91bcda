"""The vector program: how catalog entries become numbers, as a table that the kernel loops over.

Each row of a program is ``slot, op, a, b, c, d``; rows are ordered by block and operation
(``features.catalog.declaration``):

=========== ==================================== ========================
operation   value                                from
=========== ==================================== ========================
OP_SUM      ``acc[a, b]``                        window, channel
OP_RATIO    ``acc[a, b] / acc[c, d]``            two windows and channels
OP_DISTINCT ``dist[a, b]``                       table, distinct window
OP_SCALAR   ``scalars[a]``                       index of the scalar
OP_LARGER   ``max(acc[a, b], acc[c, d])``        two windows and channels
=========== ==================================== ========================

Window values are integers; a quotient is one division in float64; the result is rounded once, to float32.
So any implementation that counts the same integers gets the same bits.
"""

import numpy as np

from features.catalog.declaration import N_OPS
from features.kernel.compilation import inner


@inner
def evaluate(
    program: np.ndarray,
    bounds: np.ndarray,
    block: int,
    acc: np.ndarray,
    dist: np.ndarray,
    scalars: np.ndarray,
    vectors: np.ndarray,
    i: int,
) -> None:
    """Run one block of the program into row ``i`` of the vectors; one loop for each operation."""
    first = block * N_OPS
    for f in range(bounds[first], bounds[first + 1]):
        vectors[i, program[f, 0]] = np.float32(acc[program[f, 2], program[f, 3]])
    for f in range(bounds[first + 1], bounds[first + 2]):
        below = acc[program[f, 4], program[f, 5]]
        value = np.float64(acc[program[f, 2], program[f, 3]]) / np.float64(below)
        vectors[i, program[f, 0]] = np.float32(value if below != 0 else np.nan)
    for f in range(bounds[first + 2], bounds[first + 3]):
        vectors[i, program[f, 0]] = np.float32(dist[program[f, 2], program[f, 3]])
    for f in range(bounds[first + 3], bounds[first + 4]):
        vectors[i, program[f, 0]] = np.float32(scalars[program[f, 2]])
    for f in range(bounds[first + 4], bounds[first + 5]):
        more = max(acc[program[f, 2], program[f, 3]], acc[program[f, 4], program[f, 5]])
        vectors[i, program[f, 0]] = np.float32(more)
