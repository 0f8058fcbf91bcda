"""Rows to events through a column mapping, some thousand rows at a time."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from forewarn.contracts.topics import TopicName
from forewarn.errors import ConfigurationError
from forewarn.replay import cell_conversion, column_conversion
from forewarn.replay.cell_error import CellError
from forewarn.replay.contract_columns import ContractColumns, event_columns
from forewarn.replay.contract_reason import refused
from forewarn.replay.currency_amount import amounts_by_currency, currency_of_sign, two_amounts
from forewarn.replay.event_check import WHOLE, OwnMoneyError, require_consistent, settle_times
from forewarn.replay.field_conversion import REFUSED, CompiledField, compile_field, field_key
from forewarn.replay.mapping_file import (
    STRUCTS,
    AnyEvent,
    EventRule,
    MappingFile,
    Plus,
    read_mapping,
    rule_of,
    template_names,
)
from forewarn.replay.party_text import words
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_condition import RowCondition
from forewarn.replay.time_conversion import DayOrderError, Instant, ZoneMissingError

OWN_MONEY = "own money: payer and payee are one person"
NO_RULE = "no event of the mapping is for such a row"
NO_RULE_BAD = "no rule of the mapping is for such a row"
NO_RULE_REPAIR = "correct the cells that say what kind of row it is, or say in a mapping of your own what such rows are"


@dataclass(slots=True)
class Converted:
    """What became of the rows of a batch; every position is in exactly one of the three.

    Attributes:
        events: of each row that gives some, in the order of the rules.
        bad: what is wrong with a row.
        passed: the rule under which a row is passed over.
    """

    events: dict[int, list[AnyEvent]] = field(default_factory=dict)
    bad: dict[int, CellError] = field(default_factory=dict)
    passed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    condition: RowCondition
    fields: list[CompiledField]
    says_currency: bool
    says_direction: bool
    amount_column: tuple[str, ...]
    reads_sign: bool


class Mapping:
    """Turns rows into events.

    Args:
        file: the mapping as it is written.
        name: of the mapping, for messages.

    Raises:
        ConfigurationError: if a rule says too little or too much.
    """

    def __init__(self, file: MappingFile, name: str = "the mapping") -> None:
        self.file, self.name = file, name
        try:
            specs = Counter(
                field_key(name, rule_of(spec))
                for rule in file.events
                for name, spec in rule.fields.items()
            )
            shared = {key for key, count in specs.items() if count > 1}
            self._rules = [_compile(rule, file, shared) for rule in file.events]
            self._skips = [(skip, RowCondition(skip.when)) for skip in file.skip]
        except re.error as error:
            raise ConfigurationError(f"{name}: {error} in a pattern.") from error
        self._own = frozenset(file.own_accounts)

    def quick(
        self, batch: RowBatch, *, encoded: bool, marked: bool = False
    ) -> tuple[list[ContractColumns], list[int]]:
        """Events of the rows in which nothing is out of the ordinary, and the positions of the others.

        Args:
            batch: the rows.
            encoded: whether the events themselves are wanted, or their times only; ``marked``: identifiers, too.
        """
        n = len(batch)
        positions = pl.int_range(n, dtype=pl.UInt32, eager=True)
        skipped = self.skipped(batch)
        matched, taken = pl.zeros(n, pl.UInt8, eager=True), pl.zeros(n, pl.UInt8, eager=True)
        found = []
        known: dict[str, pl.Series] = {}
        for rule in self._rules:
            mask = rule.condition.mask(batch) & ~skipped
            if not mask.any():
                continue
            matched += mask.cast(pl.UInt8)
            events = event_columns(
                rule.kind, rule.fields, batch, positions.filter(mask), self._own,
                reads_sign=rule.reads_sign, encoded=encoded, marked=marked, known=known,
            )  # fmt: skip
            taken = taken.scatter(events.positions, taken.gather(events.positions) + 1)
            found.append(events)
        whole = (matched > 0) & (matched == taken)  # all events of a row or none
        if not whole.all():
            found = [events.of_rows(whole) for events in found]
        return found, positions.filter(~whole).to_list()

    def skipped(self, batch: RowBatch) -> pl.Series:
        """Which rows a rule passes over or refuses; bool [rows]."""
        found = pl.Series([False]).new_from_index(0, len(batch))
        for _, condition in self._skips:
            found |= condition.mask(batch)
        return found

    @property
    def topic(self) -> TopicName:
        """Where the rows of this file belong, given by the first kind of event."""
        return "transfers" if self._rules[0].kind == "transfer" else "calls"

    @property
    def topics(self) -> set[TopicName]:
        """Every topic that rows of this file may go to."""
        return {"transfers" if rule.kind == "transfer" else "calls" for rule in self._rules}

    @property
    def conditions(self) -> str:
        """Advice for a file of which no row meets the conditions of an event."""
        whens = [when for rule in self.file.events for when in rule.conditions]
        columns = ", ".join(dict.fromkeys(column for when in whens for column in when))
        line = f"The events of {self.name} have conditions on {columns}: compare them with these cells."
        return f"{line} With a format by name, --given says what they are (forewarn formats)."

    def events(self, row: dict[str, Any], *, file: str, line: int) -> list[AnyEvent]:
        """The events of a row.

        Raises:
            ValueError: saying which field is wrong, without its value.
        """
        found = self.convert(RowBatch((), [row], [line], [""]), file=file)
        if 0 in found.bad:
            raise found.bad[0]
        return found.events.get(0, [])

    def convert(self, batch: RowBatch, *, file: str) -> Converted:
        """What becomes of each row of a batch: its events, all or none of them.

        Args:
            batch: the rows.
            file: the name of the file without its ending, for templates.

        Raises:
            ConfigurationError: if the mapping cannot be meant for this file.
        """
        done = Converted()
        rows = list(range(len(batch)))
        for skip, condition in self._skips:
            for position in condition.positions(batch, rows):
                if skip.bad:
                    done.bad[position] = CellError(skip.rule)
                else:
                    done.passed[position] = skip.rule
            gone = done.passed.keys() | done.bad.keys()
            rows = [position for position in rows if position not in gone]
        found: dict[int, list[AnyEvent]] = {}
        for rule in self._rules:
            chosen = rule.condition.positions(batch, rows)
            for position, event in self._converted(rule, batch, chosen, file, done):
                found.setdefault(position, []).append(event)
        for position in rows:
            if position in done.bad:
                done.passed.pop(position, None)
            elif position in done.passed:
                continue
            elif position in found:
                done.events[position] = found[position]
            else:
                self._leave(position, done)
        return done

    def _leave(self, position: int, done: Converted) -> None:
        if self.file.others == "bad":
            done.bad[position] = CellError(NO_RULE_BAD, repair=NO_RULE_REPAIR)
        else:
            done.passed[position] = NO_RULE

    def _converted(
        self, rule: _Rule, batch: RowBatch, chosen: list[int], file: str, done: Converted
    ) -> Iterable[tuple[int, AnyEvent]]:
        chosen = [position for position in chosen if position not in done.bad]
        if not chosen:
            return
        columns: dict[str, Sequence[object]] = {"type": [rule.kind] * len(chosen)}
        texts = {f.name: _texts(f, batch, chosen, file, done.bad) for f in rule.fields}
        for compiled in rule.fields:
            values = _values(compiled, texts[compiled.name], chosen, done.bad, columns)
            for plus in compiled.rule.plus:
                values = _added(compiled.name, values, plus, batch, chosen, done.bad)
            columns[compiled.name] = values
        if "amount_minor" in columns:
            self._settle_amounts(rule, columns, chosen, done.bad)
        names = list(columns)
        rows = []
        for position, values in zip(chosen, zip(*columns.values(), strict=True), strict=True):
            if position in done.bad:
                continue
            row = dict(zip(names, values, strict=True))
            try:
                settle_times(row)
                require_consistent(rule.kind, row, self._own)
            except CellError as error:
                done.bad[position] = error
            except OwnMoneyError:
                done.passed[position] = OWN_MONEY
            else:
                rows.append((position, row))
        yield from _structs(rule.kind, rows, done.bad)

    def _settle_amounts(
        self,
        rule: _Rule,
        columns: dict[str, Sequence[Any]],
        chosen: list[int],
        bad: dict[int, CellError],
    ) -> None:
        """Turn pairs of amount and currency sign into amounts, and see what the signs say."""
        amounts = list(columns["amount_minor"])
        currencies = list(columns["currency"]) if rule.says_currency else ["CNY"] * len(amounts)
        signs_seen = False
        for place, cell in enumerate(amounts):
            if type(cell) is not tuple:
                continue
            minor, sign = cell
            amounts[place] = abs(minor) if rule.reads_sign else minor
            if minor < 0 and not rule.reads_sign:
                if not rule.says_direction:
                    raise ConfigurationError(
                        f"{self.name}: an amount of the file is negative, and nothing says what that means.",
                        hint='Say direction = { column = "...", sign = { "-" = "outgoing", "+" = "incoming" } }.',
                    )
                bad[chosen[place]] = CellError(
                    f"amount_minor{_where(rule.amount_column)}: is negative",
                    repair="say what the sign means with sign = on status or direction",
                )
            if sign:
                signs_seen = True
                wrong = currency_of_sign(sign, currencies, place, said=rule.says_currency)
                if wrong is not None:
                    bad[chosen[place]] = wrong
        columns["amount_minor"] = amounts
        if signs_seen and not rule.says_currency:
            columns["currency"] = currencies


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: naming the file and what is wrong in it.
    """
    return Mapping(read_mapping(path), path.name)


