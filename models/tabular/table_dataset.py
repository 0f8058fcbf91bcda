"""A dataset from any table of transactions: someone else's columns, the same training and report.

What becomes of each column is in ``models.tabular.table_columns``; texts with many values and columns
that name a party become entities with a history (``models.tabular.entity_history``). Whatever is left out
is named with its reason.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from forewarn.platform.files.text_table import read_text_table
from models.tabular.entity_history import Events, entity_features
from models.tabular.table_columns import (
    FEW_VALUES,
    MISSING,
    Column,
    as_numbers,
    codes,
    money,
    plain_names,
)
from models.tabular.table_times import Times, TimeUnit, read_times
from models.tabular.table_types import typed
from models.training.dataset_checks import Finding
from models.training.dataset_split import SplitOptions
from models.training.threshold_advice import CostModel
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, HOUR_MS, Dataset, make_dataset

MOST_ENTITIES = 6

LEAST_REPEATS = 1.5
"""How often a party has to occur on average for its history to say something."""

_ANSWERS = {"yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """Which columns mean what; empty means that there is none.

    ``split_by`` is ``groups`` (people and time) or ``time`` alone, as some benchmarks do.
    """

    label: str
    time: str
    time_unit: TimeUnit = "auto"
    time_form: str = ""
    group: str = ""
    amount: str = ""
    entities: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label_delay_days: float = 7.0
    split_by: str = "groups"


@dataclass(frozen=True, slots=True)
class TableDataset:
    """A table as a dataset, and what was made of its columns."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    meaning: str


@dataclass(slots=True)
class _Building:
    """A table in order of time, and what has been made of it so far."""

    table: pl.DataFrame
    options: TableOptions
    times: Times
    label: NDArray[np.int8]
    names: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, name: str, column: Column) -> None:
        self.names.append(name)
        self.columns.append(column)

    def note(self, about: str, message: str) -> None:
        self.findings.append(Finding("note", about or "the column without a name", message))


def dataset_of_table(source: Path | pl.DataFrame, options: TableOptions) -> TableDataset:
    """Build a dataset from any table of transactions.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"when": range(0, 9_000, 9), "fraud": [0, 1, 0, 0, 0] * 200,
    ...                      "amount": [20.0, 950.0, 30.0, 25.0, 15.0] * 200})
    >>> table = fw.dataset_of_table(rows, fw.TableOptions(label="fraud", time="when",
    ...                                                  time_unit="seconds", amount="amount"))
    >>> len(table.dataset), int(table.dataset.label.sum())
    (1000, 200)

    Args:
        source: a polars table, or the path of a Parquet or CSV file; one row an event.
        options: which columns mean what.

    Raises:
        ConfigurationError: for a missing column, missing labels, times or amounts that cannot be read.
    """
    table = read_table(source) if isinstance(source, Path) else source
    _require(table, options)
    label, times = (
        _labels(table, options.label),
        read_times(table[options.time], options.time_unit, options.time_form),
    )
    order = np.argsort(times.time_ms, kind="stable")
    times = Times(times.time_ms[order], times.dated, times.meaning)
    work = _Building(table[order], options, times, label[order])
    work.note(options.time, f"is understood as {times.meaning}")
    amount_name, amount = _amount(work)
    for name, column in _clock(times.time_ms).items():
        work.add(name, column)
    entities = _entities(work, {options.label, options.time, amount_name, *options.drop})
    _add_columns(work, entities)
    delay_ms = round(_delay_days(times.time_ms, options) * DAY_MS)
    events = Events(times.time_ms, amount, work.label)
    for name in entities:
        entity = codes(work.table[name])
        for feature, column in entity_features(events, entity, name, label_delay_ms=delay_ms):
            work.add(feature, column)
    group = _groups(work)
    minor = np.round(np.nan_to_num(amount * 100)).clip(0, 1e13).astype(np.int64)
    dataset = make_dataset(
        np.column_stack(work.columns),
        plain_names(work.names),
        time_ms=times.time_ms,
        label=work.label,
        label_time_ms=times.time_ms + delay_ms,
        group=(group + 1).astype(np.uint64),
        amount_minor=minor,
        exposure_minor=_lost(minor, work.label, group),
        episode=np.where(work.label == 1, group, -1),
    )
    return TableDataset(dataset, tuple(work.findings), times.meaning)


