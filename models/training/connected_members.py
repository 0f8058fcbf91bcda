"""Members that are connected by what they share: outcomes by a number, people by a ring."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def representatives(
    member: NDArray[np.integer], shared: NDArray[np.generic], n_members: int
) -> NDArray[np.int64]:
    """Number of the first member that each member is connected with, itself included, [n_members].

    Args:
        member: numbers from 0 to ``n_members`` - 1, one for each thing that a member has, [n].
        shared: the thing; members with equal ones are connected, [n].
        n_members: of all, those without anything included.
    """
    things, thing = np.unique(shared, return_inverse=True)
    size = n_members + len(things)
    edges = coo_array((np.ones(len(member), np.int8), (member, n_members + thing)), (size, size))
    _, component = connected_components(edges, directed=False)
    _, first, of = np.unique(component[:n_members], return_index=True, return_inverse=True)
    return np.asarray(first[of], np.int64)
