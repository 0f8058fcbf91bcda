"""Datasets from events, with pseudonyms of a key that nothing outside the process knows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import EventColumns
from forewarn.platform.pseudonyms import Pseudonymiser
from models.training.history_dataset import EventHistory, dataset_of_history
from models.training.training_dataset import Dataset

OFFLINE_KEY = b"pseudonyms of one offline run"
"""Pseudonyms tie the events of one person together within one run; no model contains any."""


def offline_pseudonymiser() -> Pseudonymiser:
    """That of an offline run, in whatever process: it gives the same pseudonyms everywhere."""
    return Pseudonymiser(OFFLINE_KEY)


def by_kernel(threads: int) -> Callable[[EventColumns], NDArray[np.float32]]:
    """What computes the vectors of all events of a history in this process."""

    def compute(events: EventColumns) -> NDArray[np.float32]:
        engine = Engine(CATALOG)
        return engine.run(engine.plan(events), threads=threads).vectors

    return compute


def build_dataset(history: EventHistory, *, report_share: float = 0.6, threads: int = 2) -> Dataset:
    """Compute features, labels and weights of every event at which a warning can still help.

    The features of a row are float32 and those of the worker's kernel, computed from the events before
    it. Labels come from the outcomes, each with the time at which it was known.

    >>> len(dataset.features) == dataset.vectors.shape[1]
    True
    >>> sorted(set(dataset.label.tolist()))
    [0, 1]

    Args:
        history: calls, transfers and outcomes, from `read_history` or `history_of_town`.
        report_share: share of frauds without a warning that are ever reported, 0 to 1; a reported one
            counts its inverse.
        threads: threads of the feature kernel.

    Returns:
        One row an event, in order of time; times in UTC milliseconds, amounts in minor units.

    Raises:
        ConfigurationError: if there are no events, or a column of the outcomes is missing.
    """
    return dataset_of_history(
        history, Pseudonymiser(OFFLINE_KEY), report_share=report_share, threads=threads
    )
