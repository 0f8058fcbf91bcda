"""Features over exported history: backfills, and the parity check against the workers' vectors."""

from collections.abc import Callable
from pathlib import Path

from features.offline.backfill import BackfillSummary
from features.offline.backfill import backfill as backfill_parquet
from features.offline.history_runner import SLICE_EVENTS
from features.offline.parity import ParityReport, check_parity
from forewarn.api.cluster_access import cluster_options, settings_pseudonymiser
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import KafkaSettings, load


def backfill(
    source: str | Path,
    out: str | Path,
    *,
    key: bytes | None = None,
    window_events: int = SLICE_EVENTS,
    spill: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    scheduler: str = "",
    scheduler_file: str | Path | None = None,
    partitions: int | None = None,
    on_dashboard: Callable[[str], None] = lambda _link: None,
) -> BackfillSummary:
    """Compute the features of every call and transfer of a directory, Parquet to Parquet.

    >>> fw.write_town(town, "town")
    >>> summary = fw.backfill("town", "features", key=b"sixteen bytes or more")
    >>> summary.rows == town.event_count
    True

    Args:
        source: from `export` or `write_town`.
        out: directory to create; it gets a file for each window, in the order of the events.
        key: of the pseudonyms, 16 to 64 bytes; ``FOREWARN_PRIVACY_PSEUDONYM_KEY`` by default. Vectors
            equal those of a worker to the bit only with the worker's key.
        window_events: about how many events are in memory at once.
        spill: directory for a scratch file that holds the records instead of memory.
        threads: threads of the kernel; all cores by default.
        progress: receives the events done so far, and all of them; on a cluster, tasks.
        scheduler: address of a Dask scheduler whose workers do the work, such as ``tcp://scheduler:8786``. Each
            worker reads the key from its settings, so ``key`` must not be given, and ``out`` may be a URL
            such as ``s3://bucket/prefix``.
        scheduler_file: the same by the file that the scheduler wrote.
        partitions: of the records on a cluster; 16 by default, at least twice the workers' threads.
        on_dashboard: receives the address of the scheduler's page.

    Raises:
        ConfigurationError: if ``source`` lacks columns, or ``out`` is not empty.
        DependencyUnavailableError: if the scheduler does not answer or goes away.
    """
    done = _TasksDone(progress)
    options = cluster_options(
        scheduler,
        Path(scheduler_file) if scheduler_file else None,
        partitions=partitions,
        progress=done,
        on_dashboard=on_dashboard,
    )
    if options is not None:
        from features.cluster.cluster_backfill import (  # noqa: PLC0415  an optional extra
            cluster_backfill,
        )

        if key is not None or spill is not None or threads is not None:
            raise ConfigurationError(
                "On a cluster, the key and the threads are those of the workers, and there is no spill directory.",
                hint="Set them where the workers are started.",
            )
        return cluster_backfill(
            Path(source), out, settings_pseudonymiser, options, window_events=window_events
        )
    if "://" in str(out):
        raise ConfigurationError(
            f"{out} is no directory.", hint="Only a cluster writes to an address: give --scheduler."
        )
    return backfill_parquet(
        Path(source),
        Path(out),
        _pseudonymiser(key),
        window_events=window_events,
        spill=Path(spill) if spill else None,
        threads=threads,
        progress=progress,
    )


def parity(directory: str | Path, *, key: bytes | None = None) -> ParityReport:
    """Compute every vector that workers logged once more, offline, and compare them bit for bit.

    >>> fw.parity("export").proved  # doctest: +SKIP

    Args:
        directory: an `export` of the sources and of ``scores``.
        key: the workers' pseudonym key; ``FOREWARN_PRIVACY_PSEUDONYM_KEY`` by default.

    Raises:
        ConfigurationError: if there is no score, or one of other features.
        InconsistentVersionsError: if the export mixes the scores of two installations.
    """
    return check_parity(
        Path(directory), _pseudonymiser(key), topic_prefix=load(KafkaSettings).topic_prefix
    )


class _TasksDone:
    """Progress of a cluster as two numbers: the tasks done, and all that are known."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report
        self._phases: dict[str, tuple[int, int]] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        self._phases[phase] = done, total
        self._report(
            sum(one for one, _ in self._phases.values()),
            sum(one for _, one in self._phases.values()),
        )


def _pseudonymiser(key: bytes | None) -> Pseudonymiser:
    return Pseudonymiser(key) if key else settings_pseudonymiser()