def table_options(
    created_ms: int, framed: TableDataset, options: TableOptions, signing_key: bytes = b""
) -> TrainOptions:
    """Options that suit a table: an embargo as long as labels take, and larger trees.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"when": range(1_000), "fraud": [0, 1] * 500})
    >>> columns = fw.TableOptions(label="fraud", time="when", time_unit="hours")
    >>> options = fw.table_options(0, fw.dataset_of_table(rows, columns), columns)
    >>> options.split.by_group
    False

    Args:
        created_ms: the time that the artifact carries, UTC milliseconds.
        framed: from ``dataset_of_table``.
        options: those that it was built with.
        signing_key: signs the artifact if given.
    """
    return TrainOptions(
        created_ms=created_ms,
        signing_key=signing_key,
        split=SplitOptions(
            embargo_days=_delay_days(framed.dataset.time_ms, options),
            by_group=bool(options.group) and options.split_by == "groups",
        ),
        costs=CostModel(intervention_minor=500, success=1.0),
        parameters={"n_estimators": 600, "num_leaves": 31, "max_depth": 8, "learning_rate": 0.05},
        findings=framed.findings,
    )


def read_table(path: Path) -> pl.DataFrame:
    """Read Parquet or CSV (also packed), by the name's ending.

    A column of a CSV file is a number or a date only if that loses nothing of any of its texts, in all rows.

    Raises:
        ConfigurationError: if it cannot be read, or a line of it does not fit its header.
    """
    try:
        if ".parquet" in path.suffixes:
            return pl.read_parquet(path)
        return pl.DataFrame(
            {column.name: typed(column, MISSING) for column in read_text_table(path)}
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            f"cannot read the table {path}: {error}", hint="Give a Parquet or CSV file."
        ) from error


def _delay_days(time_ms: NDArray[np.int64], options: TableOptions) -> float:
    """The label delay, at most a tenth of the period: two days of data cannot wait for seven."""
    days = (int(time_ms[-1]) - int(time_ms[0])) / DAY_MS
    return min(options.label_delay_days, days / 10)


def _require(table: pl.DataFrame, options: TableOptions) -> None:
    named = {
        "--label": (options.label,),
        "--time": (options.time,),
        "--group": (options.group,) if options.group else (),
        "--amount": (options.amount,) if options.amount else (),
        "--entity": options.entities,
        "--drop": options.drop,
    }
    for option, names in named.items():
        for name in names:
            if name not in table.columns:
                raise ConfigurationError(
                    f"the table has no column {name!r} for {option}.",
                    hint=f"It has: {', '.join(table.columns[:40])}.",
                )
    if options.split_by not in ("groups", "time"):
        raise ConfigurationError("--split-by is groups or time")
    if len(table) == 0:
        raise ConfigurationError("the table has no rows")


def _labels(table: pl.DataFrame, name: str) -> NDArray[np.int8]:
    column = table[name]
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.null_count():
        raise ConfigurationError(
            f"{column.null_count()} of {len(column)} rows have no label in {name}.",
            hint="Drop them, or fill in 0 if no complaint came within the label delay.",
        )
    values = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.String and values.null_count() == len(column):
        said = column.str.strip_chars().str.to_lowercase()
        values = said.replace_strict(_ANSWERS, default=None, return_dtype=pl.Float64)
    if values.null_count() or not set(values.unique()) <= {0.0, 1.0}:
        some = ", ".join(str(value) for value in column.unique()[:5])
        raise ConfigurationError(
            f"labels in {name} must be 0 and 1, there are: {some}.",
            hint="Turn fraud into 1 and everything else into 0.",
        )
    return values.to_numpy().astype(np.int8)


