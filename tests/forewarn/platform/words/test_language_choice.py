"""The language of an answer is the one that its reader wants most, of those that there are."""

import pytest

from forewarn.platform.words import Language, accepted_language


@pytest.mark.parametrize(
    ("header", "default", "chosen"),
    [
        ("", "en", "en"),
        ("zh", "en", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "en", "zh"),
        ("en;q=0.3, zh-Hant;q=0.7", "en", "zh"),
        ("zh;q=0.8,en;q=0.8", "en", "zh"),
        ("de-DE,en;q=0.5,*;q=0.1", "zh", "en"),
        ("de,*;q=0.5", "zh", "zh"),
        ("zh;q=0,en;q=0.001", "zh", "en"),
        ("zh;q=0", "en", "en"),
        ("EN-gb ; Q=1.000", "zh", "en"),
        ("zhuang", "en", "en"),
        ("zh;q=high,en;q=2,;;=", "en", "en"),
        (",".join(["de"] * 32 + ["zh"]), "en", "en"),
    ],
)
def test_the_best_of_what_the_reader_accepts_is_chosen(
    header: str, default: Language, chosen: Language
) -> None:
    assert accepted_language(header, default) == chosen
