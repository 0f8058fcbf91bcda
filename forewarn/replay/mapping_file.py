"""The column mapping as it is written: a TOML file that says how a row becomes events.

See docs/samples for two examples and docs/formats for one of every format that is known by name.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from forewarn.contracts import CallEnded, CallStarted, LineChanged, Transfer
from forewarn.errors import ConfigurationError
from forewarn.replay.row_rules import Join, When

EventType = Literal["call_started", "call_ended", "line_changed", "transfer"]
AnyEvent = CallStarted | CallEnded | LineChanged | Transfer

STRUCTS: dict[str, type[AnyEvent]] = {
    "call_started": CallStarted,
    "call_ended": CallEnded,
    "line_changed": LineChanged,
    "transfer": Transfer,
}
TIME_FIELDS = frozenset({"event_time_ms", "started_at_ms"})

ORIGINAL = "original."
"""Before the names of the columns that a row has from its original."""

IDENTITY = "identity"
"""The column that ``identity`` makes."""

FOUND = ORIGINAL + "found"
"""The column that says whether the original of a row is there: ``true``, ``false``, or empty for no such row."""

WHOLE_AMOUNT = ORIGINAL + "whole"
"""The column that says whether a row takes back all of its original's amount: ``true`` or ``false``."""


class Plus(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A duration to add to a time: an end is often a start and a length only."""

    column: str
    scale: int = 1000


class FieldRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How one field is filled: from columns, a constant or a template, then converted.

    Attributes:
        column: where the value stands; of several the first that is filled.
        value: a constant.
        template: text with names of columns in braces; of several the first whose columns are all filled.
        whole: for ``duration_ms``: the time from the start of the call to its end.
        default: the value where the cell is empty.
        time: ``iso``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns`` or ``strptime`` formats.
        zones: offsets of the abbreviations that ``%Z`` reads.
        plus: durations to add to a time or a duration; empty cells add nothing.
        decimals: of the amount; ``currency`` for those of the row's currency.
        decimal_sign: of the amount, if it is another than the file's.
        grouped: whether thousands may be grouped; where a standard has none, ``12.340`` is a fraction.
        scale: factor to the unit of the field, 1000 from seconds to milliseconds.
        prefix: country code of numbers without one.
        region: ISO 3166 code of the country whose spellings of numbers are meant; instead of ``prefix``.
        values: what the codes of the source mean; ``*`` stands for every other code, "" for none.
        sign: what the sign of the amount in the column means: ``{ "-" = "outgoing", "+" = "incoming" }``.
        extract: regular expression whose first group is the value.
        digest: make an identifier from a name, with this word before it.
        names: columns of names, digested where ``column`` is empty; with it ``digest`` acts on them only.
        words: columns of free text, of which only the words without figures count.
    """

    column: str | list[str] = ""
    value: Any = None
    template: str | list[str] = ""
    whole: bool = False
    default: Any = None
    time: str | list[str] = ""
    zones: dict[str, str] = {}
    plus: list[Plus] = []
    decimals: int | Literal["currency"] | None = None
    decimal_sign: Literal[".", ",", ""] = ""
    grouped: bool = True
    scale: int | None = None
    prefix: str = ""
    region: str = ""
    values: dict[str, Any] = {}
    sign: dict[Literal["+", "-"], Any] = {}
    extract: str = ""
    digest: str = ""
    names: list[str] = []
    words: list[str] = []

    @property
    def columns(self) -> list[str]:
        """The columns that are read, in the order in which they are tried."""
        if isinstance(self.column, list):
            return self.column
        return [self.column] if self.column else []

    @property
    def templates(self) -> list[str]:
        """The templates, in the order in which they are tried."""
        if isinstance(self.template, list):
            return self.template
        return [self.template] if self.template else []

    @property
    def forms(self) -> list[str]:
        """The forms of a time, in the order in which they are tried."""
        if isinstance(self.time, list):
            return self.time
        return [self.time] if self.time else []


class EventRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One event that a row gives; ``when`` restricts it to rows with these cells, or with those of any of a list."""

    type: EventType
    fields: dict[str, str | FieldRule]
    when: When | list[When] = {}

    @property
    def conditions(self) -> list[When]:
        """Of which a row has to meet one."""
        return self.when if isinstance(self.when, list) else [self.when]


class PassRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Rows that give no event, and why; they are counted under ``rule``, or are ``bad`` for that reason."""

    rule: Annotated[str, msgspec.Meta(min_length=1)]
    when: Annotated[When, msgspec.Meta(min_length=1)]
    bad: bool = False


class RowIdentity(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Identifiers of rows whose own repeats or is missing, as the column ``identity``.

    Attributes:
        column: of the identifiers of the source.
        of: columns that distinguish rows with one identifier, or without any.
        once: whether a row that repeats both is passed over.
        unique: whether the source promises that no two rows share an identifier, so that only missing ones are made.
    """

    column: Annotated[str, msgspec.Meta(min_length=1)]
    of: Annotated[list[str], msgspec.Meta(min_length=1)]
    once: bool = False
    unique: bool = False


class SameAs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Rows that say more about another row, as a refund does: they get the cells of that original.

    ``original.NAME`` is a cell of the original, ``original.found`` says whether there is one. The original may stand before or behind its follower, or in another file of the run.

    Attributes:
        rule: under which followers are counted.
        column: whose cell names the original.
        original: the column of the original with that name.
        extract: regular expression whose first group is the name, for names with a suffix.
        original_extract: the same for the cell of the original.
        same_amount: columns of the row and of its original in which the amounts have to be equal.
        each_once: whether the first follower of a name belongs to its first original, the second to the second.
        when: which rows follow another; all that name one if it is not said.
        of: which rows can be originals; all that follow none if it is not said.
        amount: a column of both rows; ``original.whole`` says whether they are equal.
        absent: what becomes of a row whose original is in no file: passed over, bad, or a row of its own.
    """

    rule: Annotated[str, msgspec.Meta(min_length=1)]
    column: Annotated[str, msgspec.Meta(min_length=1)]
    original: Annotated[str, msgspec.Meta(min_length=1)]
    extract: str = ""
    original_extract: str = ""
    same_amount: tuple[str, str] | None = None
    each_once: bool = False
    when: When = {}
    of: When = {}
    amount: str = ""
    absent: Literal["pass", "bad", "alone"] = "pass"


class MappingFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file as a whole.

    Attributes:
        events: what a row gives.
        zone: of times that do not name their own.
        region: ISO 3166 code for numbers without country code.
        encoding: of the text, ``utf-8`` if it is not said; of several, the first that the file is in.
        separator: between the cells of a CSV file.
        quote: around cells; empty if quotes are ordinary characters in this file.
        header_line: where the names of the columns stand, counted from 1.
        header_names: names by which the header line is found among the first 200 lines.
        columns: the names, for files without a header line.
        columns_optional: how many of the last columns a row may lack.
        optional: names of columns that a file may lack.
        decimal_sign: of amounts.
        skip: rows that give no event.
        others: what becomes of a row that no rule is for: passed over, or bad.
        distinct: columns that are equal in repetitions of one row.
        identity: identifiers for rows whose own repeats or is missing.
        join: rows that belong together.
        same_as: rows that say more about another row.
        own_accounts: accounts of the person whose file it is.
        single: a column with one value in all rows that give events, where the file has to be of one person.
        owner: a regular expression of the lines before the header whose first group is the number of the person
            whose file it is: with another subscriber, the file is refused.
        records: the path to the list, in a file that is one JSON document; of several, each row has the name of its own in a column of that name.
    """

    events: Annotated[list[EventRule], msgspec.Meta(min_length=1)]
    zone: str = ""
    region: str = ""
    encoding: str | Annotated[list[str], msgspec.Meta(min_length=1)] = "utf-8"
    separator: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    quote: Annotated[str, msgspec.Meta(max_length=1)] = '"'
    header_line: Annotated[int, msgspec.Meta(ge=1)] | None = None
    header_names: list[str] = []
    columns: list[str] = []
    columns_optional: Annotated[int, msgspec.Meta(ge=0)] = 0
    optional: list[str] = []
    decimal_sign: Literal[".", ","] = "."
    skip: list[PassRule] = []
    others: Literal["pass", "bad"] = "pass"
    distinct: list[str] = []
    identity: RowIdentity | None = None
    join: Join | None = None
    same_as: list[SameAs] = []
    own_accounts: list[str] = []
    single: str = ""
    owner: str = ""
    records: str | list[str] = ""

    @property
    def encodings(self) -> list[str]:
        """The encodings that the file may be in."""
        return [self.encoding] if isinstance(self.encoding, str) else self.encoding


def read_mapping(path: Path) -> MappingFile:
    """Read a mapping file.

    Raises:
        ConfigurationError: naming the file and what is wrong in it.
    """
    try:
        return parse_mapping(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no mapping {path}.",
            hint="Name the format with --format (see forewarn formats), write a mapping with forewarn map, "
            "or give one with --mapping.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} is not TOML: {error}.") from error


def parse_mapping(raw: dict[str, Any], name: str) -> MappingFile:
    """A mapping from the content of its file.

    Args:
        raw: as TOML reads it.
        name: of the file, for messages.

    Raises:
        ConfigurationError: naming the file and what is wrong in it.
    """
    try:
        file = msgspec.convert(raw, MappingFile)
        if file.zone:
            ZoneInfo(file.zone)
        for encoding in file.encodings:
            "".encode(encoding)
    except (msgspec.ValidationError, ZoneInfoNotFoundError, ValueError, LookupError) as error:
        raise ConfigurationError(
            f"{name} is no valid mapping: {error}.",
            hint="See docs/samples and docs/formats for examples.",
        ) from error
    for rule in file.events:
        known = {field.encode_name for field in msgspec.structs.fields(STRUCTS[rule.type])}
        if unknown := sorted(set(rule.fields) - known):
            raise ConfigurationError(
                f"{name}: {rule.type} has no field {', '.join(unknown)}.",
                hint=f"Its fields are {', '.join(sorted(known))}.",
            )
    return file


def rule_of(spec: str | FieldRule) -> FieldRule:
    """The rule that a bare name of a column stands for."""
    return FieldRule(column=spec) if isinstance(spec, str) else spec


def template_names(template: str) -> list[str]:
    """Names of columns within a template, in their order."""
    return re.findall(r"\{([^{}]*)\}", template)


def required_columns(file: MappingFile) -> Iterator[tuple[list[str], str]]:
    """Columns that have to be there, with what needs them; of a list one is enough."""
    for rule in file.events:
        for name, spec in rule.fields.items():
            yield from ((columns, name) for columns in _field_columns(rule_of(spec)))
        yield from (([column], "when") for when in rule.conditions for column in when)
    for passing in file.skip:
        for column in passing.when:
            yield [column], f"the rule {passing.rule!r}"
    for column in file.distinct:
        yield [column], "distinct"
    if file.identity is not None:
        yield from (([column], "identity") for column in file.identity.of)
    if file.join is not None:
        join = file.join
        named = (*join.key, *join.first, *join.second, *join.better, *join.sum, *join.least)
        for column in (*named, *join.greatest):
            yield [column], "join"
    yield from _original_columns(file)


def _original_columns(file: MappingFile) -> Iterator[tuple[list[str], str]]:
    for follows in file.same_as:
        amount = [follows.amount] if follows.amount else []
        amount += follows.same_amount or ()
        for column in (follows.column, follows.original, *follows.when, *follows.of, *amount):
            yield [column], f"the rule {follows.rule!r}"


def is_added(column: str, file: MappingFile) -> bool:
    """Whether a column need not be in the file: it is optional, or made by ``join``, ``same_as`` or ``identity``."""
    if column in file.optional or (column == IDENTITY and file.identity is not None):
        return True
    join = file.join
    joined = join is not None and (column.startswith(join.prefix) or column in join.added)
    return joined or (bool(file.same_as) and column.startswith(ORIGINAL))


def _field_columns(field: FieldRule) -> Iterator[list[str]]:
    if field.default is None and field.columns:
        yield [*field.columns, *field.names]
    if len(field.templates) == 1:
        for column in template_names(field.templates[0]):
            if column not in ("file", "line"):
                yield [column]
    for plus in field.plus:
        yield [plus.column]


def named_columns(file: MappingFile) -> set[str]:
    """Every column that the mapping names, whether it has to be there or not."""
    found = {column for columns, _ in required_columns(file) for column in columns}
    for rule in file.events:
        for spec in rule.fields.values():
            field = rule_of(spec)
            found.update(field.columns, field.names, *map(template_names, field.templates))
    return found
