"""An answer has the words of its reader's language; codes, values and the decision do not depend on it."""

import json
import string
from typing import Any, get_args

import msgspec
import pytest

from forewarn.contracts.fraud_warning import Reason, Typology
from forewarn.platform.words import LANGUAGES, read_catalogs
from models.policy.payment_policy import PaymentReason
from streams.decisions.answer_words import CATALOGS, worded
from streams.decisions.bank_answer import FallbackReason, of_worker
from tests.streams.decisions.bank import worker_answer

WORDS = ("explanation", "question")


def kept(**changes: Any) -> bytes:
    return msgspec.json.encode(of_worker(worker_answer("challenge", **changes)))


def codes(body: bytes) -> dict[str, Any]:
    """The answer without its words."""
    answer = {name: value for name, value in json.loads(body).items() if name not in WORDS}
    for reason in answer["reasons"]:
        reason.pop("meaning", None)
    return answer


def test_another_language_changes_the_words_alone() -> None:
    body = kept(
        typology="safe_account",
        reason="over_challenge",
        reasons=(Reason(code="suspect_talk_24h", value=2580.0, contribution=1.5),),
    )
    english, chinese = worded(body, "en"), worded(body, "zh")
    assert codes(english) == codes(chinese) == codes(body)
    answer = json.loads(english)
    assert answer["explanation"].startswith("The probability of fraud reaches the bound for asking")
    assert "safe or checking account" in answer["question"]
    assert answer["reasons"][0]["meaning"] == "43 min with suspicious callers in 24 hours"
    answer = json.loads(chinese)
    assert answer["explanation"] == "涉诈概率达到需要询问客户的门槛。"
    assert "安全账户" in answer["question"]
    assert answer["reasons"][0]["meaning"] == "24 小时内与可疑来电通话 43 分"


def test_only_a_challenge_has_a_question_for_the_customer() -> None:
    body = msgspec.json.encode(of_worker(worker_answer("hold")))
    assert json.loads(worded(body, "en"))["question"] is None


def test_an_answer_of_another_version_is_sent_as_it_was_kept() -> None:
    body = kept().replace(b'"challenge"', b'"a_later_decision"')
    assert worded(body, "zh") == body
    newer = kept(reason="a_later_reason")
    assert json.loads(worded(newer, "zh"))["explanation"] == "a later reason"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_every_kind_of_fraud_has_words(language: Any) -> None:
    words = read_catalogs(language, CATALOGS).words
    for group, names in (
        ("why", get_args(PaymentReason) + get_args(FallbackReason)),
        ("question", get_args(Typology)),
    ):
        found = {key.removeprefix(f"{group}.") for key in words if key.startswith(f"{group}.")}
        assert found == set(names)


def test_the_catalogs_have_the_same_keys_and_placeholders() -> None:
    english, chinese = (read_catalogs(language, CATALOGS).words for language in ("en", "zh"))
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert _placeholders(text) == _placeholders(chinese[key]), key
        assert text != chinese[key]


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
