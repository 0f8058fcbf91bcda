"""The columns of the event contracts as polars frames, and the same events as JSON records."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forewarn.simulator.party_directory import hex_ids, scramble, texts_of
from forewarn.simulator.town_events import LINE_CHANGED, Columns, EventRows
from forewarn.simulator.town_ledger import ATTESTATIONS, CHANNELS, PURPOSES, Column
from forewarn.simulator.town_scenario import Scenario

CALL_TYPES = ("call_started", "call_ended", "line_changed")
STATUSES = ("attempted", "completed", "blocked", "reversed")


def ids(index: Column, seed: int, letter: bytes) -> pl.Series:
    """Identifiers of rows: an invertible scramble of the position, so unique and empty of signal."""
    return texts_of(hex_ids(scramble(index.astype(np.uint64), seed), letter))


def names(values: tuple[str, ...], codes: Column) -> pl.Series:
    """Codes to their names."""
    return pl.Series(list(values), dtype=pl.String).gather(codes.astype(np.uint32))


@dataclass(slots=True)
class PartyTexts:
    """The texts of parties by index."""

    numbers: pl.Series
    accounts: pl.Series
    devices: pl.Series
    districts: pl.Series


def call_frame(
    events: EventRows, legs: Columns, lines: Columns, texts: PartyTexts, scenario: Scenario
) -> pl.DataFrame:
    """Events of the ``calls`` topic; columns that a type does not have are null."""
    line = events.kind == LINE_CHANGED
    leg = np.where(line, 0, events.row)
    switch = np.where(line, events.row, 0)
    leg_count = legs["person"].size
    if not lines["person"].size:
        lines = {name: np.zeros(1, column.dtype) for name, column in lines.items()}
    person = np.where(line, lines["person"][switch], legs["person"][leg]).astype(np.uint32)
    inbound = legs["inbound"][leg].astype(bool)
    other = legs["other"][leg]
    caller = np.where(inbound, other, person).astype(np.uint32)
    callee = np.where(inbound, person, other).astype(np.uint32)
    target = lines["target"][switch].astype(np.int64)
    fact = np.where(line, leg_count + events.row, events.row)
    ended = events.kind == 1
    frame = pl.DataFrame(
        {
            "type": names(CALL_TYPES, events.kind),
            "event_id": ids(fact * 4 + events.kind, scenario.seed, b"c"),
            "event_time_ms": events.time_ms,
            "subscriber": texts.numbers.gather(person),
            "district": texts.districts.gather(person),
            "call_id": ids(events.row, scenario.seed + 1, b"k"),
            "direction": names(("outbound", "inbound"), inbound),
            "caller": texts.numbers.gather(caller),
            "callee": texts.numbers.gather(callee),
            "attestation": names(ATTESTATIONS, legs["attestation"][leg]),
            "device": texts.devices.gather(person),
            "started_at_ms": legs["start_ms"][leg].astype(np.int64),
            "duration_ms": legs["duration_ms"][leg].astype(np.int64),
            "answered": legs["answered"][leg].astype(bool),
            "setting": names(("do_not_disturb", "call_forwarding"), lines["forwarding"][switch]),
            "active": lines["active"][switch].astype(bool),
            "forwarded_to": texts.numbers.gather(np.maximum(target, 0).astype(np.uint32)),
            "arrival_ms": events.arrival_ms,
            "line": line,
            "ended": ended,
            "forwarded": line & (target >= 0),
        }
    )
    of_calls = ("call_id", "direction", "caller", "callee", "attestation", "device")
    return frame.with_columns(
        *(pl.when(~pl.col("line")).then(pl.col(name)).alias(name) for name in of_calls),
        *(
            pl.when(pl.col("ended")).then(pl.col(name)).alias(name)
            for name in ("started_at_ms", "duration_ms", "answered")
        ),
        *(pl.when(pl.col("line")).then(pl.col(name)).alias(name) for name in ("setting", "active")),
        pl.when(pl.col("forwarded")).then(pl.col("forwarded_to")).alias("forwarded_to"),
        pl.lit(scenario.tenant).alias("tenant"),
        pl.lit(0, dtype=pl.Int32).alias("revision"),
    ).drop("line", "ended", "forwarded")


def transfer_frame(
    events: EventRows, postings: Columns, texts: PartyTexts, scenario: Scenario
) -> pl.DataFrame:
    """Events of the ``transfers`` topic."""
    row = events.row
    person = postings["person"][row].astype(np.int64)
    outgoing = postings["outgoing"][row].astype(bool)
    own = postings["own"][row].astype(np.int64)
    own = np.where(own >= 0, own, person)
    other = postings["other"][row].astype(np.int64)
    device = postings["device"][row].astype(np.int64)
    shown = outgoing & (device >= 0)
    return pl.DataFrame(
        {
            "type": pl.repeat("transfer", len(events), eager=True),
            "event_id": ids(row * 4 + events.kind, scenario.seed + 3, b"t"),
            "event_time_ms": events.time_ms,
            "subscriber": texts.numbers.gather(person.astype(np.uint32)),
            "district": texts.districts.gather(person.astype(np.uint32)),
            "transfer_id": ids(row, scenario.seed + 4, b"x"),
            "status": names(STATUSES, events.kind),
            "direction": names(("incoming", "outgoing"), outgoing),
            "payer_account": texts.accounts.gather(
                np.where(outgoing, own, other).astype(np.uint32)
            ),
            "payee_account": texts.accounts.gather(
                np.where(outgoing, other, own).astype(np.uint32)
            ),
            "amount_minor": postings["amount_minor"][row].astype(np.int64),
            "currency": pl.repeat(scenario.currency, len(events), eager=True),
            "purpose": names(PURPOSES, postings["purpose"][row]),
            "channel": names(CHANNELS, postings["channel"][row]),
            "device": texts.devices.gather(np.maximum(device, 0).astype(np.uint32)),
            "arrival_ms": events.arrival_ms,
            "shown": shown,
        }
    ).with_columns(
        pl.when(pl.col("shown")).then(pl.col("device")).otherwise(pl.lit("")).alias("device"),
        pl.lit(scenario.tenant).alias("tenant"),
        pl.lit(0, dtype=pl.Int32).alias("revision"),
    ).drop("shown")  # fmt: skip


def _text(name: str) -> str:
    return f'"{name}":"{{}}"'


def _bare(name: str) -> str:
    return f'"{name}":{{}}'


def _record(fields: list[str], columns: list[str]) -> pl.Expr:
    body = ",".join(fields)
    return pl.format("{}" + body + "{}", pl.lit("{"), *columns, pl.lit("}"))


_COMMON = (
    ["type", "event_id", "subscriber", "tenant", "district"],
    ["event_time_ms"],
)


def _json(texts: list[str], bares: list[str]) -> pl.Expr:
    """An expression that writes some columns as one JSON object; values need no escaping."""
    texts, bares = _COMMON[0] + texts, _COMMON[1] + bares
    template = [_text(name) for name in texts] + [_bare(name) for name in bares]
    return _record(template, texts + bares)


_CALL = ["call_id", "direction", "caller", "callee", "attestation", "device"]


def call_records(frame: pl.DataFrame) -> pl.Series:
    """The JSON text of each event of a call frame."""
    kind = pl.col("type")
    return frame.select(
        pl.when(kind == "call_started")
        .then(_json(_CALL, []))
        .when(kind == "call_ended")
        .then(_json(_CALL, ["started_at_ms", "duration_ms", "answered"]))
        .when(pl.col("forwarded_to").is_null())
        .then(_json(["setting"], ["active"]))
        .otherwise(_json(["setting", "forwarded_to"], ["active"]))
        .alias("record")
    )["record"]


def transfer_records(frame: pl.DataFrame) -> pl.Series:
    """The JSON text of each event of a transfer frame."""
    texts = ["transfer_id", "status", "direction", "payer_account", "payee_account", "currency",
             "purpose", "channel", "device"]  # fmt: skip
    return frame.select(_json(texts, ["amount_minor"]).alias("record"))["record"]
