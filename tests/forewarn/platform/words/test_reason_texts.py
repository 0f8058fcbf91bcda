"""A reason reads as a sentence with its evidence, in each language."""

import pytest

from features.catalog import CATALOG
from forewarn.platform.words import LANGUAGES, Language, read_catalogs, reason_text

EN = read_catalogs("en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", [0.0, 3.0, 2_500_000.0])
def test_every_feature_of_the_model_has_a_sentence(language: Language, value: float) -> None:
    t = read_catalogs(language)
    for name in CATALOG.names:
        sentence = reason_text(name, value, "CNY", t)
        assert sentence, name
        assert name.replace("_", " ") not in sentence, f"{name} has no words"
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("code", "value", "sentence"),
    [
        ("suspect_talk_24h", 2580.0, "43 min with suspicious callers in 24 hours"),
        ("number_callees_1h", 1214.0, "The number called 1,214 people in 1 hour"),
        ("amount_to_max_30d", 6.4, "6.4 times the largest payment of the month"),
        ("out_amount_24h", 5_000_000.0, "¥50K paid out in 24 hours"),
        (
            "suspect_talk_share_24h",
            0.75,
            "75% of the talk time in 24 hours was with suspicious callers",
        ),
        ("forwarding_on", 0.0, "Calls are not forwarded"),
        ("account_age_days", None, "The account was never seen before"),
        ("hangup_since_minutes", None, ""),
        ("a_newer_feature_1h", 2.0, "a newer feature 1h: 2"),
    ],
)
def test_a_reason_reads_as_a_sentence_with_its_evidence(
    code: str, value: float | None, sentence: str
) -> None:
    assert reason_text(code, value, "CNY", EN) == sentence


def test_a_reason_that_counts_one_thing_is_singular() -> None:
    assert reason_text("calls_in_24h", 1.0, "CNY", EN).startswith("1 call received in")
