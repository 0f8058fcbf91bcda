"""``forewarn rebuild``: rebuild the state in Redis from Kafka, Parquet or both."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.backfill import TOPICS
from features.offline.export import Exporter
from features.offline.history_runner import SLICE_EVENTS
from features.offline.rebuild import (
    Floors,
    RebuildResult,
    rebuild_state,
    write_floors,
    write_records,
)
from features.offline.restore import (
    Held,
    Positions,
    columns_below,
    floors_of,
    group_positions,
    held_ranges,
    missing_ranges,
    require_no_gap,
)
from features.offline.time_windows import cut
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.api.cluster_access import (
    ClusterWork,
    cluster_directory,
    records_on_cluster,
    settings_pseudonymiser,
)
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    WorkFolder,
    judged_on_cluster,
    require_none,
)
from forewarn.platform.kafka import client_arguments
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import (
    KafkaSettings,
    RedisSettings,
    WorkerSettings,
    load,
)

app = typer.Typer(help="Rebuild the state in Redis.")


@app.command()
def run(
    source: Annotated[
        Path | None, typer.Option("--in", help="An export to begin from; the rest is in Kafka.")
    ] = None,
    scratch: Annotated[
        Path | None, typer.Option(help="Directory for what is read from Kafka.")
    ] = None,
    allow_gap: Annotated[
        bool, typer.Option("--allow-gap", help="Rebuild without the events that no source holds.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before emptying Redis.")] = False,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    work: WorkFolder = "",
    partitions: Partitions = None,
) -> None:
    """Empty the state and rebuild it from the events below the workers' committed offsets.

    Stop the workers first: otherwise they find their state gone and stop by themselves. On a cluster its
    workers compute the records, and this process reads Kafka and writes Redis.
    """
    cluster = judged_on_cluster(scheduler, scheduler_file, work, partitions)
    if cluster is not None:
        require_none(**{"--scratch": scratch})
    if not yes:
        typer.confirm("This deletes the state in Redis first. Go on?", abort=True)
    kafka, worker = load(KafkaSettings), load(WorkerSettings)
    target = group_positions(
        client_arguments(kafka), group=worker.group, topic_prefix=kafka.topic_prefix
    )
    held = held_ranges(source) if source else {}
    floors = floors_of(target, held)
    with _directory(cluster, scratch) as directory:
        rest = directory / "rest"
        _export_rest(kafka, worker, target, held, rest, allow_gap=allow_gap)
        sources = [rest, *([source] if source else [])]
        if cluster is not None:
            inside = replace(cluster, folder=str(directory / "records"))
            built = asyncio.run(_rebuild_on_cluster(sources, inside, target, floors))
        else:
            built = _rebuild_here(sources, target, floors)
    typer.echo(
        f"{built.records:,} records from {built.events:,} events in {built.seconds:.1f} s; "
        f"{built.expired:,} had expired. Start the workers again."
    )


@contextmanager
def _directory(cluster: ClusterWork | None, scratch: Path | None) -> Iterator[Path]:
    """Where the events from Kafka lie meanwhile; with a cluster, where its workers see them."""
    if cluster is not None:
        with cluster_directory(cluster, "rebuild") as shared:
            yield shared
        return
    with tempfile.TemporaryDirectory(prefix="forewarn-rebuild-", dir=scratch) as directory:
        yield Path(directory)


def _rebuild_here(sources: list[Path], target: Positions, floors: Floors) -> RebuildResult:
    pseudonymiser = settings_pseudonymiser()
    windows = cut(sources, TOPICS, window_events=SLICE_EVENTS)
    columns = columns_below(windows, target, pseudonymiser)
    with _event_progress(windows.events) as advance:
        return asyncio.run(_rebuild(columns, pseudonymiser, floors, advance))


async def _rebuild_on_cluster(
    sources: list[Path], cluster: ClusterWork, target: Positions, floors: Floors
) -> RebuildResult:
    """The same state, its records computed by the workers and written by this process."""
    began = time.perf_counter()
    redis = load(RedisSettings)
    store = redis_state_store(redis, meaning=meaning_of(settings_pseudonymiser()))
    try:
        await store.begin_rebuild()
        with records_on_cluster(
            sources, cluster, limits=target, prefix=redis.key_prefix, form=store.form
        ) as records:
            written, expired = await write_records(records.writes, store, records.newest_ms)
        await write_floors(store, floors)
        await store.end_rebuild()
        return RebuildResult(records.events, written, expired, time.perf_counter() - began)
    finally:
        await store.close()


def _export_rest(
    kafka: KafkaSettings,
    worker: WorkerSettings,
    target: Positions,
    held: Held,
    directory: Path,
    *,
    allow_gap: bool,
) -> None:
    """Export what the workers have read and the given export does not hold.

    Raises:
        ConfigurationError: if neither Kafka nor the export holds some events, and no gap is allowed.
    """
    exporter = Exporter(
        client_arguments(kafka),
        topic_prefix=kafka.topic_prefix,
        directory=directory,
        acceptance=worker.acceptance,
    )
    try:
        have = exporter.settle(list(TOPICS))
        beginnings = {(part.topic, part.partition): part.first for part in have}
        if not target and not held:
            # No worker ever committed: everything in Kafka is still to be scored.
            typer.echo("The workers' group has no offsets: there is no state to build.")
        wanted, gone = missing_ranges(target, held, beginnings)
        if not allow_gap:
            require_no_gap(gone)
        exporter.run(wanted)
    finally:
        exporter.close()


async def _rebuild(
    columns: Iterable[EventColumns],
    pseudonymiser: Pseudonymiser,
    floors: Floors,
    progress: Callable[[int], None],
) -> RebuildResult:
    redis = load(RedisSettings)
    store = redis_state_store(redis, meaning=meaning_of(pseudonymiser))
    try:
        await store.begin_rebuild()
        built = await rebuild_state(
            columns,
            store,
            engine=Engine(prefix=redis.key_prefix, form=lambda: store.form),
            floors=floors,
            progress=progress,
        )
        await store.end_rebuild()
        return built
    finally:
        await store.close()


@contextmanager
def _event_progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields a function that takes the events done since then."""
    bars = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*bars, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events", total=total)
        yield lambda count: bar.advance(task, count)
