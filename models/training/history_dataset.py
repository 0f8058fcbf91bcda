"""A dataset from calls, transfers and outcomes: point-in-time features by the worker's own kernel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.catalog import CATALOG, Catalog
from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.parquet_tables import canonical, read_topic
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy.event_status import WARNABLE
from models.training.event_labels import label_events
from models.training.label_weights import label_weights
from models.training.training_dataset import Dataset, make_dataset


@dataclass(frozen=True, slots=True)
class EventHistory:
    """What is known about a period, as frames in the canonical layout.

    ``people`` (subscriber, age_group, district) is optional; the district is otherwise that of the
    person's last event.
    """

    calls: pl.DataFrame
    transfers: pl.DataFrame
    outcomes: pl.DataFrame
    people: pl.DataFrame | None = None


def read_history(directory: str | Path) -> EventHistory:
    """Read what ``forewarn export`` or ``forewarn simulate`` wrote.

    >>> fw.write_town(fw.simulate(fw.Scenario(subscribers=50, days=1)), "one-day")
    >>> fw.read_history("one-day").people.height
    50

    Args:
        directory: with the folders calls, transfers and outcomes.

    Raises:
        ConfigurationError: if the directory is missing or lacks required columns.
    """
    directory = Path(directory)
    frames = {topic: read_topic(directory, topic).collect() for topic in COLUMNS_OF}
    outcomes = frames["outcomes"]
    reports, people = directory / "reports.parquet", directory / "people.parquet"
    if outcomes.is_empty() and reports.is_file():
        outcomes = outcomes_of_reports(pl.read_parquet(reports))
    return EventHistory(
        frames["calls"],
        frames["transfers"],
        outcomes,
        pl.read_parquet(people) if people.is_file() else None,
    )


def outcomes_of_reports(reports: pl.DataFrame) -> pl.DataFrame:
    """Reports to the police as outcomes without a case, each known at its label time."""
    named = reports.with_columns(
        (pl.lit("r-") + pl.col("episode_id")).alias("event_id"),
        pl.col("label_time_ms").alias("event_time_ms"),
    )
    return canonical(named.lazy(), "outcomes").collect()


def event_columns(history: EventHistory, pseudonymiser: Pseudonymiser) -> EventColumns:
    """All events of a history in the one order in which offline features see them."""
    frames = {
        "calls": history.calls,
        "transfers": history.transfers,
        "outcomes": history.outcomes,
    }
    return in_order([COLUMNS_OF[name](frame, pseudonymiser) for name, frame in frames.items()])


def dataset_of_history(
    history: EventHistory,
    pseudonymiser: Pseudonymiser,
    *,
    report_share: float = 0.6,
    threads: int = 2,
    catalog: Catalog = CATALOG,
) -> Dataset:
    """Features, labels and weights of every event at which a warning can still help.

    Args:
        history: the events and outcomes.
        pseudonymiser: any key will do; nothing of it is in a model.
        report_share: see ``models.training.label_weights``.
        threads: of the feature kernel.
        catalog: which features.
    """
    events = event_columns(history, pseudonymiser)
    engine = Engine(catalog)
    vectors = engine.run(engine.plan(events), threads=threads).vectors
    labels = label_events(events, history.outcomes, pseudonymiser)
    rows = np.flatnonzero(np.isin(events.kind, WARNABLE))
    label, warned = labels.label[rows], labels.warned[rows]
    people = _people(history, pseudonymiser)
    place, known = _places(people, events.subscriber[rows])
    return make_dataset(
        vectors[rows],
        catalog.names,
        fingerprint=catalog.fingerprint,
        time_ms=events.time_ms[rows],
        label=label,
        label_time_ms=labels.label_time_ms[rows],
        group=events.subscriber[rows],
        ring=labels.ring[rows],
        amount_minor=events.amount_minor[rows],
        exposure_minor=labels.exposure_minor[rows],
        subject=events.subject[rows],
        counterparty=events.counterparty[rows],
        kind=events.kind[rows],
        weight=label_weights(label, warned, report_share=report_share),
        first_loss_ms=labels.first_loss_ms[rows],
        episode=labels.episode[rows],
        typology=labels.typology[rows],
        age_group=np.where(known, people.age_group[place], ""),
        district=np.where(known, people.district[place], ""),
    )


def district_of_events(
    events: EventColumns, history: EventHistory, pseudonymiser: Pseudonymiser
) -> NDArray[np.str_]:
    """The district of each event's person, empty where unknown."""
    people = _people(history, pseudonymiser)
    place, known = _places(people, events.subscriber)
    return np.where(known, people.district[place], "")


@dataclass(frozen=True, slots=True)
class _People:
    """In order of the pseudonym."""

    subscriber: NDArray[np.uint64]
    age_group: NDArray[np.str_]
    district: NDArray[np.str_]


def _places(
    people: _People, subscribers: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each subscriber is among the people, and whether it is."""
    if len(people.subscriber) == 0:
        raise ConfigurationError("there are no events to train on")
    place = np.searchsorted(people.subscriber, subscribers)
    place = np.minimum(place, len(people.subscriber) - 1)
    return place, people.subscriber[place] == subscribers


def _people(history: EventHistory, pseudonymiser: Pseudonymiser) -> _People:
    table = history.people
    if table is None:
        seen = [f.select("subscriber", "district") for f in (history.calls, history.transfers)]
        table = pl.concat(seen).unique("subscriber", keep="last", maintain_order=True)
    if "age_group" not in table.columns:
        table = table.with_columns(pl.lit("").alias("age_group"))
    numbers = np.array([pseudonymiser.phone(s) for s in table["subscriber"]], np.uint64)
    order = np.argsort(numbers)
    return _People(
        numbers[order],
        np.array(table["age_group"].fill_null("").to_list(), dtype="U12")[order],
        np.array(table["district"].fill_null("").to_list(), dtype="U12")[order],
    )
