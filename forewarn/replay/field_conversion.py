"""Conversion of each field of an event: which unit, which spelling, and what an empty cell means.

Texts are texts until a rule says what they are: a time without ``time =``, an amount without
``decimals =`` and a duration without ``scale =`` are refused before a row is read.
"""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from forewarn.errors import ConfigurationError
from forewarn.replay import cell_conversion, column_conversion
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_conversion import ColumnConvert, by_cell
from forewarn.replay.currency_code import currency
from forewarn.replay.mapping_file import STRUCTS, TIME_FIELDS, FieldRule, MappingFile
from forewarn.replay.phone_numbers import region_of
from forewarn.replay.time_conversion import names_zone

PHONES = frozenset({"subscriber", "caller", "callee", "forwarded_to"})
ACCOUNTS = frozenset({"payer_account", "payee_account"})
IDENTIFIERS = frozenset({"event_id", "call_id", "transfer_id"})
_SILENT = frozenset({"device", "district", "revision", "forwarded_to", "schema_version"})
"""Optional fields of which an empty cell says that there is nothing to say."""


@dataclass(frozen=True, slots=True)
class CompiledField:
    """A field and how its texts become values.

    Attributes:
        name: of the field.
        rule: as it is written.
        convert: None where texts stay texts.
        absent: the value for an empty cell; ``REFUSED`` if there is none.
        nothing: whether ``-`` and its like count as an empty cell.
        account: whether zeros and crosses count as an empty cell too.
        first: applied before ``convert``.
        key: the same for fields that convert alike.
        shared: whether several events of the mapping have the field alike.
    """

    name: str
    rule: FieldRule
    convert: ColumnConvert | None
    absent: object
    nothing: bool
    first: ColumnConvert | None = None
    key: str = ""
    shared: bool = False
    account: bool = False

    def empty(self, text: str) -> bool:
        """Whether a text says that there is nothing."""
        if self.account:
            return cell_conversion.no_account(text)
        return cell_conversion.nothing(text) if self.nothing else not text


class _Refused:
    """Stands for the value of an empty cell where none is allowed."""


REFUSED = _Refused()


def field_key(name: str, rule: FieldRule) -> str:
    """The same for fields that convert alike."""
    return f"{name} {rule}"


def compile_field(
    name: str, rule: FieldRule, kind: str, file: MappingFile, shared: set[str]
) -> CompiledField:
    """Compile one rule.

    Args:
        name: of the field.
        rule: as it is written.
        kind: type of the event.
        file: the mapping as a whole.
        shared: keys of the fields that several events have alike.

    Raises:
        ConfigurationError: if the rule says too little or too much.
    """
    sources = bool(rule.column) + (rule.value is not None) + bool(rule.template) + rule.whole
    if sources != 1:
        raise ConfigurationError(
            f"the mapping of {name} needs exactly one of column, value and template."
        )
    _require_units(name, rule)
    try:
        first = (
            by_cell(cell_conversion.extracted(rule.extract), pl.String) if rule.extract else None
        )
        convert = _convert(name, rule, file)
    except (CellError, re.error) as error:
        raise ConfigurationError(f"the mapping of {name}: {error}.") from error
    nothing = name in PHONES | ACCOUNTS | IDENTIFIERS and not rule.values
    key = field_key(name, rule)
    absent = _absent(name, rule, kind)
    account = name in ACCOUNTS and not (rule.values or rule.template)
    return CompiledField(name, rule, convert, absent, nothing, first, key, key in shared, account)