def _compile(rule: EventRule, file: MappingFile, shared: set[str]) -> _Rule:
    specs = {name: rule_of(spec) for name, spec in rule.fields.items()}
    amount = specs.get("amount_minor")
    if amount and amount.decimals == "currency" and "currency" not in specs:
        raise ConfigurationError(
            f"the mapping of {rule.type} lacks currency, which decides the decimals of amount_minor.",
            hint='Give currency = "column", or currency = { value = "EUR" }.',
        )
    columns = tuple(amount.columns) if amount else ()
    # The currency is needed for decimals = "currency", so it is converted before the amount.
    order = sorted(specs, key=lambda name: name == "amount_minor")
    fields = [compile_field(name, specs[name], rule.type, file, shared) for name in order]
    required = {f.encode_name for f in msgspec.structs.fields(STRUCTS[rule.type]) if f.required}
    if missing := sorted(required - specs.keys()):
        raise ConfigurationError(
            f"the mapping of {rule.type} lacks {', '.join(missing)}.",
            hint="Give each a column, value or template.",
        )
    return _Rule(
        kind=rule.type,
        condition=RowCondition(*rule.conditions),
        fields=fields,
        says_currency="currency" in specs,
        says_direction="direction" in specs,
        amount_column=columns,
        reads_sign=any(spec.sign and set(spec.columns) & set(columns) for spec in specs.values()),
    )


