"""Rows that belong together: pairs such as INVITE and BYE, and repetitions of one row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import Join, MappingFile
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_condition import RowCondition
from forewarn.replay.row_identity import REPEATED, identified_rows
from forewarn.replay.row_reader import Watch, read_batches
from forewarn.replay.seen_keys import SeenKeys

NO_FIRST = "the second row of a pair whose first is not in the file"


def prepared_rows(
    path: Path, mapping: MappingFile, tally: FileTally, *, watch: Watch | None = None
) -> Iterator[RowBatch]:
    """The rows of a file, without repetitions and with their pairs joined.

    Args:
        path: of the file.
        mapping: says how it is to be read.
        tally: counts the lines.
        watch: gets the open file, for progress.

    Raises:
        ConfigurationError: if the file cannot be read so.
    """
    batches = read_batches(path, mapping, tally, watch=watch)
    if mapping.distinct:
        batches = distinct_rows(batches, mapping.distinct, tally)
    if mapping.identity is not None:
        batches = identified_rows(batches, mapping.identity, tally)
    if mapping.join is not None:
        batches = joined_rows(batches, mapping.join, tally)
    return batches


def distinct_rows(
    batches: Iterator[RowBatch], columns: list[str], tally: FileTally
) -> Iterator[RowBatch]:
    """Leave out rows whose columns are those of an earlier row; rows with empty ones stay.

    Args:
        batches: of one file.
        columns: whose cells together name a row.
        tally: counts the repetitions.
    """
    seen = SeenKeys()
    for batch in batches:
        cells = [batch.series(column).alias(str(place)) for place, column in enumerate(columns)]
        repeated = set(seen.repeated(pl.DataFrame(cells)).arg_true().to_list())
        if repeated:
            tally.passed[REPEATED] += len(repeated)
        yield batch.without(repeated)


def joined_rows(batches: Iterator[RowBatch], join: Join, tally: FileTally) -> Iterator[RowBatch]:
    """Give first rows the cells of their second rows; a first row without one has empty cells there.

    A first row waits for its second until the file ends, or until ``rows_apart`` others wait behind it.

    Args:
        batches: of one file.
        join: which rows belong together.
        tally: counts the second rows.
    """
    first, second = RowCondition(join.first), RowCondition(join.second)
    waiting: dict[tuple[str, ...], _Row] = {}
    names: object = ()
    for batch in batches:
        names = batch.names
        keys = list(zip(*map(batch.texts, join.key), strict=True))
        begins, ends = set(first.positions(batch)), set(second.positions(batch))
        done: list[tuple[_Row, object]] = []
        rows = batch.cells()
        for position, key in enumerate(keys):
            row = _Row(rows[position], batch.lines[position], batch.raws[position])
            if position in ends:
                if key in waiting:
                    done.append((waiting.pop(key), row.cells))
                    tally.joined += 1
                elif join.alone:
                    done.append((row, None))
                else:
                    tally.passed[NO_FIRST] += 1
            elif position in begins:
                if key in waiting:
                    done.append((waiting.pop(key), None))
                waiting[key] = row
                if len(waiting) > join.rows_apart:
                    done.append((waiting.pop(next(iter(waiting))), None))
            else:
                done.append((row, None))
        yield _batch(names, done, batch, join.prefix)
    if waiting:
        yield _batch(names, [(row, None) for row in waiting.values()], None, join.prefix)


class _Row:
    """A row that may wait for another."""

    __slots__ = ("cells", "line", "raw")

    def __init__(self, cells: object, line: int, raw: str) -> None:
        self.cells, self.line, self.raw = cells, line, raw


def _batch(
    names: Any, done: list[tuple[_Row, Any]], source: RowBatch | None, prefix: str
) -> RowBatch:
    rows = [row for row, _ in done]
    made = RowBatch(
        names,
        [row.cells for row in rows],
        [row.line for row in rows],
        [row.raw for row in rows],
        [] if source is None else source.faulty,
    )
    return made.joined([other for _, other in done], prefix)
