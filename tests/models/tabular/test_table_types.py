"""A column is a number or a date only if that loses nothing; what fits two schemas is asked for."""

from pathlib import Path

import polars as pl
import pytest

from forewarn.errors import ConfigurationError
from models.tabular.table_columns import MISSING, codes, money
from models.tabular.table_dataset import read_table
from models.tabular.table_file import require_whole_parties
from models.tabular.table_times import read_times
from models.tabular.table_types import typed

CASES = Path(__file__).parent / "cases"


def test_leading_zeros_make_other_accounts() -> None:
    table = read_table(CASES / "34-train-leading-zeros.csv")
    assert len(set(codes(table["ACCOUNT"]).tolist())) == 3
    assert table["AMOUNT"].dtype == pl.Float64


def test_dates_that_fit_both_readings_are_asked_for() -> None:
    column = read_table(CASES / "35-train-us-dates.csv")["TX_TIME"]
    with pytest.raises(
        ConfigurationError, match="fits MM/DD/YYYY and DD/MM/YYYY: say which"
    ) as asked:
        read_times(column)
    assert "--time-form" in str(asked.value)
    american = read_times(column, form="%m/%d/%Y %H:%M:%S")
    european = read_times(column, form="%d/%m/%Y %H:%M:%S")
    assert "2026-06-11" in american.meaning
    assert "2026-11-06" in european.meaning


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["1", "2", ""], pl.Int64),
        (["007", "8"], pl.String),
        (["12345678901234567890123", "1"], pl.String),
        (["6222021234567890123", "1"], pl.String),
        (["0.5", "1", "1e-3", "-2."], pl.Float64),
        (["00.5", "1"], pl.String),
        (["true", "False"], pl.Boolean),
        (["2026-03-02", "2026-03-03"], pl.Date),
        (["2026-03-02 09:58:12", "2026-03-02 09:58:13.5"], pl.Datetime("us")),
        (["26/03/04", "26/03/05"], pl.String),
        (["+8613800000001", "+8613800000002"], pl.String),
    ],
)
def test_a_type_loses_nothing(texts: list[str], dtype: pl.DataType) -> None:
    assert typed(pl.Series("c", texts), MISSING).dtype == dtype


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "1 lines do not have the 2 columns.*: 3"),
        ('a,b\n1,"5 off\n3,4\n', "never closed: 2"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_table(tmp_path / "t.csv")


def test_an_inch_mark_and_a_line_end_within_quotes_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n5" pipe,1\n"two\nlines",2\n')
    table = read_table(tmp_path / "t.csv")
    assert table["a"].to_list() == ['5" pipe', "two\nlines"]
    assert table["b"].to_list() == [1, 2]


def test_months_are_a_unit() -> None:
    times = read_times(pl.Series("month", [0, 1, 7]))
    assert times.meaning.startswith("months since an unknown start")


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["1", "1e400"], pl.String),
        (["1.5", "inf"], pl.String),
        (["4.53E+15", "4.54E+15"], pl.String),
        (["1.5E-05", "2.5E-06"], pl.Float64),
        (["1.5E+01", "2.5E+01"], pl.Float64),
    ],
)
def test_numbers_without_end_or_without_their_last_digits_stay_texts(
    texts: list[str], dtype: type[pl.DataType]
) -> None:
    assert typed(pl.Series("a", texts), MISSING).dtype == dtype


def test_decimal_commas_are_not_amounts_a_hundred_times_as_large() -> None:
    assert money(pl.Series("a", ["0,50", "12,50"])) is None
    assert money(pl.Series("a", ["1,234.50", "12,34,567"])).to_list() == [1234.5, 1_234_567.0]


def test_dates_of_a_spreadsheet_are_recognised_and_not_counted_as_days() -> None:
    column = pl.Series("t", [46_023.0 + hour / 24 for hour in range(400)])
    with pytest.raises(ConfigurationError, match="dates of a spreadsheet"):
        read_times(column)


def test_parties_that_lost_digits_are_refused() -> None:
    table = pl.DataFrame({"card": ["4.53E+15", "4.53E+15", None]})
    with pytest.raises(
        ConfigurationError, match="card holds numbers that a spreadsheet has shortened"
    ):
        require_whole_parties(table, ("card",))


def test_a_table_in_another_encoding_is_to_be_saved_as_utf8(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("金额,y\n1,0\n".encode("gb18030"))
    with pytest.raises(ConfigurationError, match="Save it as UTF-8; it looks like gb18030"):
        read_table(tmp_path / "t.csv")
