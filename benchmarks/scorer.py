"""What scoring costs: LightGBM's own predictor against the compiled forest, one core.

    taskset -c 1 .venv/bin/python benchmarks/scorer.py

Random trees over as many features as the catalog has; every result is compared bit for bit.
"""

import time

import lightgbm
import numpy as np

from features.catalog import CATALOG
from models.serving.forest import compile_forest

TREES, LEAVES, DEPTH = 200, 31, 6


def main() -> None:
    """Print microseconds a row by the number of rows in a call."""
    rng = np.random.default_rng(0)
    width = len(CATALOG.names)
    x = rng.normal(size=(40_000, width)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    y = (known[:, 0] * known[:, 1] + known[:, 2:20].sum(1) > 6).astype(int)
    trained = lightgbm.train(
        {"objective": "binary", "num_leaves": LEAVES, "max_depth": DEPTH, "num_threads": 1,
         "verbosity": -1},
        lightgbm.Dataset(x, y), TREES,
    )  # fmt: skip
    booster = lightgbm.Booster(model_str=trained.model_to_string())
    forest = compile_forest(booster.dump_model())
    print(f"{TREES} trees of {LEAVES} leaves, {width} features; microseconds a row, best of 20")
    print(f"{'rows':>6} {'lightgbm':>10} {'forest':>10}")
    for rows in (1, 16, 64, 256, 1000):
        part = x[:rows].copy()
        native = best(lambda p=part: booster.predict(p, raw_score=True, num_threads=1)) / rows
        ours = best(lambda p=part: forest.raw(p)) / rows
        print(f"{rows:>6} {native:>10.2f} {ours:>10.2f}")
    same = np.array_equal(booster.predict(x, raw_score=True, num_threads=1), forest.raw(x))
    print(f"the same bits for {len(x):,} rows: {same}")


def best(call: object) -> float:
    """Microseconds of the fastest of twenty calls."""
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        call()  # type: ignore[operator]
        times.append(time.perf_counter() - begun)
    return min(times) * 1e6


if __name__ == "__main__":
    main()
