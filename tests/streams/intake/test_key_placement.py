"""A source whose producer partitions otherwise is noticed, for its events would never meet."""

from types import SimpleNamespace

import pytest
from kafka.partitioner import murmur2
from prometheus_client import CollectorRegistry

from streams.intake.key_placement import KeyPlacement
from streams.transport import FetchedRecords
from streams.worker_metrics import WorkerMetrics

KEY = b"+8613800000001"
PARTITIONS = 6


@pytest.mark.parametrize("shift", [0, 1])
def test_a_record_in_another_partition_than_its_key_says_is_counted(shift: int) -> None:
    home = (murmur2(KEY) & 0x7FFFFFFF) % PARTITIONS
    registry = CollectorRegistry()
    placement = KeyPlacement(PARTITIONS, WorkerMetrics(registry))
    record = SimpleNamespace(
        offset=0, timestamp=0, key=KEY, value=b"", serialized_key_size=1, serialized_value_size=0
    )
    chunk = FetchedRecords("transfers", (home + shift) % PARTITIONS, [record], next_offset=1)
    placement.observe(1, chunk)
    labels = {"source": "transfers"}
    assert registry.get_sample_value("forewarn_worker_misplaced_records_total", labels) == shift