def _texts(
    compiled: CompiledField,
    batch: RowBatch,
    chosen: list[int],
    file: str,
    bad: dict[int, CellError],
) -> list[str] | None:
    """The texts of a field for the chosen rows; None for a constant."""
    rule = compiled.rule
    if rule.value is not None or rule.whole:
        return None
    if rule.template:
        return _filled_in(compiled, batch, chosen, file, bad)
    texts: list[str] = []
    for column in (*rule.columns, *rule.names):
        cells = batch.texts(column)
        if column in rule.words:
            cells = list(map(words, cells))
        if column in rule.names:
            named = cell_conversion.digest(rule.digest)
            cells = [named(cell) if cell else "" for cell in cells]
        for position, error in batch.faults(column).items():
            reason = f"{compiled.name} (column {column}): {error}"
            bad.setdefault(position, CellError(reason, repair=error.repair))
        if not texts:
            texts = cells if len(chosen) == len(cells) else [cells[place] for place in chosen]
        else:
            if compiled.name == "amount_minor":
                two_amounts(texts, [cells[place] for place in chosen], chosen, bad, rule.columns)
            texts = [
                cells[position] if compiled.empty(text) else text
                for text, position in zip(texts, chosen, strict=True)
            ]
    return texts


def _filled_in(
    compiled: CompiledField,
    batch: RowBatch,
    chosen: list[int],
    file: str,
    bad: dict[int, CellError],
) -> list[str]:
    """The texts of a template; with an empty cell it would be the same for many rows."""
    texts: list[str] = []
    templates = compiled.rule.templates
    for number, template in enumerate(templates):
        names = template_names(template)
        cells = {name: _template_cells(name, batch, file) for name in names}
        parts = re.split(r"\{[^{}]*\}", template)
        last = number == len(templates) - 1
        for place, position in enumerate(chosen):
            if number and texts[place]:
                continue
            filled = parts[0]
            for name, rest in zip(names, parts[1:], strict=True):
                cell = cells[name][position]
                if position in batch.faults(name) or not cell:
                    filled = ""
                    if last:
                        what = batch.faults(name).get(position, "is empty")
                        error = CellError(f"{compiled.name} (column {name}): {what}")
                        bad.setdefault(position, error)
                    break
                filled += cell + rest
            if number:
                texts[place] = filled
            else:
                texts.append(filled)
    return texts


def _template_cells(name: str, batch: RowBatch, file: str) -> list[str]:
    if name in ("file", "line") and not batch.has(name):
        return [file] * len(batch) if name == "file" else list(map(str, batch.lines))
    return batch.texts(name)


