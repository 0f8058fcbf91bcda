"""Rows of the canonical layout to the columns of the kernel, a frame at a time.

The result equals that of ``features.event_columns.from_events`` on the same events; a test holds that.
Each distinct identifier is pseudonymised once, since nearly all identifiers repeat.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from features import event_columns, kinds
from features.event_columns import KIND_OF_TRANSFER, EventColumns, number_flags
from features.kinds import EventKind
from features.offline.parquet_schema import SOURCE_OF
from forewarn.contracts import Outcome
from forewarn.platform.pseudonyms import Pseudonymiser

_CALL_KINDS: Final = {
    "call_started": EventKind.CALL_STARTED,
    "call_ended": EventKind.CALL_ENDED,
    "line_changed": EventKind.LINE_CHANGED,
}
_TRANSFER_KINDS: Final = {
    f"{direction}_{status}": kind for (direction, status), kind in KIND_OF_TRANSFER.items()
}
_NUMBER_HEAD_CHARS: Final = 7
"""Leading characters on which ``number_flags`` depends: more than six digits, and the country."""

Unsigned = npt.NDArray[np.uint64]


def call_columns(frame: pl.DataFrame, pseudonymiser: Pseudonymiser) -> EventColumns:
    """Columns of rows of ``calls``, in their order."""
    line = pl.col("type") == "line_changed"
    withheld = pl.concat_str(pl.lit(event_columns.WITHHELD), "call_id")
    shown = pl.coalesce(pl.col("caller"), withheld)
    inbound = pl.col("direction") == "inbound"
    of_line = _bit(pl.col("setting") == "call_forwarding", kinds.FORWARDING) | _bit(
        pl.col("active"), kinds.ACTIVE
    )
    of_call = (
        _code("attestation", kinds.ATTESTATIONS, kinds.ATTESTATION_SHIFT)
        | _bit(inbound, kinds.INBOUND)
        | _bit(pl.col("answered"), kinds.ANSWERED)
    )
    table = frame.select(
        pl.col("type").replace_strict(_CALL_KINDS, return_dtype=pl.UInt8).alias("kind"),
        *_EVERYWHERE,
        "device",
        # The number that calls are forwarded to is not a counterparty, but it may be foreign.
        pl.when(line).then(None).when(inbound).then(shown).otherwise("callee").alias("other"),
        pl.when(line).then("event_id").otherwise("call_id").alias("subject"),
        pl.col("duration_ms").fill_null(0),
        (pl.when(line).then(of_line).otherwise(of_call) | _revision()).alias("flags"),
        pl.when(line).then("forwarded_to").when(inbound).then("caller").otherwise("callee")
        .alias("seen"),
    )  # fmt: skip
    flags = table["flags"].to_numpy() | _number_flags(table["seen"], table["subscriber"])
    return event_columns.from_arrays(
        **_identified(table, pseudonymiser, pseudonymiser.phone),
        **_given(table, "kind", "event_time_ms", "duration_ms", "partition", "offset"),
        source=np.full(len(table), SOURCE_OF["calls"]),
        flags=flags,
    )


def transfer_columns(frame: pl.DataFrame, pseudonymiser: Pseudonymiser) -> EventColumns:
    """Columns of rows of ``transfers``, in their order."""
    outgoing = pl.col("direction") == "outgoing"
    flags = (
        pl.lit(kinds.ACCOUNT, dtype=pl.UInt32)
        | _code("purpose", kinds.PURPOSES, kinds.PURPOSE_SHIFT)
        | _code("channel", kinds.CHANNELS, kinds.CHANNEL_SHIFT)
        | _revision()
    )
    table = frame.select(
        (pl.col("direction") + "_" + pl.col("status"))
        .replace_strict(_TRANSFER_KINDS, return_dtype=pl.UInt8)
        .alias("kind"),
        *_EVERYWHERE,
        "device",
        pl.when(outgoing).then("payee_account").otherwise("payer_account").alias("other"),
        pl.col("transfer_id").alias("subject"),
        "amount_minor",
        flags.alias("flags"),
    )
    return event_columns.from_arrays(
        **_identified(table, pseudonymiser, pseudonymiser.account),
        **_given(table, "kind", "event_time_ms", "amount_minor", "partition", "offset", "flags"),
        source=np.full(len(table), SOURCE_OF["transfers"]),
    )


def outcome_columns(frame: pl.DataFrame, pseudonymiser: Pseudonymiser) -> EventColumns:
    """Columns of rows of ``outcomes``, in their order.

    Outcomes are few and have lists, so they are converted one by one, as the worker does.
    """
    parts: list[EventColumns] = []
    names = {field.name for field in msgspec.structs.fields(Outcome)}
    for (partition,), rows in frame.group_by("partition", maintain_order=True):
        events = [
            msgspec.convert({k: v for k, v in row.items() if k in names and v is not None}, Outcome)
            for row in rows.iter_rows(named=True)
        ]
        parts.append(
            event_columns.from_events(
                events,
                pseudonymiser,
                source=SOURCE_OF["outcomes"],
                partition=int(str(partition)),
                offsets=rows["offset"].to_list(),
            )
        )
    return event_columns.concat(parts)


COLUMNS_OF: Final = {
    "calls": call_columns,
    "transfers": transfer_columns,
    "outcomes": outcome_columns,
}

_EVERYWHERE: Final = ("event_time_ms", "subscriber", "partition", "offset")


def in_order(parts: Sequence[EventColumns]) -> EventColumns:
    """Merge whole topics into the one order in which offline features apply events.

    Each partition of each source keeps its own order, as in Kafka; between partitions, event time decides
    (see ``features.event_columns.merge``).
    """
    runs: list[EventColumns] = []
    for part in parts:
        order = np.lexsort((part.offset, part.partition))
        steps = np.flatnonzero(np.diff(part.partition[order])) + 1
        runs += [part.take(run) for run in np.split(order, steps) if len(run)]
    return event_columns.merge(runs)


def pseudonyms(identifiers: pl.Series, pseudonym: Callable[[str], int]) -> Unsigned:
    """The pseudonym of each identifier; 0 for null and for the empty string."""
    encoded = identifiers.to_arrow().dictionary_encode()
    known = np.fromiter((pseudonym(text) for text in encoded.dictionary.to_pylist()), np.uint64)
    places = encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    found: Unsigned = np.append(known, np.uint64(0))[places]
    return found


def _identified(
    table: pl.DataFrame, pseudonymiser: Pseudonymiser, counterparty: Callable[[str], int]
) -> dict[str, Unsigned]:
    return {
        "subscriber": pseudonyms(table["subscriber"], pseudonymiser.phone),
        "counterparty": pseudonyms(table["other"], counterparty),
        "device": pseudonyms(table["device"], pseudonymiser.device),
        "subject": pseudonyms(table["subject"], pseudonymiser.subject),
    }


def _given(table: pl.DataFrame, *names: str) -> dict[str, npt.NDArray[Any]]:
    renamed = {"event_time_ms": "time_ms"}
    return {renamed.get(name, name): table[name].to_numpy() for name in names}


def _bit(condition: pl.Expr, bit: int) -> pl.Expr:
    return pl.when(condition).then(pl.lit(bit, pl.UInt32)).otherwise(pl.lit(0, pl.UInt32))


def _code(name: str, values: Sequence[str], shift: int) -> pl.Expr:
    codes = {value: code << shift for code, value in enumerate(values)}
    return pl.col(name).replace_strict(codes, default=0, return_dtype=pl.UInt32)


def _revision() -> pl.Expr:
    return pl.col("revision").cast(pl.UInt32) * (1 << kinds.REVISION_SHIFT)


def _number_flags(others: pl.Series, subscribers: pl.Series) -> npt.NDArray[np.uint32]:
    """``number_flags`` of each pair of numbers, computed once for each distinct pair of prefixes."""
    pairs = pl.DataFrame(
        {"other": others.str.head(_NUMBER_HEAD_CHARS), "own": subscribers.str.head(5)}
    )
    known = pairs.unique().drop_nulls()
    flags = [number_flags(other, own) for other, own in known.iter_rows()]
    known = known.with_columns(flags=pl.Series(flags, dtype=pl.UInt32))
    joined = pairs.join(known, on=["other", "own"], how="left", maintain_order="left")
    return joined["flags"].fill_null(0).to_numpy()
