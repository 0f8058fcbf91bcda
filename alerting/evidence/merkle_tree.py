"""Proofs that lines belong to a log without the lines between them: the hash tree of RFC 6962, section 2.1.

A leaf is SHA-256 over a zero byte and the line's digest, a node over a one byte and its two children; a tree whose
size is no power of two is split at the largest one below it. A proof holds the siblings on the way to the root.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

LEFT, RIGHT = "left", "right"
Step = tuple[str, str]
"""The side on which a sibling stands, and its hash in hexadecimal."""


@dataclass(slots=True)
class _Subtree:
    size: int
    digest: bytes
    watched: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Proven:
    """The root over all leaves, how many there are, and the proofs of the watched ones."""

    root: str
    size: int
    proofs: dict[int, list[Step]]


def prove(leaves: Iterable[bytes], watched: Collection[int]) -> Proven:
    """The root, and a proof for each watched leaf; leaves are read once and not kept.

    Args:
        leaves: digests in order.
        watched: places of leaves to prove, from 0.
    """
    proofs: dict[int, list[Step]] = {place: [] for place in watched}
    stack: list[_Subtree] = []
    size = 0
    for place, leaf in enumerate(leaves):
        stack.append(_Subtree(1, leaf_hash(leaf), [place] if place in proofs else []))
        size = place + 1
        while len(stack) > 1 and stack[-2].size == stack[-1].size:
            _merge(stack, proofs)
    while len(stack) > 1:
        _merge(stack, proofs)
    root = stack[0].digest.hex() if stack else hashlib.sha256(b"").hexdigest()
    return Proven(root, size, proofs)


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def root_of(leaf: bytes, proof: Sequence[Step]) -> str:
    """The root that a leaf and its proof lead to, in hexadecimal.

    Raises:
        ValueError: a side or a hash is not one.
    """
    digest = leaf_hash(leaf)
    for side, sibling in proof:
        other = bytes.fromhex(sibling)
        if side not in (LEFT, RIGHT) or len(other) != hashlib.sha256().digest_size:
            raise ValueError("not a step of a proof")
        digest = _node(other, digest) if side == LEFT else _node(digest, other)
    return digest.hex()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _merge(stack: list[_Subtree], proofs: dict[int, list[Step]]) -> None:
    right, left = stack.pop(), stack.pop()
    for place in left.watched:
        proofs[place].append((RIGHT, right.digest.hex()))
    for place in right.watched:
        proofs[place].append((LEFT, left.digest.hex()))
    stack.append(
        _Subtree(
            left.size + right.size, _node(left.digest, right.digest), left.watched + right.watched
        )
    )
