"""One party has one spelling, and a number that was not shown belongs to no person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.replay.cell_error import CellError
from forewarn.replay.column_conversion import phones
from forewarn.replay.phone_numbers import party, region_of, valid


@pytest.mark.parametrize(
    "spelling",
    ["13800000017", "013800000017", "008613800000017", "8613800000017", "+8613800000017", "+86 138-0000-0017",
     "(+86)13800000017", "1795113800000017", "12593013800000017", "+86013800000017", "１３８００００００１７",
     "sip:+8613800000017@203.0.113.7;user=phone", "tel:+8613800000017;phone-context=x", '"Li" <13800000017>',
     "%2B8613800000017", '="13800000017"', "'13800000017", "13800000017.0", "13800000017 ext 5"],
)  # fmt: skip
def test_all_spellings_of_a_mobile_number_give_one_number(spelling: str) -> None:
    assert party(spelling, "CN") == "+8613800000017"


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("02160001234", "+862160001234"), ("021-60001234-801", "+862160001234"), ("0731-88880000", "+8673188880000"),
        ("862160001234", "+862160001234"), ("0085200000017", "+85200000017"), ("+0085200000017", "+85200000017"),
        ("+860085200000017", "+85200000017"), ("95588", "95588"), ("96110", "96110"), ("12381", "12381"),
        ("+8695588", "95588"), ("01095588", "95588"), ("110", "110"), ("8001", "8001"), ("14000000017", "+8614000000017"),
        ("000755000017", "+000755000017"), ("+000755000017", "+000755000017"), ("60001234", "60001234"),
    ],
)  # fmt: skip
def test_fixed_foreign_short_and_unheard_of_numbers(spelling: str, expected: str) -> None:
    assert party(spelling, "CN") == expected


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        (("12306", "+8612306", "008612306", "073112306", "0731-12306", "+8673112306"), "12306"),
        (("110", "+86110", "0086110", "0731110", "010110"), "110"),
        (("950131234567", "+86950131234567", "0086950131234567", "0950131234567"), "950131234567"),
        (("95013123456", "+8695013123456", "008695013123456"), "95013123456"),
        (("4008001234", "+864008001234", "04008001234", "400-800-1234", "0731-4008001234"), "+864008001234"),
        (("13900000009", "12583113900000009", "12583313900000009", "1793113900000009"), "+8613900000009"),
        (("09511234567", "+869511234567"), "+869511234567"),
        (("82395588",), "82395588"), (("86512345",), "86512345"), (("021-82395588",), "+862182395588"),
    ],
)  # fmt: skip
def test_a_short_or_shared_number_is_one_party_whatever_is_shown_before_it(
    spellings: tuple[str, ...], expected: str
) -> None:
    assert {party(each, "CN") for each in spellings} == {expected}


@pytest.mark.parametrize("text", ["privatbank", "unknownsoldier", "Reception", "8001 hidden"])
def test_a_name_is_no_withheld_number(text: str) -> None:
    with pytest.raises(CellError):
        party(text, "DE")


@pytest.mark.parametrize(
    "text", ["Anonym", "unbekannt", "Unbekannter Anrufer", "private number", "CLIR", "Rufnummer unterdrückt",
             "Numéro masqué", "número desconocido", "Caller unknown", "号码未知", "匿名来电", "anonymous", "Restricted", "sip:anonymous@anonymous.invalid", "+266696687", "7378742833",
             "Private Number", "unknown", "No Caller ID", "隐藏号码", "0", "00000000000"],
)  # fmt: skip
def test_a_withheld_number_is_no_party(text: str) -> None:
    assert party(text, "CN") is None


@pytest.mark.parametrize(
    "text", ["138****0001", "138xxxx0001", "1.38E+10", "many", "*67", "86", "12"]
)
def test_what_is_no_number_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(CellError) as refusal:
        party(text, "CN")
    assert text not in str(refusal.value)


def test_without_a_region_only_international_spellings_are_understood() -> None:
    assert party("+13800000017", None) == "+13800000017"
    assert party("0044 7700 900001", None) == "+447700900001"
    assert party("13800000017", None) == "13800000017"


def test_validity_is_a_flag_and_drops_no_number() -> None:
    assert party("14000000017", "CN") == "+8614000000017"
    assert not valid("+860755000017")
    assert valid("96110")
    assert region_of("+86") == "CN"
    with pytest.raises(CellError):
        region_of("+999")


@settings(deadline=None)
@given(st.from_regex(r"\A(\+86|0086|86|0|)([2-9]\d{6,11}|1\d{6,11})\Z"))
def test_columns_and_cells_spell_alike(number: str) -> None:
    (found,) = phones("CN", may_be_withheld=True).column([number])
    if isinstance(found, CellError):
        with pytest.raises(CellError, match=str(found)):
            party(number, "CN")
    else:
        assert found == party(number, "CN")
