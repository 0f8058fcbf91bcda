"""Datasets, backfills and rebuilt states are what the engine makes of the events at one go."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.catalog import CATALOG
from features.cluster.output_claim import OutputClaim
from features.cluster.shared_folder import SharedFolder
from features.engine import Engine
from features.event_columns import EventColumns
from features.offline import build, time_windows
from features.offline.backfill import backfill
from features.offline.export_manifest import ExportManifest, OffsetRange, write_manifest
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import HistoryRunner
from features.offline.rebuild import HISTORY_SOURCE, NotEmptyError, rebuild_state
from features.offline.record_file import RecordFile
from features.offline.record_store import (
    MemoryRecordStore,
    RecordStore,
    SpillingRecordStore,
)
from features.offline.restore import (
    columns_below,
    floors_of,
    held_ranges,
    missing_ranges,
    require_no_gap,
)
from features.offline.time_windows import cut
from features.record_header import Header, parse, record_version
from features.record_header import build as build_header
from features.store.chunk_journal import decode
from features.store.state_store import Write
from forewarn.contracts import Acceptance
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from tests.contract.memory_store import MemoryStateStore
from tests.features.little_export import write_export

COUNT = 1200
KEY = Pseudonymiser(b"a key that only tests use")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("exported")
    write_export(directory, COUNT)
    return directory


@pytest.fixture(scope="module")
def columns(exported: Path) -> EventColumns:
    return in_order(
        [
            make(pl.concat([pl.read_parquet(f) for f in sorted((exported / topic).glob("*"))]), KEY)
            for topic, make in COLUMNS_OF.items()
        ]
    )


@pytest.fixture(scope="module")
def vectors(columns: EventColumns) -> np.ndarray:
    engine = Engine()
    return engine.run(engine.plan(columns)).vectors


def bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).view(np.uint32)


def features_of(table: pl.DataFrame) -> np.ndarray:
    return table.select(CATALOG.names).to_numpy()


@pytest.fixture(params=["memory", "disk"])
def record_store(request: pytest.FixtureRequest, tmp_path: Path) -> RecordStore:
    return (
        MemoryRecordStore()
        if request.param == "memory"
        else RecordFile(tmp_path / "spilled.records")
    )


def test_slices_give_the_vectors_of_the_whole(
    columns: EventColumns, vectors: np.ndarray, record_store: RecordStore
) -> None:
    history = HistoryRunner(Engine(), record_store=record_store, threads=2)
    parts = [r.vectors for r in history.slices(columns, slice_events=170, keep=True)]
    assert len(parts) > 5
    np.testing.assert_array_equal(bits(np.concatenate(parts)), bits(vectors))
    engine = Engine()
    whole = {w.key: w.value for w in engine.run(engine.plan(columns)).writes()}
    kept = {write.key: write.value for write in record_store.writes()}
    assert kept.keys() == whole.keys()
    for key, value in kept.items():
        mine, theirs = parse(value), parse(whole[key])
        assert mine.last_event_ms == theirs.last_event_ms
        offsets = {(m.source, m.partition): m.offset for m in mine.watermarks}
        assert offsets == {(m.source, m.partition): m.offset for m in theirs.watermarks}


def test_windows_hold_every_row_once_in_the_order_of_the_whole(
    exported: Path, columns: EventColumns
) -> None:
    windows = cut(exported, SOURCES, window_events=100)
    assert windows.events == COUNT
    parts = [
        in_order([COLUMNS_OF[t](tables[t], KEY) for t in SOURCES if t in tables])
        for tables in windows
    ]
    assert len(parts) > 5
    for name in ("source", "partition", "offset", "time_ms"):
        found = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(found, getattr(columns, name), err_msg=name)


@pytest.mark.parametrize(("rows", "scanned"), [(7, 500_000), (10_000, 500_000), (7, 20), (7, 3)])
def test_row_groups_and_foreign_orders_change_nothing(
    exported: Path,
    columns: EventColumns,
    tmp_path: Path,
    rows: int,
    scanned: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file is read by its row groups where its rows are in order, and as a whole where they are not."""
    monkeypatch.setattr(time_windows, "SCAN_ROWS", scanned)
    for topic in SOURCES:
        for number, path in enumerate(sorted((exported / topic).glob("*.parquet"))):
            table = pl.read_parquet(path)
            if number == 1:
                table = table.reverse()
            (tmp_path / topic).mkdir(exist_ok=True)
            table.write_parquet(tmp_path / topic / path.name, row_group_size=rows)
    windows = cut(tmp_path, SOURCES, window_events=100)
    assert windows.events == COUNT
    parts = [
        in_order([COLUMNS_OF[t](tables[t], KEY) for t in SOURCES if t in tables])
        for tables in windows
    ]
    for name in ("source", "partition", "offset", "time_ms"):
        found = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(found, getattr(columns, name), err_msg=name)


