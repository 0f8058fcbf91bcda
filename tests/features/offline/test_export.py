"""An export holds exactly the offsets asked for, whether or not it was interrupted."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from features.offline.export import Exporter
from features.offline.export_manifest import ExportManifest, OffsetRange, atomic_file, read_manifest
from features.offline.parquet_tables import read_topic
from forewarn.contracts import Acceptance, encode
from forewarn.errors import ConfigurationError
from forewarn.local import KafkaBroker
from forewarn.platform.kafka import TopicAdministration, client_arguments
from forewarn.platform.settings import KafkaSettings
from tests.simulation.little_town import facts, topic_of

BAD = b'{"type":"call_started","schema_version":9}'
COUNT = 1500
IN_2096_MS = 3_976_214_400_000
WRONG = {7: "schema_version", 8: "key_mismatch", 9: "from_the_future"}
"""By the number of an event within a hundred."""


def settings_of(broker: KafkaBroker, prefix: str) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=broker.bootstrap_servers,
        topic_prefix=prefix,
        partitions=3,
        replication_factor=1,
    )


@pytest.fixture(scope="module")
def filled(kafka: KafkaBroker) -> tuple[KafkaSettings, dict[tuple[str, int], list[str]]]:
    """Topics with events and some rubbish; what is wrong with each record, by partition and offset."""
    settings = settings_of(kafka, "export-")
    with TopicAdministration(settings) as topics:
        topics.apply()
    producer = KafkaProducer(**client_arguments(settings), compression_type="gzip")
    sent: list[tuple[str, str, object]] = []
    for number, event in enumerate(facts(seed=3, count=COUNT)):
        topic = topic_of(event)
        key, value, wrong = event.subscriber.encode(), encode(event), WRONG.get(number % 100, "")
        if wrong == "schema_version":
            value = BAD
        elif wrong == "key_mismatch":
            key = b"+8613999999999"
        elif wrong == "from_the_future":
            value = encode(msgspec.structs.replace(event, event_time_ms=IN_2096_MS))
        sent.append((topic, wrong, producer.send(f"export-{topic}", value=value, key=key)))
    producer.flush()
    held: dict[tuple[str, int], list[str]] = {}
    for topic, wrong, future in sent:
        where = future.get(timeout=10)
        faults = held.setdefault((topic, where.partition), [])
        assert where.offset == len(faults)
        faults.append(wrong)
    producer.close()
    return settings, held


@pytest.fixture
def exporter(filled, tmp_path: Path) -> Iterator[Exporter]:
    settings, _ = filled
    made = Exporter(
        client_arguments(settings),
        topic_prefix="export-",
        acceptance=Acceptance(future_ms=60_000),
        directory=tmp_path / "out",
    )
    yield made
    made.close()


def rows(directory: Path) -> dict[tuple[str, int, int], str]:
    """Event id by topic, partition and offset."""
    return {
        (topic, row["partition"], row["offset"]): row["event_id"]
        for topic in ("calls", "transfers", "outcomes")
        for row in read_topic(directory, topic).collect().iter_rows(named=True)
    }


@pytest.mark.system
def test_every_valid_record_is_exported_once_and_every_other_is_reported(
    filled, exporter: Exporter, tmp_path: Path
) -> None:
    _, held = filled
    ranges = exporter.settle(["calls", "transfers", "outcomes"])
    manifest = exporter.run(ranges, rows_per_file=97)
    found = rows(tmp_path / "out")
    reported = {
        (topic, partition, offset): wrong
        for (topic, partition), faults in held.items()
        for offset, wrong in enumerate(faults)
    }
    good = {where for where, wrong in reported.items() if not wrong}
    bad = {where: wrong for where, wrong in reported.items() if wrong}
    assert set(found) == good
    assert len(set(found.values())) == len(good)
    assert manifest.rejected == len(bad) == 45
    assert {(r.topic, r.partition, r.offset): r.reason for r in manifest.rejections} == bad
    assert manifest.complete
    assert sum(manifest.rows.values()) == len(good)


@pytest.mark.system
def test_an_interrupted_export_ends_with_the_same_rows(
    filled, exporter: Exporter, tmp_path: Path
) -> None:
    settings, _ = filled
    ranges = exporter.settle(["calls", "transfers"])
    seen = 0

    def stop(offsets: int) -> None:
        nonlocal seen
        seen += offsets
        if seen > 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exporter.run(ranges, rows_per_file=50, progress=stop)
    before = read_manifest(tmp_path / "out")
    assert before is not None
    assert not before.complete

    # Taken up again it copies what was asked for then, not what it is asked for now.
    exporter.run([], rows_per_file=7)
    whole = Exporter(
        client_arguments(settings),
        topic_prefix="export-",
        acceptance=Acceptance(future_ms=60_000),
        directory=tmp_path / "b",
    )
    whole.run(ranges, rows_per_file=50)
    whole.close()
    assert rows(tmp_path / "out") == rows(tmp_path / "b")
    assert not list((tmp_path / "out").glob("**/.*.tmp"))
    after, other = read_manifest(tmp_path / "out"), read_manifest(tmp_path / "b")
    assert after == other


@pytest.mark.system
def test_a_range_is_exact_at_both_ends(exporter: Exporter, tmp_path: Path) -> None:
    exporter.run([OffsetRange("calls", 1, 20, 61)], rows_per_file=1000)
    frame = read_topic(tmp_path / "out", "calls").collect()
    assert frame["offset"].min() >= 20
    assert frame["offset"].max() <= 60
    assert frame.height + read_manifest(tmp_path / "out").rejected == 41


@pytest.mark.system
def test_times_choose_records_by_when_kafka_appended_them(filled, exporter: Exporter) -> None:
    settings, held = filled
    consumer = KafkaConsumer(**client_arguments(settings))
    place = TopicPartition("export-calls", 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    times: list[int] = []
    while len(times) < len(held["calls", 0]):
        times += [r.timestamp for r in consumer.poll(timeout_ms=5000).get(place, [])]
    consumer.close()
    middle = times[len(times) // 2]
    chosen = exporter.settle(["calls"], since_ms=middle)[0]
    assert chosen.first == next(i for i, t in enumerate(times) if t >= middle)
    assert chosen.after == len(times)
    assert exporter.settle(["calls"], until_ms=middle)[0].after == chosen.first
    future = exporter.settle(["calls"], since_ms=times[-1] + 3_600_000)[0]
    assert future.first == future.after == len(times)


@pytest.mark.system
def test_offsets_that_kafka_no_longer_has_are_an_error(exporter: Exporter) -> None:
    with pytest.raises(ConfigurationError, match="no longer"):
        exporter.run([OffsetRange("calls", 0, 10**6, 10**6 + 5)])


@pytest.mark.system
def test_a_topic_that_is_not_there_is_named(exporter: Exporter) -> None:
    with pytest.raises(ConfigurationError, match="no Parquet form"):
        exporter.settle(["warnings"])


def test_a_file_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def half_write() -> None:
        with atomic_file(tmp_path / "x" / "rows.parquet") as path:
            path.write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        half_write()
    assert list((tmp_path / "x").iterdir()) == []


def test_segments_cover_a_range_without_gap_or_overlap() -> None:
    manifest = ExportManifest(
        [OffsetRange("calls", 0, 3, 25), OffsetRange("calls", 1, 5, 5)],
        rows_per_file=10,
        acceptance=Acceptance(future_ms=0),
    )
    assert [(s.first, s.after) for s in manifest.segments()] == [(3, 13), (13, 23), (23, 25)]


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"export\.json"):
        read_manifest(tmp_path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="forewarn export"):
        read_topic(tmp_path / "none", "calls")


def test_a_table_without_a_required_column_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    pl.DataFrame({"type": ["call_ended"], "event_id": ["a"]}).write_parquet(
        tmp_path / "calls" / "a.parquet"
    )
    with pytest.raises(ConfigurationError, match="event_time_ms, subscriber"):
        read_topic(tmp_path, "calls")
