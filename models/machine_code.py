"""Compile everything that a worker runs in advance: ``python -m models.machine_code``, when an image is built.

The feature kernel, and the walks over a model's trees. A worker finds all machine code in the cache and
starts within seconds instead of compiling for half a minute.
"""

import time

import numpy as np

from features import precompile as kernel
from features.kernel.compilation import KERNEL
from models.serving.forest import compile_forest
from models.serving.model_dump import ModelDump
from models.serving.tree_shap import compile_tree_shap
from models.serving.walk_code import WALKS

_SMALLEST: ModelDump = {
    "max_feature_idx": 0,
    "num_tree_per_iteration": 1,
    "tree_info": [
        {
            "tree_structure": {
                "split_feature": 0,
                "threshold": 0.0,
                "decision_type": "<=",
                "default_left": True,
                "missing_type": "NaN",
                "internal_count": 2,
                "left_child": {"leaf_value": 0.0, "leaf_count": 1},
                "right_child": {"leaf_value": 1.0, "leaf_count": 1},
            }
        }
    ],
}
"""A model of one tree with one condition: machine code depends on the types of the arrays alone."""


def precompile() -> float:
    """Compile what is not in the cache yet, and load the rest; the seconds taken."""
    seconds = kernel.precompile()
    began = time.perf_counter()
    rows = np.zeros((1, 1), np.float32)
    compile_forest(_SMALLEST).raw(rows)
    compile_tree_shap(_SMALLEST).contributions(rows)
    return seconds + time.perf_counter() - began


def main() -> str:
    """Compile or load all machine code; says which of both happened, how long it took, and where it is."""
    before = KERNEL.files() + WALKS.files()
    seconds = precompile()
    how = "compiled" if KERNEL.files() + WALKS.files() > before else "loaded"
    return f"kernel {how} in {seconds:.1f} s: {KERNEL.directory}"


if __name__ == "__main__":
    print(main())  # noqa: T201 - a command's answer