def _require_units(name: str, rule: FieldRule) -> None:
    stated = sum(
        (bool(rule.time), rule.decimals is not None, rule.scale is not None,
         bool(rule.prefix or rule.region), bool(rule.values), bool(rule.sign), bool(rule.digest))
    )  # fmt: skip
    if stated > 1:
        raise ConfigurationError(
            f"the mapping of {name} converts twice.",
            hint="Give one of time, decimals, scale, prefix, values, sign and digest.",
        )
    if name in TIME_FIELDS and not rule.time:
        raise ConfigurationError(
            f"the mapping of {name} does not say what its numbers or texts mean: a text is no time yet.",
            hint='Say time = "epoch_s", "epoch_ms", "iso" or a form such as "%Y-%m-%d %H:%M:%S".',
        )
    if name == "amount_minor" and rule.decimals is None:
        raise ConfigurationError(
            "the mapping of amount_minor does not say its unit: 48000.00 may be yuan or fen.",
            hint="Say decimals = 2 for yuan, euro or dollars, decimals = 0 for fen or cents.",
        )
    if (
        name == "duration_ms"
        and rule.scale is None
        and not (rule.whole or isinstance(rule.value, int))
    ):
        raise ConfigurationError(
            "the mapping of duration_ms does not say its unit.",
            hint="Say scale = 1000 for seconds, 60000 for minutes, 1 for milliseconds.",
        )
    if rule.plus and name not in {*TIME_FIELDS, "duration_ms"}:
        raise ConfigurationError(f"the mapping of {name}: plus adds to times and durations only.")
    if rule.names and not rule.digest:
        raise ConfigurationError(f"the mapping of {name}: names are made identifiers by digest.")
    if rule.sign and set(rule.sign) != {"+", "-"}:
        raise ConfigurationError(f'the mapping of {name}: sign says what "+" and "-" mean.')


def _convert(name: str, rule: FieldRule, file: MappingFile) -> ColumnConvert | None:
    if name in TIME_FIELDS:
        return _time_convert(name, rule, file)
    if rule.time or (rule.decimals is not None and name != "amount_minor"):
        raise ConfigurationError(
            f"the mapping of {name} converts to a time or an amount, and it is neither."
        )
    if rule.sign or rule.values or (rule.digest and not rule.names):
        return _coded(rule, file)
    if name == "amount_minor":
        if rule.decimals == "currency":
            return None  # by the currency of each row
        return column_conversion.amounts(
            int(rule.decimals or 0),
            rule.decimal_sign or file.decimal_sign,
            grouped=rule.grouped,
        )
    if rule.scale is not None:
        return column_conversion.numbers(rule.scale)
    return _party(name, rule, file)


def _time_convert(name: str, rule: FieldRule, file: MappingFile) -> ColumnConvert:
    zone = ZoneInfo(file.zone) if file.zone else None
    for form in rule.forms:
        if zone is None and form != "iso" and not names_zone(form):
            raise ConfigurationError(
                f"the times of {name} name no zone.",
                hint='Say zone = "Asia/Shanghai" (or where the file comes from) at the top of the mapping.',
            )
    return column_conversion.times(rule.forms, zone, rule.zones)


def _coded(rule: FieldRule, file: MappingFile) -> ColumnConvert:
    if rule.digest:
        return by_cell(cell_conversion.digest(rule.digest))
    if rule.values:
        return by_cell(cell_conversion.looked_up(rule.values))
    point = rule.decimal_sign or file.decimal_sign
    return by_cell(
        lambda cell: rule.sign["-" if cell_conversion.amount(cell, 6, point)[0] < 0 else "+"]
    )


def _party(name: str, rule: FieldRule, file: MappingFile) -> ColumnConvert | None:
    if name in PHONES:
        region = rule.region or (region_of(rule.prefix) if rule.prefix else "") or file.region
        return column_conversion.phones(region or None, may_be_withheld=name == "caller")
    if name in ACCOUNTS:
        return column_conversion.accounts()
    return by_cell(currency) if name == "currency" else None


def _absent(name: str, rule: FieldRule, kind: str) -> object:
    if rule.default is not None:
        return rule.default
    if "" in rule.values:
        return rule.values[""]
    if name == "caller":
        return None
    if name not in _SILENT:
        return REFUSED
    field = next(f for f in msgspec.structs.fields(STRUCTS[kind]) if f.encode_name == name)
    return field.default
