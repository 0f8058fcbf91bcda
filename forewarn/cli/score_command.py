"""``forewarn score``: score a table with a model that was trained on one like it."""

from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer
from rich.console import Console

from forewarn.api.model_access import load_table_model
from forewarn.errors import ConfigurationError
from models.evaluation.ranking_measures import average_precision, roc_auc
from models.tabular.table_file import read_table
from models.tabular.table_scores import PROBABILITY, WARNED, TableScores, score_table

app = typer.Typer(help="Score a table.")
console = Console(stderr=True)


@app.command()
def run(
    frame: Annotated[Path, typer.Option(help="The table: Parquet or CSV, one row an event.")],
    model: Annotated[str, typer.Option(help="Folder that `forewarn train --frame` printed.")],
    out: Annotated[Path, typer.Option(help="Where the scored table is written: .parquet or .csv.")],
    history: Annotated[
        Path | None,
        typer.Option(
            help="Earlier rows, for the histories of parties; with labels if there are any."
        ),
    ] = None,
) -> None:
    """Write a table with a probability of fraud in each row.

    Columns are read as they were in training: texts have the codes that the artifact keeps, and texts without
    one are named and count as missing. Where the table has labels, the measures of the ranking are printed.
    """
    if out.suffix not in (".parquet", ".csv"):
        raise ConfigurationError(f"--out {out} has no known ending.", hint="Use .parquet or .csv.")
    scorer = load_table_model(model)
    table = read_table(frame)
    scores = score_table(scorer, table, None if history is None else read_table(history))
    for finding in scores.findings:
        console.print(f"[yellow]{finding.level}[/] {finding.about}: {finding.message}")
    taken = {PROBABILITY, WARNED} & set(table.columns)
    if taken:
        raise ConfigurationError(
            f"the table has a column {', '.join(sorted(taken))} of its own.", hint="Rename it."
        )
    scored = table.with_columns(
        pl.Series(PROBABILITY, scores.probability), pl.Series(WARNED, scores.warned)
    )
    if out.suffix == ".csv":
        scored.write_csv(out)
    else:
        scored.write_parquet(out)
    console.print(_summary(scores))
    typer.echo(str(out))


def _summary(scores: TableScores) -> str:
    line = (
        f"{len(scores.probability):,} rows, {int(scores.warned.sum()):,} at or above the threshold"
    )
    labelled = scores.label >= 0
    label = scores.label[labelled]
    if not 0 < label.sum() < len(label):
        return line
    probability = scores.probability[labelled]
    weight = np.ones(len(label))
    return (
        f"{line}; of {len(label):,} with a label: "
        f"average_precision {average_precision(probability, label, weight):.4f}, "
        f"roc_auc {roc_auc(probability, label, weight):.4f}"
    )
