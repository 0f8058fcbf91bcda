"""Export of topics from Kafka to Parquet, as the settings of Kafka and of the workers say."""

from collections.abc import Callable, Sequence
from pathlib import Path

from features.offline.export import ROWS_PER_FILE, Exporter
from features.offline.export_manifest import ExportManifest
from forewarn.contracts.topics import SOURCES
from forewarn.platform.kafka import client_arguments
from forewarn.platform.settings import KafkaSettings, WorkerSettings, load


def export(
    directory: str | Path,
    *,
    topics: Sequence[str] = (*SOURCES, "scores"),
    since_ms: int | None = None,
    until_ms: int | None = None,
    rows_per_file: int = ROWS_PER_FILE,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> ExportManifest:
    """Copy topics from Kafka to Parquet: exactly the offsets between two times.

    The broker is that of ``FOREWARN_KAFKA_*``. An unfinished export in the directory is continued.

    >>> fw.export("export", topics=["calls"])  # doctest: +SKIP

    Args:
        directory: becomes the history that `read_history` and `backfill` read.
        topics: names without the installation's prefix.
        since_ms: append time of the first record, UTC milliseconds; the oldest by default.
        until_ms: append time after the last record, UTC milliseconds; now by default.
        rows_per_file: offsets in a file.
        progress: receives the offsets copied so far, and all of them.

    Raises:
        ConfigurationError: if a topic does not exist or has no Parquet form.
        DependencyUnavailableError: if Kafka does not answer.
    """
    kafka = load(KafkaSettings)
    exporter = Exporter(
        client_arguments(kafka),
        topic_prefix=kafka.topic_prefix,
        directory=Path(directory),
        acceptance=load(WorkerSettings).acceptance,
    )
    try:
        ranges = exporter.settle(topics, since_ms=since_ms, until_ms=until_ms)
        total = sum(part.after - part.first for part in ranges)
        done = 0

        def advance(offsets: int) -> None:
            nonlocal done
            done += offsets
            progress(done, total)

        return exporter.run(ranges, rows_per_file=rows_per_file, progress=advance)
    finally:
        exporter.close()
