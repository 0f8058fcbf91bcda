"""Rows that follow another one get its cells wherever it stands; without it they are counted, and money is not invented."""

import json
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, Ready, in_order, load_mapping, original_rows
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_catalog import format_named

MAPPING = """
zone = "Asia/Shanghai"
[[skip]]
rule = "closed"
when = {{ state = "closed" }}
[[same_as]]
rule = "refund"
column = "of"
original = "id"
amount = "yuan"
absent = "{absent}"
[[events]]
type = "transfer"
when = {{ of = "" }}
[events.fields]
event_id = "id"
transfer_id = "id"
event_time_ms = {{ column = "at", time = "%Y-%m-%d %H:%M:%S" }}
subscriber = {{ value = "+8613800000001" }}
status = {{ value = "completed" }}
payer_account = "from"
payee_account = "to"
amount_minor = {{ column = "yuan", decimals = 2 }}
[[events]]
type = "transfer"
when = {{ of = {{ filled = true }}, "original.whole" = true }}
[events.fields]
event_id = "id"
transfer_id = "original.id"
event_time_ms = {{ column = "at", time = "%Y-%m-%d %H:%M:%S" }}
subscriber = {{ value = "+8613800000001" }}
status = {{ value = "reversed" }}
payer_account = "original.from"
payee_account = "original.to"
amount_minor = {{ column = "yuan", decimals = 2 }}
[[events]]
type = "transfer"
when = {{ of = {{ filled = true }}, "original.whole" = ["false", ""] }}
[events.fields]
event_id = "id"
transfer_id = "id"
event_time_ms = {{ column = "at", time = "%Y-%m-%d %H:%M:%S" }}
subscriber = {{ value = "+8613800000001" }}
status = {{ value = "completed" }}
direction = {{ value = "incoming" }}
payer_account = {{ value = "unknown" }}
payee_account = {{ value = "mine" }}
amount_minor = {{ column = "yuan", decimals = 2 }}
"""
HEAD = "id,at,from,to,yuan,of,state\n"
PAID = "1,2026-03-02 09:00:00,A1,B1,86.40,,\n"
BACK = "r1,2026-03-02 12:00:00,B1,A1,86.40,1,\n"


def mapping(tmp_path: Path, absent: str = "pass") -> Mapping:
    (tmp_path / "m.toml").write_text(MAPPING.format(absent=absent))
    return load_mapping(tmp_path / "m.toml")


def replayed(
    files: dict[Path, str], meaning: Mapping
) -> tuple[list[dict[str, Any]], list[FileTally], list[BadRow]]:
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    tallies = [FileTally(path.name) for path in files]
    items = list(in_order([(path, meaning) for path in files], tallies=tallies))
    events = [json.loads(item.value) for item in items if isinstance(item, Ready)]
    assert all(each.missing == 0 for each in tallies)
    return events, tallies, [item for item in items if isinstance(item, BadRow)]


@pytest.mark.parametrize("rows", [PAID + BACK, BACK + PAID], ids=["before", "behind"])
def test_a_refund_reverses_its_original_wherever_that_stands(tmp_path: Path, rows: str) -> None:
    events, (tally,), bad = replayed({tmp_path / "a.csv": HEAD + rows}, mapping(tmp_path))
    assert not bad
    assert [(e["event_id"], e["transfer_id"], e["status"]) for e in events] == [
        ("1", "1", "completed"),
        ("r1", "1", "reversed"),
    ]
    assert (events[1]["payer_account"], events[1]["payee_account"]) == ("A1", "B1")
    assert tally.same_as == {"refund: joined to its original": 1}


def test_the_original_may_stand_in_another_file_of_the_run(tmp_path: Path) -> None:
    files = {tmp_path / "april.csv": HEAD + BACK, tmp_path / "march.csv": HEAD + PAID}
    events, tallies, _ = replayed(files, mapping(tmp_path))
    assert [e["transfer_id"] for e in events] == ["1", "1"]
    assert tallies[0].same_as == {"refund: joined to its original": 1}


