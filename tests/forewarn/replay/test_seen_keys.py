"""A repetition is noticed however far back it lies, within the bound; nothing else is taken for one."""

import polars as pl

from forewarn.replay.seen_keys import SeenKeys


def seen(keys: SeenKeys, *texts: str) -> list[bool]:
    return keys.repeated(pl.DataFrame({"0": texts, "1": ["x"] * len(texts)})).to_list()


def test_a_repetition_is_seen_in_its_batch_and_in_later_ones() -> None:
    keys = SeenKeys()
    assert seen(keys, "a", "b", "a") == [False, False, True]
    assert seen(keys, "c", "b", "a", "c") == [False, True, True, True]


def test_of_many_rows_each_counts_once() -> None:
    keys = SeenKeys()
    batches = [
        [f"{number}" for number in range(start, start + 500)] for start in range(0, 50_000, 500)
    ]
    assert not any(any(seen(keys, *batch)) for batch in batches)
    assert all(all(seen(keys, *batch)) for batch in batches)


def test_the_latest_half_of_what_is_remembered_is_never_forgotten() -> None:
    keys = SeenKeys(remembered=1_000)
    for start in range(0, 10_000, 100):
        assert not any(seen(keys, *map(str, range(start, start + 100))))
        assert all(seen(keys, *map(str, range(max(start - 300, 0), start + 100))))


def test_rows_without_a_key_repeat_no_other() -> None:
    keys = SeenKeys()
    frame = pl.DataFrame({"0": ["", "", "a"], "1": ["", "", ""]})
    assert keys.repeated(frame).to_list() == [False, False, False]
    assert keys.repeated(frame).to_list() == [False, False, True]
