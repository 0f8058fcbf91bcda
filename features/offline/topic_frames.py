"""Records of a topic to rows of the canonical layout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

import msgspec
import polars as pl

from features.offline.parquet_schema import SCHEMAS, STRUCTS
from forewarn.contracts import (
    Acceptance,
    Event,
    accept,
    decode_call,
    decode_outcome,
    decode_scores,
    decode_transfer,
    encode,
)
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ContractError

Decode = Callable[[bytes | None], msgspec.Struct]

DECODERS: Final[dict[str, Decode]] = {
    "calls": decode_call,
    "transfers": decode_transfer,
    "outcomes": decode_outcome,
}
"""Decoders of the topics that hold one event a record."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as read from Kafka; ``appended_at_ms`` is the broker's append time, UTC."""

    partition: int
    offset: int
    appended_at_ms: int
    value: bytes | None
    key: bytes | None = None


@dataclass(slots=True)
class RejectedRecords:
    """Records that are not valid events: partition, offset and dead-letter reason of each."""

    rows: list[tuple[int, int, str]] = field(default_factory=list)


def frame_of(
    topic: str,
    records: Sequence[StoredRecord],
    rejected: RejectedRecords | None = None,
    *,
    acceptance: Acceptance | None = None,
) -> pl.DataFrame:
    """Decode records of one topic into the canonical columns, in their order.

    Args:
        topic: without the prefix of an installation.
        records: as read.
        rejected: collects records that are not valid events; without it, the first one is an error.
        acceptance: rules of the installation. Without it keys, times and currencies are not checked,
            which suits records that were not sent by a source.

    Raises:
        ContractError: at the first invalid record, if ``rejected`` is not given.
    """
    lines: list[bytes] = []
    kept: list[StoredRecord] = []
    for record in records:
        try:
            # Encoding an event again puts it on one line, whatever white space its source wrote.
            found = [encode(row) for row in _rows(topic, record, acceptance)]
        except ContractError as error:
            if rejected is None:
                raise
            rejected.rows.append((record.partition, record.offset, error.reason))
        else:
            lines += found
            kept += [record] * len(found)
    wanted = pl.Schema(SCHEMAS[topic])
    body = {name: kind for name, kind in wanted.items() if name not in _POSITION}
    frame = pl.read_ndjson(b"\n".join(lines), schema=body) if lines else pl.DataFrame(schema=body)
    position = {
        "topic": pl.repeat(topic, len(kept), dtype=pl.String, eager=True),
        "partition": pl.Series([r.partition for r in kept], dtype=pl.Int32),
        "offset": pl.Series([r.offset for r in kept], dtype=pl.Int64),
        "appended_at_ms": pl.Series([r.appended_at_ms for r in kept], dtype=pl.Int64),
    }
    return fill_defaults(topic, frame).with_columns(**position).select(list(wanted))


def _rows(
    topic: str, record: StoredRecord, acceptance: Acceptance | None
) -> Sequence[msgspec.Struct]:
    """The rows of a record: one event, or the scores of a block."""
    if topic == "scores":
        return decode_scores(record.value)
    return [_event(topic, record, acceptance)]


def _event(topic: str, record: StoredRecord, acceptance: Acceptance | None) -> msgspec.Struct:
    if acceptance is None or topic not in SOURCES:
        return DECODERS[topic](record.value)
    decode = cast("Callable[[bytes | None], Event]", DECODERS[topic])
    return accept(
        decode,
        record.key,
        record.value,
        appended_at_ms=record.appended_at_ms,
        acceptance=acceptance,
    )


_POSITION: Final = frozenset({"topic", "partition", "offset", "appended_at_ms"})


Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def fill_defaults(topic: str, frame: Frame) -> Frame:
    """Fill nulls with the contract's default, in the fields of the row's type of event."""
    by_name: dict[str, tuple[object, list[str]]] = {}
    for struct in STRUCTS[topic]:
        tag = str(struct.__struct_config__.tag)
        for info in msgspec.structs.fields(struct):
            if info.default is not msgspec.NODEFAULT and info.default is not None:
                by_name.setdefault(info.name, (info.default, []))[1].append(tag)
    kinds = pl.Schema(SCHEMAS[topic])
    filled = []
    for name, (default, tags) in by_name.items():
        column = pl.col(name)
        value = pl.lit([] if default == () else default, dtype=kinds[name])
        filled.append(
            pl.when(pl.col("type").is_in(tags) & column.is_null())
            .then(value)
            .otherwise(column)
            .alias(name)
        )
    return frame.with_columns(filled)
