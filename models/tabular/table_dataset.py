"""A dataset from any table of transactions: someone else's columns, the same training and report.

What becomes of each column is in ``models.tabular.table_columns``; texts with many values and columns
that name a party become entities with a history (``models.tabular.entity_history``). Whatever is left out
is named with its reason. How the table was read is kept for later tables (``models.tabular.table_schema``).
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.tabular.table_cells import group_numbers, read_amounts, read_labels
from models.tabular.table_columns import FEW_VALUES, ColumnSchema, choose_schema, codes, money
from models.tabular.table_file import read_table, require_columns, require_whole_parties
from models.tabular.table_schema import (
    HOUR,
    TABLE,
    WEEKDAY,
    TableRows,
    TableSchema,
    vectors_of,
)
from models.tabular.table_times import Times, TimeUnit, moment_ms, no_times, read_times
from models.training.dataset_checks import Finding
from models.training.dataset_split import SplitOptions, part_windows
from models.training.group_assignment import deal_by_lot
from models.training.threshold_advice import CostModel
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, Dataset, make_dataset

MOST_ENTITIES = 6

LEAST_REPEATS = 1.5
"""How often a party has to occur on average for its history to say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """Which columns mean what; empty means that there is none.

    ``split_by`` is ``groups`` (people and time) or ``time`` alone, as some benchmarks do. ``train_from``,
    ``test_from`` and ``test_until`` are moments in ISO 8601, or numbers in the unit of times that count from an
    unknown start. ``shares`` are those of the parts; None: 0.6, 0.2, 0.2. ``leave_known`` leaves test rows of
    groups out whose fraud is known when the row's day begins.
    """

    label: str
    time: str = ""
    time_unit: TimeUnit = "auto"
    time_form: str = ""
    group: str = ""
    amount: str = ""
    entities: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label_delay_days: float = 7.0
    split_by: str = "groups"
    train_from: str = ""
    test_from: str = ""
    test_until: str = ""
    shares: tuple[float, float, float] | None = None
    leave_known: bool = False


@dataclass(frozen=True, slots=True)
class TableDataset:
    """A table as a dataset, what was made of its columns, and how its rows are to be divided."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    meaning: str
    schema: TableSchema
    split: SplitOptions


@dataclass(slots=True)
class _Building:
    """A table in order of time, and what has been made of it so far."""

    table: pl.DataFrame
    options: TableOptions
    times: Times
    label: NDArray[np.int8]
    findings: list[Finding] = field(default_factory=list)

    def note(self, about: str, message: str) -> None:
        self.findings.append(Finding("note", about or "the column without a name", message))

    def warn(self, about: str, message: str) -> None:
        self.findings.append(Finding("warning", about, message))


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
    label = read_labels(table[options.label])
    times = (
        read_times(table[options.time], options.time_unit, options.time_form)
        if options.time
        else no_times(len(table))
    )
    order = np.argsort(times.time_ms, kind="stable")
    work = _Building(table[order], options, times.in_order(order), label[order])
    times = work.times
    _note_times(work)
    delay_ms = round(_delay_days(work) * DAY_MS)
    amount_name, amount = _amount(work)
    group = _groups(work)
    parts = _split_options(work, delay_ms / DAY_MS)
    clock = _clock(work)
    entities = _entities(work, {options.label, options.time, amount_name, *options.drop})
    schema = TableSchema(
        label=options.label, time=options.time, time_unit=times.unit, time_form=times.form,
        dated=times.dated, clock=clock, group=options.group, amount=amount_name,
        columns=_columns(work, entities, _fitting_rows(work, parts, group, delay_ms)),
        entities=entities if options.time else (), label_delay_ms=delay_ms,
    )  # fmt: skip
    rows = TableRows(work.table, times.time_ms, work.label, amount)
    built = vectors_of(schema, rows)
    if not built.names:
        raise ConfigurationError(
            "no column of the table can be used.",
            hint="Name parties with --entity, or add columns.",
        )
    minor = np.round(np.nan_to_num(amount * 100)).clip(0, 1e13).astype(np.int64)
    dataset = make_dataset(
        built.vectors,
        built.names,
        time_ms=times.time_ms,
        label=work.label,
        label_time_ms=times.time_ms + delay_ms,
        group=(group + 1).astype(np.uint64),
        amount_minor=minor,
        exposure_minor=_lost(minor, work.label, group),
        episode=np.where(work.label == 1, group, -1),
    )
    return TableDataset(dataset, tuple(work.findings), times.meaning, schema, parts)


def table_options(
    created_ms: int, framed: TableDataset, options: TableOptions, signing_key: bytes = b""
) -> TrainOptions:
    """Options that suit a table: an embargo as long as labels take, and larger trees.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"when": range(1_000), "fraud": [0, 1] * 500})
    >>> rows = rows.with_columns(size=pl.col("when") % 7)
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
    del options  # what they say of the split is in the dataset's own
    return TrainOptions(
        created_ms=created_ms,
        signing_key=signing_key,
        split=framed.split,
        costs=CostModel(intervention_minor=500, success=1.0),
        parameters={"n_estimators": 600, "num_leaves": 31, "max_depth": 8, "learning_rate": 0.05},
        findings=framed.findings,
        files={TABLE: msgspec.json.format(msgspec.json.encode(framed.schema))},
    )


def _note_times(work: _Building) -> None:
    if work.options.time:
        work.note(work.options.time, f"is understood as {work.times.meaning}")
        return
    work.warn(
        "times",
        "are not given (--time): groups are dealt to the parts by lot, each part with its share of frauds; there "
        "are no histories, and the figures do not say how the model does on later rows",
    )


