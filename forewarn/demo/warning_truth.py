"""Lead and precision of the demonstration's warnings, by the town's own truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import polars as pl

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class WarningTruth:
    """People who were warned, those of them in a fraud, and the leads.

    ``lead_minutes`` is the median time from the first warning about a fraud to the first loss that it
    was to bring; None where no fraud with a loss was warned about before it.
    """

    people: int = 0
    in_a_fraud: int = 0
    losses_warned: int = 0
    lead_minutes: float | None = None


def truth_of_warnings(raised: Sequence[tuple[str, int]], labels: pl.DataFrame) -> WarningTruth:
    """Judge warnings by the events that they are about.

    Args:
        raised: subscriber and event time (UTC ms) of each warning, in the order in which they came.
        labels: of the town: ``subscriber``, ``event_time_ms``, ``is_fraud``, ``episode_id``,
            ``first_loss_ms``.
    """
    frauds = labels.filter("is_fraud").select(
        "subscriber", "event_time_ms", "episode_id", "first_loss_ms"
    )
    truth = {(row[0], row[1]): (row[2], row[3]) for row in frauds.iter_rows()}
    people = {subscriber for subscriber, _ in raised}
    true: set[str] = set()
    first: dict[str, int] = {}
    loss_of: dict[str, int | None] = {}
    for subscriber, time_ms in raised:
        found = truth.get((subscriber, time_ms))
        if found is not None:
            true.add(subscriber)
            episode, loss_ms = found
            first[episode] = min(first.get(episode, time_ms), time_ms)
            loss_of[episode] = loss_ms
    leads = [
        (loss_ms - first[episode]) / MINUTE_MS
        for episode, loss_ms in loss_of.items()
        if loss_ms is not None and loss_ms > first[episode]
    ]
    return WarningTruth(len(people), len(true), len(leads), median(leads) if leads else None)
