"""Files as editors, archives and other systems leave them; what is refused is named in the words of its user."""

import io
import json
import tarfile
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, in_order
from forewarn.replay.cell_conversion import duration
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.format_catalog import format_named
from forewarn.replay.mapping_file import parse_mapping
from forewarn.replay.time_conversion import epoch_ms

HEAD = "id,at,from,to,yuan\n"
ROW = "1,2026-03-02 09:58:12,A1,B1,10.00\n"
FIELDS: dict[str, Any] = {
    "event_id": "id", "transfer_id": "id", "payer_account": "from", "payee_account": "to",
    "event_time_ms": {"column": "at", "time": "%Y-%m-%d %H:%M:%S"},
    "subscriber": {"value": "+8613800000001"}, "status": {"value": "completed"},
    "amount_minor": {"column": "yuan", "decimals": 2},
}  # fmt: skip


def read(path: Path, data: bytes, **options: Any) -> tuple[list[dict], list[BadRow]]:
    path.write_bytes(data)
    events = [{"type": "transfer", "fields": FIELDS}]
    raw = {"zone": "Asia/Shanghai", "events": events} | options
    items = list(in_order([(path, Mapping(parse_mapping(raw, "m")))]))
    found = [json.loads(item.value) for item in items if not isinstance(item, BadRow)]
    return found, [item for item in items if isinstance(item, BadRow)]


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (f"{HEAD}{ROW}\x1a", ["1"]),
        (f"\ufeff{HEAD}{ROW}\ufeff{HEAD}2{ROW[1:]}", ["1", "2"]),
        (f"{HEAD}{ROW}\ufeff2{ROW[1:]}", ["1", "2"]),
        (f"\u200bid,at,from,to,yuan\u200b\n{ROW}", ["1"]),
    ],
    ids=[
        "end of file of DOS",
        "two files with marks",
        "a mark within",
        "names with invisible characters",
    ],
)
def test_marks_that_are_no_text_are_no_fault(tmp_path: Path, data: str, ids: list[str]) -> None:
    events, bad = read(tmp_path / "f.csv", data.encode())
    assert ([event["event_id"] for event in events], bad) == (ids, [])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("s.ofx", "is OFX, which is not read"), ("s.qif", "is QIF"), ("s.xlsx", "is a workbook"),
        ("s.tar.gz", "is an archive"), ("s.pdf", "is a PDF"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_named_with_a_way_out(
    tmp_path: Path, name: str, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=what) as refused:
        read(tmp_path / name, b"x")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"OFXHEADER:100\n", "OFX"), (b"!Type:Bank\nD1\n", "QIF"), (b"\xef\xbb\xbf<OFX>", "OFX")],
)
def test_a_statement_under_the_name_of_another_is_named(
    tmp_path: Path, data: bytes, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"is {what}"):
        read(tmp_path / "f.csv", data)


def test_an_archive_under_the_name_of_a_table_is_named(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(HEAD + ROW)
        archive.addfile(member, io.BytesIO((HEAD + ROW).encode()))
    with pytest.raises(ConfigurationError, match="is a tar archive"):
        read(tmp_path / "f.csv.gz", packed.getvalue())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("B1", "张三", "payee_account: holds other characters"),
        ("B1", "B" * 100, "payee_account: is longer than"),
        ("1,2026", "ä,2026", "event_id: holds other characters"),
    ],
)
def test_what_the_contract_refuses_is_said_in_plain_words(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    events, bad = read(tmp_path / "f.csv", (HEAD + ROW.replace(old, new, 1)).encode())
    assert not events
    assert reason in bad[0].reason
    assert "Expected" not in bad[0].reason


@pytest.mark.parametrize(
    ("cell", "milliseconds"),
    [
        ("153 Sekunden", 153_000), ("2 Min. 33 Sek.", 153_000), ("2'33\"", 153_000), ("2′33″", 153_000),
        ("1 Stunde und 2 Minuten", 3_720_000), ("2 minutes et 33 secondes", 153_000), ("1 hora y 2 minutos", 3_720_000),
        ("2.5 min", 150_000), ("1 Std. 2 Min.", 3_720_000),
    ],
)  # fmt: skip
def test_durations_have_the_units_of_other_languages(cell: str, milliseconds: int) -> None:
    assert duration(cell, 1000) == milliseconds


@pytest.mark.parametrize(
    "cell",
    ["20260302T095812+0800", "20260302T015812Z", "2026-03-02T09:58:12+08:00[Asia/Shanghai]"],
)
def test_further_spellings_of_iso_are_read(cell: str) -> None:
    assert epoch_ms("iso", None)(cell) == 1772416692000


def test_a_named_zone_without_an_offset_is_refused() -> None:
    with pytest.raises(CellError, match="not a time of the form iso"):
        epoch_ms("iso", UTC)("2026-03-02T09:58:12[Asia/Shanghai]")


def test_a_call_detail_of_another_person_is_refused() -> None:
    each = format_named("huadan")
    path = Path(__file__).parents[3] / "docs" / "samples" / "formats" / each.sample
    spelt = each.mapping_with({"subscriber": "13800000001"})
    assert list(in_order([(path, spelt)]))
    with pytest.raises(ConfigurationError, match="is of another number than"):
        list(in_order([(path, each.mapping_with({"subscriber": "+8613900000009"}))]))
