"""Datasets of training: vectors, what is known about their labels and when it was known.

A dataset has one row an event. It says nothing about where it came from: the point-in-time features
of exported events (``models.training.history_dataset``) and someone else's table
(``models.tabular.table_dataset``) both become one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError

NEVER_MS = 2**62
"""Label time of a row without any outcome."""

HOUR_MS, DAY_MS = 3_600_000, 86_400_000

_NOT_COLUMNS = ("features", "fingerprint", "honest_share")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows in order of time. Times are UTC milliseconds, amounts minor units.

    Attributes:
        features: names of the columns of ``vectors``, float32 [n, F].
        fingerprint: of the catalog; empty for other tables.
        label: 1 for fraud, 0 for honest or unknown, as known by now.
        label_time_ms: when the label became known; ``NEVER_MS`` without an outcome.
        group: whom the row is about (a subscriber, a card); never on two sides of a split.
        ring: the swindlers behind it, 0 if none is known; never on two sides either.
        amount_minor: money at stake in the event itself, 0 for calls.
        exposure_minor: money that the whole episode was about to cost, 0 where unknown.
        subject: the call or transfer; several events may be about one subject.
        counterparty: the other party, for the policy's lists.
        kind: ``features.kinds.EventKind``, 0 in other tables.
        weight: how much the row counts (inverse propensity of its label), mean about 1.
        first_loss_ms: when the first money of the episode was lost, ``NEVER_MS`` if none was.
        episode: number of the fraud episode, -1 where there is none.
        typology, age_group, district: texts for reports by segment, empty where unknown.
        honest_share: share of people whose honest rows are kept; they count 1 / this in ``weight``.
    """

    features: tuple[str, ...]
    fingerprint: str
    vectors: NDArray[np.float32]
    time_ms: NDArray[np.int64]
    label: NDArray[np.int8]
    label_time_ms: NDArray[np.int64]
    group: NDArray[np.uint64]
    ring: NDArray[np.uint64]
    amount_minor: NDArray[np.int64]
    exposure_minor: NDArray[np.int64]
    subject: NDArray[np.uint64]
    counterparty: NDArray[np.uint64]
    kind: NDArray[np.uint8]
    weight: NDArray[np.float64]
    first_loss_ms: NDArray[np.int64]
    episode: NDArray[np.int64]
    typology: NDArray[np.str_]
    age_group: NDArray[np.str_]
    district: NDArray[np.str_]
    honest_share: float = 1.0

    def __len__(self) -> int:
        return len(self.time_ms)

    def take(self, rows: NDArray[Any]) -> "Dataset":
        """The rows of a mask or of indices."""
        changed = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in _NOT_COLUMNS
        }
        return replace(self, **changed)

    def known_at(self, time_ms: int) -> NDArray[np.int8]:
        """Labels as they were known at this time."""
        return np.where(self.label_time_ms <= time_ms, self.label, 0).astype(np.int8)

    def check(self) -> None:
        """Raise ConfigurationError for what no training can repair; see also ``training.checks``."""
        n = len(self)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _NOT_COLUMNS and len(value) != n:
                raise ConfigurationError(f"column {field.name} has {len(value)} rows, not {n}")
        if self.vectors.shape != (n, len(self.features)):
            raise ConfigurationError(
                f"vectors are {self.vectors.shape}, with {len(self.features)} names"
            )
        if n and np.any(np.diff(self.time_ms) < 0):
            raise ConfigurationError("rows are not in order of time", hint="Sort them by time.")


def make_dataset(
    vectors: NDArray[np.float32],
    features: Sequence[str],
    *,
    time_ms: NDArray[np.int64],
    label: NDArray[Any],
    fingerprint: str = "",
    honest_share: float = 1.0,
    **columns: Any,
) -> Dataset:
    """Build a dataset in order of time; columns that are left out get their neutral value.

    Raises:
        ConfigurationError: if a column has another length than the others.
    """
    n = len(time_ms)
    zeros: dict[str, Any] = {
        "label_time_ms": np.asarray(time_ms, np.int64).copy(),
        "group": np.arange(1, n + 1, dtype=np.uint64),
        "ring": np.zeros(n, np.uint64),
        "amount_minor": np.zeros(n, np.int64),
        "exposure_minor": np.zeros(n, np.int64),
        "subject": np.arange(1, n + 1, dtype=np.uint64),
        "counterparty": np.zeros(n, np.uint64),
        "kind": np.zeros(n, np.uint8),
        "weight": np.ones(n),
        "first_loss_ms": np.full(n, NEVER_MS, np.int64),
        "episode": np.full(n, -1, np.int64),
        "typology": np.full(n, "", dtype="U24"),
        "age_group": np.full(n, "", dtype="U12"),
        "district": np.full(n, "", dtype="U12"),
    }
    unknown = columns.keys() - zeros.keys()
    if unknown:
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    dataset = Dataset(
        features=tuple(features),
        fingerprint=fingerprint,
        vectors=np.ascontiguousarray(vectors, np.float32),
        time_ms=np.asarray(time_ms, np.int64),
        label=np.asarray(label, np.int8),
        honest_share=honest_share,
        **{
            name: np.asarray(columns.get(name, default), np.asarray(default).dtype.type)
            for name, default in zeros.items()
        },
    )
    for field in fields(dataset):  # lengths first: sorting would fail less clearly
        value = getattr(dataset, field.name)
        if field.name not in _NOT_COLUMNS and len(value) != n:
            raise ConfigurationError(f"column {field.name} has {len(value)} rows, not {n}")
    if np.any(np.diff(dataset.time_ms) < 0):  # sorting copies every vector
        dataset = dataset.take(np.argsort(dataset.time_ms, kind="stable"))
    dataset.check()
    return dataset
