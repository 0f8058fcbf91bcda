"""Contributions of features to a score (path-dependent TreeSHAP), walked by compiled code.

The values are those of ``Booster.predict(pred_contrib=True)``, in a tenth of the time or less.
LightGBM extends and unwinds the weights of all subset sizes at every node, as Lundberg et al. (2018,
"Consistent Individualized Feature Attribution for Tree Ensembles") give it. Here each Shapley weight
is written as an integral over the unit interval::

    |S|! (d - |S| - 1)! / d!  =  integral of t^|S| (1 - t)^(d - |S| - 1) dt

so that the sum over all subsets of the ``d`` features of a path becomes the integral of one product,
``t * one + (1 - t) * zero`` over the features, where ``one`` is 1 if the row fulfils all conditions
of the path on that feature, and ``zero`` is the share of the training rows that do. The product is a
polynomial, and Gauss-Legendre quadrature with ``n`` points is exact for degrees up to ``2 n - 1``.
All terms are positive, so nothing cancels.

One pass down a tree multiplies the products, one pass up adds them; a feature that occurs again on
a path replaces its earlier factor. Below a condition that the row does not fulfil, further conditions
on the same feature change no contribution. ``tests/models/serving/test_tree_shap.py`` compares with
LightGBM.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.serving.forest import LARGEST, condition
from models.serving.model_dump import ModelDump, TreeNode
from models.serving.walk_code import compiled, part

_POINTS = 3
"""Quadrature points of one pass: exact for the depth of 6 that training allows. Deeper trees take
several passes."""


@dataclass(frozen=True, slots=True)
class TreeShap:
    """Inner nodes of all trees, those of a tree in preorder.

    A tree with ``m`` inner nodes numbers them from 0 and its leaves from ``m``. Its *branches* are
    numbered ``2 * node`` to the left and ``2 * node + 1`` to the right; a last one, which every row
    fulfils (``zero`` is 1), stands for no earlier branch, so that compiled code needs no condition.
    Indices are unsigned: numba checks signed ones for negative values at each use.

    Attributes:
        starts: first inner node of each tree, and the number of inner nodes at the end.
        passes: of each tree, by its depth.
        tables: first row of each tree in ``inverse``.
        slot: column of a row that holds the features twice, as in ``Forest``.
        threshold: the row goes to the right above it.
        feature: of the condition.
        children: numbers of the left and the right child in the tree, uint32 [nodes, 2].
        previous: branch of the path on the nearest earlier node with the same feature, or the last one.
        zero: share of the training rows that fulfil all conditions of the path on the feature of a
            branch, float64 [branches].
        values: of the leaves; leaf ``k`` of a tree is at ``starts[tree] + tree + k``.
        inverse: 1 / (t + (1 - t) * zero) by tree, pass and branch, at the three points and at t = 0;
            float64 [rows, 4].
        points: t by number of passes, float64 [passes, points].
        weights: of the points.
    """

    starts: NDArray[np.int64]
    passes: NDArray[np.int64]
    tables: NDArray[np.int64]
    slot: NDArray[np.uint32]
    threshold: NDArray[np.float32]
    feature: NDArray[np.int32]
    children: NDArray[np.uint32]
    previous: NDArray[np.uint32]
    zero: NDArray[np.float64]
    values: NDArray[np.float64]
    inverse: NDArray[np.float64]
    points: NDArray[np.float64]
    weights: NDArray[np.float64]

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Contribution of each feature to the log-odds, float64 [n, F], of vectors float32 [n, F]."""
        out = np.zeros(vectors.shape, np.float64)
        inner = int(np.diff(self.starts).max(initial=0))
        _explain(
            np.ascontiguousarray(vectors),
            self.starts,
            self.passes,
            self.tables,
            self.slot,
            self.threshold,
            self.feature,
            self.children,
            self.previous,
            self.zero,
            self.values,
            self.inverse,
            self.points,
            self.weights,
            np.empty((2 * inner + 1, _POINTS)),
            np.empty(2 * inner + 1),
            out,
        )
        return out


