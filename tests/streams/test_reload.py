"""What goes wrong with a reload is counted and leaves the worker as it was."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from streams.metrics import WorkerMetrics
from streams.reload import Reloader


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
        assert registry.get_sample_value("forewarn_reloads_total", labels) == 1
