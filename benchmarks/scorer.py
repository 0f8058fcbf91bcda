"""What scoring costs: LightGBM's own predictor against the compiled forest, and models by trigger, one core.

    taskset -c 1 .venv/bin/python benchmarks/scorer.py

Random trees over as many features as the catalog has; every result is compared bit for bit.
The last column scores a batch of events of all kinds in turn by four such models, one for each trigger and a common
one, and the one before it by one model; both with their calibration.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm
import msgspec
import numpy as np

from features.catalog import CATALOG
from models.policy.event_status import KIND_OF_TRIGGER
from models.serving.artifact import (
    BOOSTER,
    FORMAT,
    ONE_MODEL_FORMAT,
    ArtifactManifest,
    TriggerModel,
    booster_of,
    calibration_of,
    read_artifact,
    write_artifact,
)
from models.serving.calibration import Calibrator
from models.serving.forest import compile_forest
from models.serving.scorer import Scorer

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
    one, four = scorer_of(booster), scorer_of(booster, *KIND_OF_TRIGGER)
    kinds = np.resize(np.arange(1, 5, dtype=np.uint8), len(x))
    print(f"{'rows':>6} {'lightgbm':>10} {'forest':>10} {'one model':>10} {'by trigger':>10}")
    for rows in (1, 16, 64, 256, 1000):
        part = x[:rows].copy()
        native = best(lambda p=part: booster.predict(p, raw_score=True, num_threads=1)) / rows
        ours = best(lambda p=part: forest.raw(p)) / rows
        single = best(lambda p=part, k=kinds[:rows]: one.predict(p, k)) / rows
        several = best(lambda p=part, k=kinds[:rows]: four.predict(p, k)) / rows
        print(f"{rows:>6} {native:>10.2f} {ours:>10.2f} {single:>10.2f} {several:>10.2f}")
    same = np.array_equal(booster.predict(x, raw_score=True, num_threads=1), forest.raw(x))
    print(f"the same bits for {len(x):,} rows: {same}")


def scorer_of(booster: lightgbm.Booster, *triggers: str) -> Scorer:
    """An artifact of one model, and of the same again for each of these triggers."""
    own = TriggerModel(model="own", why="a benchmark", frauds=0)
    manifest = ArtifactManifest(
        format=FORMAT if triggers else ONE_MODEL_FORMAT,
        created_ms=0, fingerprint=CATALOG.fingerprint, features=CATALOG.names, rows=0, positives=0,
        data_from_ms=0, data_until_ms=0, seed=0, triggers=dict.fromkeys(triggers, own),
    )  # fmt: skip
    files: dict[str, str | bytes] = {BOOSTER: booster.model_to_string()}
    for trigger in triggers:
        files[booster_of(trigger)] = booster.model_to_string()
        files[calibration_of(trigger)] = msgspec.json.encode(Calibrator())
    with TemporaryDirectory(prefix="forewarn-scorer-") as work:
        return Scorer(read_artifact(write_artifact(Path(work), manifest, Calibrator(), files)))


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
