"""``docs/metrics.md``: every metric of workers, the alerting service and the decision service."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import REGISTRY, CollectorRegistry

PREFIX = "forewarn_"

_INTRODUCTION = """# Metrics

Workers, the alerting service and the decision service serve Prometheus metrics at `/metrics`. Labels have few values;
none names a person, a number or an account. Histograms come with `_bucket`, `_sum` and `_count`.
Written by `forewarn reference` from the metrics as they are registered.
"""


@dataclass(frozen=True, slots=True, order=True)
class Described:
    """One metric as the page shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def worker_metrics() -> list[Described]:
    """Those of a stream worker."""
    from streams.worker_metrics import WorkerMetrics  # noqa: PLC0415  not needed to run anything else

    registry = CollectorRegistry()
    WorkerMetrics(registry)
    return _registered(registry)


def decision_metrics() -> list[Described]:
    """Those of a replica of the decision service."""
    from streams.decisions.decision_metrics import DecisionMetrics  # noqa: PLC0415  as above

    registry = CollectorRegistry()
    DecisionMetrics(registry)
    return _registered(registry)


def alerting_metrics() -> list[Described]:
    """Those of the alerting service, over an empty database."""
    import alerting.service_metrics  # noqa: PLC0415  not needed to run anything else
    from alerting.db import migrate  # noqa: PLC0415
    from alerting.db.database import Database  # noqa: PLC0415
    from alerting.orders.order_figures import OrderCollector  # noqa: PLC0415
    from forewarn.platform.clock import system_clock  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{Path(scratch) / 'empty.db'}")
        migrate.upgrade(database)
        collector = alerting.service_metrics.DatabaseCollector(
            database, system_clock, ZoneInfo("UTC")
        )
        orders = OrderCollector(database, system_clock, late_ms=1)
        families = [*collector.collect(), *orders.collect()]
        database.dispose()
    read = [_described(f, f.name, f.type, f.documentation) for f in families]
    counted = [m for m in _registered(REGISTRY) if m.name.startswith(f"{PREFIX}alerting_")]
    return sorted([*counted, *read])


def metrics_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION, "## Stream workers", "", *_table(worker_metrics())]
    parts += ["", "## Alerting service", "", *_table(alerting_metrics())]
    parts += ["", "## Decision service", "", *_table(decision_metrics()), ""]
    return "\n".join(parts)


def _registered(registry: CollectorRegistry) -> list[Described]:
    # The client tells the label names of a metric without children only by private attributes.
    collectors: Iterable[Any] = registry._collector_to_names  # noqa: SLF001
    return sorted(
        _described(c, metric.name, metric.type, metric.documentation)
        for c in collectors
        if hasattr(c, "_labelnames")
        for metric in c.describe()
    )


def _described(source: Any, name: str, kind: str, meaning: str) -> Described:
    full = name + {"counter": "_total", "info": "_info"}.get(kind, "")
    return Described(full, kind, tuple(source._labelnames), meaning)  # noqa: SLF001  as above


def _table(metrics: Iterable[Described]) -> list[str]:
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |")
    return lines
