"""Records of the ``scores`` topic: the scores of up to ``MAX_ROWS`` events as columns.

A record's value is a MessagePack map with the names below. A column is a byte string of little-endian
numbers, one for each of the ``n`` events unless stated otherwise; ``docs/scores.md`` shows how to read it in
another language. One JSON object an event took a fifth of a worker's processor time.

Records that older versions wrote, one JSON object an event, are read too.
"""

from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from forewarn.contracts.fraud_warning import Source
from forewarn.contracts.score import Score
from forewarn.errors import ContractError

MAX_ROWS = 500
"""Most events of a block: 0.4 MB of vectors, under the broker's bound on a record batch of 1 MiB."""

BLOCK_SCHEMA_VERSION = 1


class ScoreBlock(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="score_block"):
    """Scores of events of one chunk.

    Attributes:
        schema_version: of this layout.
        topics: names in the cluster of the source topics.
        partition: of all events.
        chunk: number of the chunk in its partition.
        fingerprint: of the catalog; it gives the order of the vectors' features.
        model_version, challenger_version, policy_version: which decided; no challenger is empty.
        kinds: names of kinds of events.
        decisions: names of decisions.
        event_id: of each event.
        event_time_ms: i64.
        subscriber: u64, pseudonym.
        kind: u8, index into ``kinds``.
        source: u8, index into ``topics``.
        offset: i64, in the source topic.
        probability: f64.
        challenger_probability: f64; empty without a challenger.
        decision: u8, index into ``decisions``.
        reads: u32 [rows, 3], versions of the records that the vector was computed from. An event has
            one row, an outcome that names several numbers and accounts one for each of them.
        applied: u32 [rows, 3], versions on which the updates landed; empty where they equal the
            reads.
        rows: u16, number of rows of each event; empty where each has one.
        vectors: f32 [features, n]: all values of one feature, then those of the next. NaN is a missing
            value.
    """

    schema_version: int = BLOCK_SCHEMA_VERSION
    topics: tuple[str, ...]
    partition: int
    chunk: int
    fingerprint: str
    model_version: str
    challenger_version: str = ""
    policy_version: str
    kinds: tuple[str, ...]
    decisions: tuple[str, ...]
    event_id: list[str]
    event_time_ms: bytes
    subscriber: bytes
    kind: bytes
    source: bytes
    offset: bytes
    probability: bytes
    challenger_probability: bytes = b""
    decision: bytes
    reads: bytes
    applied: bytes = b""
    rows: bytes = b""
    vectors: bytes


_encoder = msgspec.msgpack.Encoder()
_blocks = msgspec.msgpack.Decoder(ScoreBlock)
_scores = msgspec.json.Decoder(Score)


def encode_block(block: ScoreBlock) -> bytes:
    """Encode the value of a record."""
    return _encoder.encode(block)


def column(values: npt.ArrayLike, kind: str) -> bytes:
    """The bytes of a column; ``kind`` is numpy's name of the type, such as ``"<i8"``."""
    return np.ascontiguousarray(values, dtype=kind).tobytes()


def decode_scores(value: bytes | None) -> list[Score]:
    """The scores of a record of the ``scores`` topic.

    Raises:
        ContractError: with the reason, if the bytes are not a block (or a score as JSON).
    """
    if not value:
        raise ContractError("the record has no value", reason="empty")
    try:
        if value.startswith(b"{"):
            return [_scores.decode(value)]
        return list(_scores_of(_blocks.decode(value)))
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise ContractError(str(error), reason="invalid_field") from None


def _scores_of(block: ScoreBlock) -> Iterator[Score]:
    """One score for each event of a block.

    Raises:
        ValueError, IndexError: a column has another length, or an index leads nowhere.
    """
    n = len(block.event_id)
    if block.schema_version != BLOCK_SCHEMA_VERSION:
        raise ValueError(f"schema version {block.schema_version}, not {BLOCK_SCHEMA_VERSION}")
    challenger: Sequence[float | None] = [None] * n
    if block.challenger_probability:
        challenger = _numbers(block, "challenger_probability", "<f8", n)
    rows = _numbers(block, "rows", "<u2", n) if block.rows else [1] * n
    reads = _versions(block, "reads", rows)
    applied = _versions(block, "applied", rows) if block.applied else [()] * n
    columns = {
        name: _numbers(block, name, kind, n)
        for name, kind in {
            "event_time_ms": "<i8", "subscriber": "<u8", "kind": "u1", "source": "u1",
            "offset": "<i8", "probability": "<f8", "decision": "u1",
        }.items()
    }  # fmt: skip
    for i, vector in enumerate(vectors_of(block)):
        yield Score(
            event_id=block.event_id[i],
            event_time_ms=columns["event_time_ms"][i],
            subscriber=f"{columns['subscriber'][i]:016x}",
            kind=block.kinds[columns["kind"][i]],
            source=Source(
                block.topics[columns["source"][i]], block.partition, columns["offset"][i]
            ),
            chunk=block.chunk,
            fingerprint=block.fingerprint,
            vector=_base64(vector),
            reads=reads[i],
            applied=applied[i],
            probability=columns["probability"][i],
            challenger_probability=challenger[i],
            model_version=block.model_version,
            challenger_version=block.challenger_version,
            policy_version=block.policy_version,
            decision=block.decisions[columns["decision"][i]],
        )


def vectors_of(block: ScoreBlock) -> npt.NDArray[np.float32]:
    """The vectors of a block; float32 [n, features].

    Raises:
        ValueError: the column does not hold as many values for each event.
    """
    n = len(block.event_id)
    values = np.frombuffer(block.vectors, "<f4")
    return np.ascontiguousarray(values.reshape(-1, n).T) if n else values.reshape(0, 0)


def _base64(vector: npt.NDArray[np.float32]) -> str:
    return b2a_base64(vector.tobytes(), newline=False).decode("ascii")


def _numbers(block: ScoreBlock, name: str, kind: str, n: int) -> list[Any]:
    values: list[Any] = np.frombuffer(getattr(block, name), kind).tolist()
    if len(values) != n:
        raise ValueError(f"the column {name} has {len(values)} values for {n} events")
    return values


def _versions(block: ScoreBlock, name: str, rows: Sequence[int]) -> list[tuple[int, ...]]:
    """Versions of each event: three for each of its rows."""
    flat = np.frombuffer(getattr(block, name), "<u4").tolist()
    if len(flat) != 3 * sum(rows):
        raise ValueError(f"the column {name} has {len(flat)} values for {sum(rows)} rows")
    ends = np.cumsum([3 * count for count in rows]).tolist()
    return [tuple(flat[end - 3 * count : end]) for end, count in zip(ends, rows, strict=True)]
