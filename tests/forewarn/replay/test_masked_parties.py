"""Accounts and numbers of which a part is hidden stand for many parties, and are refused in every spelling."""

import pytest

from forewarn.replay.cell_conversion import account
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_conversion import accounts
from forewarn.replay.phone_numbers import party


@pytest.mark.parametrize(
    "cell",
    [
        "6222****0001", "•••• 0001", "xxxx xxxx xxxx 0001", "XXXX-XXXX-XXXX-0001", "XXXXXXXXXXXX0001", "xx0001",
        "x0001", "x-0001", "6222-XXXX-0001", "6222XXXXXXXX", "...0001", "…0001", "6222..0001", "6222 ... 0001",
        "############0001", "6222########0001", "6222________0001", "____0001", "6222????0001", "-0001", "(0001)",
        "Visa 0001", "MASTERCARD-0001", "card ending in 0001", "ending 0001", "尾号0001", "储蓄卡(尾号0001)",
        "DE12XXXX0000000001",
    ],
)  # fmt: skip
def test_masked_accounts_are_refused(cell: str) -> None:
    with pytest.raises(CellError, match="is masked"):
        account(cell)
    assert isinstance(accounts().column([cell])[0], CellError)


@pytest.mark.parametrize(
    "cell",
    [
        "6222000000000001", "0001", "A1", "X1234567", "max.mueller@example.com", "user__12", "DEUTDEFFXXX",
        "ab-12_34.x", "2026-0001", "DE89370400440532013000", "cash-6222000000000001", "tax0001", "Relax.2000",
        "10020030/1234567",
    ],
)  # fmt: skip
def test_whole_accounts_stay_as_they_are(cell: str) -> None:
    assert account(cell) == cell
    assert accounts().column([cell]) == [cell]


@pytest.mark.parametrize(
    "cell",
    ["...0017", "…0017", "138....0017", "138----0017", "xxxx0017", "138####0017", "138????0017"],
)
def test_masked_numbers_are_refused(cell: str) -> None:
    with pytest.raises(CellError, match="is masked"):
        party(cell, "CN")
