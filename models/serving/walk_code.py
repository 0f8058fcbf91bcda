"""Compiles the walks over a model's trees; their machine code is kept as that of the feature kernel is."""

from pathlib import Path
from typing import Any

import numba

from features.kernel.compilation import CodeCache

_HERE = Path(__file__).parent

WALKS = CodeCache(lambda: [_HERE / "forest.py", _HERE / "tree_shap.py"])
"""The code of ``Forest`` and ``TreeShap``: one version of both files."""


def compiled(function: Any) -> Any:
    """Compile a walk at its first call; its machine code is cached on disk."""
    return WALKS.entry(function)


part = numba.njit(nogil=True)
"""For a function that only a walk calls: compiled into the walk, and kept with it."""
