"""A proposed mapping says what the cells show, and asks for what they do not."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, Ready, in_order, load_mapping
from forewarn.replay.column_evidence import evidence_of
from forewarn.replay.file_shape import read_head
from forewarn.replay.mapping_proposal import FileShape, Proposal

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"


class Answers:
    def __init__(self, *answers: str) -> None:
        self.answers, self.questions = list(answers), []

    def __call__(self, question: str, choices: Sequence[str]) -> str:
        self.questions.append(question)
        return self.answers.pop(0)


def proposed(path: Path, answers: Answers, zone: str = "", region: str = "") -> str:
    head = read_head(path)
    columns = [evidence_of(name, cells) for name, cells in head.columns.items()]
    return Proposal(columns, answers).toml(FileShape(head.options), zone, region)


def events(path: Path, mapping: Path) -> list[Ready]:
    items = list(in_order([(path, load_mapping(mapping))]))
    assert not any(isinstance(item, BadRow) for item in items)
    return items


@pytest.mark.parametrize("name", ["calls.csv", "transfers.jsonl"])
def test_a_proposal_reads_the_samples_like_the_mapping_beside_them(
    name: str, tmp_path: Path
) -> None:
    answers = Answers("outgoing", "CNY")
    text = proposed(SAMPLES / name, answers, zone="Asia/Shanghai", region="CN")
    (tmp_path / "m.toml").write_text(text)
    ours = events(SAMPLES / name, tmp_path / "m.toml")
    theirs = events(SAMPLES / name, (SAMPLES / name).with_suffix(".toml"))
    assert [(item.event_time_ms, item.key, item.line) for item in ours] == [
        (item.event_time_ms, item.key, item.line) for item in theirs
    ]


def test_a_date_that_fits_two_readings_is_asked_for(tmp_path: Path) -> None:
    rows = "id,date,phone,from,to,amount\n" + "".join(
        f"{n},0{n}/0{n + 1}/2026 10:00:00,+8613800000001,A1,B{n},{n}.50\n" for n in range(1, 6)
    )
    (tmp_path / "t.csv").write_text(rows)
    answers = Answers("%m/%d/%Y %H:%M:%S", "outgoing", "USD", "America/New_York")
    text = proposed(tmp_path / "t.csv", answers)
    assert 'time = "%m/%d/%Y %H:%M:%S"' in text
    assert 'zone = "America/New_York"' in text
    assert "fits both forms" in answers.questions[0]


def test_what_stands_before_the_header_and_how_it_is_written_is_found(tmp_path: Path) -> None:
    text = "明细\n客户\n编号;时间;手机号;付款账号;收款账号;金额\n"
    text += "".join(
        f"T{n};2026-03-02 09:58:1{n};1380000000{n};A1;B{n};1.234,50\n" for n in range(5)
    )
    (tmp_path / "t.csv").write_bytes(text.encode("gb18030"))
    answers = Answers("outgoing", "CNY")
    mapping = proposed(tmp_path / "t.csv", answers, zone="Asia/Shanghai", region="CN")
    for line in (
        'encoding = "gb18030"',
        'separator = ";"',
        "header_line = 3",
        'decimal_sign = ","',
    ):
        assert line in mapping
    (tmp_path / "t.toml").write_text(mapping)
    assert len(events(tmp_path / "t.csv", tmp_path / "t.toml")) == 5


def test_an_unknown_code_is_asked_for(tmp_path: Path) -> None:
    rows = "id,at,phone,from,to,amount,dir\n" + "".join(
        f"{n},2026-03-02 10:00:0{n},+8613800000001,A1,B{n},{n}.50,{'X' if n % 2 else 'Y'}\n"
        for n in range(6)
    )
    (tmp_path / "t.csv").write_text(rows)
    answers = Answers("outgoing", "incoming", "CNY")
    text = proposed(tmp_path / "t.csv", answers, zone="UTC")
    assert 'values = { "Y" = "outgoing", "X" = "incoming" }' in text


def test_a_file_without_calls_or_transfers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("colour,shape\nred,round\nblue,square\n")
    with pytest.raises(ConfigurationError, match="no column looks like an amount"):
        proposed(tmp_path / "t.csv", Answers())


CASES = Path(__file__).parent / "cases"
RIGHT_AT_ONCE = (
    "01-template-not-converted", "08-lone-quote", "12-names-in-templates", "14-currency-sign",
    "15-sign-is-direction", "16-zero-amount", "17-cut-last-line", "31-nested-json", "32-gzip",
    "36-empty-direction",
)  # fmt: skip
CALLS = (
    "09-blank-before-quote",
    "27-number-spellings",
    "29-withheld-caller",
    "30-words-for-durations",
)


def defaults(question: str, choices: Sequence[str]) -> str:
    """What the cells do not show of the cases: their zone, their person and their currency."""
    if choices:
        return choices[0]
    known = {"zone": "Asia/Shanghai", "Whose": "+8613800000001", "currency": "CNY"}
    return next(answer for word, answer in known.items() if word in question)


def proposed_for_case(name: str, tmp_path: Path) -> list[dict]:
    path = next(path for path in (CASES / name).iterdir() if path.name.startswith("input"))
    head = read_head(path)
    columns = [evidence_of(column, cells) for column, cells in head.columns.items()]
    text = Proposal(columns, defaults).toml(FileShape(head.options), "", "CN")
    (tmp_path / "m.toml").write_text(text)
    items = list(in_order([(path, load_mapping(tmp_path / "m.toml"))]))
    return [json.loads(item.value) for item in items if isinstance(item, Ready)]


@pytest.mark.parametrize("name", RIGHT_AT_ONCE)
def test_a_proposal_for_a_case_is_right_without_a_change(name: str, tmp_path: Path) -> None:
    right = json.loads((CASES / name / "expected.json").read_text())["right"]["events"]
    found = {event["event_id"]: event for event in proposed_for_case(name, tmp_path)}
    left_out = {"direction": "outgoing", "currency": "CNY"}
    assert len(found) == len(right)
    for event in right:
        ours = found.get(event["event_id"]) or next(
            one for one in found.values() if one["event_time_ms"] == event["event_time_ms"]
        )
        compared = [key for key in event if key != "event_id"]
        assert {key: ours.get(key, left_out.get(key)) for key in compared} == {
            key: event[key] for key in compared
        }


@pytest.mark.parametrize("name", CALLS)
def test_a_proposal_needs_only_the_other_side_of_a_call(name: str, tmp_path: Path) -> None:
    events = proposed_for_case(name, tmp_path)
    path = next((CASES / name).glob("input*"))
    rows = len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert [event["type"] for event in events].count("call_ended") == rows
    assert {event["callee"] for event in events} == {"+8613800000001"}


def test_lines_of_titles_are_not_taken_for_the_header(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "Statement,,,,\nCustomer: T,,,,\nid,at,from,to,yuan\n1,2026-03-02 09:58:12,A,B,5.00\n"
    )
    assert "header_line = 3" in read_head(tmp_path / "f.csv").options


def mapped(path: Path, text: str, tmp_path: Path) -> list[dict]:
    (tmp_path / "m.toml").write_text(text)
    items = list(in_order([(path, load_mapping(tmp_path / "m.toml"))]))
    assert all(isinstance(item, Ready) for item in items)
    return [json.loads(item.value) for item in items if isinstance(item, Ready)]


MONZO = (
    "Transaction ID,Date,Time,Type,Name,Money Out,Money In,Currency\n"
    "tx_1,02/03/2026,09:58:12,Card,Shop One,-4.80,,GBP\n"
    "tx_2,13/03/2026,10:58:12,Faster payment,Test Two,,100.00,GBP\n"
)


def test_a_time_of_day_in_a_column_of_its_own_belongs_to_the_day(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(MONZO)
    text = proposed(path, Answers("+447700900001", "OWN-1", "Name", "Europe/London"))
    found = mapped(path, text, tmp_path)
    assert [event["event_time_ms"] for event in found] == [1772445492000, 1773399492000]
    assert [(event.get("direction", "outgoing"), event["amount_minor"]) for event in found] == [
        ("outgoing", 480), ("incoming", 10_000),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["drcr", "Cr/Dr", "mark"])
def test_a_column_of_debits_and_credits_is_the_direction(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        f"id,time,from,to,amount,{name}\n1,2026-03-02 09:58:12,A1,B1,12.50,DR\n2,2026-03-02 09:59:12,A1,B2,25.00,CR\n"
    )
    text = proposed(path, Answers("+4915100000001", "EUR", "Europe/Berlin"))
    found = mapped(path, text, tmp_path)
    assert [event.get("direction", "outgoing") for event in found] == ["outgoing", "incoming"]


def test_a_title_before_few_rows_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        '"Girokonto";"DE00000000000000000001"\n"Zeitraum:";"März 2026"\n'
        "Buchungsdatum;Kundenreferenz;IBAN;Name;Betrag\n02.03.26;R1;DE02;Test Zwei;-1.234,56\n"
        "03.03.26;R2;DE03;Test Drei;2.000\n"
    )
    answers = Answers(
        "Kundenreferenz", "+4915100000001", "OWN-1", "IBAN", "outgoing", "EUR", "Europe/Berlin"
    )
    text = proposed(path, answers)
    assert 'payee_account = "IBAN"' in text
    assert "header_line = 3" in text
    assert 'time = "%d.%m.%y"' in text
    assert [event["amount_minor"] for event in mapped(path, text, tmp_path)] == [123_456, 200_000]


def test_two_figures_of_a_year_leave_the_order_open(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,date,from,to,amount\n1,02/03/04,A1,B1,5.00\n2,03/02/04,A1,B2,6.00\n")
    answers = Answers("%d/%m/%y", "+4915100000001", "outgoing", "EUR", "Europe/Berlin")
    assert 'time = "%d/%m/%y"' in proposed(path, answers)
    assert "fits several forms" in answers.questions[0]


def test_day_numbers_of_a_spreadsheet_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,time,from,to,amount\n1,46083.4154166667,A1,B1,5.00\n")
    with pytest.raises(ConfigurationError, match=r"time, as in 46083\.4154166667"):
        proposed(path, Answers())
