"""Plots show Chinese names, and a machine without a font for them gets one note."""

import warnings

import pytest
from structlog.testing import capture_logs

from models.evaluation.report import plot_fonts, report_plots
from models.evaluation.report.plot_fonts import LATIN, families

NAMES = {"冒充公检法": 0.4, "刷单返利": 0.3, "frauds": 0.2}


def test_the_first_chinese_font_of_the_machine_stands_behind_the_latin_one() -> None:
    assert families(["SimHei", LATIN, "Noto Sans CJK JP"]) == [LATIN, "Noto Sans CJK JP"]
    assert families([LATIN]) == [LATIN]


def test_chinese_names_are_text_of_the_svg_without_a_warning() -> None:
    """On a machine without such a font the note of the next test is what is said."""
    with warnings.catch_warnings(), capture_logs() as logs:
        warnings.simplefilter("error")
        svg = report_plots.bars(NAMES, "PSI")
    assert all(f">{name}</text>" in svg for name in NAMES)
    assert bool(logs) is (families() == [LATIN])


def test_without_such_a_font_there_is_one_note_and_the_text_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_plots, "families", lambda: families([LATIN]))
    with warnings.catch_warnings(), capture_logs() as logs:
        warnings.simplefilter("error")
        svg = report_plots.bars(NAMES, "PSI")
    assert all(f">{name}</text>" in svg for name in NAMES)
    [note] = logs
    assert note["event"] == "characters_without_font"
    assert note["characters"] == len(set("冒充公检法刷单返利"))
    assert "fonts-noto-cjk" in note["hint"]


def test_other_warnings_pass() -> None:
    with pytest.warns(UserWarning, match="another"), plot_fonts.one_note():
        warnings.warn("another", stacklevel=1)