def test_memory_holds_only_row_groups_that_the_window_reaches(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the history: every row group is read once, and given up when the next window is past it."""
    for topic in SOURCES:
        (tmp_path / topic).mkdir()
        whole = pl.concat([pl.read_parquet(f) for f in sorted((exported / topic).glob("*"))])
        whole.sort("appended_at_ms", "partition", "offset").write_parquet(
            tmp_path / topic / "part.parquet", row_group_size=10
        )
    read: list[int] = []
    placed = time_windows._placed

    def counted(block: time_windows._Block) -> pl.DataFrame:
        read.append(block.first_place)
        return placed(block)

    monkeypatch.setattr(time_windows, "_placed", counted)
    windows = cut(tmp_path, SOURCES, window_events=100)
    blocks = len(windows._blocks)
    assert blocks > 40
    reached = []
    for end, tables in zip(windows.starts[1:], windows, strict=True):
        assert tables
        assert all(place < end for place in read)
        reached.append(len(read))
    assert reached[0] < blocks / 4
    assert reached[-1] == blocks


def test_a_dataset_has_one_row_for_each_call_and_transfer(
    exported: Path, columns: EventColumns, vectors: np.ndarray
) -> None:
    tables = [pl.read_parquet(exported / topic / "*.parquet") for topic in SOURCES]
    table = build(*tables, pseudonymiser=KEY)
    rows = columns.kind != 12
    np.testing.assert_array_equal(bits(features_of(table)), bits(vectors[rows]))
    assert table.height == tables[0].height + tables[1].height
    ids = {row["event_id"]: row for t in tables[:2] for row in t.iter_rows(named=True)}
    for row in table.iter_rows(named=True):
        for name in ("topic", "partition", "offset", "event_time_ms", "subscriber"):
            assert row[name] == ids[row["event_id"]][name]


def test_pandas_goes_in_and_comes_out(exported: Path) -> None:
    transfers = pl.read_parquet(exported / "transfers" / "*.parquet")
    mine = transfers.drop("topic", "partition", "offset", "appended_at_ms").to_pandas()
    table = build(transfers=mine.sample(frac=1, random_state=1), frame="pandas")
    assert type(table).__module__.startswith("pandas")
    assert len(table) == transfers.height
    assert list(table["event_time_ms"]) == sorted(mine["event_time_ms"])


def test_nothing_to_build_from_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="calls, transfers or both"):
        build()


@pytest.mark.parametrize("spill", [False, True])
def test_a_backfill_writes_the_vectors_of_the_whole(
    exported: Path, columns: EventColumns, vectors: np.ndarray, tmp_path: Path, spill: bool
) -> None:
    reported: list[tuple[int, int]] = []
    summary = backfill(
        exported,
        tmp_path / "out",
        KEY,
        window_events=150,
        spill=tmp_path if spill else None,
        progress=lambda done, total: reported.append((done, total)),
    )
    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert len(files) > 5
    table = pl.concat([pl.read_parquet(path) for path in files])
    rows = columns.kind != 12
    np.testing.assert_array_equal(bits(features_of(table)), bits(vectors[rows]))
    assert (summary.rows, summary.events) == (table.height, COUNT)
    assert summary.fingerprint == CATALOG.fingerprint
    assert reported[-1] == (COUNT, COUNT)
    assert not list(tmp_path.glob("*.records"))
    with pytest.raises(ConfigurationError, match="not empty"):
        backfill(exported, tmp_path / "out", KEY)


def test_a_folder_that_another_process_writes_is_refused(exported: Path, tmp_path: Path) -> None:
    with (
        OutputClaim(SharedFolder.at(tmp_path / "out")),
        pytest.raises(ConfigurationError, match="is being written by process"),
    ):
        backfill(exported, tmp_path / "out", KEY)
    assert not list((tmp_path / "out").iterdir())


async def test_workers_go_on_from_a_rebuilt_state_as_if_they_had_made_it(
    columns: EventColumns, vectors: np.ndarray
) -> None:
    half = int(columns.event_rows()[700])
    before, after = columns.take(slice(0, half)), columns.take(slice(half, len(columns)))
    store = MemoryStateStore()
    await store.open(create=True)
    rebuilt = await rebuild_state(before, store)
    assert rebuilt.events == half
    assert len(store) == rebuilt.records > 0

    engine = Engine()
    plan = engine.plan(columns)
    result = engine.run(plan, await store.load(plan.keys))
    assert not result.fresh[:half].any(), "what was rebuilt is applied already"
    assert result.fresh[half:].all()
    later = engine.plan(after)
    online = engine.run(later, await store.load(later.keys))
    np.testing.assert_array_equal(bits(online.vectors), bits(vectors[half:]))

    for partition, entry in (await store.journals([0, 1])).items():
        assert entry is not None
        journal = decode(entry)
        assert journal.order == b""
        for source, floor in journal.floors().items():
            mine = (before.partition == partition) & (before.source == source)
            assert floor == before.offset[mine].max() + 1
        assert journal.chunk == sum(journal.floors().values())


async def test_history_outside_the_topics_hides_no_offset(columns: EventColumns) -> None:
    store = MemoryStateStore()
    await store.open(create=True)
    half = int(columns.event_rows()[600])
    pieces = [columns.take(slice(0, half)), columns.take(slice(half, len(columns)))]
    await rebuild_state(pieces, store, as_history=True)
    assert await store.journals([0, 1]) == {0: None, 1: None}
    engine = Engine()
    plan = engine.plan(columns)
    records = await store.load(plan.keys)
    assert {m.source for record in records for m in parse(record).watermarks} == {HISTORY_SOURCE}
    assert engine.run(plan, records).fresh.all()
    assert set(columns.source) == {0, 1, 2}, "the caller's columns are left alone"


async def test_a_state_is_not_built_over_another(columns: EventColumns) -> None:
    store = MemoryStateStore()
    await store.open(create=True)
    await rebuild_state(columns, store)
    with pytest.raises(NotEmptyError, match="Empty it first"):
        await rebuild_state(columns.take(slice(0, 50)), store)


async def test_what_would_have_expired_is_not_built(columns: EventColumns) -> None:
    store = MemoryStateStore()
    await store.open(create=True)
    day_ms = 86_400_000
    now_ms = int(columns.time_ms.max()) + 60 * day_ms
    rebuilt = await rebuild_state(columns, store, now_ms=now_ms)
    assert rebuilt.expired > rebuilt.records > 0, "all but the confirmed swindlers'"


def test_a_rebuild_reads_what_is_held_and_the_rest_from_kafka() -> None:
    target = {("calls", 0): 100, ("calls", 1): 50, ("transfers", 0): 10}
    held = {
        ("calls", 0): OffsetRange("calls", 0, 0, 60),
        ("calls", 1): OffsetRange("calls", 1, 0, 70),
    }
    beginnings = {("calls", 0): 40, ("calls", 1): 40, ("transfers", 0): 4}
    wanted, gone = missing_ranges(target, held, beginnings)
    assert wanted == [OffsetRange("calls", 0, 60, 100), OffsetRange("transfers", 0, 4, 10)]
    assert gone == [OffsetRange("transfers", 0, 0, 4)]
    with pytest.raises(ConfigurationError, match="transfers-0 from offset 0 to 4"):
        require_no_gap(gone)
    assert floors_of(target, held) == {0: {0: 100, 1: 10}, 1: {0: 50}}


def test_a_rebuild_includes_the_offsets_before_an_export() -> None:
    held = {("calls", 0): OffsetRange("calls", 0, 60, 100)}
    wanted, gone = missing_ranges({("calls", 0): 120}, held, {("calls", 0): 20})
    assert wanted == [OffsetRange("calls", 0, 20, 60), OffsetRange("calls", 0, 100, 120)]
    assert gone == [OffsetRange("calls", 0, 0, 20)]


def test_an_export_says_what_it_holds(tmp_path: Path, exported: Path) -> None:
    shutil.copytree(exported, tmp_path / "out")
    asked = [OffsetRange("calls", 0, 0, 10_000)]  # its last records were no events
    write_manifest(
        tmp_path / "out", ExportManifest(asked, 100, Acceptance(future_ms=0), complete=True)
    )
    assert held_ranges(tmp_path / "out")["calls", 0] == asked[0]
    assert held_ranges(tmp_path / "out")["calls", 1] == held_ranges(exported)["calls", 1]


def test_a_rebuild_takes_no_event_beyond_the_groups_offsets(exported: Path) -> None:
    held = {where: part.after for where, part in held_ranges(exported).items()}
    assert set(held) == {(topic, p) for topic in SOURCES for p in (0, 1)}
    target = {where: after // 2 for where, after in held.items() if where[0] != "outcomes"}
    windows = cut(exported, SOURCES, window_events=200)
    taken = held_of(list(columns_below(windows, target, KEY)))
    assert taken == held | target


def held_of(parts: list[EventColumns]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for part in parts:
        for source, partition, offset in zip(part.source, part.partition, part.offset, strict=True):
            where = SOURCES[source], int(partition)
            found[where] = max(found.get(where, 0), int(offset) + 1)
    return found


def test_a_record_store_on_disk_keeps_what_one_in_memory_keeps(tmp_path: Path) -> None:
    record = build_header(Header(1, 0, 3, 5)) + b"body"
    disk, memory = RecordFile(tmp_path / "x.records"), MemoryRecordStore()
    spilling = SpillingRecordStore(tmp_path / "y.records", most=1)
    for kept in (disk, memory, spilling):
        kept.store([Write(b"a", 0, b"old", 7), Write(b"b", 0, b"b", 8)])
        kept.store([Write(b"a", 2, record, 9)])
        assert kept.load([b"b", b"c", b"a"]) == [b"b", None, record]
        assert sorted(kept.writes()) == [Write(b"a", 0, record, 9), Write(b"b", 0, b"b", 8)]
    assert spilling.spilled
    disk.close()
    spilling.close()
    assert not list(tmp_path.iterdir())
    assert record_version(record) == 3


def test_few_records_stay_in_memory(tmp_path: Path) -> None:
    store = SpillingRecordStore(tmp_path / "z.records", most=2)
    store.store([Write(b"a", 0, b"1", 7), Write(b"b", 0, b"2", 7)])
    store.store([Write(b"a", 0, b"3", 7)])
    assert not store.spilled
    assert not list(tmp_path.iterdir())
    store.close()
