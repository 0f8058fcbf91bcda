"""A proof leads every leaf to the root, and no other leaf."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.evidence.merkle_tree import leaf_hash, prove, root_of

LEAVES = st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=70)


def naive(leaves: list[bytes]) -> bytes:
    """The tree of RFC 6962 as its section 2.1 defines it."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


@given(LEAVES)
def test_the_root_is_that_of_the_standard(leaves: list[bytes]) -> None:
    proven = prove(leaves, range(len(leaves)))
    assert proven.root == naive(leaves).hex()
    assert proven.size == len(leaves)
    assert all(root_of(leaf, proven.proofs[n]) == proven.root for n, leaf in enumerate(leaves))


@given(LEAVES, st.binary(min_size=9, max_size=9))
def test_another_leaf_leads_elsewhere(leaves: list[bytes], other: bytes) -> None:
    proven = prove(leaves, [len(leaves) // 2])
    assert root_of(other, proven.proofs[len(leaves) // 2]) != proven.root


@pytest.mark.parametrize("step", [("up", "00" * 32), ("left", "00"), ("left", "xyz")])
def test_a_step_that_is_none_is_refused(step: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        root_of(b"x", [step])
