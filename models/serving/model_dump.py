"""The parts of ``lightgbm.Booster.dump_model()`` that are read here."""

from typing import TypedDict


class TreeNode(TypedDict, total=False):
    """A node: an inner one has ``split_feature`` and children, a leaf has ``leaf_value``."""

    split_feature: int
    threshold: float
    decision_type: str
    missing_type: str
    default_left: bool
    left_child: "TreeNode"
    right_child: "TreeNode"
    internal_count: int
    leaf_value: float
    leaf_count: int


class TreeInfo(TypedDict):
    """One tree."""

    tree_structure: TreeNode


class ModelDump(TypedDict):
    """A model; trees of several classes take turns."""

    max_feature_idx: int
    num_tree_per_iteration: int
    tree_info: list[TreeInfo]
