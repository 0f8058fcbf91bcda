"""The canonical Parquet layout: one column for each field of the event contracts.

A directory has a folder for each topic. A row is one record of the topic; a field that its type of event
does not have is null. Four columns state the record's position in Kafka. The columns are derived from the
structs in ``forewarn.contracts``, so they cannot drift from the contracts.
"""

from typing import Any, Final

import msgspec
import pyarrow as pa

from forewarn.contracts import CallEnded, CallStarted, LineChanged, Outcome, Score, Transfer
from forewarn.contracts.topics import SOURCES

POSITION: Final = (
    pa.field("topic", pa.string(), nullable=False),
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("appended_at_ms", pa.int64(), nullable=False),
)
"""The record's position in Kafka, and when the broker appended it (UTC ms)."""

ROWS_PER_GROUP: Final = 8_192
"""Rows of a row group. A history is read by row groups, of every partition one or two at a time, so that memory holds
about as many rows as there are partitions, times this."""

STRUCTS: Final[dict[str, tuple[type[msgspec.Struct], ...]]] = {
    "calls": (CallStarted, CallEnded, LineChanged),
    "transfers": (Transfer,),
    "outcomes": (Outcome,),
    "scores": (Score,),
}
"""The events of each topic that has a Parquet form."""


def _arrow_type(kind: msgspec.inspect.Type) -> tuple[pa.DataType, bool]:
    """The Arrow type of a field, and whether it may be null."""
    inspect = msgspec.inspect
    if isinstance(kind, inspect.Metadata):
        return _arrow_type(kind.type)
    if isinstance(kind, inspect.UnionType):
        inner = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
        return _arrow_type(inner[0])[0], True
    if isinstance(kind, inspect.LiteralType):
        return (pa.string() if isinstance(kind.values[0], str) else pa.int64()), False
    if isinstance(kind, inspect.VarTupleType):
        return pa.list_(_arrow_type(kind.item_type)[0]), False
    if isinstance(kind, inspect.StructType):
        parts = [pa.field(field.name, _arrow_type(field.type)[0]) for field in kind.fields]
        return pa.struct(parts), False
    simple = {
        inspect.StrType: pa.string(),
        inspect.IntType: pa.int64(),
        inspect.FloatType: pa.float64(),
        inspect.BoolType: pa.bool_(),
    }
    return simple[type(kind)], False


def _fields(structs: tuple[type[msgspec.Struct], ...]) -> list[Any]:
    """Columns of a topic: ``type`` and all fields of its events, in the order of declaration."""
    columns: dict[str, Any] = {"type": pa.field("type", pa.string(), nullable=False)}
    everywhere = set.intersection(*({f.name for f in _inspect(s)} for s in structs))
    for struct in structs:
        for field in _inspect(struct):
            arrow, optional = _arrow_type(field.type)
            nullable = optional or field.name not in everywhere
            columns.setdefault(field.name, pa.field(field.name, arrow, nullable=nullable))
    return list(columns.values())


def _inspect(struct: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101  for the type checker
    return info.fields


def schema_of(topic: str) -> pa.Schema:
    """The columns of one topic, position last.

    Args:
        topic: a key of ``STRUCTS``, without the prefix of an installation.
    """
    return pa.schema([*_fields(STRUCTS[topic]), *POSITION])


SCHEMAS: Final[dict[str, pa.Schema]] = {topic: schema_of(topic) for topic in STRUCTS}

SOURCE_OF: Final[dict[str, int]] = {topic: index for index, topic in enumerate(SOURCES)}
"""Index of a topic among the sources, as in ``EventColumns.source``."""
