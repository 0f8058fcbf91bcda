"""A proposed mapping says what the cells show, and asks for what they do not."""

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