def _clock(time_ms: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    return {
        "hour_of_day": ((time_ms // HOUR_MS) % 24).astype(np.float32),
        "day_of_week": ((time_ms // DAY_MS + 3) % 7).astype(np.float32),
    }


def _add_columns(work: _Building, entities: list[str]) -> None:
    """Every other column, as numbers or with the reason why not."""
    options = work.options
    time_ms = work.times.time_ms if work.times.dated else None
    for name in work.table.columns:
        if name in (options.label, options.time, *entities):
            continue
        if name in options.drop:
            work.note(name, "is left out, as --drop says")
            continue
        column, reason = as_numbers(work.table[name], work.label, time_ms)
        if column is None:
            work.note(name, f"is left out: it {reason}")
        else:
            work.add(name, column)


def _amount(work: _Building) -> tuple[str, NDArray[np.float64]]:
    """The column of the amount, if there is one, and its values (NaN: none)."""
    name = work.options.amount or _guess_amount(work.table, work.options)
    if not name:
        return "", np.full(len(work.table), np.nan)
    column = work.table[name]
    values = column if column.dtype.is_numeric() else money(column)
    if values is None and column.dtype == pl.String:
        read = column.str.strip_chars().cast(pl.Float64, strict=False)
        values = read if read.null_count() == column.null_count() else None
    if values is None:
        some = ", ".join(repr(value) for value in column.drop_nulls().unique()[:5])
        raise ConfigurationError(
            f"{name} is no column of amounts, it holds: {some}.",
            hint="Give amounts as numbers, or as texts such as $1,234.50.",
        )
    work.table = work.table.with_columns(values.alias(name))
    numbers = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return name, np.where(np.isfinite(numbers), numbers, np.nan)


def _groups(work: _Building) -> NDArray[np.int64]:
    """A number of the group of each row; a row without one is a group of its own."""
    n = len(work.table)
    if not work.options.group:
        return np.arange(n)
    group = codes(work.table[work.options.group])
    missing = group < 0
    if missing.any():
        work.findings.append(
            Finding(
                "warning",
                work.options.group,
                f"is missing in {int(missing.sum())} rows: each of them counts as a group of its own",
            )
        )
    return np.where(missing, group.max() + 1 + np.arange(n), group)


def _entities(work: _Building, taken: set[str]) -> list[str]:
    """Named ones first, then columns that look like the name of a party."""
    options = work.options
    chosen = [name for name in (options.group, *options.entities) if name]
    for name in work.table.columns:
        if name in chosen or name in taken:
            continue
        column = work.table[name]
        distinct, known = column.n_unique(), len(column) - column.null_count()
        repeats = distinct > FEW_VALUES and distinct * LEAST_REPEATS <= known
        text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
        identifier = column.dtype.is_integer() and name.lower().rstrip("0123456789").endswith("id")
        if not repeats or not (text or identifier) or (text and money(column) is not None):
            continue
        if len(chosen) < MOST_ENTITIES:
            chosen.append(name)
            work.note(name, f"names {distinct:,} parties: their histories are used, not the names")
    return list(dict.fromkeys(chosen))


def _guess_amount(table: pl.DataFrame, options: TableOptions) -> str:
    taken = {options.label, options.time, options.group, *options.drop, *options.entities}
    for name in table.columns:
        plain = name.lower()
        named = "amount" in plain or plain.endswith("amt") or plain in ("value", "montant")
        if name in taken or not named:
            continue
        if table[name].dtype.is_numeric() or (
            table[name].dtype == pl.String and money(table[name]) is not None
        ):
            return name
    return ""


def _lost(
    minor: NDArray[np.int64], label: NDArray[np.int8], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What fraud cost each group altogether, on its fraud rows."""
    total = np.bincount(group, weights=minor * label)
    return np.where(label == 1, total[group], 0).astype(np.int64)
