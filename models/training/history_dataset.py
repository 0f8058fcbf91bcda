"""A dataset from calls, transfers and outcomes: point-in-time features by the worker's own kernel."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.catalog import CATALOG, Catalog
from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import HistoryRunner
from features.offline.parquet_tables import canonical, read_parquet_file, read_topic
from features.offline.record_store import MEMORY_RECORDS, SpillingRecordStore
from features.offline.time_windows import cut
from forewarn.platform.pseudonyms import Pseudonymiser
from models.training.kept_rows import KeptRows
from models.training.person_segments import PersonSegments
from models.training.row_sampling import HONEST_ROWS, RowSampler, share_for
from models.training.training_dataset import Dataset

WINDOW_EVENTS: Final = 50_000
"""Of a history that is read in a stream. The engine unpacks the records that a window concerns, 3 to 5 KB each, and
where a million people are active most events concern records that no other event of the window does."""


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
    people = directory / "people.parquet"
    return EventHistory(
        read_topic(directory, "calls").collect(),
        read_topic(directory, "transfers").collect(),
        history_outcomes(directory)[0],
        read_parquet_file(people) if people.is_file() else None,
    )


def history_outcomes(directory: Path) -> tuple[pl.DataFrame, bool]:
    """The outcomes of a directory, and whether they are its reports because it has no outcomes.

    Raises:
        ConfigurationError: if the directory is missing or lacks required columns.
    """
    outcomes, reports = read_topic(directory, "outcomes").collect(), directory / "reports.parquet"
    if not outcomes.is_empty() or not reports.is_file():
        return outcomes, False
    return outcomes_of_reports(read_parquet_file(reports)), True


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
    kept = KeptRows(sampler)
    for result in runner.slices(columns):
        kept.add(result)
    segments = partial(_segments, history, pseudonymiser)
    return kept.dataset(history.outcomes, pseudonymiser, segments, report_share, catalog)


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
    outcomes, of_reports = history_outcomes(directory)
    if of_reports:
        return dataset_of_history(
            read_history(directory), pseudonymiser, report_share=report_share,
            honest_share=share_for(windows.events, honest_rows), threads=threads, catalog=catalog,
        )  # fmt: skip
    share = share_for(windows.events, honest_rows)
    kept = KeptRows(RowSampler.of_outcomes(outcomes, pseudonymiser, share))
    people = directory / "people.parquet"
    districts = None if people.is_file() else PersonDistricts()
    with TemporaryDirectory(prefix="forewarn-records-") as scratch:
        records = SpillingRecordStore(Path(scratch) / "records.sqlite", most=memory_records)
        runner = HistoryRunner(Engine(catalog), record_store=records, threads=threads)
        for tables in windows:
            parts = [COLUMNS_OF[topic](table, pseudonymiser) for topic, table in tables.items()]
            kept.add(runner.run(in_order(parts)))
            if districts is not None:
                districts.add(tables)
        records.close()

    def segments(subscribers: NDArray[np.uint64]) -> PersonSegments:
        table = read_parquet_file(people) if districts is None else districts.table
        return PersonSegments.among(table, pseudonymiser, subscribers)

    return kept.dataset(outcomes, pseudonymiser, segments, report_share, catalog)


class PersonDistricts:
    """The district of each person's last event, gathered window by window.

    Attributes:
        table: columns subscriber and district.
    """

    def __init__(self) -> None:
        self.table = pl.DataFrame(schema={"subscriber": pl.String, "district": pl.String})

    def add(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take in a window."""
        seen = [tables[topic] for topic in ("calls", "transfers") if topic in tables]
        parts = [self.table, *(table.select("subscriber", "district") for table in seen)]
        self.table = pl.concat(parts).unique("subscriber", keep="last", maintain_order=True)


def district_of_events(
    events: EventColumns, history: EventHistory, pseudonymiser: Pseudonymiser
) -> NDArray[np.str_]:
    """The district of each event's person, empty where unknown."""
    return _segments(history, pseudonymiser, events.subscriber).of(events.subscriber)[1]


def age_of_events(
    events: EventColumns, history: EventHistory, pseudonymiser: Pseudonymiser
) -> NDArray[np.str_]:
    """The age group of each event's person, empty where unknown."""
    return _segments(history, pseudonymiser, events.subscriber).of(events.subscriber)[0]


def _segments(
    history: EventHistory, pseudonymiser: Pseudonymiser, subscribers: NDArray[np.uint64]
) -> PersonSegments:
    table = history.people
    if table is None:
        seen = [f.select("subscriber", "district") for f in (history.calls, history.transfers)]
        table = pl.concat(seen).unique("subscriber", keep="last", maintain_order=True)
    return PersonSegments.among(table, pseudonymiser, subscribers)
