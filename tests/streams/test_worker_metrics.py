"""The worker's metrics follow Prometheus' conventions and count what they say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from streams.worker_metrics import ArrayHistogram, WorkerMetrics

BOUNDS = (0.01, 0.1, 0.5)


@given(st.lists(st.lists(st.floats(0, 1), max_size=20), max_size=5))
def test_array_histogram_is_the_ordinary_histogram(parts: list[list[float]]) -> None:
    """Counting an array at once gives what counting value by value gives."""
    fast, slow = CollectorRegistry(), CollectorRegistry()
    array = ArrayHistogram("h", "Help.", BOUNDS)
    fast.register(array)
    ordinary = Histogram("h", "Help.", buckets=BOUNDS, registry=slow)
    for part in parts:
        array.observe(np.array(part, np.float64))
        for value in part:
            ordinary.observe(value)

    def counts(registry: CollectorRegistry) -> list[str]:
        text = generate_latest(registry).decode()
        return [x for x in text.splitlines() if x.startswith(("h_bucket", "h_count"))]

    assert counts(fast) == counts(slow)


def test_no_label_can_name_a_person() -> None:
    """Labels are of a fixed set; a phone, an account or a subscriber is never one."""
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    allowed = {
        "action", "dependency", "feature", "model", "partition", "reason", "result", "severity", "source",
        "probe", "stage", "tenant", "typology", "what",
    }  # fmt: skip
    for value in vars(metrics).values():
        names = set(getattr(value, "_labelnames", ()))
        assert names <= allowed, value
