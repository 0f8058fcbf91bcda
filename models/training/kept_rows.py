"""The rows of a history that go into its dataset, gathered window by window."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.catalog import Catalog
from features.event_columns import EventColumns, concat
from features.run_result import RunResult
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy.event_status import WARNABLE
from models.training.event_labels import label_events
from models.training.label_weights import label_weights
from models.training.person_segments import PersonSegments
from models.training.row_sampling import RowSampler
from models.training.training_dataset import Dataset, make_dataset

BLOCK_ROWS: Final = 65_536
"""Vectors of a block: 53 MB at 202 features, which the C library takes from the system and gives back as one piece.
Many small arrays would leave holes that stay with the process."""


class KeptRows:
    """Keeps what a sampler wants of each window, and makes the dataset in the end.

    Args:
        sampler: which rows.
    """

    def __init__(self, sampler: RowSampler) -> None:
        self._sampler = sampler
        self._events: list[EventColumns] = []
        self._vectors = VectorBlocks()

    def add(self, result: RunResult) -> None:
        """Keep what the sampler wants of a window; vectors of payments that were made are not."""
        columns = result.plan.columns
        rows = self._sampler.rows(columns)
        part = columns.take(rows)
        self._events.append(part)
        self._vectors.append(result.vectors, rows[np.isin(part.kind, WARNABLE)])

    def add_part(self, part: EventColumns, vectors: NDArray[np.float32]) -> None:
        """Add what the sampler has kept of a window elsewhere.

        Args:
            part: rows that the sampler wanted.
            vectors: of those at which a warning can help, float32 [rows, features].
        """
        self._events.append(part)
        self._vectors.append(vectors, np.arange(len(vectors)))

    def dataset(
        self,
        outcomes: pl.DataFrame,
        pseudonymiser: Pseudonymiser,
        segments: Callable[[NDArray[np.uint64]], PersonSegments],
        report_share: float,
        catalog: Catalog,
    ) -> Dataset:
        """Label what was kept and drop honest rows of people who are not in the sample.

        Args:
            outcomes: label the rows.
            pseudonymiser: of the events.
            segments: of the people with these pseudonyms.
            report_share: see ``models.training.label_weights``.
            catalog: of the vectors.

        Raises:
            ConfigurationError: if there is no event at all.
        """
        events = concat(self._events)
        self._events.clear()
        if len(events) == 0:
            raise ConfigurationError("there are no events to train on")
        labels = label_events(events, outcomes, pseudonymiser)
        warnable = np.flatnonzero(np.isin(events.kind, WARNABLE))
        stay = self._sampler.kept(labels.label[warnable], events.subscriber[warnable])
        rows = warnable[stay]
        vectors = self._vectors.joined(stay)
        label = labels.label[rows]
        weight = label_weights(label, labels.warned[rows], report_share=report_share)
        share = self._sampler.share
        subscriber = events.subscriber[rows]
        age_group, district = segments(subscriber).of(subscriber)
        return make_dataset(
            vectors,
            catalog.names,
            fingerprint=catalog.fingerprint,
            honest_share=share,
            time_ms=events.time_ms[rows],
            label=label,
            label_time_ms=labels.label_time_ms[rows],
            group=subscriber,
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
            age_group=age_group,
            district=district,
        )


class VectorBlocks:
    """Vectors of rows in the order in which they were appended, in blocks of equal size."""

    def __init__(self, block_rows: int = BLOCK_ROWS) -> None:
        self._block_rows = block_rows
        self._blocks: list[NDArray[np.float32]] = []
        self._count = 0
        self._width = 0

    def append(self, vectors: NDArray[np.float32], rows: NDArray[np.intp]) -> None:
        """Copy some rows of ``vectors``, float32 [n, features]."""
        self._width = vectors.shape[1]
        done = 0
        while done < len(rows):
            at = self._count % self._block_rows
            if at == 0:
                self._blocks.append(np.empty((self._block_rows, self._width), np.float32))
            some = rows[done : done + self._block_rows - at]
            self._blocks[-1][at : at + len(some)] = vectors[some]
            done += len(some)
            self._count += len(some)

    def joined(self, stay: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The rows that stay, float32 [stay.sum(), features]; a block is given up as soon as it is copied."""
        joined = np.empty((int(stay.sum()), self._width), np.float32)
        written = 0
        for block, chosen in self._taken(stay):
            count = int(chosen.sum())
            joined[written : written + count] = block[: len(chosen)][chosen]
            written += count
        return joined

    def _taken(
        self, stay: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        self._blocks.reverse()
        for first in range(0, self._count, self._block_rows):
            yield self._blocks.pop(), stay[first : first + self._block_rows]
        self._count = 0
