"""Who was warned and who lost what, from a replay or from the test part of a training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import EventKind
from features.offline.parquet_schema import SOURCE_OF
from features.offline.parquet_tables import read_parquet_file
from forewarn.platform.pseudonyms import Pseudonymiser
from models.evaluation.early_warning import LossTable, WarningTable
from models.training.event_labels import Labels
from models.training.threshold_advice import trigger_scores
from models.training.training_dataset import NEVER_MS, Dataset

Longs = NDArray[np.int64]
CALLS = (EventKind.CALL_STARTED, EventKind.CALL_ENDED)


@dataclass(frozen=True, slots=True)
class EventTruth:
    """The fraud that each event belongs to (-1: none), and the losses; ``source`` says who knows."""

    episode: Longs
    losses: LossTable
    source: str


def truth_of_labels(events: EventColumns, labels: Labels, age_of: NDArray[np.str_]) -> EventTruth:
    """What outcomes say by now; unreported frauds count as honest."""
    episode = np.where(labels.label == 1, labels.episode, -1)
    rows = np.flatnonzero((episode >= 0) & (labels.first_loss_ms < NEVER_MS))
    numbers, at = np.unique(episode[rows], return_index=True)
    one = rows[at]
    losses = LossTable(
        episode=numbers,
        person=events.subscriber[one],
        first_loss_ms=labels.first_loss_ms[one],
        lost_minor=labels.exposure_minor[one],
        call_ms=_first_calls(episode, events.kind, events.time_ms, numbers),
        weight=np.ones(len(numbers)),
        typology=labels.typology[one],
        age_group=age_of[one],
    )
    return EventTruth(episode, losses, "outcomes")


def has_town_truth(directory: Path) -> bool:
    """Whether a directory holds the whole truth, as a simulated town does."""
    return (directory / "labels.parquet").is_file() and (directory / "truth.parquet").is_file()


def truth_of_town(
    directory: Path, events: EventColumns, frames: dict[str, pl.DataFrame],
    pseudonymiser: Pseudonymiser,
) -> EventTruth:  # fmt: skip
    """The whole truth about a simulated town, reported or not.

    Args:
        directory: from ``forewarn simulate``.
        events: its events, in the order of application.
        frames: the topics that the events were made of.
        pseudonymiser: of the events.
    """
    labelled = read_parquet_file(directory / "labels.parquet").filter("is_fraud")
    parts = [
        frame.select("event_id", "partition", "offset")
        .with_columns(pl.lit(SOURCE_OF[topic]).cast(pl.Int64).alias("source"))
        .join(labelled.filter(topic=topic).select("event_id", "episode_id"), on="event_id")
        for topic, frame in frames.items()
    ]
    known = pl.concat(parts).with_columns(
        pl.col("episode_id").str.slice(1).cast(pl.Int64), pl.col("partition").cast(pl.Int64)
    )
    place = pl.DataFrame(
        {
            "source": events.source.astype(np.int64),
            "partition": events.partition.astype(np.int64),
            "offset": events.offset,
        }
    ).join(known, on=["source", "partition", "offset"], how="left", maintain_order="left")
    episode = place["episode_id"].fill_null(-1).to_numpy()
    truth = read_parquet_file(directory / "truth.parquet").filter(
        pl.col("first_loss_ms").is_not_null() & pl.col("engaged")
    )
    people = read_parquet_file(directory / "people.parquet").select("subscriber", "age_group")
    truth = truth.join(people, left_on="victim", right_on="subscriber", how="left")
    numbers = truth["episode_id"].str.slice(1).cast(pl.Int64).to_numpy()
    losses = LossTable(
        episode=numbers,
        person=np.array([pseudonymiser.phone(victim) for victim in truth["victim"]], np.uint64),
        first_loss_ms=truth["first_loss_ms"].to_numpy(),
        lost_minor=truth["lost_minor"].to_numpy(),
        call_ms=_first_calls(episode, events.kind, events.time_ms, numbers),
        weight=np.ones(len(numbers)),
        typology=truth["typology"].to_numpy().astype(np.str_),
        age_group=truth["age_group"].fill_null("").to_numpy().astype(np.str_),
    )
    return EventTruth(episode, losses, "the town's truth")


def within(losses: LossTable, from_ms: int, until_ms: int) -> LossTable:
    """The losses of a period whose fraud did not call before it either."""
    rows = (losses.first_loss_ms >= from_ms) & (losses.first_loss_ms < until_ms)
    return take(losses, rows & (losses.call_ms >= from_ms))


def take(losses: LossTable, rows: NDArray[np.bool_]) -> LossTable:
    """Some of the losses."""
    return LossTable(**{name: getattr(losses, name)[rows] for name in LossTable.__slots__})


def warnings_at(events: EventColumns, rows: NDArray[np.intp], truth: EventTruth) -> WarningTable:
    """Warnings that were raised at these events."""
    return WarningTable(
        events.subscriber[rows], events.time_ms[rows], truth.episode[rows], np.ones(len(rows))
    )


def first_crossings(
    score: NDArray[np.float64], subject: NDArray[np.uint64], time_ms: Longs, threshold: float
) -> NDArray[np.intp]:
    """For each subject the first row whose score reaches a threshold."""
    rows = np.flatnonzero(score >= threshold)
    order = rows[np.lexsort((time_ms[rows], subject[rows]))]
    first = np.r_[True, np.diff(subject[order]) != 0] if len(order) else np.zeros(0, np.bool_)
    return np.asarray(order[first])


def tables_of_part(
    part: Dataset, label: NDArray[np.int8], weight: NDArray[np.float64],
    probability: NDArray[np.float64], threshold: float,
) -> tuple[WarningTable, LossTable]:  # fmt: skip
    """The tables of a training's part, where each subject is warned about at its first crossing."""
    rows = first_crossings(
        trigger_scores(probability, part.kind), part.subject, part.time_ms, threshold
    )
    episode = np.where(label == 1, part.episode, -1)
    # A labelled row of a table without episodes is a fraud of its own kind, though no loss is known.
    of_row = np.where((label == 1) & (episode < 0), 0, episode)
    warned = WarningTable(part.group[rows], part.time_ms[rows], of_row[rows], weight[rows])
    known = np.flatnonzero((episode >= 0) & (part.first_loss_ms < NEVER_MS))
    numbers, at = np.unique(episode[known], return_index=True)
    one = known[at]
    return warned, LossTable(
        episode=numbers,
        person=part.group[one],
        first_loss_ms=part.first_loss_ms[one],
        lost_minor=part.exposure_minor[one],
        call_ms=_first_calls(episode, part.kind, part.time_ms, numbers),
        weight=weight[one],
        typology=part.typology[one],
        age_group=part.age_group[one],
    )


def _first_calls(episode: Longs, kind: NDArray[np.uint8], time_ms: Longs, numbers: Longs) -> Longs:
    """Time of the first call of each episode in ``numbers``, ``NEVER_MS`` where there is none."""
    first = np.full(len(numbers), NEVER_MS, np.int64)
    if not len(numbers):
        return first
    order = np.argsort(numbers)
    rows = np.flatnonzero((episode >= 0) & np.isin(kind, CALLS))
    place = np.minimum(np.searchsorted(numbers[order], episode[rows]), len(numbers) - 1)
    mine = numbers[order][place] == episode[rows]
    np.minimum.at(first, order[place[mine]], time_ms[rows[mine]])
    return first
