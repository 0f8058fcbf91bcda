"""A worker that has precompiled compiles nothing while events wait."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from features.kernel.compilation import KERNEL
from models.machine_code import precompile
from models.serving.walk_code import WALKS
from tests.features.test_compilation import READ_ONLY

ENTRIES = """
import importlib, pkgutil
import features.kernel, models.serving
from numba.core import caching

def entries():
    for package in (features.kernel, models.serving):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(getattr(value, "_cache", None), caching.FunctionCache):
                    yield value

"""
"""The functions that Python calls: those with a cache of their own; all others are compiled into them."""


def _run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_function_that_python_calls_is_compiled_in_advance() -> None:
    printed = _run(
        ENTRIES + "from models.machine_code import precompile; precompile()\n"
        "missing = {e.__name__ for e in entries() if not e.signatures}\n"
        "print(sorted(missing), len(set(map(id, entries()))))"
    )
    missing, count = printed.rsplit(maxsplit=1)
    assert missing == "[]"
    assert int(count) >= 11


def test_the_types_are_those_that_a_worker_uses() -> None:
    """Vectors of the engine and a trained model need no further compilation."""
    printed = _run(
        ENTRIES + "from models.machine_code import precompile; precompile()\n"
        "before = {id(e): len(e.signatures) for e in entries()}\n"
        "import lightgbm, numpy as np\n"
        "from features.engine import Engine\n"
        "from features.event_columns import from_arrays\n"
        "from models.serving.forest import compile_forest\n"
        "from models.serving.tree_shap import compile_tree_shap\n"
        "columns = from_arrays(kind=[1, 4], time_ms=[1, 2], subscriber=[1, 1], counterparty=[2, 3],\n"
        "    device=[0, 4], subject=[5, 6], amount_minor=[0, 7], flags=[1, 2], source=[0, 1], offset=[0, 0])\n"
        "engine = Engine()\n"
        "result = engine.run(engine.plan(columns))\n"
        "result.annex(0), result.has_annex, result.reads, result.writes()\n"
        "vectors = result.vectors[columns.event_rows()]\n"
        "rng = np.random.default_rng(0)\n"
        "x = rng.normal(size=(300, vectors.shape[1])); y = (x[:, 0] > 0).astype(int)\n"
        "model = lightgbm.train({'objective': 'binary', 'num_threads': 1, 'verbose': -1, 'seed': 1,\n"
        "    'deterministic': True}, lightgbm.Dataset(x, y), 3).dump_model()\n"
        "compile_forest(model).raw(vectors), compile_tree_shap(model).contributions(vectors)\n"
        "print([e.__name__ for e in entries() if len(e.signatures) != before[id(e)]])"
    )
    assert printed.strip() == "[]"


def test_a_read_only_image_keeps_the_walks_over_trees_too(tmp_path: Path) -> None:
    precompile()
    for code in (KERNEL, WALKS):
        shutil.copytree(code.directory, tmp_path / code.digest)
    printed = _run(
        READ_ONLY + "from models.machine_code import precompile; precompile()\n"
        "from models.serving.forest import _walk\n"
        "from models.serving.tree_shap import _explain\n"
        "for walk in (_walk, _explain):\n"
        "    print(sum(walk.stats.cache_hits.values()), sum(walk.stats.cache_misses.values()))\n",
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert printed.split() == ["1", "0", "1", "0"]


def test_a_read_only_root_without_a_cache_costs_a_compilation_not_the_start(tmp_path: Path) -> None:
    printed = _run(
        READ_ONLY + "import numpy as np\n"
        "from models.machine_code import _SMALLEST\n"
        "from models.serving.forest import compile_forest\n"
        "print(compile_forest(_SMALLEST).raw(np.array([[-1], [1]], np.float32)).tolist())\n",
        NUMBA_CACHE_DIR=str(tmp_path / "absent"),
    )
    assert printed.strip() == "[0.0, 1.0]"
