"""A dataset from any table of transactions: someone else's columns, the same training and report.

Numbers stay as they are. Texts with few values become codes, texts with many values and columns that
name a party become entities with a history (``models.training.entities``). Columns that are
different in every row, or that only grow with time, say nothing and are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.training.dataset import DAY_MS, HOUR_MS, Dataset, make_dataset
from models.training.entities import Events, entity_features
from models.training.run import TrainOptions
from models.training.split import SplitOptions
from models.training.thresholds import CostModel

FEW_VALUES = 64
"""Up to so many different texts are categories; more are an entity or noise."""

MOST_ENTITIES = 6
SEEN_SHARE = 0.5
"""Categories that do not occur in the first half of the period count as missing: unseen later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOptions:
    """Which columns mean what; empty means that there is none.

    ``split_by`` is ``groups`` (people and time) or ``time`` alone, as some benchmarks do.
    """

    label: str
    time: str
    group: str = ""
    amount: str = ""
    entities: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label_delay_days: float = 7.0
    split_by: str = "groups"


def dataset_of_frame(source: Path | pl.DataFrame, options: FrameOptions) -> Dataset:
    """Build a dataset.

    Raises:
        ConfigurationError: for a missing column, missing labels, or times that cannot be read.
    """
    table = read_table(source) if isinstance(source, Path) else source
    _require(table, options)
    label = _labels(table, options.label)
    time_ms = times_ms(table[options.time])
    order = np.argsort(time_ms, kind="stable")
    table, label, time_ms = table[order], label[order], time_ms[order]
    amount_name = options.amount or _guess_amount(table, options)
    amount = (
        table[amount_name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        if amount_name
        else np.full(len(table), np.nan)
    )
    columns: dict[str, NDArray[np.float32]] = _clock(time_ms)
    taken = {options.label, options.time, *options.drop}
    entities = _entities(table, options, taken | {amount_name})
    for name in table.columns:
        if name not in taken and name not in entities:
            column = _column(table[name])
            if column is not None:
                columns[name] = column
    events = Events(time_ms, amount, label)
    delay_ms = round(_delay_days(time_ms, options) * DAY_MS)
    for name in entities:
        columns |= dict(entity_features(events, codes(table[name]), name, label_delay_ms=delay_ms))
    group = codes(table[options.group]) if options.group else np.arange(len(table))
    minor = np.nan_to_num(amount * 100).clip(0, 1e13).astype(np.int64)
    return make_dataset(
        np.column_stack(list(columns.values())),
        tuple(columns),
        time_ms=time_ms,
        label=label,
        label_time_ms=time_ms + delay_ms,
        group=(group + 1).astype(np.uint64),
        amount_minor=minor,
        exposure_minor=_lost(minor, label, group),
        episode=np.where(label == 1, group, -1),
    )


def frame_options(
    created_ms: int, dataset: Dataset, options: FrameOptions, signing_key: bytes = b""
) -> TrainOptions:
    """Options that suit a table: an embargo as long as labels take, and larger trees."""
    return TrainOptions(
        created_ms=created_ms,
        signing_key=signing_key,
        split=SplitOptions(
            embargo_days=_delay_days(dataset.time_ms, options),
            by_group=bool(options.group) and options.split_by == "groups",
        ),
        costs=CostModel(intervention_minor=500, call_exposure_minor=10_000, success=1.0),
        parameters={"n_estimators": 600, "num_leaves": 31, "max_depth": 8, "learning_rate": 0.05},
    )


def read_table(path: Path) -> pl.DataFrame:
    """Read Parquet or CSV (also compressed), by the name's ending.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    try:
        if ".parquet" in path.suffixes:
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=20_000, try_parse_dates=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            f"cannot read the table {path}: {error}", hint="Give a Parquet or CSV file."
        ) from error


def times_ms(column: pl.Series) -> NDArray[np.int64]:
    """UTC milliseconds of a column of times.

    Dates and ISO texts are taken as UTC. Numbers above 10**11 are milliseconds since 1970, above
    10**8 seconds; smaller ones count from an unknown start: as days if none is above 5,000,
    else as seconds.

    Raises:
        ConfigurationError: for missing values or anything else.
    """
    if column.dtype == pl.String:
        try:
            column = column.str.to_datetime(strict=False, time_unit="ms")
        except pl.exceptions.ComputeError:  # not one text looks like a time
            column = pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("ms"))
    if column.null_count():
        raise ConfigurationError(
            f"{column.null_count()} rows have no readable time in {column.name}",
            hint="Times are ISO texts, dates, or numbers; drop the rows without one.",
        )
    if column.dtype.is_temporal():
        return column.cast(pl.Datetime("ms")).to_physical().to_numpy().astype(np.int64)
    if not column.dtype.is_numeric():
        raise ConfigurationError(f"{column.name} ({column.dtype}) is no column of times")
    values = column.cast(pl.Float64).to_numpy()
    largest = float(np.max(values)) if len(values) else 0.0
    if largest > 1e11:
        scale = 1.0
    elif largest > 1e8 or largest > 5_000:
        scale = 1000.0
    else:
        scale = float(DAY_MS)
    return np.asarray((values * scale).astype(np.int64))


def codes(column: pl.Series) -> NDArray[np.int64]:
    """A number for each value in order of first appearance, -1 where it is missing."""
    text = column.cast(pl.String)
    seen = text.drop_nulls().unique(maintain_order=True)
    table = pl.DataFrame({"value": seen, "code": np.arange(len(seen))})
    joined = pl.DataFrame({"value": text}).join(
        table, on="value", how="left", maintain_order="left"
    )
    return joined["code"].fill_null(-1).to_numpy().astype(np.int64)


def _delay_days(time_ms: NDArray[np.int64], options: FrameOptions) -> float:
    """The label delay, at most a tenth of the period: two days of data cannot wait for seven."""
    days = (int(time_ms[-1]) - int(time_ms[0])) / DAY_MS
    return min(options.label_delay_days, days / 10)


def _require(table: pl.DataFrame, options: FrameOptions) -> None:
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
    if column.null_count():
        raise ConfigurationError(
            f"{column.null_count()} of {len(column)} rows have no label in {name}.",
            hint="Drop them, or fill in 0 if nobody complained within the label delay.",
        )
    values = column.cast(pl.Float64, strict=False)
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


def _entities(table: pl.DataFrame, options: FrameOptions, taken: set[str]) -> list[str]:
    """Named ones first, then columns that look like the name of a party."""
    chosen = [name for name in (options.group, *options.entities) if name]
    for name in table.columns:
        if len(chosen) >= MOST_ENTITIES:
            break
        if name in chosen or name in taken:
            continue
        column = table[name]
        distinct = column.n_unique()
        repeats = FEW_VALUES < distinct <= len(column) / 3
        text = column.dtype in (pl.String, pl.Categorical)
        identifier = column.dtype.is_integer() and name.lower().rstrip("0123456789").endswith("id")
        if repeats and (text or identifier):
            chosen.append(name)
    return list(dict.fromkeys(chosen))


def _column(column: pl.Series) -> NDArray[np.float32] | None:
    """A column as numbers, or None if it says nothing that repeats."""
    n, distinct = len(column), column.n_unique()
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    if column.dtype.is_temporal():
        return None  # a second clock; what matters of it is a difference that only its owner knows
    if column.dtype.is_numeric():
        identifier = column.dtype.is_integer() and distinct == n and n > 1
        if identifier:
            return None  # a row number: it would rank the rows by time
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        if distinct > FEW_VALUES and np.all(np.diff(values) >= 0):
            return None  # a second clock: a split on it is a date, which never comes again
        return np.where(np.isfinite(values), values, np.nan).astype(np.float32)
    if distinct > FEW_VALUES:
        return None
    code = codes(column)
    known = np.unique(code[: max(1, int(n * SEEN_SHARE))])
    return np.where(np.isin(code, known) & (code >= 0), code, np.nan).astype(np.float32)


def _guess_amount(table: pl.DataFrame, options: FrameOptions) -> str:
    taken = {options.label, options.time, options.group, *options.drop, *options.entities}
    for name in table.columns:
        plain = name.lower()
        if name not in taken and table[name].dtype.is_numeric() and (
            "amount" in plain or plain in ("amt", "value", "montant")
        ):  # fmt: skip
            return name
    return ""


def _lost(
    minor: NDArray[np.int64], label: NDArray[np.int8], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What fraud cost each group altogether, on its fraud rows."""
    total = np.bincount(group + 1, weights=minor * label)
    return np.where(label == 1, total[group + 1], 0).astype(np.int64)
