"""Entries of statements are named by what is theirs, and returns find the payment that they take back."""

from forewarn.replay.entry_identity import identify
from forewarn.replay.party_text import iban_within, subfields, tagged, words

PAID = {
    "own_account": "DE01", "booked": "2026-03-02", "credit_debit": "DBIT", "reversal": "false", "amount": "5.00",
    "currency": "EUR", "bank_ref": "", "customer_ref": "MIETE", "creditor_account": "NL02", "status": "BOOK",
}  # fmt: skip
BACK = PAID | {"credit_debit": "CRDT", "reversal": "true", "booked": "2026-03-04"}


def named(*rows: dict[str, str]) -> list[dict[str, str]]:
    found = [dict(row) for row in rows]
    identify(found, "x")
    return found


def test_equal_entries_of_one_day_are_two_and_the_same_in_every_statement() -> None:
    first, second = named(PAID, PAID)
    assert first["ref"] != second["ref"]
    assert [row["ref"] for row in named(PAID, PAID)] == [first["ref"], second["ref"]]


def test_a_reference_of_the_bank_on_two_payments_names_neither() -> None:
    first, second = named(PAID | {"bank_ref": "R"}, PAID | {"bank_ref": "R", "amount": "0.50"})
    assert "R" not in (first["ref"], second["ref"])
    assert first["ref"] != second["ref"]


def test_an_entry_pending_and_then_booked_is_one() -> None:
    for reference in ("", "R"):
        row = PAID | {"bank_ref": reference}
        pending, booked = named(row | {"status": "PDNG"}, row)
        assert pending["ref"] == booked["ref"]


def test_a_return_names_the_one_payment_that_it_can_take_back() -> None:
    paid, back = named(PAID, BACK)
    assert back["original_ref"] == paid["ref"]
    _later, early = named(PAID | {"booked": "2026-03-05"}, BACK)
    assert "original_ref" not in early
    assert "original_ref" not in named(PAID, PAID | {"booked": "2026-03-01"}, BACK)[2]


def test_no_payment_is_taken_back_twice() -> None:
    paid, first, second = named(PAID, BACK, BACK | {"booked": "2026-03-05"})
    assert first["original_ref"] == paid["ref"]
    assert "original_ref" not in second


def test_the_text_names_the_other_side_in_the_layout_of_its_country() -> None:
    found = subfields("116?00UEBERWEISUNG?20Miete?31DE02?32Test?33 Zwei")
    assert (found["code"], found["31"], found["32"] + found["33"]) == ("116", "DE02", "TestZwei")
    assert subfields("Rent 2026") == {}
    assert tagged("/TRTP/SEPA/IBAN/NL02/NAME/Test/EREF/A1")["NAME"] == "Test"
    assert tagged("/EREF/A1//CNTP/NL02/BIC/Test Zwei/City//REMI/x")["IBAN"] == "NL02"


def test_an_iban_counts_if_its_check_digits_are_right_and_it_is_not_the_own() -> None:
    text = "to DE89 3704 0044 0532 0130 00 for DE00000000000000000001"
    assert iban_within(text, "") == "DE89370400440532013000"
    assert iban_within(text, "DE89370400440532013000") == ""


def test_words_without_figures_name_a_party() -> None:
    assert words("CARD 1234 TEST SHOP 02-03-26 09:58") == words("CARD 9999 TEST  SHOP 05-03-26")
    assert words("4711/12") == "4711/12"
