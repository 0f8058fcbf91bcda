"""Promotion needs a better, calibrated and fast model, or a person who forces it by name."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ArtifactError, ConfigurationError
from forewarn.simulator import Scenario, simulate
from forewarn.simulator.default_training import catalog_options, dataset_of_town
from models.evaluation.bootstrap import PrecisionDifference
from models.registry import Registry
from models.registry.candidate_comparison import HOLDOUT, Holdout, compare
from models.registry.mlflow_tracking import follow, mirror, track
from models.registry.promotion import GateError, promote
from models.registry.promotion_gates import judge, passed
from models.registry.registry_storage import FolderStorage
from models.serving.artifact import read_artifact
from models.training.retrain import retrain
from models.training.train_artifact import Trained, train
from models.training.training_dataset import Dataset
from tests.models.conftest import START_MS, options
from tests.servers import needed


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(FolderStorage(tmp_path / "registry"), tmp_path / "cache")


def _refused(metrics: dict[str, Any], difference: PrecisionDifference | None = None) -> set[str]:
    return {one.gate for one in judge(metrics, difference) if not one.passed}


def test_each_gate_refuses_its_own_fault(trained: Trained) -> None:
    good = trained.metrics
    assert passed(judge(good, None))

    def changed(**parts: dict[str, Any]) -> dict[str, Any]:
        metrics = copy.deepcopy(good)
        for name, values in parts.items():
            metrics[name] = {**metrics[name], **values}
        return metrics

    assert _refused(changed(speed={"microseconds_per_row": 99.0})) == {"fast_enough"}
    assert _refused(changed(calibration={"expected_error": 0.9})) == {"calibrated"}
    assert _refused(changed(calibration={"predicted_frauds": 1.0})) == {"calibrated"}
    assert _refused(changed(test={"episodes": 19})) == {"enough_frauds"}
    assert _refused(changed(test={"victims": 9})) == {"enough_frauds"}
    leaky = {**good, "findings": [
        {"level": "warning", "about": "f1", "message": "its value alone nearly gives the label away"}
    ]}  # fmt: skip
    assert _refused(leaky) == {"no_leak"}
    worse = PrecisionDifference(new=0.3, old=0.4, low=-0.2, high=-0.05, wins=0.02)
    assert _refused(good, worse) == {"beats_champion"}
    unsure = PrecisionDifference(new=0.45, old=0.4, low=-0.1, high=0.2, wins=0.7)
    assert _refused(good, unsure) == {"beats_champion"}
    draw = PrecisionDifference(new=0.402, old=0.4, low=-0.011, high=0.02, wins=0.6)
    assert _refused(good, draw) == set()  # 3 % of the champion's
    small = PrecisionDifference(new=0.031, old=0.03, low=-0.009, high=0.02, wins=0.6)
    assert _refused(good, small) == {"beats_champion"}  # a third of it
    better = PrecisionDifference(new=0.5, old=0.4, low=0.02, high=0.2, wins=1.0)
    assert _refused(good, better) == set()


def test_a_worse_model_is_refused_and_can_be_forced_by_name(
    dataset: Dataset, trained: Trained, registry: Registry, tmp_path: Path
) -> None:
    champion = registry.add(trained.path)
    promote(registry, champion, by="me", reason="first", now_ms=1)
    poor = train(
        dataset, options(parameters={"n_estimators": 2}, exclude=("f0", "f1")), tmp_path / "poor"
    )
    worse = registry.add(poor.path)
    assert compare(registry.artifact(worse), registry.artifact(champion)).high < 0
    with pytest.raises(GateError, match="beats_champion"):
        promote(registry, worse, by="me", reason="hope", now_ms=2)
    assert registry.current_version("champion") == champion
    pointer, _ = promote(registry, worse, by="me", reason="hope", now_ms=3, force=True)
    assert "forced past" in pointer.moves[-1].reason
    assert registry.rollback("champion", by="me", reason="", now_ms=4).version == champion


def test_a_champion_with_other_features_is_no_missing_champion(
    dataset: Dataset, trained: Trained, registry: Registry, tmp_path: Path
) -> None:
    """What cannot be compared is not promoted by itself, whether names or meanings differ."""
    champion = registry.add(trained.path)
    promote(registry, champion, by="me", reason="first", now_ms=1)
    names = replace(dataset, features=(*dataset.features[:-1], "other"))
    meanings = replace(dataset, fingerprint="f" * 64)
    for number, changed in enumerate((names, meanings)):
        path = train(changed, options(created_ms=START_MS + 1_000 * number), tmp_path / "o").path
        version = registry.add(path)
        with pytest.raises(GateError, match=f"cannot be compared with {champion}"):
            promote(registry, version, by="me", reason="hope", now_ms=2)
    assert registry.current_version("champion") == champion


def test_retraining_promotes_what_passes_and_only_challenges_with_what_does_not(
    dataset: Dataset, registry: Registry
) -> None:
    first = retrain(dataset, options(), registry)
    assert first.promoted
    assert registry.current_version("champion") == first.version
    crippled = options(parameters={"n_estimators": 2}, exclude=("f0", "f1"))
    refused = retrain(dataset, crippled, registry)  # the gates say no, not the caller
    assert not refused.promoted
    assert "beats_champion" in {one.gate for one in refused.verdicts if not one.passed}
    assert registry.current_version("champion") == first.version
    assert registry.current_version("challenger") == refused.version
    assert "champion" in refused.metrics["baselines"]
    held = retrain(dataset, options(seed=5), registry, may_promote=False)
    assert not held.promoted
    assert registry.current_version("challenger") == held.version
    promote(registry, held.version, by="me", reason="now", now_ms=9, force=True)
    # No model is its own challenger: workers would score every event twice for nothing.
    assert registry.current_version("challenger") == ""


@pytest.mark.timeout(240)
def test_a_model_of_a_town_with_enough_fraud_passes_every_gate(registry: Registry) -> None:
    """On the real catalog and without force: gates that refuse every model protect no person."""
    town = simulate(
        Scenario(seed=4, subscribers=800, days=22, prevalence=0.1, report_share=1.0,
                 report_delay_hours=3.0)
    )  # fmt: skip
    of_town = catalog_options(START_MS, warmup_days=1.0)
    result = retrain(dataset_of_town(town), of_town, registry)
    assert [one for one in result.verdicts if not one.passed] == []
    assert registry.current_version("champion") == result.version


def test_the_kept_rows_hold_no_pseudonyms(trained: Trained) -> None:
    rows = Holdout.decode((trained.path / HOLDOUT).read_bytes())
    assert rows.group.max() < len(rows.group)
    assert rows.label.sum() == trained.run.label("test").sum()
    with pytest.raises(ArtifactError, match=HOLDOUT):
        Holdout.decode(b"PK not a zip")


def test_runs_can_be_followed_in_mlflow(trained: Trained, tmp_path: Path) -> None:
    tracking = needed("mlflow.tracking")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run_id = track(uri, read_artifact(trained.path), trained.metrics)
    client = tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.get_run(run_id)
    version = read_artifact(trained.path).version
    assert follow(uri, "champion", version)
    assert not follow(uri, "champion", "never seen")
    assert client.get_model_version_by_alias("forewarn", "champion").tags["version"] == version
    assert run.data.metrics["average_precision"] == pytest.approx(
        trained.metrics["average_precision"]
    )
    other = f"sqlite:///{tmp_path / 'other.db'}"
    mirror(other, "champion", read_artifact(trained.path), trained.metrics)  # never logged there
    mirror(other, "challenger", read_artifact(trained.path), trained.metrics)
    client = tracking.MlflowClient(tracking_uri=other, registry_uri=other)
    assert client.get_model_version_by_alias("forewarn", "champion").tags["version"] == version
    assert len(client.search_model_versions("name = 'forewarn'")) == 1
    with pytest.raises(ConfigurationError, match="file store"):
        track(str(tmp_path), read_artifact(trained.path), trained.metrics)