def test_json_rows_follow_as_those_of_csv_do(tmp_path: Path) -> None:
    rows = [
        dict(zip(HEAD.strip().split(","), line.strip().split(","), strict=True))
        for line in (BACK, PAID)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    events, _, _ = replayed({tmp_path / "a.jsonl": text}, mapping(tmp_path))
    assert [e["transfer_id"] for e in events] == ["1", "1"]


def test_a_refund_of_a_part_takes_back_no_more_than_that(tmp_path: Path) -> None:
    part = BACK.replace("86.40", "6.40")
    events, _, _ = replayed({tmp_path / "a.csv": HEAD + PAID + part}, mapping(tmp_path))
    assert [(e["status"], e["amount_minor"], e["transfer_id"]) for e in events] == [
        ("completed", 8640, "1"),
        ("completed", 640, "r1"),
    ]


@pytest.mark.parametrize(
    ("absent", "events", "passed", "bad", "alone"),
    [("pass", 0, 1, 0, 0), ("bad", 0, 0, 1, 0), ("alone", 1, 0, 0, 1)],
)
def test_a_refund_without_its_original_is_counted(
    tmp_path: Path, absent: str, events: int, passed: int, bad: int, alone: int
) -> None:
    found, (tally,), refused = replayed(
        {tmp_path / "a.csv": HEAD + BACK}, mapping(tmp_path, absent)
    )
    reason = "refund: its original is in no file"
    assert (len(found), tally.passed[reason], len(refused), tally.same_as[reason]) == (
        events, passed, bad, alone,
    )  # fmt: skip


def test_what_was_never_paid_cannot_be_taken_back(tmp_path: Path) -> None:
    closed = PAID.replace(",\n", ",closed\n")
    text = HEAD + closed + BACK
    events, (tally,), _ = replayed({tmp_path / "a.csv": text}, mapping(tmp_path, "alone"))
    assert events == []
    assert tally.passed == {"closed": 1, "refund: its original is passed over": 1}


def test_of_two_possible_originals_none_is_chosen(tmp_path: Path) -> None:
    other = PAID.replace("B1", "B2")
    events, _, (bad,) = replayed(
        {tmp_path / "a.csv": HEAD + PAID + other + BACK}, mapping(tmp_path)
    )
    assert len(events) == 2
    assert bad.line == 4
    assert bad.reason == "refund: more than one row can be its original"


def test_one_row_in_two_overlapping_files_is_one_original(tmp_path: Path) -> None:
    files = {tmp_path / "a.csv": HEAD + PAID, tmp_path / "b.csv": HEAD + PAID + BACK}
    events, _, bad = replayed(files, mapping(tmp_path))
    assert not bad
    assert [e["transfer_id"] for e in events] == ["1", "1", "1"]


def test_a_suffix_is_cut_off_to_find_the_original(tmp_path: Path) -> None:
    text = MAPPING.format(absent="pass").replace(
        'column = "of"', "column = \"id\"\nextract = '^(\\d+)_R'"
    )
    text = text.replace("when = { of =", "when = { kind =")
    (tmp_path / "m.toml").write_text(text)
    rows = "id,at,from,to,yuan,kind,state\n" + PAID + BACK.replace("r1,", "1_R7,")
    rows += BACK.replace("r1,", "2_R1,")
    events, (tally,), _ = replayed({tmp_path / "a.csv": rows}, load_mapping(tmp_path / "m.toml"))
    assert [(e["event_id"], e["transfer_id"]) for e in events] == [("1", "1"), ("1_R7", "1")]
    assert tally.passed == {"refund: its original is in no file": 1}


def test_more_followers_than_fit_into_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(original_rows, "FOLLOWERS_MAX", 1)
    rows = BACK + BACK.replace(",1,", ",2,")
    with pytest.raises(ConfigurationError, match="more than 1 rows follow others"):
        replayed({tmp_path / "a.csv": HEAD + rows}, mapping(tmp_path))


def test_a_column_of_a_rule_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column yuan, which"):
        replayed({tmp_path / "a.csv": HEAD.replace("yuan", "fen") + PAID}, mapping(tmp_path))
    text = MAPPING.format(absent="pass").replace('original = "id"', 'original = "number"')
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="no column number, which the rule 'refund' needs"):
        replayed({tmp_path / "a.csv": HEAD + PAID}, load_mapping(tmp_path / "m.toml"))


WECHAT = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注\n"
TIME = "2026-03-02 09:0{}:00"


def wechat(tmp_path: Path, *rows: str) -> tuple[list[tuple[str, ...]], FileTally]:
    lines = [TIME.format(number) + "," + row for number, row in enumerate(rows)]
    meaning = format_named("wechat").mapping_with({"subscriber": "+8613800000001"})
    text = WECHAT + "\n".join(lines) + "\n"
    events, (tally,), bad = replayed({tmp_path / "w.csv": text}, meaning)
    assert not bad
    names = ("event_id", "transfer_id", "status", "amount_minor", "direction")
    return [tuple(e.get(name, "outgoing") for name in names) for e in events], tally


