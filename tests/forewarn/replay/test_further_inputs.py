"""Inputs of each kind that files bring: read right, or refused with the reason; never silently something else."""

import io
import json
import zipfile
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, in_order
from forewarn.replay.cell_conversion import amount, duration
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import parse_mapping
from forewarn.replay.phone_numbers import party
from forewarn.replay.time_conversion import epoch_ms

MAPPING: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "events": [
        {
            "type": "transfer",
            "fields": {
                "event_id": "id", "transfer_id": "id", "payer_account": "from", "payee_account": "to",
                "event_time_ms": {"column": "at", "time": "%Y-%m-%d %H:%M:%S"},
                "subscriber": {"value": "+8613800000001"}, "status": {"value": "completed"},
                "amount_minor": {"column": "yuan", "decimals": 2},
            },
        }
    ],
}  # fmt: skip
HEAD = "id,at,from,to,yuan\n"
ROW = "1,2026-03-02 09:58:12,A1,B1,10.00\n"
OBJECT = dict(zip(HEAD.strip().split(","), ROW.strip().split(","), strict=True))


def read(path: Path, data: bytes, **options: Any) -> tuple[list[dict], list[BadRow], FileTally]:
    path.write_bytes(data)
    tally = FileTally(path.name)
    meaning = Mapping(parse_mapping(MAPPING | options, "m"))
    items = list(in_order([(path, meaning)], tallies=[tally]))
    events = [json.loads(item.value) for item in items if not isinstance(item, BadRow)]
    assert tally.missing == 0
    return events, [item for item in items if isinstance(item, BadRow)], tally


@pytest.mark.parametrize(
    ("cell", "minor"),
    [
        ("(1,234.50)", -123_450), ("1,234.50-", -123_450), ("−5.00", -500), ("12,34,567.00", 123_456_700),
        ("1'234.50", 123_450), ("1’234.50", 123_450), ("1\u202f234.50", 123_450), ("１２３．４５", 12_345),
        ("CNY12.00", 1_200), ("RMB 12.00", 1_200), ("48000.000", 4_800_000), ("0.500", 50), ("10.0000", 1_000),
    ],
)  # fmt: skip
def test_amounts_are_read_in_the_spellings_of_many_countries(cell: str, minor: int) -> None:
    assert amount(cell, 2)[0] == minor


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("10.000", "may be thousands or a fraction"), ("-1.250", "may be thousands or a fraction"),
        ("1234.50 CR", "mark of credit or debit"), ("1234.50DR", "mark of credit or debit"),
        ("1.2E+03", "shortened by a spreadsheet"), ("1.5万元", "not an amount"), ("1,23.45", "not grouped"),
    ],
)  # fmt: skip
def test_amounts_of_two_readings_are_refused(cell: str, reason: str) -> None:
    with pytest.raises(CellError, match=reason):
        amount(cell, 2)


def test_a_comma_before_three_digits_may_group_thousands() -> None:
    with pytest.raises(CellError, match="may be thousands"):
        amount("1,250", 2, ",")
    assert amount("1,250", 2)[0] == 125_000
    assert amount("1.250", 3)[0] == 1_250


def test_a_currency_code_beside_an_amount_is_the_one_of_the_contract(tmp_path: Path) -> None:
    text = HEAD + ROW.replace("10.00", "RMB 10.00") + ROW.replace("10.00", "HKD10.00")
    events, bad, _ = read(tmp_path / "f.csv", text.encode())
    assert not bad
    assert [event.get("currency", "CNY") for event in events] == ["CNY", "HKD"]


@pytest.mark.parametrize(
    ("form", "cell", "same_as"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-03-02 24:00:00", "2026-03-03T00:00:00+00:00"),
        ("iso", "2026-12-31T24:00:00Z", "2027-01-01T00:00:00Z"),
        ("iso", "2026-03-02T09:58:12+0800", "2026-03-02T01:58:12Z"),
        ("%d/%m/%y %H:%M", "02/03/26 09:58", "2026-03-02T09:58:00Z"),
        ("%d-%b-%Y %H:%M:%S", "02-MAR-2026 09:58:12", "2026-03-02T09:58:12Z"),
        ("epoch_s", "1.772416692E9", "2026-03-02T01:58:12Z"),
    ],
)
def test_times_are_read_in_further_spellings(form: str, cell: str, same_as: str) -> None:
    assert epoch_ms(form, UTC)(cell) == epoch_ms("iso", UTC)(same_as)


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-03-02 24:00:01"), ("%Y-%m-%d %H:%M:%S", "46083.415"),
        ("epoch_s", "1.77E+09"), ("iso", "2026-W10-1"), ("iso", "2026-02-30T10:00:00Z"),
    ],
)  # fmt: skip
def test_invalid_times_and_times_that_lost_digits_are_refused(form: str, cell: str) -> None:
    with pytest.raises(CellError):
        epoch_ms(form, UTC)(cell)


