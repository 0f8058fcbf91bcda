"""Rows become events exactly, and a wrong cell is named without being repeated."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from forewarn.contracts import CallEnded, CallStarted
from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, Ready, in_order, load_mapping, paced
from forewarn.replay.cell_conversion import minor_units
from forewarn.replay.cell_error import CellError
from forewarn.replay.event_order import checked
from forewarn.replay.file_tally import FileTally
from forewarn.replay.time_conversion import epoch_ms
from tests.servers import needed

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"


def test_a_cdr_gives_the_start_and_the_end_of_the_call() -> None:
    mapping = load_mapping(SAMPLES / "calls.toml")
    row = {
        "CDR_ID": "c-1",
        "SUBSCRIBER": "13800000001",
        "DIRECTION": "MT",
        "A_NUMBER": "+000755000017",
        "B_NUMBER": "13800000001",
        "START": "2026-03-02 09:12:08",
        "END": "2026-03-02 09:14:41",
        "TALK_SECONDS": "153",
        "RESULT": "ANSWERED",
        "IMEI": "",
        "AREA": "430400",
    }
    started, ended = mapping.events(row, file="calls", line=2)
    assert isinstance(started, CallStarted)
    assert isinstance(ended, CallEnded)
    shanghai = ZoneInfo("Asia/Shanghai")
    start = datetime(2026, 3, 2, 9, 12, 8, tzinfo=shanghai).timestamp() * 1000
    assert started.event_time_ms == ended.started_at_ms == start
    assert ended.duration_ms == 153_000
    assert (started.subscriber, started.direction) == ("+8613800000001", "inbound")
    assert mapping.events(row | {"RESULT": "BUSY", "TALK_SECONDS": "0"}, file="calls", line=2) == [
        CallEnded(
            **{name: getattr(ended, name) for name in ended.__struct_fields__}
            | {"answered": False, "duration_ms": 0}
        )
    ]


@pytest.mark.parametrize(
    ("cell", "decimals", "minor"),
    [("48000.00", 2, 4_800_000), ("1,234.5", 2, 123_450), (7, 0, 7), (0.29, 2, 29)],
)
def test_money_is_exact(cell: object, decimals: int, minor: int) -> None:
    assert minor_units(decimals)(cell) == minor


@pytest.mark.parametrize("cell", ["12.345", "many", "NaN", "Infinity", ""])
def test_an_amount_that_is_not_exact_is_refused(cell: str) -> None:
    with pytest.raises(CellError):
        minor_units(2)(cell)


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("iso", "2026-03-02T09:12:08.250+08:00"),
        ("iso", datetime(2026, 3, 2, 1, 12, 8, 250_000)),  # noqa: DTZ001  the zone is the rule's
        ("epoch_ms", "1772413928250"),
        ("epoch_s", "1772413928.25"),
        ("%d.%m.%Y %H:%M:%S.%f", "02.03.2026 01:12:08.25"),
    ],
)
def test_times_of_every_form_are_the_same_millisecond(form: str, cell: object) -> None:
    assert epoch_ms(form, UTC)(cell) == 1_772_413_928_250


def test_bad_rows_name_line_and_reason_but_no_number(tmp_path: Path) -> None:
    lines = (SAMPLES / "transfers.jsonl").read_text().splitlines()
    lines[1] = lines[1].replace("48000.00", "4 apples")
    lines[2] = lines[2].replace("+8613800000001", "not-a-phone-13800000001")
    lines.insert(1, "{broken")
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    items = list(in_order([(tmp_path / "t.jsonl", load_mapping(SAMPLES / "transfers.toml"))]))
    bad = [item for item in items if isinstance(item, BadRow)]
    assert [row.line for row in bad] == [2, 3, 4]
    assert "not JSON" in bad[0].reason
    assert "amount_minor (column yuan): not an amount" in bad[1].reason
    assert "subscriber" in bad[2].reason
    assert not any("138" in row.reason or "4 apples" in row.reason for row in bad)
    assert sum(isinstance(item, Ready) for item in items) == 2


def test_files_are_merged_by_event_time_and_unsorted_rows_put_in_order() -> None:
    files = [
        (SAMPLES / name, load_mapping((SAMPLES / name).with_suffix(".toml")))
        for name in ("calls.csv", "transfers.jsonl")
    ]
    ready = [item for item in in_order(files) if isinstance(item, Ready)]
    times = [item.event_time_ms for item in ready]
    assert times == sorted(times)
    assert {item.topic for item in ready} == {"calls", "transfers"}
    assert len(ready) == 13


def test_parquet_rows_convert_like_those_of_other_files(tmp_path: Path) -> None:
    arrow = needed("pyarrow")
    parquet = needed("pyarrow.parquet")
    import json  # noqa: PLC0415

    rows = [json.loads(line) for line in (SAMPLES / "transfers.jsonl").read_text().splitlines()]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    mapping = load_mapping(SAMPLES / "transfers.toml")
    from_parquet = list(in_order([(tmp_path / "t.parquet", mapping)]))
    assert from_parquet == list(in_order([(SAMPLES / "transfers.jsonl", mapping)]))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("zone = 'Mars'\n[[events]]\ntype='transfer'\nfields={}", "Mars"),
        ("[[events]]\ntype='gift'\nfields={}", "gift"),
        ("[[events]]\ntype='transfer'\nfields={colour='c'}", "no field colour"),
        ("[[events]]\ntype='transfer'\nfields={subscriber={column='a',value='b'}}", "exactly one"),
        ("events = []", "length >= 1"),
        ("events = [", "not TOML"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        load_mapping(tmp_path / "m.toml")


def test_pace_follows_event_time() -> None:
    items = [Ready(t, "calls", b"", b"") for t in (10_000, 40_000, 20_000, 70_000)]
    clock, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    assert list(paced(items, 10, now_seconds=lambda: clock[0], sleep=sleep)) == items
    assert waits == pytest.approx([3.0, 3.0])
    assert list(paced(items, 0, now_seconds=lambda: clock[0], sleep=sleep)) == items
    assert len(waits) == 2


def test_day_and_month_the_wrong_way_round_are_seen_by_the_thirteenth(tmp_path: Path) -> None:
    """The row of the third of April would be read, and wrongly."""
    mapping = (
        (SAMPLES / "transfers.toml").read_text().replace('time = "iso"', 'time = "%d/%m/%Y %H:%M"')
    )
    (tmp_path / "t.toml").write_text('zone = "UTC"\n' + mapping)
    rows = (SAMPLES / "transfers.jsonl").read_text().splitlines()[:2]
    rows[0] = rows[0].replace("2026-03-02T09:05:00+08:00", "03/04/2026 10:00")
    rows[1] = rows[1].replace("2026-03-02T09:58:12+08:00", "03/25/2026 10:00")
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    with pytest.raises(ConfigurationError, match="the other way round"):
        list(in_order([(tmp_path / "t.jsonl", load_mapping(tmp_path / "t.toml"))]))


def test_a_fraction_of_fen_is_refused(tmp_path: Path) -> None:
    """48000.00 under decimals = 0 are yuan that were taken for fen."""
    mapping = (SAMPLES / "transfers.toml").read_text().replace("decimals = 2", "decimals = 0")
    (tmp_path / "t.toml").write_text(mapping)
    items = list(in_order([(SAMPLES / "transfers.jsonl", load_mapping(tmp_path / "t.toml"))]))
    assert len(items) == 4
    assert all(isinstance(item, BadRow) and "has a fraction" in item.reason for item in items)


def test_files_that_begin_with_their_newest_rows_are_sorted_or_refused(tmp_path: Path) -> None:
    header, *rows = (SAMPLES / "calls.csv").read_text().splitlines()
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    lines = [header]
    for number in range(60_000):
        start = moment - timedelta(seconds=number)
        row = (
            rows[0]
            .replace("c-1001", f"c-{number}")
            .replace("2026-03-02 09:12:08", f"{start:%Y-%m-%d %H:%M:%S}")
        )
        lines.append(
            row.replace(
                "2026-03-02 09:14:41", f"{start + timedelta(seconds=153):%Y-%m-%d %H:%M:%S}"
            )
        )
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    files = [(tmp_path / "c.csv", load_mapping(SAMPLES / "calls.toml"))]
    with pytest.raises(ConfigurationError, match="--sort"):
        checked(files, [FileTally("c.csv")])
    times = [item.event_time_ms for item in in_order(files, sort=True)]
    assert len(times) == 120_000
    assert times == sorted(times)
