"""Reversals that name a transfer of which the files hold no other row: often a refund under an identifier of its own."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.replay.mapping_file import FieldRule, MappingFile, rule_of
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_condition import RowCondition

IDS_MAX = 10_000_000
"""Transfers of one file whose identifiers are compared, eight bytes each; a larger file is not looked at further."""

ADVICE = (
    'If the identifier of a reversal is the original\'s with a suffix, cut it off: transfer_id = {{ column = "{column}", '
    "extract = '^([^_]+)' }}; if another column names the original, say [[same_as]] (docs/formats/mappings.md)."
)


class ReversalCheck:
    """Compares the identifiers of reversals with those of all other transfers.

    Only mappings that take the identifier from a column as it stands are looked at: one that cuts or looks up
    the original has said what it means.

    Args:
        file: the mapping.
    """

    def __init__(self, file: MappingFile) -> None:
        self._rules = []
        for rule in file.events if not file.same_as else []:
            named, status = (
                rule_of(rule.fields.get("transfer_id", "")),
                rule_of(rule.fields.get("status", "")),
            )
            if rule.type == "transfer" and len(named.columns) == 1 and not named.extract:
                self._rules.append((RowCondition(*rule.conditions), named.columns[0], status))
        self._rules = (
            self._rules if any(_may_reverse(status) for _, _, status in self._rules) else []
        )
        self._skips = [RowCondition(skip.when) for skip in file.skip]
        self._reversed: list[NDArray[np.uint64]] = []
        self._others: list[NDArray[np.uint64]] = []
        self._seen = 0

    @property
    def column(self) -> str:
        """The column that names the transfers, or nothing if there is no rule that is looked at."""
        return self._rules[0][1] if self._rules else ""

    def look_at(self, batch: RowBatch) -> None:
        """Note the identifiers of a batch."""
        if not self._rules or self._seen > IDS_MAX or not len(batch):
            return
        skipped = pl.Series([False]).new_from_index(0, len(batch))
        for condition in self._skips:
            skipped |= condition.mask(batch)
        for condition, column, status in self._rules:
            chosen = condition.mask(batch) & ~skipped
            reverses = chosen & _reverses(status, batch)
            ids = batch.series(column).hash(seed=0)
            self._reversed.append(ids.filter(reverses).to_numpy())
            self._others.append(ids.filter(chosen & ~reverses).to_numpy())
            self._seen += len(batch)

    def ids(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Hashes of the identifiers of reversals and of all others; none for a file that is too large."""
        if self._seen > IDS_MAX or not self._reversed:
            return _NONE, _NONE
        return np.concatenate(self._reversed), np.concatenate(self._others)


def without_original(checks: list[ReversalCheck]) -> tuple[int, str]:
    """How many reversals name a transfer that has no other row in any file, and the column that names it."""
    pairs = [check.ids() for check in checks]
    lone = 0
    others = np.concatenate([other for _, other in pairs] or [_NONE])
    column = ""
    for check, (found, _) in zip(checks, pairs, strict=True):
        count = int((~np.isin(found, others)).sum())
        lone += count
        column = column or (check.column if count else "")
    return lone, column


def _may_reverse(status: FieldRule) -> bool:
    return status.value == "reversed" or "reversed" in status.values.values()


def _reverses(status: FieldRule, batch: RowBatch) -> pl.Series:
    if status.value is not None or not status.columns:
        return pl.Series([status.value == "reversed"]).new_from_index(0, len(batch))
    words = [word for word, meant in status.values.items() if meant == "reversed"]
    texts = batch.series(status.columns[0])
    if "*" in words:
        return ~texts.is_in([word for word in status.values if word not in words])
    return texts.is_in(words)


_NONE = np.empty(0, np.uint64)
