"""A forest of decision trees as flat arrays, walked by compiled code.

LightGBM's own predictor spends most of its time on branches that no processor can predict: 11.5 us
a row for 200 trees of 31 leaves over 100 features, where this walk takes 1.9 us on the same core
(``benchmarks/scorer.py``). It has no branches: every tree is walked to its full depth (a leaf leads
to itself), eight rows side by side so that one row's loads hide behind the others'.

The result is the *same bits* as ``Booster.predict(raw_score=True)``. Thresholds are rounded down to
float32, which decides ``x <= threshold`` alike for every float32 ``x``; a missing value is read as
minus infinity where the split sends it left and as plus infinity where right; leaves are added in
the order of the trees in float64. ``tests/models/serving/test_forest.py`` holds that promise.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.serving.model_dump import ModelDump, TreeNode
from models.serving.walk_code import compiled

_BLOCK_ROWS = 16
"""Rows that stay in the first-level cache (13 KB at 100 features) while all trees pass over them."""

LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes of all trees; the right child of a node lies behind its left child.

    A node asks ``x[feature] > threshold`` of a row that holds the features twice: with missing
    values as minus infinity, then with missing values as plus infinity. Trees of a model of several
    classes take turns: tree ``t`` adds to class ``t % n_classes``.
    """

    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    value: NDArray[np.float64]
    n_features: int
    n_classes: int

    def raw(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds of each row of float32 [n, F], float64 [n]; of a model of two classes."""
        return self.raw_classes(vectors)[:, 0]

    def raw_classes(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Raw score of each class for each row of float32 [n, F], float64 [n, classes]."""
        out = np.zeros((len(vectors), self.n_classes), np.float64)
        _walk(
            np.ascontiguousarray(vectors),  # one memory layout, so compiled once
            self.roots,
            self.depths,
            self.feature,
            self.threshold,
            self.left,
            self.value,
            out,
        )
        return out


@compiled
def _walk(
    vectors: NDArray[np.float32],
    roots: NDArray[np.int32],
    depths: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    left: NDArray[np.int32],
    value: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    n, n_features = vectors.shape
    block = np.empty((_BLOCK_ROWS, 2 * n_features), np.float32)
    for begin in range(0, n, _BLOCK_ROWS):
        m = min(_BLOCK_ROWS, n - begin)
        for r in range(m):
            for j in range(n_features):
                x = vectors[begin + r, j]
                missing = x != x  # noqa: PLR0124  # the fastest test for NaN
                # "Only missing values go right" is a threshold of infinity in LightGBM and the
                # largest float32 here, so an infinite value must not be above that.
                x = min(x, LARGEST)
                block[r, j] = -np.inf if missing else x
                block[r, n_features + j] = np.inf if missing else x
        whole = m - m % 8
        for t in range(roots.shape[0]):
            s = t % out.shape[1]
            for r in range(0, whole, 8):
                a = b = c = d = e = f = g = h = roots[t]
                for _ in range(depths[t]):
                    a = left[a] + (block[r, feature[a]] > threshold[a])
                    b = left[b] + (block[r + 1, feature[b]] > threshold[b])
                    c = left[c] + (block[r + 2, feature[c]] > threshold[c])
                    d = left[d] + (block[r + 3, feature[d]] > threshold[d])
                    e = left[e] + (block[r + 4, feature[e]] > threshold[e])
                    f = left[f] + (block[r + 5, feature[f]] > threshold[f])
                    g = left[g] + (block[r + 6, feature[g]] > threshold[g])
                    h = left[h] + (block[r + 7, feature[h]] > threshold[h])
                k = begin + r
                out[k, s] += value[a]
                out[k + 1, s] += value[b]
                out[k + 2, s] += value[c]
                out[k + 3, s] += value[d]
                out[k + 4, s] += value[e]
                out[k + 5, s] += value[f]
                out[k + 6, s] += value[g]
                out[k + 7, s] += value[h]
            for r in range(whole, m):
                a = roots[t]
                for _ in range(depths[t]):
                    a = left[a] + (block[r, feature[a]] > threshold[a])
                out[begin + r, s] += value[a]


def compile_forest(dump: ModelDump) -> Forest:
    """Flatten the dictionary of ``Booster.dump_model()``.

    Raises:
        ArtifactError: for categorical splits and zero-as-missing, which only LightGBM itself walks.
    """
    n_features = int(dump["max_feature_idx"]) + 1
    nodes = _Nodes()
    roots, depths = [], []
    for tree in dump["tree_info"]:
        roots.append(len(nodes.feature))
        depths.append(nodes.add_tree(tree["tree_structure"], n_features))
    return Forest(
        roots=np.array(roots, np.int32),
        depths=np.array(depths, np.int32),
        feature=np.array(nodes.feature, np.int32),
        threshold=np.array(nodes.threshold, np.float32),
        left=np.array(nodes.left, np.int32),
        value=np.array(nodes.value, np.float64),
        n_features=n_features,
        n_classes=int(dump["num_tree_per_iteration"]),
    )


class _Nodes:
    """Grows the arrays of a forest, breadth first so that siblings are neighbours."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.left: list[int] = []
        self.value: list[float] = []

    def add_tree(self, root: TreeNode, n_features: int) -> int:
        """Append one tree; returns its depth."""
        deepest = 0
        waiting = deque([(root, self._leaves(1), 0)])
        while waiting:
            node, index, depth = waiting.popleft()
            deepest = max(deepest, depth)
            if "split_feature" not in node:
                self.value[index] = float(node["leaf_value"])
                continue
            children = self._leaves(2)
            self.feature[index], self.threshold[index] = condition(node, n_features)
            self.left[index] = children
            waiting.append((node["left_child"], children, depth + 1))
            waiting.append((node["right_child"], children + 1, depth + 1))
        return deepest

    def _leaves(self, count: int) -> int:
        """Append nodes that lead to themselves; returns the index of the first."""
        first = len(self.feature)
        for index in range(first, first + count):
            self.feature.append(0)
            self.threshold.append(np.inf)  # nothing is above it: never to the right
            self.left.append(index)
            self.value.append(0.0)
        return first


def condition(node: TreeNode, n_features: int) -> tuple[int, float]:
    """Slot and threshold of an inner node of a dump: a row goes right if ``row[slot] > threshold``.

    Args:
        node: with ``split_feature``.
        n_features: width of a vector; a row holds it twice, see ``Forest``.

    Raises:
        ArtifactError: the split is categorical, or zero counts as missing.
    """
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise ArtifactError("the model has splits that the compiled forest does not know")
    threshold = float(node["threshold"])
    if node["missing_type"] == "NaN":
        missing_goes_right = not node["default_left"]
    else:  # LightGBM reads a missing value as 0 where training saw none
        missing_goes_right = threshold < 0.0
    slot = int(node["split_feature"]) + (n_features if missing_goes_right else 0)
    return slot, _round_down(threshold)


def _round_down(threshold: float) -> float:
    """The largest finite float32 that is not above the threshold."""
    limit = float(LARGEST)
    near = np.float32(min(max(threshold, -limit), limit))
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near)
