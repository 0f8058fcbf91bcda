"""Pseudonyms depend on the key, and so does the mark that distinguishes keys."""

from forewarn.platform.pseudonyms import Pseudonymiser

KEY, OTHER = b"a key that only tests use", b"another key of only tests"


def test_the_mark_is_the_same_for_one_key_and_another_for_another() -> None:
    assert Pseudonymiser(KEY).mark == Pseudonymiser(KEY).mark != Pseudonymiser(OTHER).mark


def test_the_mark_is_no_pseudonym_of_anything() -> None:
    ours = Pseudonymiser(KEY)
    made = {make("forewarn") & 0xFFFFFFFF for make in (ours.phone, ours.account, ours.device)}
    assert int.from_bytes(bytes.fromhex(ours.mark), "little") not in made
