"""Rows that say more about another row: refunds under identifiers of their own, payments pending and then posted.

Files are read twice before their events are made: once for what the followers name, once for the rows of these names.
So an original may stand in another file or after its followers, and only the cells that a mapping reads are kept.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from forewarn.errors import ConfigurationError
from forewarn.replay.cell_conversion import NOTHING, amount, extracted
from forewarn.replay.cell_error import CellError
from forewarn.replay.column_conversion import by_cell
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import (
    FOUND,
    ORIGINAL,
    WHOLE_AMOUNT,
    MappingFile,
    SameAs,
    named_columns,
)
from forewarn.replay.row_batch import FaultyRow, RowBatch
from forewarn.replay.row_condition import RowCondition
from forewarn.replay.row_join import prepared_rows
from forewarn.replay.row_reader import Watch

FOLLOWERS_MAX = 500_000
"""Rows of all files that may follow others; their names and the cells of their originals take some 200 MB."""

NO_ORIGINAL = "its original is in no file"
NO_MONEY = "its original is passed over"
AMBIGUOUS = "more than one row can be its original"

Cells = tuple[str, ...]
Files = Sequence[tuple[Path, Mapping]]


class OriginalRows:
    """The originals of all files of a run, by rule and by the name that a follower gives them."""

    def __init__(self) -> None:
        self._followers = 0
        self._wanted: list[tuple[_Follows, dict[str, Cells | None]]] = []

    def want(self, follows: "_Follows", names: Iterable[str]) -> None:
        """Remember the names that followers give.

        Raises:
            ConfigurationError: if they are more than fit into memory.
        """
        wanted = self._of(follows)
        before = len(wanted)
        wanted.update((name, None) for name in names if name not in wanted)
        self._followers += len(wanted) - before
        if self._followers > FOLLOWERS_MAX:
            raise ConfigurationError(
                f"more than {FOLLOWERS_MAX:,} rows follow others by same_as.",
                hint="Split the files by time; of a row that names its original, template and extract need no look-up.",
            )

    def keep(self, follows: "_Follows", name: str, cells: Cells) -> None:
        """Keep the cells of a row if a follower names it; rows with other cells make the name ambiguous."""
        wanted = self._of(follows)
        if name in wanted:
            known = wanted[name]
            first = known is None or known is _PASSED or known == cells
            wanted[name] = cells if first else _SEVERAL

    def keep_passed(self, follows: "_Follows", name: str) -> None:
        """Note that the original of a name, unless there is another, is a row that a rule passes over."""
        wanted = self._of(follows)
        if name in wanted and wanted[name] is None:
            wanted[name] = _PASSED

    def found(self, follows: "_Follows", name: str) -> Cells | None:
        """The cells of an original, or None if it is in no file.

        Raises:
            CellError: if several rows can be the original.
        """
        cells = self._of(follows).get(name)
        if cells is _SEVERAL:
            raise CellError(AMBIGUOUS, repair="say of = { ... } so that one row is left")
        return cells

    def wants(self, follows: "_Follows") -> bool:
        """Whether any row follows another by this rule."""
        return bool(self._of(follows))

    def _of(self, follows: "_Follows") -> dict[str, Cells | None]:
        for known, wanted in self._wanted:
            if known.alike(follows):
                return wanted
        self._wanted.append((follows, {}))
        return self._wanted[-1][1]


class _Follows:
    """One rule of ``same_as`` for the batches of a file.

    Args:
        rule: as it is written.
        file: the mapping, for the columns of the original that it reads.
    """

    def __init__(self, rule: SameAs, file: MappingFile) -> None:
        self.rule = rule
        named = {column for column in named_columns(file) if column.startswith(ORIGINAL)}
        columns = {column.removeprefix(ORIGINAL) for column in named - {FOUND, WHOLE_AMOUNT}}
        self.columns = tuple(sorted(columns | ({rule.amount} if rule.amount else set())))
        self._decimal_sign = file.decimal_sign
        self._followers: Counter[str] = Counter()
        self._originals: Counter[str] = Counter()
        self._when, self._of = RowCondition(rule.when), RowCondition(rule.of)
        try:
            self._extract, self._original_extract = (
                by_cell(extracted(form), pl.String).series if form else None
                for form in (rule.extract, rule.original_extract)
            )
        except re.error as error:
            raise ConfigurationError(f"same_as {rule.rule!r}: {error} in a pattern.") from error

    def alike(self, other: "_Follows") -> bool:
        """Whether the other looks for the same cells by the same rule."""
        return self.rule == other.rule and self.columns == other.columns

    def names(self, batch: RowBatch) -> pl.Series:
        """The name that each row gives its original; null where a row follows none, empty where it names none."""
        texts = batch.series(self.rule.column)
        texts = texts.set(texts.str.to_lowercase().is_in(list(NOTHING)), "")
        if self._extract is not None:
            texts = self._extract(texts).fill_null("")
        follows = self._when.mask(batch) if self.rule.when else texts != ""
        return texts.set(~follows, None)

    def followers(self, batch: RowBatch, skipped: list[bool] | None = None) -> list[str | None]:
        """The names of :meth:`names` with what else has to be equal; each row of a file may be asked about once."""
        names = self.names(batch)
        found: list[str | None] = names.to_list()
        if not self._exact:
            return found
        column = self.rule.same_amount[0] if self.rule.same_amount else ""
        for position in (names != "").fill_null(value=False).arg_true().to_list():
            if skipped is None or not skipped[position]:
                name = found[position] or ""
                found[position] = self._key(name, batch, column, position, self._followers)
        return found

    def originals(self, batch: RowBatch) -> Iterator[tuple[str, Cells]]:
        """The rows that can be originals: their names and the cells that are read."""
        possible = self._of.mask(batch) if self.rule.of else self.names(batch).is_null()
        texts = batch.series(self.rule.original)
        if self._original_extract is not None:
            texts = self._original_extract(texts).fill_null("")
        names = texts.to_list()
        cells = [batch.texts(column) for column in self.columns]
        column = self.rule.same_amount[1] if self.rule.same_amount else ""
        for position in possible.arg_true().to_list():
            if name := names[position]:
                if self._exact:
                    name = self._key(name, batch, column, position, self._originals)
                yield name, tuple(texts[position] for texts in cells)

    @property
    def _exact(self) -> bool:
        return self.rule.each_once or self.rule.same_amount is not None

    def _key(
        self, name: str, batch: RowBatch, column: str, position: int, seen: Counter[str]
    ) -> str:
        """A name with the amount beside it, and with its number among equal ones where each is taken once."""
        if column:
            text = batch.texts(column)[position]
            within = re.search(r"\d[\d.,]*", text)
            name += f"\n{self._amount(within[0] if within else text)}"
        if self.rule.each_once:
            seen[name] += 1
            name += f"\n{seen[name]}"
        return name

    def added(self, batch: RowBatch, position: int, cells: Cells) -> dict[str, str]:
        """The columns that a follower gets from its original."""
        found = {ORIGINAL + column: cell for column, cell in zip(self.columns, cells, strict=True)}
        found[FOUND] = "true"
        if self.rule.amount:
            own = self._amount(batch.texts(self.rule.amount)[position])
            whole = own is not None and own == self._amount(found[ORIGINAL + self.rule.amount])
            found[WHOLE_AMOUNT] = "true" if whole else "false"
        return found

    def _amount(self, text: str) -> int | None:
        try:
            return abs(amount(text, 6, self._decimal_sign)[0])
        except CellError:
            return None


def find_originals(
    files: Files, *, watch: Watch | None = None, on_rows: Callable[[int], None] | None = None
) -> OriginalRows:
    """Read files for the originals of their rows; none is opened without a rule of ``same_as``.

    Args:
        files: each with its mapping; an original is looked for in the files whose mapping has the same rule.
        watch: gets each open file, for progress.
        on_rows: receives the number of lines read, from time to time.

    Raises:
        ConfigurationError: if a file cannot be read, or more rows follow others than fit into memory.
    """
    found, lines = OriginalRows(), 0
    for collect in (False, True):
        for path, mapping in files:
            follows = [_Follows(rule, mapping.file) for rule in mapping.file.same_as]
            if not follows or (collect and not any(map(found.wants, follows))):
                continue
            tally = FileTally(path.name)
            for batch in prepared_rows(path, mapping.file, tally, watch=watch):
                _look_through(batch, mapping, follows, found, collect=collect)
                if on_rows is not None:
                    on_rows(lines + tally.lines)
            lines += tally.lines
    return found


def _look_through(
    batch: RowBatch,
    mapping: Mapping,
    follows: list[_Follows],
    found: OriginalRows,
    *,
    collect: bool,
) -> None:
    skipped = mapping.skipped(batch)
    kept = passed = batch
    if skipped.any():
        kept = batch.taken((~skipped).arg_true().to_list())
        passed = batch.taken(skipped.arg_true().to_list())
    for each in follows:
        if not collect:
            found.want(each, {name for name in each.followers(kept) if name is not None})
        elif found.wants(each):
            for name, cells in each.originals(kept):
                found.keep(each, name, cells)
            if passed is not batch and not each.rule.each_once:
                for name, _ in each.originals(passed):
                    found.keep_passed(each, name)


def followed_rows(
    batches: Iterator[RowBatch], mapping: Mapping, originals: OriginalRows, tally: FileTally
) -> Iterator[RowBatch]:
    """Give rows the cells of their originals, as columns that begin with ``original.``.

    Args:
        batches: of one file.
        mapping: says which rows follow others, and what becomes of those without an original.
        originals: of all files.
        tally: counts the followers by what was found.
    """
    follows = [_Follows(rule, mapping.file) for rule in mapping.file.same_as]
    for batch in batches:
        skipped = mapping.skipped(batch).to_list()
        added: dict[int, dict[str, str]] = {}
        gone: set[int] = set()
        missed: dict[int, SameAs] = {}
        for each in follows:
            for position, name in enumerate(each.followers(batch, skipped)):
                if name is None or skipped[position] or position in added:
                    continue
                if _follow(batch, position, name, each, originals, added, gone, tally):
                    missed.pop(position, None)
                else:
                    missed.setdefault(position, each.rule)  # another rule may find one
        for position, rule in missed.items():
            added[position] = {}
            _miss(batch, position, rule, added, gone, tally)
        if not added:
            yield batch
            continue
        columns = dict.fromkeys(name for cells in added.values() for name in cells)
        n = len(batch)
        filled = {
            name: [added[place].get(name, "") if place in added else "" for place in range(n)]
            for name in columns
        }
        yield batch.with_columns(filled).without(gone)


def _follow(
    batch: RowBatch,
    position: int,
    name: str,
    follows: _Follows,
    originals: OriginalRows,
    added: dict[int, dict[str, str]],
    gone: set[int],
    tally: FileTally,
) -> bool:
    """Fill the columns of one follower, or take it out of the batch; false if there is no original."""
    rule = follows.rule
    try:
        cells = originals.found(follows, name) if name else None
    except CellError as error:
        fault = FaultyRow(
            batch.lines[position], batch.raws[position], f"{rule.rule}: {error}", error.repair
        )
        batch.faulty.append(fault)
        gone.add(position)
        added[position] = {}
        return True
    if cells is None:
        return False
    if cells is _PASSED:
        # What a rule passes over moved no money, so nothing can take it back.
        tally.passed[f"{rule.rule}: {NO_MONEY}"] += 1
        gone.add(position)
        added[position] = {}
        return True
    tally.same_as[f"{rule.rule}: joined to its original"] += 1
    added[position] = follows.added(batch, position, cells)
    return True


def _miss(
    batch: RowBatch,
    position: int,
    rule: SameAs,
    added: dict[int, dict[str, str]],
    gone: set[int],
    tally: FileTally,
) -> None:
    """Count a follower whose original is in no file."""
    reason = f"{rule.rule}: {NO_ORIGINAL}"
    if rule.absent == "alone":
        tally.same_as[reason] += 1
        added[position] = {FOUND: "false"}
        return
    gone.add(position)
    if rule.absent == "pass":
        tally.passed[reason] += 1
    else:
        repair = "give the file that holds it as well"
        batch.faulty.append(FaultyRow(batch.lines[position], batch.raws[position], reason, repair))


_SEVERAL: Cells = ("more than one",)
_PASSED: Cells = ("passed over",)
"""Stand for several rows, and for a row that gives no event; compared by identity."""
