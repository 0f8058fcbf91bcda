"""A whole run: repeatable, written completely, better than a coin on people it has not seen."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.serving.artifact import read_artifact
from models.serving.scorer import load_scorer
from models.training.calibration_fit import ISOTONIC_POSITIVES, halves
from models.training.dataset_split import SplitOptions, split
from models.training.parameter_search import search
from models.training.threshold_advice import CostModel, recommend
from models.training.train_artifact import Trained, train
from models.training.training_dataset import DAY_MS, Dataset
from models.training.training_run import fit
from tests.models.conftest import options


def test_equal_data_and_options_give_an_equal_model(
    dataset: Dataset, trained: Trained, tmp_path: Path
) -> None:
    again = train(dataset, options(), tmp_path)
    for name in ("booster.txt", "calibration.json", "typology.txt", "reference.json"):
        assert (again.path / name).read_bytes() == (trained.path / name).read_bytes()


def test_the_model_finds_the_generated_signal(trained: Trained) -> None:
    """The signal is strong by construction; a broken join of rows and labels would find nothing."""
    metrics = trained.metrics
    assert metrics["roc_auc"] > 0.9
    assert metrics["average_precision"] > 10 * metrics["test"]["prevalence"]
    found = metrics["calibration"]
    assert 0.5 < found["predicted_frauds"] / found["observed_frauds"] < 2.0
    assert {row["feature"] for row in metrics["importance"][:2]} == {"f0", "f1"}


def test_the_artifact_holds_report_card_and_measures(trained: Trained) -> None:
    artifact = read_artifact(trained.path)
    assert artifact.manifest.features == trained.run.dataset.features
    metrics = msgspec.json.decode((trained.path / "metrics.json").read_bytes())
    assert metrics["roc_auc"] == trained.metrics["roc_auc"]
    assert metrics["precision_at_k"]["k"] == 100
    assert set(metrics["baselines"]) == {"rules", "logistic"}
    assert set(metrics["segments"]["typology"]) == {"task_scam", "credit_loan"}
    page = artifact.text("report.html")
    assert page.count("<svg") >= 7
    assert "currentColor" in page
    assert "src=" not in page  # nothing from elsewhere
    assert "<script" not in page
    assert "## Limits" in artifact.text("model_card.md")


def test_a_champion_on_the_same_features_is_a_baseline(
    dataset: Dataset, trained: Trained, tmp_path: Path
) -> None:
    champion = load_scorer(trained.path, fingerprint="")
    again = train(dataset, options(), tmp_path, champion=champion)
    gap = again.metrics["baselines"]["champion"]["difference"]
    assert gap["low"] == gap["high"] == 0.0  # the same model against itself


def test_a_search_stays_within_its_bounds(dataset: Dataset) -> None:
    given = {"n_estimators": 15, "num_leaves": 99, "learning_rate": 9.0}  # to be searched
    run = fit(dataset, options(search_trials=2, parameters=given))
    chosen = run.estimator.get_params()
    assert 8 <= chosen["num_leaves"] <= 31
    assert chosen["learning_rate"] <= 0.2
    assert chosen["n_estimators"] == 15


def test_a_search_never_sees_the_rows_of_the_calibration(dataset: Dataset) -> None:
    parts = split(dataset, options().split)
    label = parts.label["calibrate"]
    early, fitting = halves(parts.parts["calibrate"], label, by_group=True)
    assert not (early & fitting).any()
    chosen = []
    for flipped in (label, np.where(fitting, 1 - label, label).astype(np.int8)):
        changed = replace(parts, label={**parts.label, "calibrate": flipped})
        chosen.append(search(changed, early, options(search_trials=3), {"n_estimators": 10}))
    assert chosen[0] == chosen[1]


def test_ages_beyond_the_warm_up_change_no_score(dataset: Dataset) -> None:
    """No person can have been seen for longer than the data last, but a worker's state grows on."""
    vectors = dataset.vectors.copy()
    vectors[:, 4] = (dataset.time_ms - dataset.time_ms[0]) / DAY_MS  # a clock that tells all
    clock = replace(
        dataset, vectors=vectors, features=(*dataset.features[:4], "age", "f5", "f6", "f7")
    )
    split_at = SplitOptions(embargo_days=0.5, warmup_days=4.0)
    run = fit(clock, options(ages=("age",), split=split_at))
    rows = run.split.parts["test"].vectors.copy()
    before = run.estimator.decision_function(rows)
    rows[:, 4] += 1_000
    assert np.array_equal(run.estimator.decision_function(rows), before)
    free = fit(clock, options(split=split_at)).estimator
    rows[:, 4] = 4.5
    assert not np.array_equal(free.decision_function(rows), before)


def test_the_card_says_whether_people_are_apart(
    trained: Trained, dataset: Dataset, tmp_path: Path
) -> None:
    assert "No person and no ring is in both" in (trained.path / "model_card.md").read_text()
    by_time = train(dataset, options(split=SplitOptions(by_group=False)), tmp_path)
    card = (by_time.path / "model_card.md").read_text()
    assert "No person" not in card
    assert "may be in both" in card


def test_the_report_shows_each_part_beside_its_window(trained: Trained) -> None:
    for name in ("train", "calibrate", "test"):
        facts = trained.metrics[name]
        assert facts["prevalence"] == pytest.approx(facts["window_prevalence"], rel=0.35)
    assert "of all people in that time" in (trained.path / "report.html").read_text()


def test_few_frauds_are_calibrated_by_two_numbers(trained: Trained) -> None:
    positives = int(trained.run.label("calibrate").sum())
    expected = "isotonic" if positives >= ISOTONIC_POSITIVES else "platt"
    assert trained.run.calibrator.method == expected


def test_the_threshold_weighs_cost_capacity_and_patience(trained: Trained) -> None:
    run = trained.run
    part, p = run.split.parts["calibrate"], run.probability["calibrate"]
    label, weight = run.label("calibrate"), run.weight("calibrate")

    def found(**costs: float) -> dict[str, float]:
        return recommend(part, p, label, weight, CostModel(least_probability=0.0, **costs))  # type: ignore[arg-type]

    free = found(intervention_minor=0, daily_capacity=1e9)
    assert free["raise"] < np.quantile(p[label == 1], 0.01) + 1e-9  # warn about every fraud
    assert found(intervention_minor=10**7, daily_capacity=1e9)["raise"] > free["raise"]
    few = found(intervention_minor=0, daily_capacity=1.0)
    assert few["raise"] == few["capacity"] > free["raise"]
    patient = recommend(part, p, label, weight, CostModel(least_probability=0.6))
    assert patient["raise"] >= 0.6
