"""A block of scores is read back as the scores of its events."""

import base64

import msgspec
import numpy as np
import pytest

from forewarn.contracts import Score, ScoreBlock, decode_scores, encode
from forewarn.contracts.fraud_warning import Source
from forewarn.contracts.score_block import column, encode_block
from forewarn.errors import ContractError

VECTORS = np.array([[1.5, np.nan, -0.0], [0.0, 7.0, np.inf]], np.float32)
BLOCK = ScoreBlock(
    topics=("x.calls", "x.transfers", "x.outcomes"),
    partition=3,
    chunk=17,
    fingerprint="f" * 64,
    model_version="m1",
    challenger_version="m2",
    policy_version="p1",
    kinds=("none", "call_started", "outcome"),
    decisions=("below_threshold", "outcome"),
    event_id=["a", "b"],
    event_time_ms=column([1_764_000_000_000, 1_764_000_000_001], "<i8"),
    subscriber=column(np.array([1, 2**64 - 1], np.uint64), "<u8"),
    kind=column([1, 2], "u1"),
    source=column([0, 2], "u1"),
    offset=column([5, 2**40], "<i8"),
    probability=column([0.25, 0.5], "<f8"),
    challenger_probability=column([0.125, 0.75], "<f8"),
    decision=column([0, 1], "u1"),
    reads=column([[1, 2, 0], [3, 4, 0], [0, 5, 0]], "<u4"),
    applied=column([[1, 9, 0], [3, 4, 0], [0, 5, 0]], "<u4"),
    rows=column([1, 2], "<u2"),
    vectors=column(VECTORS.T, "<f4"),
)


def changed(**fields: object) -> bytes:
    return encode_block(msgspec.structs.replace(BLOCK, **fields))


def test_every_field_of_every_event_comes_back() -> None:
    """The second event is an outcome that names two numbers: it has two rows of versions."""
    first, second = decode_scores(encode_block(BLOCK))
    assert first.source == Source("x.calls", 3, 5)
    assert (first.subscriber, second.subscriber) == ("0" * 15 + "1", "f" * 16)
    assert (first.kind, second.kind) == ("call_started", "outcome")
    assert first.applied == (1, 9, 0)
    assert second == Score(
        event_id="b",
        event_time_ms=1_764_000_000_001,
        subscriber="f" * 16,
        kind="outcome",
        source=Source("x.outcomes", 3, 2**40),
        chunk=17,
        fingerprint="f" * 64,
        vector=second.vector,
        reads=(3, 4, 0, 0, 5, 0),
        applied=(3, 4, 0, 0, 5, 0),
        probability=0.5,
        challenger_probability=0.75,
        model_version="m1",
        challenger_version="m2",
        policy_version="p1",
        decision="outcome",
    )


def test_vectors_come_back_bit_for_bit() -> None:
    scores = decode_scores(encode_block(BLOCK))
    found = b"".join(base64.b64decode(score.vector) for score in scores)
    assert found == VECTORS.tobytes()


def test_columns_that_are_left_out_have_their_meaning() -> None:
    """No challenger, no race, one row of versions an event."""
    reads = column([[1, 2, 0], [3, 4, 0]], "<u4")
    bare = changed(challenger_probability=b"", applied=b"", rows=b"", reads=reads)
    for score in decode_scores(bare):
        assert score.challenger_probability is None
        assert score.applied == ()
        assert len(score.reads) == 3


def test_a_score_of_an_older_version_is_read() -> None:
    score = decode_scores(encode_block(BLOCK))[0]
    assert decode_scores(encode(score)) == [score]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"\xff",
        encode_block(BLOCK)[:-1],
        changed(offset=b"\0" * 8),
        changed(vectors=BLOCK.vectors[:-4]),
        changed(vectors=BLOCK.vectors[:-3]),
        changed(reads=b"\0" * 12),
        changed(kind=column([1, 9], "u1")),
        changed(schema_version=2),
    ],
)
def test_anything_else_is_refused_with_a_reason(value: bytes) -> None:
    with pytest.raises(ContractError):
        decode_scores(value)