def _delay_days(work: _Building) -> float:
    """The label delay, at most a tenth of the period: two days of data cannot wait for seven.

    Explicit bounds say what the user wants to wait for.
    """
    options, time_ms = work.options, work.times.time_ms
    if not options.time:
        return 0.0
    if options.test_from:
        return options.label_delay_days
    days = (int(time_ms[-1]) - int(time_ms[0])) / DAY_MS
    if options.label_delay_days <= days / 10:
        return options.label_delay_days
    work.note(
        "labels",
        f"are taken to be known after {days / 10:.2g} days instead of {options.label_delay_days:g}: a tenth of "
        "the period; --test-from lifts this bound",
    )
    return days / 10


def _split_options(work: _Building, delay_days: float) -> SplitOptions:
    options, times = work.options, work.times
    bounds = {
        "train_from_ms": ("--train-from", options.train_from),
        "test_from_ms": ("--test-from", options.test_from),
        "test_until_ms": ("--test-until", options.test_until),
    }
    moments = {
        name: moment_ms(text, times, option) for name, (option, text) in bounds.items() if text
    }
    if moments and not options.time:
        raise ConfigurationError(
            f"{', '.join(bounds[name][0] for name in moments)} without --time.",
            hint="Name the column of times.",
        )
    return SplitOptions(
        time_shares=options.shares or SplitOptions().time_shares,
        people_shares=options.shares or SplitOptions().people_shares,
        embargo_days=delay_days,
        by_group=bool(options.group) and options.split_by == "groups",
        timeless=not options.time,
        leave_known=options.leave_known,
        **moments,
    )


def _fitting_rows(
    work: _Building, parts: SplitOptions, group: NDArray[np.int64], delay_ms: int
) -> NDArray[np.bool_]:
    """Rows whose labels may order the codes of texts: those before the end of the train part."""
    time_ms = work.times.time_ms
    if parts.timeless:
        dealt = deal_by_lot((group + 1).astype(np.uint64), work.label, parts.time_shares)
        return np.asarray(dealt.part == 0)
    windows = part_windows(int(time_ms[0]), int(time_ms[-1]) + 1, delay_ms, parts)
    return np.asarray(time_ms < windows.until_ms["train"])


def _clock(work: _Building) -> tuple[str, ...]:
    """Which features of the clock the times can give."""
    options, times = work.options, work.times
    if not options.time:
        return ()
    if not times.dated:
        work.note(options.time, "has no date: the hour and the weekday are unknown and not used")
        return ()
    if not (times.time_ms % DAY_MS).any():
        work.note(options.time, "is a date without a time of day: the hour is unknown and not used")
        return (WEEKDAY,)
    return (HOUR, WEEKDAY)


def _require(table: pl.DataFrame, options: TableOptions) -> None:
    if not options.label:
        raise ConfigurationError(
            "--frame needs --label, the name of the column of 0/1 labels.",
            hint=f"The table has {', '.join(repr(name) for name in table.columns[:40])}.",
        )
    named = {"--label": (options.label,)}
    for option, name in (
        ("--time", options.time), ("--group", options.group), ("--amount", options.amount),
    ):  # fmt: skip
        if name:
            named[option] = (name,)
    require_columns(table, named | {"--entity": options.entities, "--drop": options.drop})
    require_whole_parties(table, (*named.get("--group", ()), *options.entities))
    if options.split_by not in ("groups", "time"):
        raise ConfigurationError("--split-by is groups or time.")
    if options.shares and not (min(options.shares) > 0 and abs(sum(options.shares) - 1) < 1e-6):
        raise ConfigurationError(
            "--shares are three numbers above 0 with a sum of 1.", hint="Such as 0.6,0.2,0.2."
        )
    if options.leave_known and not (options.group and options.time):
        raise ConfigurationError("--leave-known needs --group and --time.")


def _columns(
    work: _Building, entities: tuple[str, ...], fitting: NDArray[np.bool_]
) -> tuple[ColumnSchema, ...]:
    """How every other column is read; those that are not used are noted with the reason."""
    options = work.options
    time_ms = work.times.time_ms if work.times.dated else None
    schemas = []
    for name in work.table.columns:
        if name in (options.label, options.time, *entities):
            continue
        if name in options.drop:
            work.note(name, "is left out, as --drop says")
            continue
        schema, reason = choose_schema(work.table[name], work.label, time_ms, fitting)
        if schema is None:
            work.note(name, f"is left out: it {reason}")
        else:
            schemas.append(schema)
    return tuple(schemas)


def _amount(work: _Building) -> tuple[str, NDArray[np.float64]]:
    """The column of the amount, if there is one, and its values (NaN: none)."""
    name = work.options.amount or _guess_amount(work.table, work.options)
    if not name:
        return "", np.full(len(work.table), np.nan)
    values = read_amounts(work.table[name])
    work.table = work.table.with_columns(values)
    numbers = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return name, np.where(np.isfinite(numbers), numbers, np.nan)


def _groups(work: _Building) -> NDArray[np.int64]:
    """A number of the group of each row; a row without one is a group of its own."""
    if not work.options.group:
        return np.arange(len(work.table))
    group = codes(work.table[work.options.group])
    missing = int((group < 0).sum())
    if missing:
        work.warn(
            work.options.group,
            f"is missing in {missing} rows: each of them counts as a group of its own",
        )
    return group_numbers(group)


def _entities(work: _Building, taken: set[str]) -> tuple[str, ...]:
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
        if not options.time:
            work.note(name, f"names {distinct:,} parties: without times they have no histories")
            chosen.append(name)
        elif len(chosen) < MOST_ENTITIES:
            chosen.append(name)
            work.note(name, f"names {distinct:,} parties: their histories are used, not the names")
    return tuple(dict.fromkeys(chosen))


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
