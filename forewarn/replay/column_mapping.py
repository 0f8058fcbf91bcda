"""The column mapping: a TOML file that says how a row becomes events. See docs/samples."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from forewarn.contracts import CallEnded, CallStarted, LineChanged, Transfer
from forewarn.contracts.topics import TopicName
from forewarn.errors import ConfigurationError
from forewarn.replay import convert
from forewarn.replay.convert import CellError, Convert

EventType = Literal["call_started", "call_ended", "line_changed", "transfer"]
AnyEvent = CallStarted | CallEnded | LineChanged | Transfer

_STRUCTS: dict[str, type[AnyEvent]] = {
    "call_started": CallStarted,
    "call_ended": CallEnded,
    "line_changed": LineChanged,
    "transfer": Transfer,
}


class FieldRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How one field is filled: from a column, a constant or a template, then converted."""

    column: str = ""
    value: Any = None
    template: str = ""
    default: Any = None
    time: str = ""
    decimals: int | None = None
    scale: int | None = None
    prefix: str = ""
    values: dict[str, Any] = {}


class EventRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One event that a row gives; ``when`` restricts it to rows with these cells."""

    type: EventType
    fields: dict[str, str | FieldRule]
    when: dict[str, str | list[str]] = {}


class MappingFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file as a whole."""

    events: Annotated[list[EventRule], msgspec.Meta(min_length=1)]
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    rule: FieldRule
    convert: Convert | None


class Mapping:
    """Turns rows into events.

    Args:
        rules: one per event that a row gives.
        zone: of times without one.
    """

    def __init__(self, rules: Sequence[EventRule], zone: tzinfo) -> None:
        self._events = [
            (rule, [_field(name, spec, zone) for name, spec in rule.fields.items()])
            for rule in rules
        ]

    @property
    def topic(self) -> TopicName:
        """Where the rows of this file belong, told by the first kind of event."""
        return "transfers" if self._events[0][0].type == "transfer" else "calls"

    @property
    def topics(self) -> set[TopicName]:
        """Every topic that rows of this file may go to."""
        return {"transfers" if rule.type == "transfer" else "calls" for rule, _ in self._events}

    def events(self, row: dict[str, Any], *, file: str, line: int) -> list[AnyEvent]:
        """The events of a row.

        Raises:
            ValueError: saying which field is wrong, without its value.
        """
        found: list[AnyEvent] = []
        for rule, fields in self._events:
            if not all(_matches(row.get(column), wanted) for column, wanted in rule.when.items()):
                continue
            values: dict[str, Any] = {"type": rule.type}
            for field in fields:
                value = _value(field, row, file, line)
                if value is not None:
                    values[field.name] = value
            found.append(msgspec.convert(values, _STRUCTS[rule.type], strict=False))
        return found


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: naming the file and what is wrong in it.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        file = msgspec.convert(raw, MappingFile)
        mapping = Mapping(file.events, ZoneInfo(file.zone))
        for rule in file.events:
            known = {field.encode_name for field in msgspec.structs.fields(_STRUCTS[rule.type])}
            if unknown := sorted(set(rule.fields) - known):
                raise ConfigurationError(
                    f"{path.name}: {rule.type} has no field {', '.join(unknown)}.",
                    hint=f"Its fields are {', '.join(sorted(known))}.",
                )
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no mapping {path}.",
            hint="Give one with --mapping, or put it beside the data; see docs/samples.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} is not TOML: {error}.") from error
    except (msgspec.ValidationError, ZoneInfoNotFoundError) as error:
        raise ConfigurationError(
            f"{path.name} is no valid mapping: {error}.", hint="See docs/samples for two examples."
        ) from error
    return mapping


def _field(name: str, spec: str | FieldRule, zone: tzinfo) -> _Field:
    rule = FieldRule(column=spec) if isinstance(spec, str) else spec
    sources = (rule.column != "") + (rule.value is not None) + (rule.template != "")
    if sources != 1:
        raise ConfigurationError(
            f"the mapping of {name} needs exactly one of column, value and template."
        )
    converters: list[Convert] = []
    if rule.values:
        converters.append(convert.looked_up(rule.values))
    if rule.time:
        converters.append(convert.epoch_ms(rule.time, zone))
    if rule.decimals is not None:
        converters.append(convert.minor_units(rule.decimals))
    if rule.scale is not None:
        converters.append(convert.scaled(rule.scale))
    if rule.prefix:
        converters.append(convert.prefixed(rule.prefix))
    if len(converters) > 1:
        raise ConfigurationError(
            f"the mapping of {name} converts twice.",
            hint="Give one of time, decimals, scale, prefix and values.",
        )
    return _Field(name, rule, converters[0] if converters else None)


def _matches(cell: Any, wanted: str | list[str]) -> bool:
    return str(cell) in ([wanted] if isinstance(wanted, str) else wanted)


def _value(field: _Field, row: dict[str, Any], file: str, line: int) -> Any:
    rule = field.rule
    if rule.value is not None:
        return rule.value
    if rule.template:
        try:
            return rule.template.format_map(row | {"file": file, "line": line})
        except (LookupError, ValueError, AttributeError, TypeError):
            raise CellError(
                f"{field.name}: the template does not fit the columns of the row"
            ) from None
    if rule.column not in row and rule.default is None:
        raise CellError(f"{field.name}: there is no column {rule.column}")
    cell = row.get(rule.column)
    if cell is None or cell == "":
        return rule.default  # None leaves the field out, and the contract says if it may be
    try:
        return field.convert(cell) if field.convert else cell
    except CellError as error:
        raise CellError(f"{field.name} (column {rule.column}): {error}") from None