def _values(
    compiled: CompiledField,
    texts: list[str] | None,
    chosen: list[int],
    bad: dict[int, CellError],
    columns: dict[str, Sequence[Any]],
) -> Sequence[Any]:
    """The values of a field; a row whose cell does not convert becomes bad."""
    rule = compiled.rule
    where = _where(rule.columns) if rule.columns else ""
    if texts is None:
        constant = _constant(compiled)
        return [constant] * len(chosen)
    empty = [place for place, text in enumerate(texts) if compiled.empty(text)]
    if compiled.first is not None:
        texts = _first(compiled.first, texts, empty, chosen, bad, f"{compiled.name}{where}")
    if compiled.name == "amount_minor" and rule.decimals == "currency":
        said = (rule.decimal_sign or ".", texts, columns["currency"])
        values = amounts_by_currency(*said, grouped=rule.grouped)
    else:
        values = compiled.convert.column(texts) if compiled.convert else list(texts)
    for place in empty:
        values[place] = compiled.absent
        if compiled.absent is REFUSED:
            error = CellError(
                f"{compiled.name}{where}: is empty",
                repair="say default = ... if an empty cell means something, or correct the row",
            )
            bad.setdefault(chosen[place], error)
            values[place] = None
    for place, value in enumerate(values):
        if isinstance(value, CellError):
            if isinstance(value, DayOrderError):
                raise ConfigurationError(
                    f"the times of {compiled.name}{where} have day and month the other way round: a date fits "
                    f"only so, and all others were read wrongly.",
                    hint="Swap %d and %m in time =.",
                )
            if isinstance(value, ZoneMissingError):
                raise ConfigurationError(
                    f"the times of {compiled.name}{where} name no zone.",
                    hint='Say zone = "Asia/Shanghai" (or where the file comes from) at the top of the mapping.',
                )
            error = CellError(f"{compiled.name}{where}: {value}", repair=value.repair)
            bad.setdefault(chosen[place], error)
            values[place] = None
    return values


def _added(
    name: str,
    values: Sequence[Any],
    plus: Plus,
    batch: RowBatch,
    chosen: list[int],
    bad: dict[int, CellError],
) -> Sequence[Any]:
    """Times with the durations of a column added."""
    cells = batch.texts(plus.column)
    added = column_conversion.numbers(plus.scale).column([cells[position] for position in chosen])
    found = list(values)
    for place, (moment, more) in enumerate(zip(values, added, strict=True)):
        if not cells[chosen[place]]:
            continue
        if isinstance(more, CellError):
            error = CellError(f"{name} (column {plus.column}): {more}", repair=more.repair)
            bad.setdefault(chosen[place], error)
        elif isinstance(moment, Instant):
            found[place] = Instant(moment.time_ms + more, moment.later_ms + more)
        elif moment is not None:
            found[place] = moment + more
    return found


def _first(
    extract: column_conversion.ColumnConvert,
    texts: list[str],
    empty: list[int],
    chosen: list[int],
    bad: dict[int, CellError],
    what: str,
) -> list[str]:
    found, blank = extract.column(texts), set(empty)
    for place, value in enumerate(found):
        if isinstance(value, CellError):
            if place not in blank:
                bad.setdefault(chosen[place], CellError(f"{what}: {value}"))
            found[place] = ""
    return found


def _constant(compiled: CompiledField) -> object:
    value = WHOLE if compiled.rule.whole else compiled.rule.value
    if compiled.convert is None or (compiled.name == "duration_ms" and compiled.rule.scale is None):
        return value
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    found = compiled.convert.column([text])[0]
    if isinstance(found, CellError):
        raise ConfigurationError(f"the value of {compiled.name} {found}.", hint=found.repair)
    return found


def _structs(
    kind: str, rows: list[tuple[int, dict[str, object]]], bad: dict[int, CellError]
) -> Iterable[tuple[int, AnyEvent]]:
    """Events by the contract; all at once, and one by one if the contract refuses any."""
    struct = STRUCTS[kind]
    try:
        events = msgspec.convert([row for _, row in rows], list[struct], strict=False)  # type: ignore[valid-type]
    except msgspec.ValidationError:
        events = []
        for position, row in rows:
            try:
                events.append(msgspec.convert(row, struct, strict=False))
            except msgspec.ValidationError as error:
                bad.setdefault(position, refused(str(error)))
                events.append(None)
    for (position, _), event in zip(rows, events, strict=True):
        if event is not None:
            yield position, event


def _where(columns: Sequence[str]) -> str:
    return f" (column {', '.join(columns)})" if columns else ""
