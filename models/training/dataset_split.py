"""Train, calibrate and test on different times *and* on different people and rings.

Time is cut into three parts with an *embargo* between them: labels need time to arrive, so the rows
just before a cut would count as honest only because they were not reported yet. The end of the
test part is such a cut, too.

A person lives through all three parts, and a ring may work in two of them. So people who are tied
by a ring form one component, a whole component goes to one part (``models.training.group_assignment``), and
its rows in the other parts are dropped. Each row that stays counts 1 / the chance of its component to
come into this part, so every weighted figure is one of the whole window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.training.group_assignment import GroupAssignment, assign_groups, deal_by_lot
from models.training.training_dataset import DAY_MS, NEVER_MS, Dataset

PARTS = ("train", "calibrate", "test")

DELAY_QUANTILE = 0.9
"""The embargo waits for so many of the labels; those that take longer are left out by row."""

LARGEST_EMBARGO = 0.25
"""Of the shortest part, unless more is asked for: waiting longer would leave nothing to learn."""

BY_NOW_MS = NEVER_MS - 1


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Shares of the period by time, of honest people by hash, and the embargo.

    Rows of the first ``warmup_days`` are left out: windows of a month cannot be full yet. None leaves
    it to the period: a month, at most a third of it. An embargo of None follows from how long
    labels took in these data.

    From ``train_from_ms`` on rows are trained on; ``test_from_ms`` and ``test_until_ms`` bound the test part,
    and the shares then divide what lies before it and its embargo. ``timeless`` deals groups to the parts by
    lot, for a table without times. ``leave_known`` leaves out test rows of groups whose fraud was known when
    the row's day began.
    """

    time_shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    people_shares: tuple[float, float, float] = (0.5, 0.2, 0.3)
    embargo_days: float | None = None
    warmup_days: float | None = 0.0
    by_group: bool = True
    train_from_ms: int | None = None
    test_from_ms: int | None = None
    test_until_ms: int | None = None
    timeless: bool = False
    leave_known: bool = False


