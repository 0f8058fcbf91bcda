"""Lag counts events without a decision, also of a partition that makes no progress."""

from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from streams.transport import Partition
from streams.transport.consumer_thread import readable_end
from streams.worker.consumer_lag import ConsumerLag, OldestRecord
from streams.worker_metrics import WorkerMetrics

TOPICS = ("calls", "transfers", "outcomes")


@dataclass
class Positions:
    """A transport with given positions of each partition."""

    ends: dict[Partition, int] = field(default_factory=dict)
    acked: dict[Partition, int] = field(default_factory=dict)
    waiting_ms: dict[Partition, int] = field(default_factory=dict)

    def end(self, partition: Partition) -> int | None:
        return self.ends.get(partition)

    def settled(self, partition: Partition) -> int | None:
        return self.acked.get(partition)

    def oldest_ms(self, partition: Partition) -> int | None:
        return self.waiting_ms.get(partition)


def shown(registry: CollectorRegistry, name: str, source: str) -> float | None:
    return registry.get_sample_value(name, {"source": source, "partition": "3"})


def test_a_partition_that_is_not_open_yet_shows_its_lag() -> None:
    """While Redis is away no partition is opened, and that is when lag has to be visible."""
    registry = CollectorRegistry()
    lag = ConsumerLag(TOPICS, WorkerMetrics(registry))
    calls, transfers = Partition("calls", 3), Partition("transfers", 3)
    positions = Positions(
        {calls: 50, transfers: 9}, {calls: 40, transfers: 9}, waiting_ms={calls: 5_000}
    )
    lag.update(positions, {}, [3], now=12.0)
    assert shown(registry, "forewarn_worker_consumer_lag_records", "calls") == 10
    assert shown(registry, "forewarn_worker_consumer_lag_seconds", "calls") == 7
    assert shown(registry, "forewarn_worker_acknowledged_offset", "calls") == 40
    assert shown(registry, "forewarn_worker_consumer_lag_records", "transfers") == 0
    assert shown(registry, "forewarn_worker_consumer_lag_records", "outcomes") is None
    lag.forget([3])
    assert shown(registry, "forewarn_worker_consumer_lag_records", "calls") is None


def test_records_that_are_not_even_fetched_grow_old() -> None:
    """Their times are unknown; that they wait is not."""
    registry = CollectorRegistry()
    lag = ConsumerLag(TOPICS, WorkerMetrics(registry))
    calls = Partition("calls", 3)
    for now in (100.0, 130.0):
        lag.update(Positions({calls: 50}, {calls: 40}), {}, [3], now)
    assert shown(registry, "forewarn_worker_consumer_lag_seconds", "calls") == 30
    for now in (140.0, 150.0):
        lag.update(Positions({calls: 50 + int(now)}, {calls: 50 + int(now)}), {}, [3], now)
    assert shown(registry, "forewarn_worker_consumer_lag_seconds", "calls") == 0


def test_the_partition_that_stands_still_is_named_among_those_that_move() -> None:
    """Beside seven that are level it would be lost in any sum or mean."""
    calls = {number: Partition("calls", number) for number in range(8)}
    positions = Positions(
        dict.fromkeys(calls.values(), 50),
        {where: 20 if number == 5 else 49 for number, where in calls.items()},
        waiting_ms={where: 1_000 if number == 5 else 99_000 for number, where in calls.items()},
    )
    lag = ConsumerLag(TOPICS, WorkerMetrics(CollectorRegistry()))
    assert lag.update(positions, {}, calls, now=100.0) == OldestRecord("calls", 5, 99.0, 30)
    level = Positions(positions.ends, positions.ends)
    assert lag.update(level, {}, calls, now=101.0) is None


@pytest.mark.parametrize(
    ("highwater", "stable", "end"),
    [(None, None, None), (10, None, 10), (10, -1, 10), (10, 7, 7), (10, 10, 10)],
)
def test_the_end_is_the_last_record_that_can_be_read(
    highwater: int | None, stable: int | None, end: int | None
) -> None:
    """To take an open transaction for records to come would hold up the other topic."""
    assert readable_end(highwater, stable) == end
