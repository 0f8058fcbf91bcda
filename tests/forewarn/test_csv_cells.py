"""No cell of an export runs as a formula."""

import pytest

from forewarn.platform.csv_cells import safe_cell, safe_row


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+86138",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "|cmd",
        "%0A",
        " =1",
        "\u3000＝1",
        "＋1",
    ],
)
def test_text_that_a_spreadsheet_could_run_begins_with_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_numbers_and_plain_text_stay_as_they_are() -> None:
    assert safe_row([-5, 1.5, None, "", "430405", "刷单", "a=b"]) == [
        -5, 1.5, None, "", "430405", "刷单", "a=b",
    ]  # fmt: skip