@pytest.mark.parametrize(
    ("cell", "milliseconds"),
    [
        ("500ms", 500),
        ("1500 ms", 1_500),
        ("2m", 120_000),
        ("40毫秒", 40),
        ("1 minute, 40 seconds", 100_000),
    ],
)
def test_durations_have_their_units(cell: str, milliseconds: int) -> None:
    assert duration(cell, 1000) == milliseconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0086-13900000002", "+8613900000002"), ("+86 (0)10 8888 8888", "+861088888888"),
        ("tel:+86-139-0000-0002;phone-context=x", "+8613900000002"),
        ('"Bob" <sip:13900000002@10.0.0.1;user=phone>', "+8613900000002"),
        ("*6713900000002", "+8613900000002"), ("#31# 139 0000 0002", "+8613900000002"),
        ("\u202a+8613900000002\u202c", "+8613900000002"), ("010-88888888转801", "+861088888888"),
        ("无主叫号码", None), ("No Caller ID", None), ("sip:anonymous@anonymous.invalid", None),
    ],
)  # fmt: skip
def test_numbers_have_one_spelling(text: str, number: str | None) -> None:
    assert party(text, "CN") == number


@pytest.mark.parametrize("text", ["+86", "+852", "*67", "139****0002", "1.39E+10", "O13900000002"])
def test_what_is_no_number_of_one_party_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        party(text, "CN")


def test_a_header_that_stands_again_is_no_bad_row(tmp_path: Path) -> None:
    for head in (HEAD, '"id",at,from,to,yuan\n'):
        events, bad, tally = read(tmp_path / "f.csv", (head + ROW + head + ROW).encode())
        assert (len(events), bad, dict(tally.passed)) == (2, [], {"names the columns again": 1})


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04\x14\x00", "a workbook"), (b"\xd0\xcf\x11\xe0\xa1", "a workbook"), (b"%PDF-1.4", "a PDF"),
        (b"\x1f\x8b\x08\x00", "packed by gzip"), (b"\n<!DOCTYPE HTML>", "a web page"), (b"<HTML>", "a web page"),
    ],
)  # fmt: skip
def test_a_file_under_a_false_name_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"is {what}"):
        read(tmp_path / "f.csv", data + b"more")


def test_what_a_system_puts_into_an_archive_is_no_second_file(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", HEAD + ROW)
        archive.writestr("__MACOSX/._a.csv", b"\x00")
        archive.writestr(".DS_Store", b"\x00")
    events, _, _ = read(tmp_path / "f.csv.zip", packed.getvalue())
    assert len(events) == 1
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("b.csv", HEAD + ROW)
    with pytest.raises(ConfigurationError, match="holds 2 files"):
        read(tmp_path / "f.csv.zip", packed.getvalue())


def test_json_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    line = json.dumps(OBJECT)
    for name, text in (("f.jsonl", line), ("f.json", f"[{line}]")):
        events, bad, _ = read(tmp_path / name, f"\ufeff{text}".encode())
        assert (len(events), bad) == (1, [])
    with pytest.raises(ConfigurationError, match="is UTF-16"):
        read(tmp_path / "f.jsonl", line.encode("utf-16"))


def test_records_that_are_no_list_are_an_error_and_not_a_bad_row(tmp_path: Path) -> None:
    for place in ("dta", "data.x"):
        with pytest.raises(ConfigurationError, match=f"has no list at {place}"):
            read(tmp_path / "f.json", json.dumps({"data": {"x": 1}}).encode(), records=place)
    with pytest.raises(ConfigurationError, match="call it "):
        read(tmp_path / "f.json", (json.dumps(OBJECT) + "\n").encode() * 2)


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), [1, 2], {"a": 1}])
def test_an_invalid_cell_rejects_its_row_only(tmp_path: Path, cell: object) -> None:
    text = json.dumps(OBJECT | {"yuan": cell}) + "\n" + json.dumps(OBJECT) + "\n"
    events, bad, _ = read(tmp_path / "f.jsonl", text.encode())
    assert (len(events), [row.line for row in bad]) == (1, [1])


def test_utf16_without_a_mark_gets_the_advice_that_helps(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="utf-16-le"):
        read(tmp_path / "f.csv", (HEAD + ROW).encode("utf-16-le"))
    events, _, _ = read(tmp_path / "f.csv", (HEAD + ROW).encode("utf-16-le"), encoding="utf-16-le")
    assert len(events) == 1
