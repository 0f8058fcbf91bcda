"""Parquet as Spark and others write it: instants, decimals, floats and dictionaries keep what they say."""

from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from forewarn.replay import BadRow, Ready, in_order, load_mapping
from forewarn.replay.parquet_cells import float_text, instant_columns, rows_of
from forewarn.replay.row_batch import text_of
from tests.servers import needed

MOMENT = datetime(2026, 3, 1, 1, 2, 3, 456789)  # noqa: DTZ001  the zone is what is tested
MAPPING = """
zone = "Asia/Shanghai"

[[events]]
type = "transfer"
[events.fields]
event_id = "id"
event_time_ms = { column = "when", time = "iso" }
transfer_id = "id"
subscriber = "phone"
status = { value = "completed" }
payer_account = "payer"
payee_account = "payee"
amount_minor = { column = "amount", decimals = 2 }
currency = { value = "CNY" }
purpose = { value = "transfer" }
channel = { value = "app" }
"""


@pytest.fixture
def arrow() -> Any:
    needed("pyarrow.parquet")
    return needed("pyarrow")


def read(arrow: Any, path: Path, columns: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    parquet = needed("pyarrow.parquet")
    parquet.write_table(arrow.table(columns), path, **options)
    file = parquet.ParquetFile(path)
    instants = instant_columns(file.schema)
    return [row for batch in file.iter_batches() for row in rows_of(batch, instants)]


def texts(arrow: Any, path: Path, values: list[Any], kind: Any, **options: Any) -> list[str]:
    rows = read(arrow, path, {"a": arrow.array(values, kind)}, **options)
    return [text_of(row["a"]) for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.parquet"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_an_int96_is_an_instant_whatever_it_was_before(
    arrow: Any, path: Path, unit: str, zone: str | None
) -> None:
    column = arrow.array([MOMENT.replace(microsecond=0), None], arrow.timestamp(unit, zone))
    [first, gap] = read(arrow, path, {"a": column}, use_deprecated_int96_timestamps=True)
    assert first["a"] == MOMENT.replace(microsecond=0, tzinfo=UTC)
    assert text_of(gap["a"]) == ""


def test_an_int96_within_a_struct_is_an_instant_too(arrow: Any, path: Path) -> None:
    kind = arrow.struct([("at", arrow.timestamp("ns")), ("n", arrow.float32())])
    column = arrow.array([{"at": MOMENT, "n": 0.1}, None], kind)
    rows = read(arrow, path, {"a": column}, use_deprecated_int96_timestamps=True)
    assert rows == [{"a": {"at": MOMENT.replace(tzinfo=UTC), "n": "0.1"}}, {"a": None}]


def test_a_time_without_a_zone_stays_without_one(arrow: Any, path: Path) -> None:
    assert texts(arrow, path, [MOMENT], arrow.timestamp("us")) == [MOMENT.isoformat()]


def test_nanoseconds_are_cut(arrow: Any, path: Path) -> None:
    column = arrow.array([1_772_326_923_456_789_999], arrow.int64()).cast(arrow.timestamp("ns"))
    assert read(arrow, path, {"a": column})[0]["a"].isoformat() == "2026-03-01T01:02:03.456789"


def test_a_time_beyond_the_calendar_is_a_fault_of_its_row_alone(arrow: Any, path: Path) -> None:
    column = arrow.array([2**60, 0], arrow.int64()).cast(arrow.timestamp("us"))
    first, second = read(arrow, path, {"a": column})
    with pytest.raises(ValueError, match="outside of the years"):
        text_of(first["a"])
    assert text_of(second["a"]).startswith("1970")


def test_numbers_and_dictionaries_are_texts_as_they_were_written(arrow: Any, path: Path) -> None:
    decimals = [Decimal("12.30"), Decimal("0E-10"), None]
    assert texts(arrow, path, decimals, arrow.decimal128(20, 10)) == [
        "12.3000000000", "0.0000000000", "",
    ]  # fmt: skip
    assert texts(arrow, path, [19.99, 0.1, None], arrow.float32()) == ["19.99", "0.1", ""]
    assert texts(arrow, path, [13800001111.0, None], arrow.float64()) == ["13800001111", ""]
    assert texts(arrow, path, [13800001111], arrow.int64()) == ["13800001111"]
    words = arrow.array(["a", None, "a"]).dictionary_encode()
    assert [row["a"] for row in read(arrow, path, {"a": words})] == ["a", None, "a"]
    assert texts(arrow, path, [time(1, 2, 3)], arrow.time64("us")) == ["01:02:03"]
    assert texts(arrow, path, [b"abc"], arrow.binary()) == ["abc"]


def test_bytes_that_are_no_text_and_lists_are_faults(arrow: Any, path: Path) -> None:
    for values, kind in (([b"\xff"], arrow.binary()), ([["x"]], arrow.list_(arrow.string()))):
        with pytest.raises(ValueError, match=r"is no text|is a list"):
            texts(arrow, path, values, kind)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (19.989999771118164, "19.99"), (131071.0, "131071"), (1234567.875, "1234567.875"),
        (200000.5, "200000.5"), (1.3800001536e10, "13800001536.0"), (-0.5, "-0.5"),
    ],
)  # fmt: skip
def test_a_single_beyond_its_precision_is_spelled_out_for_a_rule_to_refuse(
    number: float, text: str
) -> None:
    assert float_text(number, single=True) == text


def test_a_table_of_spark_becomes_the_right_events(arrow: Any, path: Path, tmp_path: Path) -> None:
    """01:02 in Spark's INT96 is 09:02 in Shanghai; the fen of a float32 that cannot hold them is refused."""
    parquet = needed("pyarrow.parquet")
    phones = arrow.array([13800001111, 13800002222, 13800003333], arrow.int64())
    table = arrow.table(
        {
            "id": arrow.array([1, 2, 3], arrow.int32()),
            "when": arrow.array([MOMENT] * 3, arrow.timestamp("ns")),
            "phone": phones,
            "payer": arrow.array(["p"] * 3).dictionary_encode(),
            "payee": arrow.array(["q"] * 3),
            "amount": arrow.array([19.99, 131071.99, 1234567.89], arrow.float32()),
        }
    )
    parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    (tmp_path / "m.toml").write_text(MAPPING)
    found = list(in_order([(path, load_mapping(tmp_path / "m.toml"))]))
    ready = [item for item in found if isinstance(item, Ready)]
    utc_ms = int(MOMENT.replace(tzinfo=UTC).timestamp() * 1000)
    assert [item.event_time_ms for item in ready] == [utc_ms] * 2
    [refused] = [item for item in found if isinstance(item, BadRow)]
    assert "decimals" in refused.reason
