"""What pages compute: amounts, spans, charts, the graph, the bars of a countdown."""

from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.service_errors import InvalidRequestError
from alerting.web.console import case_graph, formats
from alerting.web.console.amount_input import amount_minor
from alerting.web.console.bar_chart import GRID_LINES, HEIGHT, axis_step, bar_chart
from alerting.web.console.detail_texts import DetailWords, detail_text
from alerting.web.console.page_rendering import STATIC
from alerting.web.console.queries.case_query import reasons_of
from alerting.web.console.queries.figures_query import DayAmount, days_until, shares
from alerting.web.console.routes.overview_pages import day_starts_ms
from alerting.web.console.translations import translator
from forewarn.platform import money
from forewarn.platform.words import span

EN, ZH = translator("en"), translator("zh")


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("52,000", 5_200_000),
        ("¥52000.50", 5_200_050),
        ("5.2万", 5_200_000),
        ("1亿", 10_000_000_000),
        ("52k", 5_200_000),
        ("  ", None),
        ("0", 0),
    ],
)
def test_amounts_are_read_as_people_type_them(typed: str, minor: int | None) -> None:
    assert amount_minor(typed, "CNY", "lost") == minor


@pytest.mark.parametrize(
    "typed", ["-5", "1e9", "0.001", "five", "万", "9" * 20, "1.2.3", "１２x", "NaN"]
)
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(InvalidRequestError):
        amount_minor(typed, "CNY", "lost")


@given(st.integers(min_value=0, max_value=10**13))
def test_an_amount_that_was_written_is_read_as_the_same(minor: int) -> None:
    assert amount_minor(money.exact(minor, "CNY"), "CNY", "lost") == minor


@pytest.mark.parametrize(
    ("minor", "english", "chinese"),
    [
        (978_000, "¥9,780", "¥9,780"),
        (5_200_000, "¥52K", "¥5.2万"),
        (36_844_233, "¥368K", "¥36.8万"),
        (42_000_000_000, "¥420M", "¥4.2亿"),
        (-5_200_000, "-¥52K", "-¥5.2万"),
    ],
)
def test_amounts_at_a_glance_use_the_units_of_the_language(
    minor: int, english: str, chinese: str
) -> None:
    assert money.compact(minor, "CNY", "en") == english
    assert money.compact(minor, "CNY", "zh") == chinese


@pytest.mark.parametrize(
    ("left_ms", "text"),
    [(60_000, "1:00"), (59_001, "1:00"), (1, "0:01"), (0, "0:00"), (-1, "-0:00"), (-12_500, "-0:12"), (3_661_000, "1:01:01")],
)  # fmt: skip
def test_a_countdown_never_shows_less_time_than_there_is(left_ms: int, text: str) -> None:
    assert formats.countdown(left_ms) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 s"), (59_999, "59 s"), (250_000, "4 min 10 s"), (240_000, "4 min"), (7_260_000, "2 h 1 min"), (90_000_000, "1 d 1 h")],
)  # fmt: skip
def test_time_spans_are_shown_in_their_two_largest_units(milliseconds: int, text: str) -> None:
    assert span(milliseconds, EN) == text


@given(st.integers(min_value=0, max_value=10**14), st.sampled_from([1, 100]))
def test_the_axis_reaches_the_highest_bar_in_few_whole_steps(highest: int, whole: int) -> None:
    step = axis_step(highest, whole)
    assert step * GRID_LINES >= highest
    assert step % whole == 0
    assert step <= max(whole, highest)  # not a chart of which the bars fill only the foot


@given(st.lists(st.integers(min_value=-(10**9), max_value=10**9), min_size=1, max_size=40))
def test_bars_stay_inside_the_chart_and_in_proportion(amounts: list[int]) -> None:
    chart = bar_chart([DayAmount(f"2026-01-{n:02d}", amount) for n, amount in enumerate(amounts)])
    for bar in chart.bars:
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
        assert (bar.height == 0) or bar.amount > 0
    ordered = sorted(chart.bars, key=lambda bar: bar.amount)
    assert all(low.height <= high.height for low, high in pairwise(ordered))


def test_days_of_a_zone_with_daylight_saving_are_not_all_equally_long() -> None:
    days = days_until("2026-03-30", 3)
    starts = day_starts_ms(days, ZoneInfo("Europe/London"))
    assert days == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert [later - earlier for earlier, later in pairwise(starts)] == [
        86_400_000,
        82_800_000,
    ]


def test_shares_leave_out_only_zero_amounts() -> None:
    found = shares({"a": 10, "b": 0, "c": 40, "d": -5})
    assert [(share.name, share.amount_minor, share.share) for share in found] == [
        ("c", 40, 1.0),
        ("a", 10, 0.25),
        ("d", -5, 0.0),
    ]


def test_the_graph_ties_cases_by_the_numbers_they_share() -> None:
    def case(name: str, caller: str | None, payee: str | None) -> SimpleNamespace:
        return SimpleNamespace(case_id=name, caller=caller, payee=payee)

    here = case("here", "+1", "acc")
    found = case_graph.layout(
        here, case_graph.peers_of(here), [case("x", "+1", None), case("y", "+2", "acc")]
    )
    at = {node.key: (node.x, node.y) for node in found.nodes}
    assert set(found.lines) == {
        (*at["here"], *at["phone:+1"]),
        (*at["here"], *at["account:acc"]),
        (*at["phone:+1"], *at["x"]),
        (*at["account:acc"], *at["y"]),
    }
    assert all(0 < node.y < found.height and 0 < node.x < found.width for node in found.nodes)


def test_reasons_are_the_strongest_over_the_warnings_in_force() -> None:
    def row(action: str, *reasons: dict[str, object]) -> SimpleNamespace:
        return SimpleNamespace(action=action, reasons=list(reasons))

    found = reasons_of(
        [
            row("raise", {"code": "a", "value": 1.0, "contribution": 0.5}),
            row("update", {"code": "a", "value": 2.0, "contribution": 1.0}, {"code": "b", "contribution": 2.0}),
            row("withdraw", {"code": "c", "value": 9.0, "contribution": 9.0}),
        ]  # type: ignore[list-item]
    )  # fmt: skip
    assert [(reason.code, reason.value, reason.share) for reason in found] == [
        ("b", None, 1.0),
        ("a", 2.0, 0.5),
    ]


def test_details_of_a_record_read_as_a_line() -> None:
    detail = {
        "level": 1,
        "deliveries": [],
        "withheld": {"desk": "nobody_to_page"},
        "members": ["a", "b"],
    }
    words = DetailWords(translator("en"), ZoneInfo("Asia/Shanghai"))
    assert detail_text(detail, words) == (
        "Level: 1 · Withheld: desk: no responder is on call · Members: a, b"
    )


def test_the_dark_theme_is_the_same_by_choice_and_by_system() -> None:
    sheet = (STATIC / "tokens.css").read_text(encoding="utf-8")
    chosen, system = sheet.split('data-theme="dark"]')[1], sheet.split('data-theme="auto"]')[1]
    assert _tokens(chosen.partition("}")[0]) == _tokens(system.partition("}")[0])


def _tokens(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines() if "--" in line]
