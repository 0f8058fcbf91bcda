"""A fact has one name, in a decision, in the status of a line and in the guide for banks."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from features.catalog import CATALOG
from forewarn.contracts.payment_answer import LineNow
from forewarn.platform.words import read_catalogs, reason_text
from streams.decisions.answer_words import CATALOGS
from streams.decisions.bank_answer import BankAnswer, WordedReason
from streams.decisions.line_status import LineStatus

BANKS = Path(__file__).parents[3] / "docs" / "banks.md"


def test_a_decision_and_a_status_call_each_fact_of_a_line_the_same() -> None:
    assert set(LineNow.__struct_fields__) < set(LineStatus.__struct_fields__)


@pytest.mark.parametrize("struct", [LineStatus, BankAnswer, WordedReason])
def test_the_guide_for_banks_explains_every_field(struct: type[msgspec.Struct]) -> None:
    text = BANKS.read_text(encoding="utf-8")
    assert not [name for name in struct.__struct_fields__ if f"`{name}`" not in text]


def test_the_answer_in_the_guide_is_one_that_the_service_could_give() -> None:
    [example] = re.findall(r"```json\n(.*?)```", BANKS.read_text(encoding="utf-8"), re.DOTALL)
    answer = msgspec.json.decode(example, type=BankAnswer)
    assert list(json.loads(example)) == list(BankAnswer.__struct_fields__)
    assert list(json.loads(example)["line"]) == list(LineNow.__struct_fields__)
    words = read_catalogs("en", CATALOGS)
    assert answer.explanation == words(f"why.{answer.reason}")
    assert answer.question == words(f"question.{answer.typology}")
    for reason in answer.reasons:
        assert reason.code in CATALOG.names
        assert reason.meaning == reason_text(reason.code, reason.value, answer.currency, words)
