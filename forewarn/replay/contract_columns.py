"""Events of the rows in which nothing is out of the ordinary, whole columns at a time.

A row is only taken here if every cell converts, every field keeps the contract and no check fails. Every
other row is left to ``forewarn.replay.column_mapping``, which knows the reasons: so this module decides nothing
that the other would decide otherwise, it is only faster. A test compares the two.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import cast

import msgspec
import polars as pl

from forewarn.contracts import MAX_EVENT_BYTES
from forewarn.replay.cell_conversion import NO_ACCOUNT, NOTHING, digest
from forewarn.replay.column_conversion import WRONG, by_cell
from forewarn.replay.event_check import ROUNDING_MS
from forewarn.replay.field_conversion import REFUSED, CompiledField
from forewarn.replay.mapping_file import STRUCTS, template_names
from forewarn.replay.party_text import words
from forewarn.replay.repeated_ids import marks_of
from forewarn.replay.row_batch import RowBatch

_LONGEST_TEXT_BYTES = MAX_EVENT_BYTES // 32
"""Of a field without a bound; escaped, each byte may take six."""


@dataclass(frozen=True, slots=True)
class ContractColumns:
    """Events of one rule.

    Attributes:
        kind: type of the events.
        positions: of the rows in the batch, rising.
        times_ms: event times.
        keys: subscribers.
        values: events as JSON.
        marks: identifiers and contents, where they are wanted.
    """

    kind: str
    positions: pl.Series
    times_ms: pl.Series
    keys: pl.Series
    values: pl.Series
    marks: pl.DataFrame | None = None

    def of_rows(self, whole: pl.Series) -> "ContractColumns":
        """Only the events of these rows; bool [rows of the batch]."""
        kept = whole.gather(self.positions)
        keys, values = self.keys, self.values
        if len(values):
            keys, values = keys.filter(kept), values.filter(kept)
        return ContractColumns(
            self.kind,
            self.positions.filter(kept),
            self.times_ms.filter(kept),
            keys,
            values,
            None if self.marks is None else self.marks.filter(kept),
        )


def event_columns(
    kind: str,
    fields: list[CompiledField],
    batch: RowBatch,
    chosen: pl.Series,
    own: frozenset[str],
    *,
    reads_sign: bool,
    encoded: bool,
    marked: bool,
    known: dict[str, pl.Series],
) -> ContractColumns:
    """Events of the chosen rows that are in order; the positions say which.

    Args:
        kind: type of the events.
        fields: of the rule.
        batch: the rows.
        chosen: positions of the rows that the rule is for.
        own: accounts whose transfers among each other are own money.
        reads_sign: whether the sign of the amount says something that another field reads.
        encoded: whether the values are wanted; without, they are empty.
        marked: whether the identifiers and contents are wanted.
        known: values that an earlier rule made of the same batch, by the conversion.
    """
    found = {f.name: _values(f, batch, chosen, known) for f in fields}
    if any(f.rule.whole for f in fields):
        found["duration_ms"] = found["event_time_ms"] - found["started_at_ms"]
    if reads_sign:
        found["amount_minor"] = found["amount_minor"].abs()
    columns = [pl.Series("type", [kind]).new_from_index(0, len(chosen)).alias("type")]
    for each in _contract(kind):
        name = each.encode_name
        if name in found:
            columns.append(_typed(found[name], each.type).alias(name))
    frame = pl.DataFrame(columns).with_columns(_position=chosen)
    kept = frame.filter(_in_order(kind, found.keys(), own), _keeps_contract(kind, found.keys()))
    nothing = pl.Series([], dtype=pl.Binary)
    keys = values = nothing
    if encoded:
        event = pl.struct(pl.exclude("_position")).struct.json_encode()
        values = kept.select(event.cast(pl.Binary).alias("value"))["value"]
        keys = kept["subscriber"].cast(pl.Binary)
    marks = marks_of(kind, kept) if marked else None
    return ContractColumns(kind, kept["_position"], kept["event_time_ms"], keys, values, marks)


def _values(
    compiled: CompiledField, batch: RowBatch, chosen: pl.Series, known: dict[str, pl.Series]
) -> pl.Series:
    """The values of a field; null where the slow way has to look."""
    if not compiled.shared or compiled.rule.whole:
        return _made(compiled, batch, chosen)
    values = known.get(compiled.key)
    if values is None:
        everything = pl.int_range(len(batch), dtype=pl.UInt32, eager=True)
        values = known[compiled.key] = _made(compiled, batch, everything)
    return values if len(values) == len(chosen) else values.gather(chosen)


def _made(compiled: CompiledField, batch: RowBatch, chosen: pl.Series) -> pl.Series:
    rule, n = compiled.rule, len(chosen)
    if rule.whole:
        return pl.Series([None] * n, dtype=pl.Int64)
    if rule.value is not None:
        return _constant(compiled).new_from_index(0, n)
    texts = _texts(compiled, batch, chosen)
    values = _converted(compiled, texts)
    for plus in rule.plus:
        more = _cells(batch, plus.column, chosen).str.extract(r"^([0-9]{1,9})$")
        values += more.cast(pl.Int64) * plus.scale
    empty = texts == ""
    if compiled.absent is not REFUSED and empty.any():
        filled = pl.Series([compiled.absent], dtype=values.dtype, strict=False)
        values = filled.new_from_index(0, n).zip_with(empty, values)
    return values


def _constant(compiled: CompiledField) -> pl.Series:
    value = compiled.rule.value
    if compiled.convert is None or (compiled.name == "duration_ms" and compiled.rule.scale is None):
        return pl.Series([value])
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return compiled.convert.series(pl.Series([text]))


def _cells(batch: RowBatch, column: str, chosen: pl.Series) -> pl.Series:
    cells = batch.series(column)
    return cells if len(chosen) == len(cells) else cells.gather(chosen)


def _texts(compiled: CompiledField, batch: RowBatch, chosen: pl.Series) -> pl.Series:
    """The texts of a field; empty where there is nothing."""
    rule = compiled.rule
    if rule.template:
        texts = _filled_in(rule.templates[0], batch, chosen)
        for other in rule.templates[1:]:
            if not texts.null_count():
                break
            texts = texts.zip_with(texts.is_not_null(), _filled_in(other, batch, chosen))
        return texts
    texts = pl.Series([""]).new_from_index(0, len(chosen))
    for column in (*rule.columns, *rule.names):
        cells = _cleaned(compiled, column, batch, chosen)
        if column == rule.columns[0]:
            texts = cells
        elif compiled.name == "amount_minor":
            texts = _one_amount(texts, cells)
        else:
            texts = texts.zip_with(texts != "", cells)
    return texts


def _cleaned(compiled: CompiledField, column: str, batch: RowBatch, chosen: pl.Series) -> pl.Series:
    """The cells of one column of a field; empty where they say that there is nothing."""
    rule, cells = compiled.rule, _cells(batch, column, chosen)
    if batch.faults(column):
        faults = pl.Series(list(batch.faults(column)), dtype=chosen.dtype)
        cells = cells.set(chosen.is_in(faults.implode()), None)
    if column in rule.words:
        cells = cells.map_elements(words, pl.String)
    if column in rule.names:
        cells = by_cell(digest(rule.digest), pl.String).series(cells).fill_null("")
    if compiled.nothing:
        cells = cells.set(cells.str.to_lowercase().is_in(list(NOTHING)), "")
    if compiled.account:
        cells = cells.set(cells.str.contains(NO_ACCOUNT), "")
    return cells


def _one_amount(texts: pl.Series, cells: pl.Series) -> pl.Series:
    """The one amount of two columns; null where both have one, for the slow way to look."""
    two = ((texts != "") & (cells != "") & (texts != cells)).fill_null(value=True)
    return texts.zip_with(texts != "", cells).set(two, None)


def _filled_in(template: str, batch: RowBatch, chosen: pl.Series) -> pl.Series:
    """A template with its cells; null where one is empty, or where the template has built-in names."""
    names = list(dict.fromkeys(template_names(template)))
    if not names or any(name in ("file", "line") and not batch.has(name) for name in names):
        return pl.Series([None] * len(chosen), dtype=pl.String)
    cells = {f"c{number}": _cells(batch, name, chosen) for number, name in enumerate(names)}
    frame = pl.DataFrame(cells).select(pl.all().replace("", None))
    place = {name: f"c{number}" for number, name in enumerate(names)}
    parts: list[pl.Expr] = []
    rest = template
    for name in template_names(template):
        before, _, rest = rest.partition("{" + name + "}")
        parts += [pl.lit(before), pl.col(place[name])]
    return frame.select(pl.concat_str([*parts, pl.lit(rest)]).alias("t"))["t"]


def _converted(compiled: CompiledField, texts: pl.Series) -> pl.Series:
    if compiled.first is not None:
        texts = compiled.first.series(texts)
    if compiled.convert is not None:
        values = compiled.convert.series(texts)
        lost = texts.is_null() if compiled.name == "caller" else None
        return values if lost is None else values.cast(pl.String).set(lost, WRONG)
    if compiled.rule.decimals == "currency":
        return pl.Series([None] * len(texts), dtype=pl.Int64)
    return texts.set(texts == "", None)


def _typed(values: pl.Series, kind: msgspec.inspect.Type) -> pl.Series:
    """Texts of numbers and truth values as such, where the contract wants them."""
    kind = _bare(kind)
    if isinstance(kind, msgspec.inspect.BoolType) and values.dtype == pl.String:
        return values.replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    wanted: type[pl.DataType] = pl.String
    if isinstance(kind, msgspec.inspect.BoolType | msgspec.inspect.IntType):
        wanted = pl.Boolean if isinstance(kind, msgspec.inspect.BoolType) else pl.Int64
    return values if values.dtype == wanted else values.cast(wanted, strict=False)


def _keeps_contract(kind: str, names: Collection[str]) -> pl.Expr:
    """What the contract says of each field: lengths, patterns, bounds and words."""
    return pl.all_horizontal(
        _keeps_type(pl.col(each.encode_name), each.type)
        for each in _contract(kind)
        if each.encode_name in names
    )


@cache
def _contract(kind: str) -> tuple[msgspec.inspect.Field, ...]:
    """The fields of an event as the contract declares them."""
    info = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(STRUCTS[kind]))
    return info.fields


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """A type without the description that the contract gives it."""
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _keeps_type(column: pl.Expr, kind: msgspec.inspect.Type) -> pl.Expr:
    kind = _bare(kind)
    if isinstance(kind, msgspec.inspect.UnionType):
        (inner,) = [one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType)]
        return column.is_null() | _keeps_type(column, inner)
    test = column.is_not_null()
    if isinstance(kind, msgspec.inspect.StrType):
        test &= _keeps_text(column, kind)
    if isinstance(kind, msgspec.inspect.IntType):
        if kind.ge is not None:
            test &= column >= kind.ge
        if kind.le is not None:
            test &= column <= kind.le
    if isinstance(kind, msgspec.inspect.LiteralType):
        test &= column.is_in(list(kind.values))
    return test


def _keeps_text(column: pl.Expr, kind: msgspec.inspect.StrType) -> pl.Expr:
    # Where anything may stand, what makes the event too long is for the slow way to see.
    longest = _LONGEST_TEXT_BYTES if kind.max_length is None else kind.max_length
    test = column.str.len_bytes().is_between(kind.min_length or 0, longest)
    return test if kind.pattern is None else test & column.str.contains(kind.pattern)


def _in_order(kind: str, names: Collection[str], own: frozenset[str]) -> pl.Expr:
    """The checks of ``forewarn.replay.event_check``, as expressions."""
    tests = [pl.lit(value=True)]
    me, caller, callee = pl.col("subscriber"), pl.col("caller"), pl.col("callee")
    if kind in ("call_started", "call_ended"):
        inbound = pl.col("direction") == "inbound"
        tests += [
            ~(inbound & caller.eq_missing(me)),
            inbound | (callee.ne_missing(me) & caller.is_not_null()),
            caller.ne_missing(callee),
        ]
    if kind == "line_changed" and "forwarded_to" in names:
        tests.append(me.ne_missing(pl.col("forwarded_to")))
    if kind == "call_ended":
        length = pl.col("event_time_ms") - pl.col("started_at_ms")
        talk = pl.col("duration_ms")
        tests += [length >= 0, talk <= length + ROUNDING_MS, pl.col("answered") | (talk == 0)]
    if kind == "transfer":
        payer, payee = pl.col("payer_account"), pl.col("payee_account")
        tests += [pl.col("amount_minor") > 0, payer != payee]
        if own:
            tests.append(~(payer.is_in(list(own)) & payee.is_in(list(own))))
    return pl.all_horizontal(tests)
