"""Lists as they arrive on their topic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.contracts import encode
from forewarn.contracts.list_entry import list_key
from forewarn.errors import ConfigurationError
from models.policy import party_lists as module
from models.policy.party_lists import Lists, entry

NOW = 1_767_225_600_000


def test_records_put_entries_in_force_and_tombstones_take_them_out() -> None:
    lists = Lists()
    key = list_key("default", "pair", "account", f"{7:016x}", f"{3:016x}")
    lists.apply(key, encode(entry("pair", 7, subscriber=3, kind="account")))
    assert lists.holds("pair", "default", 7, NOW, 3)
    assert not lists.holds("pair", "other", 7, NOW, 3)
    assert not lists.holds("pair", "default", 7, NOW, 4)
    lists.apply(key, None)
    assert not lists.holds("pair", "default", 7, NOW, 3)


def test_an_entry_ends_when_it_expires() -> None:
    lists = Lists()
    lists.add(entry("block", 7, expires_at_ms=NOW))
    assert lists.holds("block", "default", 7, NOW - 1)
    assert not lists.holds("block", "default", 7, NOW)


def test_rows_with_blocked_or_watched_parties_are_found_at_once() -> None:
    lists = Lists()
    parties = np.array([1, 2**63 + 5, 3, 2**64 - 1], np.uint64)
    assert not lists.rows_to_decide(parties).any()
    lists.add(entry("allow", 1))
    assert not lists.rows_to_decide(parties).any()
    lists.add(entry("block", 2**63 + 5))
    lists.add(entry("watch", 3))
    assert lists.rows_to_decide(parties).tolist() == [False, True, True, False]
    lists.remove("default", "block", 2**63 + 5)
    assert lists.rows_to_decide(parties).tolist() == [False, False, True, False]


def test_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 2)
    lists = Lists()
    lists.add(entry("block", 1))
    lists.add(entry("block", 2))
    lists.add(entry("block", 2, expires_at_ms=NOW))  # a change of one that is there takes no room
    assert not lists.holds("block", "default", 2, NOW)
    with pytest.raises(ConfigurationError, match="2 entries"):
        lists.add(entry("block", 3))


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["block", "watch", "allow"]),
            st.sampled_from(["one", "other"]),
            st.integers(1, 8),
        ),
        max_size=60,
    )
)
def test_changes_are_found_as_in_lists_sorted_again(changes: list[tuple]) -> None:
    """However changes and merges fall, each number on a list of any tenant is found."""
    lists, held = Lists(), set[tuple]()
    peers = np.arange(10, dtype=np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_CHANGES", 3)
        for put, name, tenant, peer in changes:
            if put:
                lists.add(entry(name, peer, tenant=tenant))
                held.add((name, tenant, peer))
            else:
                lists.remove(tenant, name, peer)
                held.discard((name, tenant, peer))
            wanted = {p for n, _, p in held if n != "allow"}
            assert set(np.flatnonzero(lists.rows_to_decide(peers)).tolist()) == wanted


def test_a_change_does_not_sort_the_lists_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two million entries that holds up every warning of the worker."""
    lists = Lists()
    for peer in range(1, 5000):
        lists.add(entry("block", peer))
    parties = np.array([7, 6000], np.uint64)
    assert lists.rows_to_decide(parties).tolist() == [True, False]
    sizes: list[int] = []

    def sort(values: np.ndarray) -> np.ndarray:
        sizes.append(len(values))
        return np.array(sorted(values.tolist()), values.dtype)

    monkeypatch.setattr(module.np, "sort", sort)
    lists.add(entry("block", 6000))
    assert lists.rows_to_decide(parties).tolist() == [True, True]
    assert max(sizes) == 1
