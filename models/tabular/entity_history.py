"""What is known about a card, a merchant or a terminal just before each of its events.

For tables that were not computed by the feature kernel: counts and amounts over sliding windows, time
since the last event, and the share of earlier events that turned out to be fraud, counted only
after the label had time to arrive. An event sees strictly earlier events only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.training_dataset import DAY_MS

WINDOW_DAYS = (1, 7, 30)

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Events:
    """Columns of a table, in order of time: times in ms, amounts (NaN: none), labels 0/1 (-1: none).

    ``has_amounts`` says whether amounts have features, which a table without a single amount may not change.
    """

    time_ms: Longs
    amount: Floats
    label: NDArray[np.int8]
    has_amounts: bool = True


def entity_features(
    events: Events, entity: Longs, name: str, *, label_delay_ms: int
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Names and columns of the features of one entity.

    Args:
        events: the table.
        entity: number of the entity of each row, -1 where it has none.
        name: prefix of the features.
        label_delay_ms: how long a label takes to become known.
    """
    view = _View(events, entity)
    yield f"{name}_seconds_since_previous", view.back(view.since_previous() / 1000)
    for days in WINDOW_DAYS:
        window = days * DAY_MS
        count, total = view.sums(window)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / count
            yield f"{name}_count_{days}d", view.back(count)
            if events.has_amounts:
                yield f"{name}_amount_mean_{days}d", view.back(mean)
                yield f"{name}_amount_to_mean_{days}d", view.back(view.amount / mean)
            known, fraud = view.frauds(window, label_delay_ms)
            yield f"{name}_known_{days}d", view.back(known)
            yield f"{name}_fraud_share_{days}d", view.back(fraud / known)


class _View:
    """Rows sorted by entity and time, with running sums, so that a window is two look-ups."""

    def __init__(self, events: Events, entity: Longs) -> None:
        self._order = np.lexsort((events.time_ms, entity))
        self._none = entity[self._order] < 0
        time_ms = events.time_ms[self._order]
        start = int(time_ms.min()) if len(time_ms) else 0
        span = (int(time_ms.max()) - start if len(time_ms) else 0) + 1
        # Entity and time in one ascending number, so that one look-up finds both.
        owner = entity[self._order] + 1
        self._key = owner * span + (time_ms - start)
        # Where the rows of each row's own entity begin: a window or a delay that is longer than the
        # period looks up a time of a neighbour, and ends here.
        self._own = np.searchsorted(owner, owner, side="left")
        self.amount = events.amount[self._order]
        self._amounts = np.r_[0.0, np.cumsum(np.nan_to_num(self.amount))]
        label = events.label[self._order]
        self._labels = np.r_[0.0, np.cumsum((label == 1).astype(np.float64))]
        self._labelled = np.r_[0.0, np.cumsum((label >= 0).astype(np.float64))]
        self._before = np.searchsorted(self._key, self._key, side="left")

    def sums(self, window_ms: int) -> tuple[Floats, Floats]:
        """Count and amount of earlier events within a window."""
        first, last = self._bounds(window_ms, 0)
        return (last - first).astype(np.float64), self._amounts[last] - self._amounts[first]

    def frauds(self, window_ms: int, delay_ms: int) -> tuple[Floats, Floats]:
        """Count and frauds of events whose label was known, within a window before the delay."""
        first, last = self._bounds(window_ms, delay_ms)
        known = self._labelled[last] - self._labelled[first]
        return known, self._labels[last] - self._labels[first]

    def since_previous(self) -> Floats:
        """Milliseconds since the entity's last event, NaN for the first."""
        place = np.maximum(self._before - 1, 0)
        gap = (self._key - self._key[place]).astype(np.float64)
        return np.where(self._before > self._own, gap, np.nan)

    def back(self, values: Floats) -> NDArray[np.float32]:
        """Values in the table's own order; NaN for rows without an entity."""
        out = np.empty(len(values), np.float32)
        out[self._order] = np.where(self._none | ~np.isfinite(values), np.nan, values)
        return out

    def _bounds(self, window_ms: int, delay_ms: int) -> tuple[Longs, Longs]:
        last = np.searchsorted(self._key, self._key - delay_ms, side="left")
        first = np.searchsorted(self._key, self._key - delay_ms - window_ms, side="left")
        return np.maximum(first, self._own), np.maximum(last, self._own)