@pytest.mark.parametrize(
    ("rows", "events", "passed"),
    [
        (
            (
                "转账,甲,/,支出,¥20.00,零钱,对方已退还,100,200,/",
                "转账-退款,/,/,收入,¥20.00,/,已全额退款,200,/,/",
                "微信红包,乙,/,支出,¥30.00,零钱,已退款(￥10.00),101,201,/",
                "微信红包-退款,/,/,收入,¥10.00,/,已全额退款,201,/,/",
            ),
            [
                ("100", "100", "completed", 2000, "outgoing"),
                ("200", "100", "reversed", 2000, "outgoing"),
                ("101", "101", "completed", 3000, "outgoing"),
                ("201", "201", "completed", 1000, "incoming"),
            ],
            {},
        ),
        (
            (
                "商户消费,店,/,支出,¥86.40,零钱,已退款(￥36.40),100,200,/",
                "店-退款,店,/,收入,¥36.40,零钱,已退款￥36.40,300,400,/",
                "别家-退款,别家,/,收入,¥5.00,零钱,已全额退款,301,401,/",
            ),
            [
                ("100", "100", "completed", 8640, "outgoing"),
                ("100-part", "100-part", "completed", 3640, "incoming"),
                ("301", "301", "completed", 500, "incoming"),
            ],
            {"refund of a purchase: the state of its payment shows it": 1},
        ),
    ],
    ids=["a returned transfer, at its own time", "a refund that the state shows already"],
)
def test_a_wechat_payment_is_taken_back_once(
    tmp_path: Path,
    rows: tuple[str, ...],
    events: list[tuple[object, ...]],
    passed: dict[str, int],
) -> None:
    found, tally = wechat(tmp_path, *rows)
    assert found == events
    assert tally.passed == passed


def test_a_paypal_refund_of_a_part_or_of_an_earlier_period_takes_back_only_itself(
    tmp_path: Path,
) -> None:
    head = (
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,From Email Address,To Email Address,"
        "Transaction ID,Reference Txn ID\n"
    )
    rows = (
        "03/04/2026,02:30:00,PST,,General Payment,Completed,USD,-48.50,a@x.org,s@x.org,T1,\n"
        "03/05/2026,02:30:00,PST,,Payment Refund,Completed,USD,8.50,s@x.org,a@x.org,T2,T1\n"
        "03/06/2026,02:30:00,PST,,Payment Refund,Completed,USD,9.00,s@x.org,a@x.org,T3,T0\n"
        "03/07/2026,02:30:00,PST,,General Payment,Completed,USD,7.00,c@x.org,a@x.org,T4,\n"
        "03/08/2026,02:30:00,PDT,,Payment Refund,Completed,USD,-7.00,a@x.org,c@x.org,T5,T4\n"
    )
    given = {"subscriber": "+12025550101", "date_form": "%m/%d/%Y"}
    meaning = format_named("paypal-en").mapping_with(given)
    events, (tally,), bad = replayed({tmp_path / "p.csv": head + rows}, meaning)
    assert not bad
    assert [
        (e["transfer_id"], e["status"], e.get("direction", "outgoing"), e["amount_minor"])
        for e in events
    ] == [
        ("T1", "completed", "outgoing", 4850),
        ("T2", "completed", "incoming", 850),
        ("T3", "completed", "incoming", 900),
        ("T4", "completed", "incoming", 700),
        ("T4", "reversed", "incoming", 700),
    ]
    assert tally.same_as["refund: its original is in no file"] == 1


def test_an_alipay_refund_of_a_part_takes_back_no_more_than_that(tmp_path: Path) -> None:
    head = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,\n"
    rows = (
        "2026-03-02 09:00:00,购物,店,/,菜,支出,86.40,余额,交易成功,20260001,T1,,\n"
        "2026-03-02 09:30:00,退款,店,/,退款-菜,不计收支,6.40,余额,退款成功,20260001_R1,T1,,\n"
    )
    (tmp_path / "a.csv").write_text(head + rows, encoding="gb18030")
    meaning = format_named("alipay").mapping_with({"subscriber": "+8613800000001"})
    events = [
        json.loads(item.value)
        for item in in_order([(tmp_path / "a.csv", meaning)])
        if isinstance(item, Ready)
    ]
    assert [(e["status"], e["amount_minor"], e["transfer_id"]) for e in events] == [
        ("completed", 8640, "20260001"),
        ("completed", 640, "20260001_R1"),
    ]
