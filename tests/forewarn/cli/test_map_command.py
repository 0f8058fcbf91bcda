"""``forewarn map`` and the notes of ``forewarn replay --check-only`` as a user sees them, without a broker."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from forewarn.cli import app
from forewarn.errors import ConfigurationError

ROWS = range(12)
ME, OWN = "+8613800000001", "6222000000000001"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    return path


def proposed(path: Path, *answers: str) -> Result:
    return CliRunner().invoke(
        app, ["map", str(path), *(word for answer in answers for word in ("--answer", answer))]
    )


def events(path: Path, tmp_path: Path) -> tuple[list[dict[str, Any]], Result, dict[str, Any]]:
    """What the written mapping makes of the file."""
    out, summary = tmp_path / "events.jsonl", tmp_path / "summary.json"
    result = CliRunner().invoke(
        app, ["replay", "--check-only", "--events", str(out), "--summary", str(summary), str(path)]
    )
    listed = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return [json.loads(line)["event"] for line in listed], result, json.loads(summary.read_text())


def sides(found: list[dict[str, Any]]) -> set[tuple[str, bool]]:
    """The directions, and whether the own account pays."""
    return {(event["direction"], event["payer_account"] == OWN) for event in found}


def test_the_parties_of_a_statement_change_places_with_the_direction(tmp_path: Path) -> None:
    words = ("出", "进", "")
    rows = "".join(
        f"{n},2026/03/02 10:00:00,{OWN},62170000000099{n:02},{n}.50,{words[n % 3]}\n" for n in ROWS
    )
    path = written(tmp_path, "id,time,card,opposite_account,amount,direction\n" + rows)
    assert proposed(path, ME, "CNY", "Asia/Shanghai").exit_code == 0
    found, result, summary = events(path, tmp_path)
    assert sides(found) == {("outgoing", True), ("incoming", False)}
    assert (len(found), summary["bad_rows"], result.exit_code) == (8, 4, 1)


def test_the_own_account_of_a_statement_may_be_a_value(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},2026-03-02 10:00:00,62170000000099{n:02},{'-' * (n % 2)}{n + 100}.00\n" for n in ROWS
    )
    path = written(tmp_path, "编号,交易时间,对方账号,交易金额\n" + rows)
    assert proposed(path, ME, OWN, "outgoing", "CNY", "Asia/Shanghai").exit_code == 0
    found, _, _ = events(path, tmp_path)
    assert sides(found) == {("outgoing", True), ("incoming", False)}
    assert len(found) == 12


def test_debits_and_credits_in_two_columns_are_two_directions(tmp_path: Path) -> None:
    rows = "".join(
        f"2026-03-0{n % 9 + 1},PAY {n},{'50.00,' if n % 2 else ',70.00'},1000.00\n" for n in ROWS
    )
    path = written(tmp_path, "Date,Description,Debit,Credit,Balance\n" + rows)
    answers = ("Description", "+12025550101", OWN, "Description", "USD", "America/New_York")
    assert proposed(path, *answers).exit_code == 0
    found, _, _ = events(path, tmp_path)
    assert sides(found) == {("outgoing", True), ("incoming", False)}
    assert {(event["direction"], event["amount_minor"]) for event in found} == {
        ("outgoing", 5_000), ("incoming", 7_000),
    }  # fmt: skip


ORDERS = "order_id,created_at,buyer_account,seller_account,total,currency,status\n" + "".join(
    f"o{n},2026-03-02T10:00:00Z,A1,B{n},{n + 1}.00,USD,{('paid', 'refunded', 'failed')[n % 3]}\n"
    for n in ROWS
)


def test_a_status_under_which_no_money_moved_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, ORDERS)
    assert proposed(path, "+12025550101", "none", "outgoing").exit_code == 0
    found, _, summary = events(path, tmp_path)
    assert {event["status"] for event in found} == {"completed", "reversed"}
    assert summary["files"][0]["passed_over"] == {"no money moved": 4}


def test_all_open_questions_come_at_once(tmp_path: Path) -> None:
    result = proposed(written(tmp_path, ORDERS))
    assert isinstance(result.exception, ConfigurationError)
    found = str(result.exception)
    assert re.findall(r"\((\d)\) ", found) == ["1", "2", "3"]
    assert all(word in found for word in ("Whose", "'failed'", "direction"))
    assert not (tmp_path / "f.toml").exists()


def test_a_proposal_that_gives_no_event_is_not_written(tmp_path: Path) -> None:
    rows = "".join(f"{n},2026-03-02 10:00:00,A1,-,{n}.50\n" for n in ROWS)
    path = written(tmp_path, "id,at,from,to,amount\n" + rows)
    result = proposed(path, ME, "to", "outgoing", "CNY", "Asia/Shanghai")
    assert "gives no event" in str(result.exception)
    assert not (tmp_path / "f.toml").exists()


def test_a_call_is_answered_at_its_time_of_answer(tmp_path: Path) -> None:
    start = 1_772_413_922
    rows = "".join(
        f"u{n},+8520000{n:04},{ME},{start + n},{(start + n + 6) * (n % 4 > 0)},{start + n + 160},{153 * (n % 4 > 0)}\n"
        for n in ROWS
    )
    head = "uuid,caller_number,called_number,start_epoch,answer_epoch,end_epoch,billsec\n"
    path = written(tmp_path, head + rows)
    assert proposed(path, ME, "inbound").exit_code == 0
    found, _, _ = events(path, tmp_path)
    started = [event for event in found if event["type"] == "call_started"]
    assert [event["event_time_ms"] for event in started] == [
        (start + n + 6) * 1000 for n in ROWS if n % 4
    ]
    assert sum(event.get("answered", False) for event in found) == len(started) == 9


TRANSFERS = """zone = "Asia/Shanghai"
[[events]]
type = "transfer"
[events.fields]
event_id = "id"
event_time_ms = { column = "at", time = "%Y-%m-%d %H:%M:%S" }
transfer_id = TRANSFER
subscriber = { value = "+8613800000001" }
payer_account = "from"
payee_account = "to"
amount_minor = { column = "yuan", decimals = 2 }
status = { column = "state", values = { ok = "completed", refund = "reversed" } }
"""
REFUND = "0001_T0001,2026-03-02 12:00:00,A1,B1,86.40,refund\n"
PAYMENT = "id,at,from,to,yuan,state\n0001,2026-03-02 09:05:00,A1,B1,86.40,ok\n"


@pytest.mark.parametrize(
    ("rule", "refund", "count"),
    [('"id"', REFUND, 1), ('"id"', REFUND.replace("_T0001", ""), 0),
     ("{ column = \"id\", extract = '^([^_]+)' }", REFUND, 0)],
)  # fmt: skip
def test_a_reversal_without_its_transfer_is_counted_and_named(
    tmp_path: Path, rule: str, refund: str, count: int
) -> None:
    path = written(tmp_path, PAYMENT + refund)
    (tmp_path / "f.toml").write_text(TRANSFERS.replace("TRANSFER", rule), encoding="utf-8")
    found, result, summary = events(path, tmp_path)
    assert (len(found), summary["reversals_without_original"]) == (2, count)
    assert ("extract" in result.output and "same_as" in result.output) == (count > 0)


def test_a_file_of_which_no_row_fits_a_rule_is_no_success(tmp_path: Path) -> None:
    path = written(tmp_path, PAYMENT)
    text = TRANSFERS.replace("TRANSFER", '"id"').replace(
        "[events.fields]", 'when = { state = "done" }\n[events.fields]'
    )
    (tmp_path / "f.toml").write_text(text, encoding="utf-8")
    found, result, summary = events(path, tmp_path)
    assert (found, summary["bad_rows"], result.exit_code) == ([], 0, 1)
    assert "conditions on state" in summary["notes"][0]
