"""Rows that belong together: INVITE and BYE, the records of one call, and repetitions of one row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import MappingFile
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_condition import RowCondition
from forewarn.replay.row_group import RowGroup, WaitingRows
from forewarn.replay.row_identity import REPEATED, identified_rows
from forewarn.replay.row_reader import Watch, read_batches
from forewarn.replay.row_rules import Join
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
    """Give rows that belong together one row; the cells of an ending row that did not come are empty.

    A group waits for its ending row until the file ends, or until ``rows_apart`` others wait behind it.

    Args:
        batches: of one file.
        join: which rows belong together.
        tally: counts the rows that another one stands for.
    """
    first, better = RowCondition(join.first), RowCondition(join.better)
    second = RowCondition(join.second) if join.second else None
    waiting = _Waiting(join.rows_apart)
    names: object = ()
    for batch in batches:
        names = batch.names
        keys = _keys(batch, join)
        begins = set(first.positions(batch))
        ends = set(second.positions(batch)) if second is not None else set()
        prefers = set(better.positions(batch)) if join.better else set()
        rows = WaitingRows(join, batch, prefers)
        done: list[RowGroup] = []
        for position, key in enumerate(keys):
            row = rows.of(position)
            found = waiting.found(key)
            if position in ends:
                if found is not None:
                    found.end(row)
                    done.append(waiting.removed(found))
                    tally.joined += 1
                elif join.alone:
                    done.append(RowGroup(row))
                else:
                    tally.passed[NO_FIRST] += 1
            elif position in begins and key:
                if found is not None and join.several:
                    found.join(row)
                    waiting.add(found, key)
                    tally.joined += 1
                    continue
                if found is not None:
                    done.append(waiting.removed(found))
                done += waiting.add(RowGroup(row), key)
            else:
                done.append(RowGroup(row))
        yield _batch(names, done, batch, join)
    if left := waiting.rest():
        yield _batch(names, left, None, join)


def _keys(batch: RowBatch, join: Join) -> list[list[object]]:
    """The names by which the group of each row is found: one, or each cell where rows are linked; none if all are empty."""
    cells = list(zip(*map(batch.texts, join.key), strict=True))
    if join.linked:
        return [[text for text in dict.fromkeys(key) if text] for key in cells]
    return [[key] if any(key) else [] for key in cells]


class _Waiting:
    """Groups that may still grow, the oldest first.

    Args:
        most: how many may wait beside the newest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_key: dict[object, RowGroup] = {}
        self._keys: dict[RowGroup, list[object]] = {}

    def found(self, key: list[object]) -> RowGroup | None:
        """The group that one of the names belongs to."""
        for name in key:
            if name in self._by_key:
                return self._by_key[name]
        return None

    def add(self, group: RowGroup, key: list[object]) -> list[RowGroup]:
        """Let a group wait under further names; gives the groups that have waited longest, if there are too many."""
        known = self._keys.setdefault(group, [])
        for name in key:
            if name not in self._by_key:
                self._by_key[name] = group
                known.append(name)
        gone = []
        while len(self._keys) > self._most + 1:
            gone.append(self.removed(next(iter(self._keys))))
        return gone

    def removed(self, group: RowGroup) -> RowGroup:
        """Take a group out."""
        for name in self._keys.pop(group):
            del self._by_key[name]
        return group

    def rest(self) -> list[RowGroup]:
        """All groups that still wait."""
        return list(self._keys)


def _batch(names: Any, done: list[RowGroup], source: RowBatch | None, join: Join) -> RowBatch:
    rows = [group.row for group in done]
    made = RowBatch(
        names,
        [row.cells for row in rows],
        [row.line for row in rows],
        [row.raw for row in rows],
        [] if source is None else source.faulty,
    ).joined([group.ended_by for group in done], join.prefix)
    if not join.several:
        return made
    measured = [group.columns(join) for group in done]
    return made.with_columns({name: [one[name] for one in measured] for name in join.added})
