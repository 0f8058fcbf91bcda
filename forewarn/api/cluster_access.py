"""The Dask cluster that a command was given, and what its workers read from their own settings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import PrivacySettings, load

if TYPE_CHECKING:
    from features.cluster.cluster_history import ClusterOptions
    from features.offline.backfill import BackfillSummary

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
    source: Path, out: str, options: "ClusterOptions", *, window_events: int
) -> "BackfillSummary":
    """Compute the features of a directory by the workers of a cluster, each with the key of its settings.

    Args:
        source: from ``forewarn export`` or ``forewarn simulate``.
        out: folder or address such as ``s3://bucket/prefix``.
        options: from :func:`cluster_options`.
        window_events: about how many events a file of the result has.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    from features.cluster.cluster_backfill import cluster_backfill  # noqa: PLC0415  optional

    return cluster_backfill(
        source, out, settings_pseudonymiser, options, window_events=window_events
    )
