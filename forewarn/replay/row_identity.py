"""Identifiers for rows whose own repeats with another content, or is missing."""

import hashlib
from collections import Counter
from collections.abc import Iterator

import polars as pl

from forewarn.replay.cell_conversion import NOTHING
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import IDENTITY, RowIdentity
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.seen_keys import SeenKeys

REPEATED = "repeats an earlier row"

_EQUAL_ROWS_MAX = 1_000_000
"""Contents of rows without an identifier whose number is remembered; some 100 MB."""


def identified_rows(
    batches: Iterator[RowBatch], identity: RowIdentity, tally: FileTally
) -> Iterator[RowBatch]:
    """Give rows the column ``identity``: the identifier of the source while it is of one content, or one of the content.

    Serial numbers begin again, and one number is on a transfer and on its fee. The first row with an identifier
    keeps it; a row with the same and another content has a digest of the content behind it. A row without one has
    the digest, and its number among equal rows.

    Args:
        batches: of one file.
        identity: says what the identifier is, and what the content.
        tally: counts the repetitions.
    """
    named, first, known = SeenKeys(), SeenKeys(), SeenKeys()
    equal: Counter[str] = Counter()
    for batch in batches:
        ids = batch.series(identity.column)
        ids = ids.set(ids.str.to_lowercase().is_in(list(NOTHING)), "")
        cells = [batch.series(column).alias(str(place)) for place, column in enumerate(identity.of)]
        content = pl.DataFrame(cells)
        whole = content.with_columns(ids.alias("id"))
        other = pl.Series([False]).new_from_index(0, len(batch))
        if not identity.unique:
            again = named.repeated(pl.DataFrame(ids.alias("id")))
            first.repeated(whole.filter(~again & (ids != "")))
            other = again & ~first.known(whole) if again.any() else again
        found = ids.to_list()
        for position in ((ids == "") | other).arg_true().to_list():
            text = _digest(content.row(position))
            if found[position]:
                found[position] += f"-{text}"
                continue
            equal[text] += 1
            if len(equal) > _EQUAL_ROWS_MAX:
                equal.clear()
            found[position] = text if equal[text] < 2 else f"{text}-{equal[text]}"
        gone: set[int] = set()
        if identity.once:
            repeated = known.repeated(whole) & (ids != "")
            gone = set(repeated.arg_true().to_list())
            if gone:
                tally.passed[REPEATED] += len(gone)
        yield batch.with_columns({IDENTITY: found}).without(gone)


def _digest(cells: tuple[str, ...]) -> str:
    return hashlib.blake2b("|".join(cells).encode(), digest_size=8).hexdigest()
