"""A journal reads back as it was written, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.store.chunk_journal import (
    Journal,
    JournalCorruptError,
    SourceRange,
    decode,
    encode,
    floor,
    of_chunk,
)

offsets = st.integers(0, 2**48 - 1)
ranges = st.builds(
    lambda first, count, source: SourceRange(source, first, first + count),
    offsets,
    st.integers(0, 5000),
    st.integers(0, 2),
)
records = st.lists(st.tuples(st.binary(max_size=40), st.none() | st.binary(max_size=300)))


@given(st.integers(0, 2**40), st.lists(ranges, min_size=1, max_size=3), records, st.data())
def test_a_journal_reads_back_as_it_was_written(chunk, parts, loaded, data) -> None:
    sources = st.sampled_from([part.source for part in parts])
    order = bytes(data.draw(st.lists(sources)))
    journal = of_chunk(chunk, parts, order, [k for k, _ in loaded], [r for _, r in loaded])
    assert decode(encode(journal)) == journal


@given(st.data())
def test_no_damaged_byte_goes_unnoticed(data) -> None:
    entry = bytearray(encode(Journal(7, (SourceRange(0, 5, 9),), b"\0" * 4, ((b"k", b"v"),))))
    place = data.draw(st.integers(0, len(entry) - 1))
    entry[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(JournalCorruptError):
        decode(bytes(entry))


@pytest.mark.parametrize("length", [0, 3, 7, 8, 20])
def test_a_journal_cut_short_is_refused(length: int) -> None:
    entry = encode(floor(1, {0: 10, 1: 20}))
    with pytest.raises(JournalCorruptError, match="rebuild"):
        decode(entry[:length])


def test_an_order_without_a_range_is_refused() -> None:
    with pytest.raises(JournalCorruptError, match="no range"):
        decode(encode(Journal(1, (SourceRange(0, 1, 2),), order=b"\x01")))


def test_a_floor_holds_no_chunk_and_says_where_to_go_on() -> None:
    journal = decode(encode(floor(41, {2: 7, 0: 100})))
    assert journal.floors() == journal.ends() == {0: 100, 2: 7}
    assert (journal.chunk, journal.order, journal.records) == (41, b"", ())
