"""Features over exported history: backfills, and the parity check against the workers' vectors."""

from collections.abc import Callable
from pathlib import Path

from features.offline.backfill import BackfillSummary
from features.offline.backfill import backfill as backfill_parquet
from features.offline.event_files import place_of
from features.offline.history_runner import SLICE_EVENTS
from features.offline.parity import ParityReport, check_parity
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import KafkaSettings, PrivacySettings, load


def backfill(
    source: str | Path,
    out: str | Path,
    *,
    key: bytes | None = None,
    window_events: int = SLICE_EVENTS,
    spill: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> BackfillSummary:
    """Compute the features of every call and transfer of a directory, Parquet to Parquet.

    >>> fw.write_town(town, "town")
    >>> summary = fw.backfill("town", "features", key=b"sixteen bytes or more")
    >>> summary.rows == town.event_count
    True

    Args:
        source: from `export` or `write_town`; a directory, or an address such as ``s3://bucket/prefix``.
        out: directory to create; it gets a file for each window, in the order of the events.
        key: of the pseudonyms, 16 to 64 bytes; ``FOREWARN_PRIVACY_PSEUDONYM_KEY`` by default. Vectors
            equal those of a worker to the bit only with the worker's key.
        window_events: about how many events are in memory at once.
        spill: directory for a scratch file that holds the records instead of memory.
        threads: threads of the kernel; all cores by default.
        progress: receives the events done so far, and all of them.

    Raises:
        ConfigurationError: if ``source`` lacks columns, or ``out`` is not empty.
    """
    return backfill_parquet(
        place_of(source),
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


def _pseudonymiser(key: bytes | None) -> Pseudonymiser:
    return Pseudonymiser(key or load(PrivacySettings).pseudonym_key.get_secret_value().encode())
