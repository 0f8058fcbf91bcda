"""Small datasets and one trained artifact, made once a session because training is the slow part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.kinds import EventKind
from models.training.dataset_split import SplitOptions
from models.training.train_artifact import Trained, train
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, NEVER_MS, Dataset, make_dataset

START_MS = 1_767_225_600_000  # 2026-01-01


def synthetic(seed: int = 0, *, n: int = 22_000, people: int = 1_000, days: int = 30) -> Dataset:
    """Fraud with a signal in three of eight features, in rings of a few victims each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8)).astype(np.float32)
    time_ms = START_MS + np.sort(rng.integers(0, days * DAY_MS, n))
    person = rng.integers(1, people + 1, n)
    fraud_of = rng.random(people + 1) < 0.4
    began = rng.integers(0, days - 3, people + 1) * DAY_MS + START_MS
    within = (time_ms >= began[person]) & (time_ms < began[person] + 3 * DAY_MS)
    label = (fraud_of[person] & within & (rng.random(n) < 0.8)).astype(int)
    x[label == 1, 0] += 2.0
    x[label == 1, 1] += 1.5
    x[rng.random(n) < 0.2, 2] = np.nan
    ring = np.where(label == 1, person % 250 + 1, 0)
    # One victim in eight goes to the police only after weeks.
    delay_ms = np.where(person % 8 == 0, 12 * DAY_MS, DAY_MS // 2)
    return make_dataset(
        x,
        [f"f{i}" for i in range(8)],
        time_ms=time_ms,
        label=label,
        label_time_ms=np.where(label == 1, time_ms + delay_ms, NEVER_MS),
        group=person,
        ring=ring,
        subject=np.arange(1, n + 1),
        amount_minor=rng.integers(0, 1_000_000, n),
        weight=np.where(label == 1, 1.5, 1.0),
        exposure_minor=np.where(label == 1, 2_000_000, 0),
        episode=np.where(label == 1, person, -1),
        first_loss_ms=np.where(label == 1, time_ms + 600_000, NEVER_MS),
        typology=np.where(label == 1, np.where(x[:, 3] > 0, "task_scam", "credit_loan"), ""),
        age_group=np.where(person % 2 == 0, "18-40", "41-65"),
        district=np.where(person % 3 == 0, "D01", "D02"),
    )


def options(**changes: object) -> TrainOptions:
    """Options of a short run."""
    given = {
        "created_ms": START_MS,
        "parameters": {"n_estimators": 60},
        "split": SplitOptions(embargo_days=0.5),
    }
    return TrainOptions(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return synthetic()


@pytest.fixture(scope="session")
def trained(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One finished run; treat its folder as read-only."""
    return train(dataset, options(), tmp_path_factory.mktemp("artifacts"))


@pytest.fixture
def artifact_copy(trained: Trained, tmp_path: Path) -> Path:
    """A copy of the artifact to break."""
    target = tmp_path / "copy"
    target.mkdir()
    for file in trained.path.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def with_kinds(dataset: Dataset, seed: int = 0) -> Dataset:
    """The rows as events: calls that begin and attempted transfers with a signal each, few calls that ended."""
    rng = np.random.default_rng(seed)
    kinds = [
        EventKind.CALL_STARTED,
        EventKind.OUT_ATTEMPTED,
        EventKind.CALL_ENDED,
        EventKind.LINE_CHANGED,
    ]
    kind = rng.choice(np.array(kinds, np.uint8), len(dataset), p=[0.45, 0.42, 0.03, 0.1])
    vectors = dataset.vectors.copy()
    calls = (kind == EventKind.CALL_STARTED) & (dataset.label == 1)
    vectors[calls, 0] -= 2.0  # what gives a transfer away says nothing about a call
    vectors[calls, 4] += 2.0
    return replace(dataset, kind=kind, vectors=vectors)


@pytest.fixture(scope="session")
def of_triggers(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A finished run with models by trigger, but for calls that ended; treat its folder as read-only."""
    rows = with_kinds(synthetic(n=90_000, people=4_000))
    chosen = options(by_trigger=True, parameters={"n_estimators": 30})
    return train(rows, chosen, tmp_path_factory.mktemp("by-trigger"))
