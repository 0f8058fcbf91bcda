"""The records that the tasks of a run leave at the end of a history, and their way to a store."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import pyarrow as pa

from features.cluster.cluster_run import ClusterRun, PhaseResults, read_phase
from features.cluster.segment_file import SegmentReader, SegmentWriter
from features.offline.record_store import RecordStore
from features.store.state_store import Write

SEGMENT_RECORDS: Final = 20_000
"""Records of a segment, some ten megabytes: what the reader holds at once."""


def leave_records(run: ClusterRun, writer: SegmentWriter, records: RecordStore) -> None:
    """Count the records of a task, and write them where the run wants them."""
    count = segments = 0
    writes = records.writes()
    while some := list(islice(writes, SEGMENT_RECORDS)):
        count += len(some)
        if run.output.records is not None:
            table = pa.table(
                {
                    "key": pa.array([one.key for one in some], pa.binary()),
                    "value": pa.array([one.value for one in some], pa.binary()),
                    "expire_ms": pa.array([one.expire_ms for one in some], pa.int64()),
                }
            )
            writer.add(f"records/{segments}", table)
            segments += 1
    writer.note(records=count, segments=segments)


def left_records(run: ClusterRun, phases: PhaseResults) -> Iterator[Write]:
    """All records of a run, as writes on an empty store.

    Raises:
        DamagedFileError: if a file of the phases is not what its task wrote.
    """
    for phase in (phases.subscribers, phases.shared):
        for receipt in read_phase(run.work, phase):
            reader = SegmentReader(run.work, receipt)
            for number in range(receipt.notes["segments"]):
                table = reader.table(f"records/{number}")
                columns = (table.column(name).to_pylist() for name in ("key", "value", "expire_ms"))
                for key, value, expire_ms in zip(*columns, strict=True):
                    yield Write(key, 0, value, expire_ms)
