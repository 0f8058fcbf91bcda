"""An identifier that stands twice with other content is reported: the stream would drop the second event."""

import json
from pathlib import Path

import polars as pl
from typer.testing import CliRunner

from forewarn.cli import app
from forewarn.replay import load_mapping
from forewarn.replay.event_order import checked
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import RowIdentity
from forewarn.replay.repeated_ids import RepeatedIds
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_identity import REPEATED, identified_rows

MAPPING = """zone = "Asia/Shanghai"
[[events]]
type = "transfer"
[events.fields]
event_id = "id"
transfer_id = "id"
event_time_ms = { column = "at", time = "%Y-%m-%d %H:%M:%S" }
subscriber = { value = "+8613800000001" }
status = { value = "completed" }
payer_account = "from"
payee_account = "to"
amount_minor = { column = "yuan", decimals = 2 }
"""
HEAD = "id,at,from,to,yuan\n"
FIRST = "1,2026-03-02 09:58:12,A1,B1,5.00\n"
OTHER = "1,2026-03-02 09:58:12,A1,B9,900.00\n"
SPELT = '1,2026-03-02 09:58:12,A1,B1,"¥5.00"\n'
"""The first row again, in a spelling that is read cell by cell."""


def found(tmp_path: Path, *texts: str) -> RepeatedIds:
    (tmp_path / "m.toml").write_text(MAPPING)
    files = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.csv"
        path.write_text(HEAD + text)
        files.append((path, load_mapping(tmp_path / "m.toml")))
    ids = RepeatedIds()
    checked(files, [FileTally(path.name) for path, _ in files], ids=ids)
    return ids


def test_other_content_under_one_identifier_is_found_with_its_line(tmp_path: Path) -> None:
    assert found(tmp_path, FIRST + OTHER).of(0) == (1, [3])


def test_it_is_found_across_the_files_of_a_run(tmp_path: Path) -> None:
    ids = found(tmp_path, FIRST, OTHER)
    assert (ids.of(0), ids.of(1), ids.events) == ((0, []), (1, [2]), 1)


def test_a_redelivery_is_none_however_its_cells_are_spelt(tmp_path: Path) -> None:
    assert found(tmp_path, FIRST + FIRST + SPELT).events == 0


def test_the_command_says_so_and_fails(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MAPPING)
    (tmp_path / "f.csv").write_text(HEAD + FIRST + OTHER)
    names = [str(tmp_path / name) for name in ("m.toml", "f.csv", "s.json")]
    arguments = ["replay", "--check-only", "--mapping", names[0], "--summary", names[2], names[1]]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "an event_id stands twice, with other content: 1 events (lines 3)" in result.output
    summary = json.loads(Path(names[2]).read_text())
    assert summary["files"][0]["repeated_ids"] == {"events": 1, "lines": [3]}


def identities(rows: list[tuple[str, str]], **options: bool) -> tuple[list[str], FileTally]:
    frame = pl.DataFrame(rows, ["n", "what"], orient="row")
    lines = list(range(1, len(rows) + 1))
    batch = RowBatch(["n", "what"], [], lines, [""] * len(rows), frame=frame)
    tally = FileTally("f")
    made = identified_rows(iter([batch]), RowIdentity(column="n", of=["what"], **options), tally)
    return next(made).texts("identity"), tally


def test_the_first_row_keeps_its_identifier_and_another_content_gets_its_own() -> None:
    (first, again, other, back), _ = identities([("7", "a"), ("7", "a"), ("7", "b"), ("7", "a")])
    assert first == again == back == "7"
    assert other.startswith("7-")


def test_rows_without_an_identifier_are_numbered_among_equal_ones() -> None:
    (first, second, other), _ = identities([("", "a"), ("-", "a"), ("", "b")])
    assert second == f"{first}-2"
    assert len({first, second, other}) == 3


def test_repetitions_are_passed_over_once_that_is_said() -> None:
    kept, tally = identities([("7", "a"), ("7", "a"), ("7", "b"), ("", "a"), ("", "a")], once=True)
    assert len(kept) == 4
    assert tally.passed == {REPEATED: 1}


def test_identifiers_that_are_unique_by_promise_stay() -> None:
    assert identities([("7", "a"), ("7", "b")], unique=True)[0] == ["7", "7"]
