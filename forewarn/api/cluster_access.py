"""The Dask cluster that a command was given, and what its workers read from their own settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forewarn.api.event_dataset import offline_pseudonymiser
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import PrivacySettings, load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from features.cluster.cluster_history import ClusterOptions
    from features.cluster.cluster_records import ComputedRecords
    from features.entity_keys import StateForm
    from features.event_columns import EventColumns
    from features.offline.backfill import BackfillSummary
    from models.training.training_dataset import Dataset

PhaseProgress = Callable[[str, int, int], None]
"""Receives the phase, the tasks done so far, and all of them."""


def settings_pseudonymiser() -> Pseudonymiser:
    """The pseudonymiser of this process's settings; on a worker, of the worker's."""
    return Pseudonymiser(load(PrivacySettings).pseudonym_key.get_secret_value().encode())


def cluster_options(
    scheduler: str,
    scheduler_file: Path | None,
    *,
    partitions: int | None = None,
    progress: PhaseProgress = lambda _phase, _done, _all: None,
    on_dashboard: Callable[[str], None] = lambda _link: None,
) -> "ClusterOptions | None":
    """The options of a cluster, or None where neither an address nor a file is given.

    Args:
        scheduler: address of the scheduler; empty for none.
        scheduler_file: file that the scheduler wrote.
        partitions: of the records; 16 by default.
        progress: receives the phase, the tasks done so far, and all of them.
        on_dashboard: receives the address of the scheduler's page.

    Raises:
        ConfigurationError: if both are given, or Dask is not installed.
    """
    if not scheduler and scheduler_file is None:
        return None
    try:
        from features.cluster.cluster_history import (  # noqa: PLC0415  an optional extra
            PARTITIONS,
            ClusterOptions,
        )
        from features.cluster.task_client import SchedulerAddress  # noqa: PLC0415  the same
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed.", hint="Install forewarn[cluster]."
        ) from None
    return ClusterOptions(
        SchedulerAddress(scheduler, scheduler_file),
        partitions=partitions or PARTITIONS,
        progress=progress,
        on_dashboard=on_dashboard,
    )


def backfill_on_cluster(
    source: str | Path, out: str, options: "ClusterOptions", *, window_events: int
) -> "BackfillSummary":
    """Compute the features of a directory by the workers of a cluster, each with the key of its settings.

    Args:
        source: from ``forewarn export`` or ``forewarn simulate``, a folder or address.
        out: folder or address such as ``s3://bucket/prefix``.
        options: from :func:`cluster_options`.
        window_events: about how many events a file of the result has.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    from features.cluster.cluster_backfill import cluster_backfill  # noqa: PLC0415  optional
    from features.offline.event_files import place_of  # noqa: PLC0415  the same

    return cluster_backfill(
        place_of(source), out, settings_pseudonymiser, options, window_events=window_events
    )


@dataclass(frozen=True, slots=True)
class ClusterWork:
    """A cluster and the folder for what its workers leave each other.

    Attributes:
        options: from :func:`cluster_options`.
        folder: a directory that this process and all workers see, or an address such as ``s3://bucket/prefix``.
    """

    options: "ClusterOptions"
    folder: str


def cluster_work(
    scheduler: str,
    scheduler_file: Path | None,
    folder: str,
    *,
    partitions: int | None = None,
    progress: PhaseProgress = lambda _phase, _done, _all: None,
    on_dashboard: Callable[[str], None] = lambda _link: None,
) -> ClusterWork | None:
    """A cluster with its folder, or None where no scheduler is given.

    Raises:
        ConfigurationError: if a scheduler is given without a folder, or the other way round, or as
            :func:`cluster_options`.
    """
    options = cluster_options(
        scheduler, scheduler_file, partitions=partitions, progress=progress,
        on_dashboard=on_dashboard,
    )  # fmt: skip
    if options is None:
        if folder or partitions:
            raise ConfigurationError(
                "--work and --partitions are for a cluster.",
                hint="Give --scheduler or leave them out.",
            )
        return None
    if not folder:
        raise ConfigurationError(
            "A cluster needs a folder for what its workers leave each other.",
            hint="Give --work: an empty directory that this machine and all workers see, or an s3:// address.",
        )
    return ClusterWork(options, folder)