@compiled
def _explain(
    vectors: NDArray[np.float32],
    starts: NDArray[np.int64],
    passes: NDArray[np.int64],
    tables: NDArray[np.int64],
    slot: NDArray[np.uint32],
    threshold: NDArray[np.float32],
    feature: NDArray[np.int32],
    children: NDArray[np.uint32],
    previous: NDArray[np.uint32],
    zero: NDArray[np.float64],
    values: NDArray[np.float64],
    inverse: NDArray[np.float64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    product: NDArray[np.float64],
    one: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Add the contributions of all trees; ``product`` and ``one`` are scratch of one tree."""
    n, n_features = vectors.shape
    row = np.empty(2 * n_features, np.float32)
    for r in range(n):
        for j in range(n_features):
            x = vectors[r, j]
            missing = x != x  # noqa: PLR0124  # the fastest test for NaN
            x = min(x, LARGEST)
            row[j] = -np.inf if missing else x
            row[n_features + j] = np.inf if missing else x
        for tree in range(passes.shape[0]):
            start, stop = starts[tree], starts[tree + 1]
            inner = stop - start
            branches = 2 * inner + 1
            first = 2 * start + tree
            for number in range(passes[tree]):
                begin, end = _POINTS * number, _POINTS * (number + 1)
                t = points[passes[tree] - 1, begin:end]
                w = weights[passes[tree] - 1, begin:end]
                row_of_table = tables[tree] + number * branches
                table = inverse[row_of_table : row_of_table + branches]
                z = zero[first : first + branches]
                _descend(
                    row, t, slot[start:stop], threshold[start:stop], children[start:stop],
                    previous[start:stop], z, table, product, one,
                )  # fmt: skip
                for leaf in range(inner + 1):
                    for q in range(_POINTS):
                        product[inner + leaf, q] *= values[start + tree + leaf]
                _ascend(
                    t, w, feature[start:stop], children[start:stop], previous[start:stop], z, table,
                    product, one, out[r],
                )  # fmt: skip


@part
def _descend(
    row: NDArray[np.float32],
    t: NDArray[np.float64],
    slot: NDArray[np.uint32],
    threshold: NDArray[np.float32],
    children: NDArray[np.uint32],
    previous: NDArray[np.uint32],
    zero: NDArray[np.float64],
    inverse: NDArray[np.float64],
    product: NDArray[np.float64],
    one: NDArray[np.bool_],
) -> None:
    """Set which branches the row takes, and the products of the paths to all nodes of a tree."""
    t0, t1, t2 = t[0], t[1], t[2]
    product[0, :] = 1.0
    one[2 * slot.shape[0]] = 1.0
    for node in range(slot.shape[0]):
        side = 1 if row[slot[node]] > threshold[node] else 0
        before = previous[node]
        hot = one[before]
        one[2 * node + side] = hot
        one[2 * node + 1 - side] = 0.0
        taken, other = children[node, side], children[node, 1 - side]
        z_taken, z_other = zero[2 * node + side], zero[2 * node + 1 - side]
        # Where the row has left the path (hot is 0) both factors are the shares alone. No processor can
        # predict which it is, so both forms are one formula without a branch.
        cold = (1.0 - hot) * inverse[before, 3]
        p0 = product[node, 0] * (hot * inverse[before, 0] + cold)
        p1 = product[node, 1] * (hot * inverse[before, 1] + cold)
        p2 = product[node, 2] * (hot * inverse[before, 2] + cold)
        h0, h1, h2 = hot * t0, hot * t1, hot * t2
        product[taken, 0] = p0 * (h0 + (1.0 - h0) * z_taken)
        product[taken, 1] = p1 * (h1 + (1.0 - h1) * z_taken)
        product[taken, 2] = p2 * (h2 + (1.0 - h2) * z_taken)
        product[other, 0] = p0 * (1.0 - h0) * z_other
        product[other, 1] = p1 * (1.0 - h1) * z_other
        product[other, 2] = p2 * (1.0 - h2) * z_other


@part
def _ascend(
    t: NDArray[np.float64],
    w: NDArray[np.float64],
    feature: NDArray[np.int32],
    children: NDArray[np.uint32],
    previous: NDArray[np.uint32],
    zero: NDArray[np.float64],
    inverse: NDArray[np.float64],
    product: NDArray[np.float64],
    one: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Add up the leaves behind each branch, and add the contributions of the nodes to ``out``."""
    w0, w1, w2 = w[0], w[1], w[2]
    c0, c1, c2 = w0 / (1.0 - t[0]), w1 / (1.0 - t[1]), w2 / (1.0 - t[2])
    for node in range(feature.shape[0] - 1, -1, -1):
        before = previous[node]
        hot = one[before]
        side = 1 if one[2 * node + 1] > 0.0 else 0
        taken, other = children[node, side], children[node, 1 - side]
        h0, h1, h2 = product[taken, 0], product[taken, 1], product[taken, 2]
        d0, d1, d2 = product[other, 0], product[other, 1], product[other, 2]
        s0, s1, s2 = h0 + d0, h1 + d1, h2 + d2
        product[node, 0] = s0
        product[node, 1] = s1
        product[node, 2] = s2
        i = 2 * node + side
        total = (1.0 - zero[i]) * (
            w0 * h0 * inverse[i, 0] + w1 * h1 * inverse[i, 1] + w2 * h2 * inverse[i, 2]
        ) - (c0 * d0 + c1 * d1 + c2 * d2)
        # The earlier branch counts the leaves below, too: take them out again.
        total -= (1.0 - zero[before]) * (
            w0 * s0 * inverse[before, 0]
            + w1 * s1 * inverse[before, 1]
            + w2 * s2 * inverse[before, 2]
        )
        out[feature[node]] += hot * total


def compile_tree_shap(dump: ModelDump) -> TreeShap:
    """Flatten the dictionary of ``Booster.dump_model()`` (a model with one tree an iteration).

    Raises:
        ArtifactError: the model has categorical splits or treats zero as missing.
    """
    nodes = _Nodes(int(dump["max_feature_idx"]) + 1)
    for tree in dump["tree_info"]:
        nodes.add_tree(tree["tree_structure"])
    return nodes.build()


class _Nodes:
    """Collects the nodes of a forest."""

    def __init__(self, n_features: int) -> None:
        self._n_features = n_features
        self._starts = [0]
        self._passes: list[int] = []
        self._slot: list[int] = []
        self._threshold: list[float] = []
        self._feature: list[int] = []
        self._children: list[list[int]] = []
        self._previous: list[int] = []
        self._zero: list[float] = []
        self._values: list[float] = []
        self._deepest = 0
        self._leaves: list[float] = []

    def add_tree(self, root: TreeNode) -> None:
        """Append the inner nodes of a tree in preorder, and its leaves."""
        self._deepest, self._leaves = 0, []
        if "split_feature" in root:
            self._add(root, {})
        else:
            self._leaves.append(0.0)  # a tree without a condition contributes nothing
        first = self._starts[-1]
        inner = len(self._slot) - first
        for children in self._children[first:]:
            # Leaves were numbered -1, -2, ... while the number of inner nodes was not known.
            children[:] = [child if child >= 0 else inner - 1 - child for child in children]
        self._previous[first:] = [p if p >= 0 else 2 * inner for p in self._previous[first:]]
        self._zero.append(1.0)
        self._values.extend(self._leaves)
        self._starts.append(len(self._slot))
        # With n points the integral is exact for paths of up to 2 n features.
        self._passes.append(max(1, -(-self._deepest // (2 * _POINTS))))

    def _add(self, node: TreeNode, path: dict[int, int]) -> int:
        """Append a node and what is below it; returns its number in the tree."""
        first = self._starts[-1]
        number = len(self._slot) - first
        feature = int(node["split_feature"])
        slot, threshold = condition(node, self._n_features)
        previous = path.get(feature, -1)
        branches = 2 * first + len(self._passes)  # of earlier trees, with their last one
        earlier = self._zero[branches + previous] if previous >= 0 else 1.0
        self._slot.append(slot)
        self._threshold.append(threshold)
        self._feature.append(feature)
        self._previous.append(previous)
        self._children.append([0, 0])
        sides = (node["left_child"], node["right_child"])
        self._zero.extend(earlier * _count(child) / _count(node) for child in sides)
        for side, child in enumerate(sides):
            below = path | {feature: 2 * number + side}
            self._deepest = max(self._deepest, len(below))
            if "split_feature" in child:
                self._children[first + number][side] = self._add(child, below)
            else:
                self._leaves.append(float(child["leaf_value"]))
                self._children[first + number][side] = -len(self._leaves)
        return number

    def build(self) -> TreeShap:
        """The arrays, with the factors that depend on no row."""
        zero = np.array(self._zero, np.float64)
        most = max(self._passes, default=1)
        points = np.zeros((most, most * _POINTS))
        weights = np.zeros((most, most * _POINTS))
        for passes in range(1, most + 1):
            x, w = np.polynomial.legendre.leggauss(passes * _POINTS)
            points[passes - 1, : len(x)] = (x + 1.0) / 2.0
            weights[passes - 1, : len(x)] = w / 2.0
        tables, inverse = [0], [np.empty((0, _POINTS + 1))]
        for tree, passes in enumerate(self._passes):
            shares = zero[
                2 * self._starts[tree] + tree : 2 * self._starts[tree + 1] + tree + 1, None
            ]
            passes_points = points[passes - 1, : passes * _POINTS].reshape(passes, _POINTS)
            passes_points = np.pad(passes_points, ((0, 0), (0, 1)))
            # A point at 0 gives 1 / zero.
            inverse.extend(1.0 / (t + (1.0 - t) * shares) for t in passes_points)
            tables.append(tables[-1] + passes * len(shares))
        return TreeShap(
            starts=np.array(self._starts, np.int64),
            passes=np.array(self._passes, np.int64),
            tables=np.array(tables, np.int64),
            slot=np.array(self._slot, np.uint32),
            threshold=np.array(self._threshold, np.float32),
            feature=np.array(self._feature, np.int32),
            children=np.array(self._children, np.uint32).reshape(-1, 2),
            previous=np.array(self._previous, np.uint32),
            zero=zero,
            values=np.array(self._values, np.float64),
            inverse=np.concatenate(inverse),
            points=points,
            weights=weights,
        )


def _count(node: TreeNode) -> float:
    """Training rows of a node.

    Raises:
        ArtifactError: the model does not say, or says none.
    """
    count = float(node.get("internal_count", node.get("leaf_count", 0)))
    if count <= 0.0:
        raise ArtifactError("the model has nodes without training rows, which cannot be explained")
    return count
