"""Scores of a later table by a model that was trained on one like it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ArtifactError, ConfigurationError
from models.serving.scorer import Scorer
from models.tabular.table_cells import known_labels, read_amounts
from models.tabular.table_file import require_columns
from models.tabular.table_schema import TABLE, TableRows, TableSchema, vectors_of
from models.tabular.table_times import no_times, read_times
from models.training.dataset_checks import Finding

PROBABILITY, WARNED = "fraud_probability", "warned"

_SHOWN_TEXTS = 5


@dataclass(frozen=True, slots=True)
class TableScores:
    """By row of the scored table, in its own order.

    ``label`` is 0 or 1, or -1 where the table has none; ``warned`` is whether the probability reaches the
    threshold that training recommended.
    """

    probability: NDArray[np.float64]
    warned: NDArray[np.bool_]
    label: NDArray[np.int8]
    vectors: NDArray[np.float32]
    findings: tuple[Finding, ...]


def score_table(
    scorer: Scorer, table: pl.DataFrame, history: pl.DataFrame | None = None
) -> TableScores:
    """Score a table with the artifact of ``forewarn train --frame``.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"amount": [20.0, 950.0, 30.0, 25.0, 15.0] * 200, "fraud": [0, 1, 0, 0, 0] * 200})
    >>> columns = fw.TableOptions(label="fraud")
    >>> framed = fw.dataset_of_table(rows, columns)
    >>> of_table = fw.train(framed.dataset, "tables", options=fw.table_options(0, framed, columns))
    >>> scores = fw.score_table(fw.load_table_model(of_table.path), rows.drop("fraud"))
    >>> (scores.probability > 0.5).nonzero()[0][:2].tolist()
    [1, 6]

    Args:
        scorer: of the artifact.
        table: the rows to score. Labels, if it has any, are looked at only where they were known by then.
        history: earlier rows, for the histories of parties; with labels for their known frauds.

    Raises:
        ArtifactError: if the model was not trained on a table.
        ConfigurationError: if a column is missing, or is not what it was in training.
    """
    if not scorer.artifact.has(TABLE):
        raise ArtifactError(
            f"model {scorer.version} was not trained on a table.",
            hint="Give the folder that `forewarn train --frame` printed.",
        )
    schema = scorer.artifact.json(TABLE, TableSchema)
    require_columns(
        table, {f"{use}, as in training": names for use, names in schema.needed().items()}
    )
    own = _rows(table, schema)
    parts = [own]
    findings = _findings(schema, history)
    if history is not None and schema.time and schema.entities:
        wanted = {"its times": (schema.time,), "a history": schema.entities}
        if schema.amount:
            wanted["its amounts"] = (schema.amount,)
        require_columns(history, wanted)
        parts.insert(0, _rows(history, schema))
    rows, place = _in_order(parts, schema)
    built = vectors_of(schema, rows)
    if built.names != scorer.features:
        raise ArtifactError(f"{TABLE} of model {scorer.version} does not give its features.")
    vectors = built.vectors[place]
    for name, texts in built.unknown.items():
        findings += _unknown(name, texts, own.table[name])
    probability = scorer.predict(vectors)
    warned = probability >= scorer.thresholds["raise"]
    return TableScores(probability, warned, own.label, vectors, tuple(findings))


def _rows(table: pl.DataFrame, schema: TableSchema) -> TableRows:
    times = (
        read_times(table[schema.time], schema.time_unit, schema.time_form)
        if schema.time
        else no_times(len(table))
    )
    if times.dated != schema.dated:
        raise ConfigurationError(
            f"{schema.time} is understood as {times.meaning}, which it was not in training.",
            hint="Give the times as they were in training.",
        )
    label = (
        known_labels(table[schema.label])
        if schema.label in table.columns
        else np.full(len(table), -1, np.int8)
    )
    amount = np.full(len(table), np.nan)
    if schema.amount:
        values = read_amounts(table[schema.amount])
        table = table.with_columns(values)
        amount = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return TableRows(table, times.time_ms, label, np.where(np.isfinite(amount), amount, np.nan))


def _in_order(parts: list[TableRows], schema: TableSchema) -> tuple[TableRows, NDArray[np.int64]]:
    """All rows in order of time, and where those of the last part are in it."""
    wanted = dict.fromkeys([one.column for one in schema.columns] + list(schema.entities))
    table = pl.concat([_columns(part.table, tuple(wanted), parts[-1].table) for part in parts])
    time_ms = np.concatenate([part.time_ms for part in parts])
    order = np.argsort(time_ms, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows = TableRows(
        table[order],
        time_ms[order],
        np.concatenate([part.label for part in parts])[order],
        np.concatenate([part.amount for part in parts])[order],
    )
    return rows, rank[len(order) - len(parts[-1].time_ms) :]


def _columns(table: pl.DataFrame, wanted: tuple[str, ...], like: pl.DataFrame) -> pl.DataFrame:
    """The wanted columns; a history needs those of its parties only, as texts like those of the table."""
    found = []
    for name in wanted:
        if name not in table.columns:
            found.append(pl.Series(name, [None] * len(table), dtype=like[name].dtype))
        elif table[name].dtype == like[name].dtype:
            found.append(table[name])
        else:
            found.append(table[name].cast(like[name].dtype, strict=False))
    return pl.DataFrame(found)


def _findings(schema: TableSchema, history: pl.DataFrame | None) -> list[Finding]:
    found = []
    if schema.entities and history is None:
        found.append(
            Finding(
                "warning",
                "histories",
                f"of {', '.join(schema.entities)} begin with this table: give the earlier rows as --history",
            )
        )
    elif history is not None and schema.label not in history.columns:
        found.append(
            Finding("warning", schema.label, "is not in the history: no fraud of a party is known")
        )
    return found


def _unknown(name: str, texts: tuple[str, ...], column: pl.Series) -> list[Finding]:
    """What is said of texts without a code; nothing if only the history has them."""
    found = column.cast(pl.String)
    rows = found.is_in(list(texts))
    own = found.filter(rows).unique(maintain_order=True).to_list()
    if not own:
        return []
    shown = ", ".join(repr(text) for text in own[:_SHOWN_TEXTS])
    more = ", ..." if len(own) > _SHOWN_TEXTS else ""
    message = (
        f"holds {len(own)} texts that the model was not trained on, in {int(rows.sum()):,} rows: {shown}{more}; "
        "they count as missing"
    )
    return [Finding("warning", name, message)]
