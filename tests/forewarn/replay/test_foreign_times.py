"""Times as other languages, spreadsheets and editors leave them."""

from datetime import UTC
from pathlib import Path

import pytest

from forewarn.replay import in_order
from forewarn.replay.cell_error import CellError
from forewarn.replay.event_order import BadRow
from forewarn.replay.format_catalog import format_named
from forewarn.replay.format_choice import recognised
from forewarn.replay.time_conversion import epoch_ms

SAMPLES = Path(__file__).parents[3] / "docs" / "samples" / "formats"


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("%d. %B %Y %H:%M:%S", "2. März 2026 09:58:12"), ("%d %b %Y %H:%M:%S", "2 mars 2026 09:58:12"),
        ("%d de %B de %Y %H:%M:%S", "2 de marzo de 2026 09:58:12"), ("%d-%b-%Y %H:%M:%S", "02-MAR-2026 09:58:12"),
        ("%d %b %Y %H:%M:%S", "2 mrt. 2026 09:58:12"), ("%b %d, %Y, %I:%M:%S %p", "Mar 2, 2026, 9:58:12\u202fAM"),
        ("%Y-%m-%d %H:%M:%S", "２０２６-０３-０２ ０９：５８：１２"), ("%Y-%m-%d %H:%M:%S", "2026-03-02\u00a009:58:12"),
    ],
)  # fmt: skip
def test_times_of_other_languages_are_read(form: str, cell: str) -> None:
    assert epoch_ms(form, UTC)(cell) == epoch_ms("iso", UTC)("2026-03-02T09:58:12Z")


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(
    "names",
    [
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "January February March April May June July August September October November December",
    ],
)
def test_each_month_is_itself_in_each_language(month: int, names: str) -> None:
    cell = f"02 {names.split()[month - 1]} 2026"
    wanted = epoch_ms("%Y-%m-%d", UTC)(f"2026-{month:02}-02")
    assert epoch_ms("%d %B %Y", UTC)(cell) == wanted


def test_a_day_number_of_a_spreadsheet_is_named() -> None:
    with pytest.raises(CellError, match="day number of a spreadsheet") as refused:
        epoch_ms("%Y-%m-%d %H:%M:%S", UTC)("46083.4154166667")
    assert "export again" in refused.value.repair


def test_a_form_that_some_cells_do_not_fill_may_be_one_of_several() -> None:
    with pytest.raises(CellError) as refused:
        epoch_ms("%Y-%m-%d %H:%M:%S", UTC)("2026-03-02 09:58")
    assert "list them" in refused.value.repair


@pytest.mark.parametrize("name", ["alipay", "huadan", "police-flow", "wechat"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_format_is_read_in_the_encoding_in_which_it_was_saved_again(
    name: str, encoding: str, tmp_path: Path
) -> None:
    each = format_named(name)
    data = (SAMPLES / each.sample).read_bytes()
    text = data.decode("utf-8-sig") if data.startswith(b"\xef\xbb\xbf") else data.decode("gb18030")
    again = tmp_path / each.sample
    again.write_bytes(text.encode(encoding))
    assert [found.name for found in recognised(again)] == [name]
    mapping = each.mapping_with(each.given)
    assert [_content(item) for item in in_order([(again, mapping)])] == [
        _content(item) for item in in_order([(SAMPLES / each.sample, mapping)])
    ]


def test_a_bill_that_a_spreadsheet_saved_keeps_its_rows(tmp_path: Path) -> None:
    each = format_named("wechat")
    text = (SAMPLES / each.sample).read_text(encoding="utf-8-sig")
    again = tmp_path / "bill.csv"
    again.write_bytes(text.replace("2026-03-02 09:05:00", "2026/3/2 9:05").encode("gb18030"))
    assert not any(
        isinstance(item, BadRow) for item in in_order([(again, each.mapping_with(each.given))])
    )


def _content(item: object) -> object:
    return getattr(item, "value", None) or getattr(item, "reason", None)