@dataclass(frozen=True, slots=True)
class PartWindows:
    """From when until when each part lasts, and when its labels are looked at (UTC milliseconds)."""

    from_ms: dict[str, int]
    until_ms: dict[str, int]
    known_at_ms: dict[str, int]


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; ``label`` and ``weight`` of each are as known at ``known_at_ms``.

    ``late`` counts frauds of a part that were not known at its end, ``prevalence`` is the share of
    fraud in the whole window from which a part was dealt.
    """

    parts: dict[str, Dataset]
    label: dict[str, NDArray[np.int8]]
    weight: dict[str, NDArray[np.float64]]
    from_ms: dict[str, int]
    until_ms: dict[str, int]
    known_at_ms: dict[str, int]
    late: dict[str, int]
    prevalence: dict[str, float]
    embargo_days: float
    warmup_days: float

    def training_vectors(self, ages: Sequence[str]) -> NDArray[np.float32]:
        """Vectors to train on, ``(rows, features)``, whose ages end at the days of the warm-up.

        No tree can then ask for a greater age, and one that is greater when a worker meets it is on
        the same side of every split: only training is capped, and scoring needs to know nothing of it.

        Args:
            ages: names of the features that are ages in days.
        """
        train = self.parts["train"]
        columns = [index for index, name in enumerate(train.features) if name in ages]
        if not columns:
            return train.vectors
        vectors = train.vectors.copy()
        vectors[:, columns] = np.minimum(vectors[:, columns], np.float32(self.warmup_days))
        return vectors


def split(dataset: Dataset, options: SplitOptions = SplitOptions()) -> Split:
    """Split a dataset by time and by people; the test part sees every label that is known by now.

    >>> sorted(parts.parts)
    ['calibrate', 'test', 'train']
    >>> set(parts.parts["train"].group.tolist()) & set(parts.parts["test"].group.tolist())
    set()

    Args:
        dataset: rows in order of time.
        options: shares of the parts, embargo and warm-up.

    Raises:
        ConfigurationError: if the period is too short for the embargo.
    """
    if len(dataset) == 0:
        raise ConfigurationError("there are no rows to train on")
    first, last = int(dataset.time_ms[0]), int(dataset.time_ms[-1]) + 1
    warmup_days = warmup_of(options, (last - first) / DAY_MS)
    first += round(warmup_days * DAY_MS)
    embargo = 0 if options.timeless else _embargo_ms(dataset, options, last - first)
    windows = part_windows(first, last, embargo, options)
    dealt = _dealt(dataset, windows, options)
    split = Split(
        {}, {}, {}, windows.from_ms, windows.until_ms, windows.known_at_ms, {}, {},
        embargo / DAY_MS, warmup_days,
    )  # fmt: skip
    for number, name in enumerate(PARTS):
        known_at = windows.known_at_ms[name]
        window = (dataset.time_ms >= windows.from_ms[name]) & (
            dataset.time_ms < windows.until_ms[name]
        )
        # These frauds became known only after the cut. As honest rows they would
        # teach the opposite of the truth, as frauds they would teach what was not known.
        late = window & (dataset.label == 1) & (dataset.label_time_ms > known_at)
        window &= ~late
        if name == "test" and options.leave_known:
            window &= ~known_when_the_day_began(dataset, windows.from_ms["train"])
        rows = window & (dealt.part == number) if dealt else window
        split.late[name] = int(late.sum())
        split.prevalence[name] = _share(dataset.label[window], dataset.weight[window])
        part = dataset.take(rows)
        split.parts[name] = part
        split.label[name] = part.known_at(known_at)
        split.weight[name] = part.weight / dealt.chance[rows] if dealt else part.weight
    return split


def part_windows(
    first_ms: int, last_ms: int, embargo_ms: int, options: SplitOptions
) -> PartWindows:
    """The windows of the parts.

    Args:
        first_ms: where the period begins, after a warm-up.
        last_ms: where it ends.
        embargo_ms: how long before its end a part's rows end.
        options: shares, or explicit bounds.

    Raises:
        ConfigurationError: if a part would have no time.
    """
    shares = options.time_shares
    if options.timeless:
        every = dict.fromkeys(PARTS, last_ms)
        return PartWindows(dict.fromkeys(PARTS, first_ms), every, dict.fromkeys(PARTS, BY_NOW_MS))
    train_from = first_ms if options.train_from_ms is None else options.train_from_ms
    test_until = last_ms - embargo_ms if options.test_until_ms is None else options.test_until_ms
    if options.test_from_ms is None:
        span = (last_ms if options.test_until_ms is None else test_until) - train_from
        train_end = train_from + round(span * shares[0])
        test_from = train_end + round(span * shares[1])
        ends, known = (train_end, test_from), (train_end, test_from)
        until = (train_end - embargo_ms, test_from - embargo_ms)
    else:
        # Every label of what lies before the embargo is known when the test begins, and nothing is fitted earlier.
        test_from = options.test_from_ms
        fitted_until = test_from - embargo_ms
        train_end = train_from + round(
            (fitted_until - train_from) * shares[0] / (shares[0] + shares[1])
        )
        ends, known, until = (
            (train_end, test_from),
            (test_from, test_from),
            (train_end, fitted_until),
        )
    windows = PartWindows(
        dict(zip(PARTS, (train_from, ends[0], ends[1]), strict=True)),
        dict(zip(PARTS, (*until, test_until), strict=True)),
        dict(zip(PARTS, (*known, BY_NOW_MS), strict=True)),
    )
    for name in PARTS:
        if windows.until_ms[name] <= windows.from_ms[name]:
            raise ConfigurationError(
                f"the {name} part would have no time: it begins {embargo_ms / DAY_MS:.1f} days of embargo or "
                "less before it ends",
                hint="Move the bounds of the parts, train on a longer period, or set a shorter --embargo-days.",
            )
    return windows


def known_when_the_day_began(dataset: Dataset, from_ms: int) -> NDArray[np.bool_]:
    """Rows whose group has a fraud, since a time, that was known when the row's day began, bool [n]."""
    _, group = np.unique(dataset.group, return_inverse=True)
    fraud = (dataset.label == 1) & (dataset.time_ms >= from_ms)
    earliest = np.full(int(group.max(initial=-1)) + 1, NEVER_MS, np.int64)
    np.minimum.at(earliest, group[fraud], dataset.label_time_ms[fraud])
    return np.asarray(earliest[group] // DAY_MS < dataset.time_ms // DAY_MS)


def _dealt(dataset: Dataset, windows: PartWindows, options: SplitOptions) -> GroupAssignment | None:
    if options.timeless:
        return deal_by_lot(dataset.group, dataset.label, options.time_shares)
    if not options.by_group:
        return None
    cuts = (windows.from_ms["calibrate"], windows.from_ms["test"])
    return assign_groups(dataset, cuts, options.people_shares)


def warmup_of(options: SplitOptions, span_days: float) -> float:
    """Days that are left out at the start of a period of so many days."""
    return min(30.0, span_days / 3) if options.warmup_days is None else options.warmup_days


def label_delays_days(dataset: Dataset) -> NDArray[np.float64]:
    """How long each fraud's label took."""
    fraud = (dataset.label == 1) & (dataset.label_time_ms < NEVER_MS)
    return np.asarray((dataset.label_time_ms - dataset.time_ms)[fraud] / DAY_MS, np.float64)


def _embargo_ms(dataset: Dataset, options: SplitOptions, span_ms: int) -> int:
    shortest_ms = span_ms * min(options.time_shares)
    if options.embargo_days is None:
        delays = label_delays_days(dataset)
        wanted = float(np.quantile(delays, DELAY_QUANTILE)) * DAY_MS if len(delays) else 0.0
        return round(min(wanted, LARGEST_EMBARGO * shortest_ms))
    embargo = round(options.embargo_days * DAY_MS)
    if options.test_from_ms is None and shortest_ms <= 2 * embargo:
        raise ConfigurationError(
            f"{span_ms / DAY_MS:.1f} days are too few for an embargo of {options.embargo_days} days",
            hint="Train on a longer period, or set a shorter --embargo-days.",
        )
    return embargo


def _share(label: NDArray[np.int8], weight: NDArray[np.float64]) -> float:
    return float((label * weight).sum() / max(float(weight.sum()), 1e-12))
