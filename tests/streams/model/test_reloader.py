"""What goes wrong with a reload is counted and leaves the worker as it was."""

import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from benchmarks.synthetic_model import make_registry
from forewarn.errors import ArtifactError
from forewarn.platform.settings import ModelsSettings
from models.policy import DEFAULT_POLICY
from models.registry import open_registry
from models.serving.calibrated_trees import CalibratedTrees
from models.serving.scorer import Scorer
from streams.model.reloader import LONGEST_PAUSE_SECONDS, Reloader
from streams.worker_metrics import WorkerMetrics

FEATURES = ("a", "b")


def test_a_registry_on_a_volume_that_fails_is_refused_once_and_stops_nothing(
    tmp_path: Path,
) -> None:
    """All workers share the volume: if its fault were theirs, all would go down together."""
    registry = CollectorRegistry()

    def locate(alias: str) -> Path | None:
        raise OSError(5, f"Input/output error: aliases/{alias}.json")

    reloader = Reloader(
        locate,
        tmp_path / "policy.toml",
        fingerprint="f",
        signing_key=b"",
        metrics=WorkerMetrics(registry),
    )
    for _ in range(3):
        reloader.poll()
    for alias in ("champion", "challenger"):
        labels = {"what": alias, "result": "refused"}
        assert registry.get_sample_value("forewarn_worker_reloads_total", labels) == 1


class Place:
    """A registry with a champion in use, a second model, a policy file, and a clock."""

    def __init__(self, directory: Path) -> None:
        self.registry = open_registry(
            ModelsSettings(registry=str(make_registry(directory, FEATURES, "f")))
        )
        self.first = self.registry.current_version("champion")
        other = make_registry(directory / "other", FEATURES, "f", intercept=1.0)
        source = open_registry(ModelsSettings(registry=str(other)))
        self.second = self.registry.add(source.fetch(source.current_version("champion")))
        self.policy = directory / "policy.toml"
        self.policy.write_text(DEFAULT_POLICY.read_text())
        self.collected = CollectorRegistry()
        self.now = 1000.0
        self.fault: Exception | None = None
        self.reloader = Reloader(
            self.locate,
            self.policy,
            fingerprint="f",
            signing_key=b"",
            metrics=WorkerMetrics(self.collected),
            clock=lambda: self.now,
        )
        self.reloader.start()

    def locate(self, alias: str) -> Path | None:
        if self.fault is not None:
            raise self.fault
        return self.registry.current(alias)

    def promote(self, version: str, alias: str = "champion") -> None:
        self.registry.point(alias, version, by="test", reason="", now_ms=0)  # type: ignore[arg-type]

    @property
    def in_use(self) -> str:
        return self.reloader.bundle.scorer.version

    def metric(self, name: str, **labels: str) -> float:
        return self.collected.get_sample_value(name, labels) or 0.0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("fault", [RuntimeError("a surprise"), OSError(5, "I/O error")])
def test_whatever_a_reload_raises_the_model_in_use_stays(place: Place, fault: Exception) -> None:
    """Every worker sees the same registry: what one cannot take would end them all."""
    place.fault = fault
    place.reloader.poll()
    assert place.in_use == place.first
    assert place.metric("forewarn_worker_reload_pending", what="champion") == 1
    place.fault = None
    place.reloader.poll()
    assert place.metric("forewarn_worker_reload_pending", what="champion") == 0


def test_a_model_that_cannot_be_read_yet_is_taken_once_it_can(place: Place) -> None:
    """A copy that is not whole yet, or a volume that stutters, is no verdict on a model."""
    place.promote(place.second)
    artifact = place.registry.fetch(place.second)
    booster = (artifact / "booster.txt").read_bytes()
    (artifact / "booster.txt").write_bytes(booster[:100])
    place.reloader.poll()
    assert place.in_use == place.first
    (artifact / "booster.txt").write_bytes(booster)
    place.now += LONGEST_PAUSE_SECONDS
    place.reloader.poll()
    assert place.in_use == place.second
    assert place.metric("forewarn_worker_reload_pending", what="champion") == 0


def test_another_model_does_not_wait_for_one_that_cannot_be_read(place: Place) -> None:
    """Who promotes a good one after a broken one sees it at once."""
    place.promote(place.second)
    manifest = place.registry.fetch(place.second) / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-5])
    place.reloader.poll()
    third = make_registry(place.policy.parent / "third", FEATURES, "f", intercept=2.0)
    source = open_registry(ModelsSettings(registry=str(third)))
    version = place.registry.add(source.fetch(source.current_version("champion")))
    place.promote(version)
    place.reloader.poll()
    assert place.in_use == version


def test_a_model_that_fails_its_trial_is_never_in_use(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would fail on the first warning fails before the model decides anything."""
    tried: list[str] = []
    checked = Scorer.check

    def check(self: Scorer) -> None:
        tried.append(self.version)
        checked(self)

    def contributions(*_: object) -> object:
        raise ValueError("cannot explain")

    monkeypatch.setattr(Scorer, "check", check)
    monkeypatch.setattr(CalibratedTrees, "contributions", contributions)
    place.promote(place.second)
    for _ in range(3):
        place.now += LONGEST_PAUSE_SECONDS
        place.reloader.poll()
    assert place.in_use == place.first
    assert tried == [place.second], "a verdict on a whole artifact is final"
    assert place.metric("forewarn_worker_reloads_total", what="champion", result="refused") == 1


def test_a_champion_that_fails_at_work_gives_way_to_the_one_before(place: Place) -> None:
    place.promote(place.second)
    place.reloader.poll()
    assert place.in_use == place.second
    bundle = place.reloader.withdraw(place.reloader.bundle.scorer, "it raised")
    assert bundle.scorer.version == place.first
    place.now += LONGEST_PAUSE_SECONDS
    place.reloader.poll()
    assert place.in_use == place.first, "it is not tried again"
    assert place.metric("forewarn_worker_reload_pending", what="champion") == 1
    assert place.metric("forewarn_worker_model_faults_total", what="champion") == 1
    place.promote(place.first)
    place.reloader.poll()
    assert place.metric("forewarn_worker_reload_pending", what="champion") == 0


def test_a_champion_with_none_before_it_is_not_replaced_by_nothing(place: Place) -> None:
    with pytest.raises(ArtifactError, match="no predecessor"):
        place.reloader.withdraw(place.reloader.bundle.scorer, "it raised")


def test_a_challenger_that_fails_at_work_is_dropped(place: Place) -> None:
    place.promote(place.second, "challenger")
    place.reloader.poll()
    challenger = place.reloader.bundle.challenger
    assert challenger is not None
    bundle = place.reloader.withdraw(challenger, "it raised")
    assert bundle.challenger is None
    assert bundle.scorer.version == place.first
    place.reloader.poll()
    assert place.reloader.bundle.challenger is None
    assert place.metric("forewarn_worker_reload_pending", what="challenger") == 1


def test_a_policy_that_cannot_be_read_for_a_moment_is_refused_for_that_moment(
    place: Place,
) -> None:
    """The file is the same when it is back: nothing about it would ever look new."""
    away = place.policy.with_name("away.toml")
    shutil.move(place.policy, away)
    place.reloader.poll()
    assert place.metric("forewarn_worker_reload_pending", what="policy") == 1
    shutil.move(away, place.policy)
    place.reloader.poll()
    assert place.metric("forewarn_worker_reload_pending", what="policy") == 0
