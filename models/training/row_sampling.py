"""Which rows a dataset keeps when a history is too large for memory: all frauds, a share of the rest.

Honest rows are sampled by person, so that a person is in with all honest rows or with none, and each
that is kept counts 1 / the share in every weighted figure (Horvitz and Thompson 1952). Rows of a fraud
are kept for every person, and count as before.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import EventKind
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy.event_status import WARNABLE
from models.training.confirmed_parties import ConfirmedParties
from models.training.event_labels import confirmed_parties

HONEST_ROWS: Final = 1_000_000
"""Honest rows that a training keeps unless asked for more: 0.7 GB of vectors, and enough for trees of 24
leaves; the frauds come on top."""

WARNABLE_SHARE: Final = 0.65
"""Of all events, those at which a warning can help: calls and attempted transfers."""

_SALT = np.uint64(0xD1B54A32D192ED03)
"""Another hash than the one that deals people to the parts of a split: a sample by the same numbers would
fill one part and leave the others empty."""


def share_for(events: int, honest_rows: int = HONEST_ROWS) -> float:
    """Share of people whose honest rows are kept, so that about ``honest_rows`` remain of ``events``."""
    return min(1.0, honest_rows / max(1.0, events * WARNABLE_SHARE))


def in_sample(people: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Whether each person is in the sample: by a hash, the same in every window and every run."""
    x = people ^ _SALT
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    x ^= x >> np.uint64(32)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) / 2**53 < share)


@dataclass(frozen=True, slots=True)
class RowSampler:
    """Chooses rows of a window before it is known which of them are frauds.

    Attributes:
        share: of people whose honest rows are kept.
        confirmed: what outcomes may label.
    """

    share: float
    confirmed: ConfirmedParties

    @classmethod
    def of_outcomes(
        cls, outcomes: pl.DataFrame, pseudonymiser: Pseudonymiser, share: float
    ) -> "RowSampler":
        """A sampler that keeps what the outcomes may label."""
        return cls(share, confirmed_parties(outcomes, pseudonymiser))

    def rows(self, events: EventColumns) -> NDArray[np.intp]:
        """Rows to keep: of sampled people, and those that an outcome may label.

        Payments that were completed are kept of the latter only: they say when money left.
        """
        near = self.confirmed.may_label(events)
        warnable = np.isin(events.kind, WARNABLE)
        sampled = in_sample(events.subscriber, self.share)
        paid = events.kind == EventKind.OUT_COMPLETED
        return np.flatnonzero((warnable & (sampled | near)) | (paid & near))

    def kept(self, label: NDArray[np.int8], subscribers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Of rows that are labelled by now, those that stay."""
        return np.asarray((label == 1) | in_sample(subscribers, self.share))
