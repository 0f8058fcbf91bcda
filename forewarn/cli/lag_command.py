"""``forewarn lag``: how far the workers are behind, in records and in seconds."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from rich.table import Column, Table

from forewarn.cli.terminal_table import print_table
from forewarn.contracts.topics import SOURCES, qualified
from forewarn.platform.kafka import client_arguments, committed_offsets, explained, missing_topic
from forewarn.platform.settings import KafkaSettings, WorkerSettings, load

app = typer.Typer(help="Show how far the workers are behind.")

EXIT_BEHIND = 1


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of one group.

    Attributes:
        group: the consumer group.
        topic: name in the cluster.
        partition: its number.
        committed: next offset to be read, or None if nothing was ever committed.
        end: offset after the last record that may be read.
        records: offsets between the two; what compaction and transactions left out counts too.
        seconds: age of the oldest record that is not committed, 0.0 with none, None if it could
            not be read in time.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    seconds: float | None


@app.command()
def lag(
    group: Annotated[
        str | None, typer.Option(help="Consumer group; that of the workers if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    max_records: Annotated[
        int | None, typer.Option(help="End with status 1 if a partition is further behind.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="End with status 1 if a partition is further behind.")
    ] = None,
    wait_seconds: Annotated[float, typer.Option(help="Longest time to look for ages.")] = 5.0,
) -> None:
    """Show how far a group is behind in each partition of the source topics."""
    kafka = load(KafkaSettings)
    group = group or load(WorkerSettings).group
    topics = [qualified(source, kafka) for source in SOURCES]
    found = measure(
        kafka, group, topics, now_ms=time.time_ns() // 1_000_000, wait_seconds=wait_seconds
    )
    if as_json:
        for entry in found:
            typer.echo(json.dumps(asdict(entry)))
    else:
        print_table(lag_table(found), plain_lines(found))
        typer.echo(_total(found))
    if exceeds(found, max_records=max_records, max_seconds=max_seconds):
        raise typer.Exit(EXIT_BEHIND)


def exceeds(
    found: Iterable[PartitionLag], *, max_records: int | None, max_seconds: float | None
) -> bool:
    """Whether any partition is behind a bound; an age that is not known counts as too old."""
    return any(
        (max_records is not None and entry.records > max_records)
        or (max_seconds is not None and (entry.seconds is None or entry.seconds > max_seconds))
        for entry in found
    )


def measure(
    kafka: KafkaSettings, group: str, topics: list[str], *, now_ms: int, wait_seconds: float = 5.0
) -> list[PartitionLag]:
    """Ask Kafka for the lag of ``group`` in every partition of ``topics``.

    Args:
        kafka: where Kafka is.
        group: the consumer group; one that does not exist is behind by everything.
        topics: names in the cluster.
        now_ms: the present, milliseconds since the epoch, from which ages count.
        wait_seconds: longest time to read the oldest records.

    Raises:
        ConfigurationError: if a topic does not exist.
        DependencyUnavailableError: if Kafka does not answer.
    """
    with _clients(kafka) as (admin, consumer):
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(_partitions(consumer, topic))
        ]
        offsets = committed_offsets(admin, group, timeout_seconds=kafka.request_timeout_seconds)
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        committed = {tp: offsets.get(tp) for tp in partitions}
        # What was deleted by retention cannot be read any more: it is lost, not lag.
        starts = {tp: max(committed[tp] or 0, begins[tp]) for tp in partitions}
        behind = {tp: starts[tp] for tp in partitions if ends[tp] > starts[tp]}
        oldest_ms = _oldest(consumer, behind, wait_seconds)
    return [
        PartitionLag(
            group=group,
            topic=tp.topic,
            partition=tp.partition,
            committed=committed[tp],
            end=ends[tp],
            records=max(0, ends[tp] - starts[tp]),
            seconds=_age_seconds(tp in behind, oldest_ms.get(tp), now_ms),
        )
        for tp in partitions
    ]


def _age_seconds(is_behind: bool, oldest_ms: int | None, now_ms: int) -> float | None:
    if not is_behind:
        return 0.0
    return None if oldest_ms is None else max(0, now_ms - oldest_ms) / 1000


def _oldest(
    consumer: KafkaConsumer, behind: dict[TopicPartition, int], wait_seconds: float
) -> dict[TopicPartition, int]:
    """Timestamp in milliseconds of the first record at or after each offset."""
    found: dict[TopicPartition, int] = {}
    if not behind:
        return found
    consumer.assign(list(behind))
    for tp, offset in behind.items():
        consumer.seek(tp, offset)
    deadline = time.monotonic() + wait_seconds
    while len(found) < len(behind) and time.monotonic() < deadline:
        for tp, records in consumer.poll(timeout_ms=500).items():
            if records and tp not in found:
                found[tp] = records[0].timestamp
                consumer.pause(tp)
    return found


def _partitions(consumer: KafkaConsumer, topic: str) -> set[int]:
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise missing_topic(topic)
    return set(partitions)


@contextmanager
def _clients(kafka: KafkaSettings) -> Iterator[tuple[KafkaAdminClient, KafkaConsumer]]:
    clients: list[KafkaAdminClient | KafkaConsumer] = []
    try:
        with explained(kafka):
            admin = KafkaAdminClient(**client_arguments(kafka))
            clients.append(admin)
            consumer = KafkaConsumer(
                **client_arguments(kafka),
                group_id=None,
                isolation_level="read_committed",  # as the workers read
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=16 << 10,  # only the first record of each is looked at
            )
            clients.append(consumer)
            yield admin, consumer
    finally:
        for client in clients:
            client.close()


HEADERS = ("topic", "partition", "committed", "end", "records", "seconds")


def lag_table(found: Iterable[PartitionLag]) -> Table:
    """The lag as a table for a terminal; partitions that are behind stand out."""
    table = Table(
        HEADERS[0], *(Column(name, justify="right") for name in HEADERS[1:]), title_justify="left"
    )
    for entry in found:
        table.add_row(*_cells(entry), style="bold" if entry.records else "")
    return table


def plain_lines(found: Iterable[PartitionLag]) -> Iterator[str]:
    """The lag as lines of columns, for pipes and files."""
    rows = [tuple(name.upper() for name in HEADERS), *map(_cells, found)]
    width = max(len(row[0]) for row in rows)
    for topic, partition, committed, end, records, seconds in rows:
        yield (
            f"{topic:<{width}}  {partition:>9}  {committed:>10}  {end:>10}"
            f"  {records:>10}  {seconds:>9}"
        )


def _cells(entry: PartitionLag) -> tuple[str, ...]:
    committed = "-" if entry.committed is None else str(entry.committed)
    seconds = "?" if entry.seconds is None else f"{entry.seconds:.1f}"
    return (
        entry.topic, str(entry.partition), committed, str(entry.end), str(entry.records), seconds
    )  # fmt: skip


def _total(found: Sequence[PartitionLag]) -> str:
    known = [entry.seconds for entry in found if entry.seconds is not None]
    total = sum(entry.records for entry in found)
    return f"{total} records and {max(known, default=0.0):.1f} seconds behind."
