"""Times are read as documented, and a schema that could be wrong is refused rather than guessed."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from forewarn.errors import ConfigurationError
from models.tabular.table_times import TimeUnit, read_times
from models.training.training_dataset import DAY_MS, HOUR_MS

MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
MS = 1_700_000_000_000
NAIVE = MOMENT.replace(tzinfo=None)
MIDNIGHT = 1_699_920_000_000


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([MS, MS + 1], "auto", [MS, MS + 1]),
        ([MS * 1_000, MS * 1_000 + 2_000], "auto", [MS, MS + 2]),
        ([MS * 1_000_000], "auto", [MS]),
        ([MS // 1_000], "auto", [MS]),
        ([float(MS // 1_000)], "auto", [MS]),
        ([0, 90_000], "auto", [0, 90_000_000]),
        ([0, 743], "hours", [0, 743 * HOUR_MS]),
        ([0.0, 2.0], "days", [0, 2 * DAY_MS]),
        ([1, 2], "minutes", [60_000, 120_000]),
        ([20231114, 20231115], "auto", [MIDNIGHT, MIDNIGHT + DAY_MS]),
        (["20231114"], "auto", [MIDNIGHT]),
        ([str(MS // 1_000)], "auto", [MS]),
        (["2023-11-14T22:13:20"], "auto", [MS]),
        (["2023-11-14 22:13:20", "2023-11-14 22:13:21.5"], "auto", [MS, MS + 1_500]),
        (["2023-11-15T06:13:20+08:00"], "auto", [MS]),
        (["2023-11-14T22:13:20Z"], "auto", [MS]),
        (
            ["11/14/2023 22:13", "11/30/2023 00:00"],
            "auto",
            [MS - 20_000, MS - 20_000 + 1_302_420_000],
        ),
        ([NAIVE], "auto", [MS]),
        ([MOMENT], "auto", [MS]),
        ([date(2023, 11, 14)], "auto", [MIDNIGHT]),
    ],
)
def test_times_are_read_as_documented(
    values: list[object], unit: TimeUnit, expected: list[int]
) -> None:
    assert read_times(pl.Series("t", values), unit).time_ms.tolist() == expected


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("step", list(range(744)), "--time-unit"),
        ("t", [0.0, 2.0], "--time-unit"),
        ("t", [1_700_000_000.0, float("nan")], "1 rows have no readable time"),
        ("t", ["2024-01-01", None], "1 rows have no readable time"),
        ("t", ["2024-01-01", "soon"], "1 rows have no readable time"),
        ("t", [time(12, 0)], "has no date"),
        ("t", [timedelta(days=1)], "has no date"),
        ("t", [True], "no column of times"),
        ("t", [datetime(1, 1, 1, tzinfo=UTC), MOMENT], "would be a period"),
        ("t", [datetime(1970, 1, 1, tzinfo=UTC), MOMENT], "would be a period"),
        ("t", [datetime(2999, 1, 1, tzinfo=UTC)], "would be a period"),
        ("t", [-5, 10**6], "would be a period"),
    ],
)  # fmt: skip
def test_what_is_unclear_or_impossible_is_refused(
    name: str, values: list[object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_times(pl.Series(name, values))
    assert message in f"{caught.value} {caught.value.hint}"


def test_a_column_may_name_its_unit() -> None:
    assert read_times(pl.Series("TX_TIME_DAYS", [0, 3])).time_ms.tolist() == [0, 3 * DAY_MS]
    assert read_times(pl.Series("TX_TIME_SECONDS", [0, 3])).time_ms.tolist() == [0, 3_000]


def test_the_period_is_reported_as_it_was_understood() -> None:
    read = read_times(pl.Series("step", [0, 743]), "hours")
    assert read.meaning == "hours since an unknown start, 31.0 days in all"
    assert not read.dated
    read = read_times(pl.Series("t", [MS // 1_000, MS // 1_000 + 86_400]))
    assert read.meaning == "seconds since 1970: 2023-11-14 22:13 to 2023-11-15 22:13 UTC"
    assert read.dated


@pytest.mark.parametrize(
    ("texts", "form"),
    [(["01/13/26 00:37", "05/26/26 19:44"], "%m/%d/%y %H:%M"), (["13.01.26", "26.05.26"], "%d.%m.%y")],
)  # fmt: skip
def test_years_of_two_digits_are_asked_for_with_their_form(texts: list[str], form: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_times(pl.Series("t", texts))
    assert f"--time-form '{form}'" in str(caught.value.hint)
    assert read_times(pl.Series("t", texts), form=form).time_ms.min() > 1_700_000_000_000
