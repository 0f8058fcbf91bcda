"""Money: signs that contradict the currency, two amounts in one row, and codes that are no currency."""

import json
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, in_order
from forewarn.replay.cell_conversion import amount
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.currency_code import currency
from forewarn.replay.mapping_file import parse_mapping


def mapping(**fields: Any) -> Mapping:
    rule = {
        "event_id": "id", "transfer_id": "id", "payer_account": "from", "payee_account": "to",
        "event_time_ms": {"column": "at", "time": "%Y-%m-%d %H:%M:%S"},
        "subscriber": {"value": "+8613800000001"}, "status": {"value": "completed"},
        "amount_minor": {"column": "yuan", "decimals": 2},
    }  # fmt: skip
    events = [{"type": "transfer", "fields": rule | fields}]
    return Mapping(
        parse_mapping({"zone": "Asia/Shanghai", "separator": ";", "events": events}, "m")
    )


def read(tmp_path: Path, head: str, *rows: str, **fields: Any) -> list[Any]:
    """Each row as its event or its bad row, in the order of the lines."""
    path = tmp_path / "f.csv"
    path.write_text(
        "id;at;from;to;" + head + "\n"
        + "".join(f"{n};2026-03-02 09:58:12;A1;B1;{row}\n" for n, row in enumerate(rows, 1))
    )  # fmt: skip
    found = list(in_order([(path, mapping(**fields))]))
    bad = {item.line - 1: item.reason for item in found if isinstance(item, BadRow)}
    events = [json.loads(item.value) for item in found if not isinstance(item, BadRow)]
    every: dict[int, Any] = bad | {int(event["event_id"]): event for event in events}
    return [every[number] for number in range(1, len(rows) + 1)]


def test_a_sign_that_contradicts_the_currency_is_refused(tmp_path: Path) -> None:
    rows = read(tmp_path, "yuan", "$10.00", "¥10.00", "Rs. 10.00", currency={"value": "CNY"})
    assert "not that of currency" in rows[0]
    assert rows[1]["amount_minor"] == 1_000
    assert "not that of currency" in rows[2]
    (hong_kong,) = read(tmp_path, "yuan", "$10.00", currency={"value": "HKD"})
    assert hong_kong["currency"] == "HKD"


def test_a_sign_of_several_currencies_has_to_be_explained(tmp_path: Path) -> None:
    assert "several currencies" in read(tmp_path, "yuan", "10.00 kr")[0]
    (rupees,) = read(tmp_path, "yuan", "Rs.1,00,000.00", currency={"value": "INR"})
    assert rupees["amount_minor"] == 10_000_000
    (yuan,) = read(tmp_path, "yuan", "人民币48,000元")
    assert (yuan["amount_minor"], yuan.get("currency", "CNY")) == (4_800_000, "CNY")


def test_amounts_that_a_spreadsheet_keeps_as_text_are_read() -> None:
    assert amount('="50.00"', 2)[0] == amount("'50.00", 2)[0] == 5_000


def test_two_different_amounts_in_one_row_are_refused(tmp_path: Path) -> None:
    rule = {"column": ["debit", "credit", "other"], "decimals": 2}
    rows = ["5.00;;", ";7.00;", "3.00;4.00;", "3.00;3.00;", ";3.00;4.00", "3.00;4.00;9.00"]
    found = read(tmp_path, "debit;credit;other", *rows, amount_minor=rule)
    assert [one if isinstance(one, str) else one["amount_minor"] for one in found] == [
        500, 700, *(["amount_minor (column debit, credit, other): two of the columns have an amount"]),
        300, *(["amount_minor (column debit, credit, other): two of the columns have an amount"] * 2),
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "ABC", "EURO", "01"])
def test_a_code_that_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(CellError, match="no currency"):
        currency(code)


@pytest.mark.parametrize(
    ("code", "meant"), [("eur", "EUR"), ("RMB", "CNY"), ("cnh", "CNY"), ("KWD", "KWD")]
)
def test_currencies_have_their_codes(code: str, meant: str) -> None:
    assert currency(code) == meant


def test_decimals_of_the_currency_need_a_currency() -> None:
    with pytest.raises(ConfigurationError, match="lacks currency"):
        mapping(amount_minor={"column": "yuan", "decimals": "currency"})