@contextmanager
def cluster_directory(work: ClusterWork, name: str) -> Iterator[Path]:
    """A directory in the folder of a cluster for one command, empty at the beginning and removed at the end.

    Args:
        work: the cluster.
        name: of the directory; what a command that was killed has left there is removed.

    Raises:
        ConfigurationError: if the folder is an address, or another process holds the directory.
    """
    from features.cluster.output_claim import CLAIM_NAME, OutputClaim  # noqa: PLC0415  optional
    from features.cluster.shared_folder import SharedFolder  # noqa: PLC0415  optional

    folder = SharedFolder.at(work.folder).folder(name)
    if not folder.is_local:
        raise ConfigurationError(
            f"{work.folder} is no directory, and the workers read events from a directory only.",
            hint="Give --work a directory that this machine and all workers see.",
        )
    with OutputClaim(folder) as claim:
        for left in set(folder.names()) - {CLAIM_NAME}:
            folder.remove(left)
        try:
            yield Path(folder.url)
            claim.require()
        finally:
            if not claim.lost:
                for left in set(folder.names()) - {CLAIM_NAME}:
                    folder.remove(left)


def vectors_on_cluster(
    directory: Path, work: ClusterWork
) -> "Callable[[EventColumns], NDArray[np.float32]]":
    """What computes the vectors of a directory's events by a cluster, for a judgement of a period.

    Args:
        directory: from ``forewarn export`` or ``forewarn simulate``; every worker reads it under this path.
        work: the cluster.
    """
    from features.cluster.cluster_vectors import cluster_vectors  # noqa: PLC0415  optional
    from features.cluster.shared_folder import SharedFolder  # noqa: PLC0415  optional
    from models.training.cluster_sources import shared_sources  # noqa: PLC0415  optional

    def compute(events: "EventColumns") -> "NDArray[np.float32]":
        sources = shared_sources(directory, SharedFolder.at(work.folder))
        return cluster_vectors(sources, events, work.folder, offline_pseudonymiser, work.options)

    return compute


def dataset_of(
    directory: Path,
    *,
    report_share: float,
    honest_rows: int,
    threads: int,
    cluster: ClusterWork | None,
) -> "Dataset":
    """The dataset of a directory, by the workers of a cluster or, without one, by this process.

    Args:
        directory: from ``forewarn export`` or ``forewarn simulate``.
        report_share: see ``models.training.label_weights``.
        honest_rows: about how many honest rows are kept; frauds all are.
        threads: of the feature kernel in this process.
        cluster: computes the features, or None.

    Raises:
        ForewarnError: as :func:`models.training.history_dataset.dataset_of_directory`, or as
            :func:`models.training.cluster_dataset.dataset_on_cluster`.
    """
    if cluster is None:
        from models.training.history_dataset import dataset_of_directory  # noqa: PLC0415  a second to load

        return dataset_of_directory(
            directory, offline_pseudonymiser(), report_share=report_share, honest_rows=honest_rows,
            threads=threads,
        )  # fmt: skip
    from models.training.cluster_dataset import dataset_on_cluster  # noqa: PLC0415  optional

    return dataset_on_cluster(
        directory, cluster.folder, offline_pseudonymiser, cluster.options, report_share=report_share,
        honest_rows=honest_rows,
    )  # fmt: skip


@contextmanager
def records_on_cluster(
    sources: list[Path],
    work: ClusterWork,
    *,
    limits: Mapping[tuple[str, int], int],
    prefix: str,
    form: "StateForm",
) -> "Iterator[ComputedRecords]":
    """The records of some directories by the workers of a cluster, each with the key of its settings.

    Args:
        sources: read as one history; every worker reads them under these paths.
        work: the cluster.
        limits: next offset by topic and partition; events at or beyond it do not count.
        prefix: of the store's keys.
        form: of the store's records.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_records.cluster_records`.
    """
    from features.cluster.cluster_records import cluster_records  # noqa: PLC0415  optional
    from features.cluster.run_output import RecordForm  # noqa: PLC0415  optional
    from features.offline.offset_limits import limits_of  # noqa: PLC0415  with it

    with cluster_records(
        sources, work.folder, settings_pseudonymiser, work.options, RecordForm(prefix, form),
        limits=limits_of(limits),
    ) as records:  # fmt: skip
        yield records
