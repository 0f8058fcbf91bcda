"""A dataset from calls, transfers and outcomes: point-in-time features by the worker's own kernel."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.catalog import CATALOG, Catalog
from features.engine import Engine
from features.event_columns import EventColumns, concat
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import HistoryRunner
from features.offline.parquet_tables import canonical, read_topic
from features.offline.record_store import MEMORY_RECORDS, SpillingRecordStore
from features.offline.time_windows import cut
from features.run_result import RunResult
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy.event_status import WARNABLE
from models.training.event_labels import label_events
from models.training.label_weights import label_weights
from models.training.row_sampling import HONEST_ROWS, RowSampler, share_for
from models.training.training_dataset import Dataset, make_dataset

WINDOW_EVENTS = 500_000
"""Of a history that is read in a stream: about 0.4 GB of columns and vectors."""


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
    honest_share: float = 1.0,
    threads: int = 2,
    catalog: Catalog = CATALOG,
) -> Dataset:
    """Features, labels and weights of every event at which a warning can still help.

    Args:
        history: the events and outcomes.
        pseudonymiser: any key will do; nothing of it is in a model.
        report_share: see ``models.training.label_weights``.
        honest_share: share of people whose honest rows are kept, see ``models.training.row_sampling``.
        threads: of the feature kernel.
        catalog: which features.
    """
    columns = event_columns(history, pseudonymiser)
    runner = HistoryRunner(Engine(catalog), threads=threads)
    sampler = RowSampler.of_outcomes(history.outcomes, pseudonymiser, honest_share)
    kept = _Kept(sampler)
    for result in runner.slices(columns):
        kept.add(result)
    return kept.dataset(history, pseudonymiser, report_share, catalog)


def dataset_of_directory(
    directory: Path,
    pseudonymiser: Pseudonymiser,
    *,
    report_share: float = 0.6,
    honest_rows: int = HONEST_ROWS,
    threads: int = 2,
    catalog: Catalog = CATALOG,
    window_events: int = WINDOW_EVENTS,
    memory_records: int = MEMORY_RECORDS,
) -> Dataset:
    """The dataset of an export or a simulated town, read in a stream: memory holds a window of it.

    Args:
        directory: from ``forewarn export`` or ``forewarn simulate``.
        pseudonymiser: any key will do; nothing of it is in a model.
        report_share: see ``models.training.label_weights``.
        honest_rows: about how many honest rows are kept; frauds all are.
        threads: of the feature kernel.
        catalog: which features.
        window_events: about how many events are in memory at once.
        memory_records: records of people, numbers, accounts and devices that memory may hold; more are kept in
            a scratch file.

    Raises:
        ConfigurationError: if the directory is missing or lacks required columns.
    """
    windows = cut(directory, tuple(COLUMNS_OF), window_events=window_events)
    outcomes = read_topic(directory, "outcomes").collect()
    if outcomes.is_empty() and (directory / "reports.parquet").is_file():
        return dataset_of_history(
            read_history(directory), pseudonymiser, report_share=report_share,
            honest_share=share_for(windows.events, honest_rows), threads=threads, catalog=catalog,
        )  # fmt: skip
    share = share_for(windows.events, honest_rows)
    kept = _Kept(RowSampler.of_outcomes(outcomes, pseudonymiser, share))
    districts: list[pl.DataFrame] = []
    with TemporaryDirectory(prefix="forewarn-records-") as scratch:
        records = SpillingRecordStore(Path(scratch) / "records.sqlite", most=memory_records)
        runner = HistoryRunner(Engine(catalog), record_store=records, threads=threads)
        for tables in windows:
            parts = [COLUMNS_OF[topic](table, pseudonymiser) for topic, table in tables.items()]
            kept.add(runner.run(in_order(parts)))
            seen = [
                tables[t].select("subscriber", "district")
                for t in ("calls", "transfers")
                if t in tables
            ]
            districts = [pl.concat([*districts, *seen]).unique("subscriber", keep="last")]
        records.close()
    people = directory / "people.parquet"
    table = pl.read_parquet(people) if people.is_file() else pl.concat(districts)
    history = EventHistory(pl.DataFrame(), pl.DataFrame(), outcomes, table)
    return kept.dataset(history, pseudonymiser, report_share, catalog)


class _Kept:
    """The rows of a history that go into its dataset, gathered window by window."""

    def __init__(self, sampler: RowSampler) -> None:
        self._sampler = sampler
        self._events: list[EventColumns] = []
        self._vectors: list[NDArray[np.float32]] = []

    def add(self, result: RunResult) -> None:
        """Keep what the sampler wants of a window; vectors of payments that were made are not."""
        columns = result.plan.columns
        rows = self._sampler.rows(columns)
        part = columns.take(rows)
        self._events.append(part)
        self._vectors.append(result.vectors[rows[np.isin(part.kind, WARNABLE)]])

    def dataset(
        self,
        history: EventHistory,
        pseudonymiser: Pseudonymiser,
        report_share: float,
        catalog: Catalog,
    ) -> Dataset:
        """Label what was kept and drop honest rows of people who are not in the sample."""
        events = concat(self._events)
        if len(events) == 0:
            raise ConfigurationError("there are no events to train on")
        labels = label_events(events, history.outcomes, pseudonymiser)
        warnable = np.flatnonzero(np.isin(events.kind, WARNABLE))
        stay = self._sampler.kept(labels.label[warnable], events.subscriber[warnable])
        rows = warnable[stay]
        vectors = _joined(self._vectors, stay)
        label = labels.label[rows]
        weight = label_weights(label, labels.warned[rows], report_share=report_share)
        share = self._sampler.share
        people = _people(history, pseudonymiser)
        place, known = _places(people, events.subscriber[rows])
        return make_dataset(
            vectors,
            catalog.names,
            fingerprint=catalog.fingerprint,
            honest_share=share,
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
            weight=np.where(label == 1, weight, weight / share),
            first_loss_ms=labels.first_loss_ms[rows],
            episode=labels.episode[rows],
            typology=labels.typology[rows],
            age_group=np.where(known, people.age_group[place], ""),
            district=np.where(known, people.district[place], ""),
        )


def _joined(parts: list[NDArray[np.float32]], stay: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The rows that stay, end to end; empties ``parts`` so that memory holds them once."""
    joined = np.empty((int(stay.sum()), parts[0].shape[1]), np.float32)
    read = written = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        chosen = part[stay[read : read + len(part)]]
        joined[written : written + len(chosen)] = chosen
        read += len(part)
        written += len(chosen)
    return joined


def district_of_events(
    events: EventColumns, history: EventHistory, pseudonymiser: Pseudonymiser
) -> NDArray[np.str_]:
    """The district of each event's person, empty where unknown."""
    people = _people(history, pseudonymiser)
    place, known = _places(people, events.subscriber)
    return np.where(known, people.district[place], "")


def age_of_events(
    events: EventColumns, history: EventHistory, pseudonymiser: Pseudonymiser
) -> NDArray[np.str_]:
    """The age group of each event's person, empty where unknown."""
    people = _people(history, pseudonymiser)
    place, known = _places(people, events.subscriber)
    return np.where(known, people.age_group[place], "")


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
