"""Backtests: a period of history through a model and a policy, event by event, as workers decide."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.event_columns import EventColumns
from forewarn.api.event_dataset import OFFLINE_KEY, by_kernel
from forewarn.api.model_access import load_policy
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.evaluation.backtest import DecisionReplay, difference_of, replay, summarise
from models.evaluation.backtest.lists_file import read_lists
from models.evaluation.backtest.payment_figures import payment_figures
from models.policy import Lists, Policy
from models.serving.scorer import Scorer
from models.training.event_labels import Labels, label_events
from models.training.history_dataset import EventHistory, district_of_events, event_columns


@dataclass(frozen=True, slots=True)
class Backtest:
    """Results of one backtest.

    Attributes:
        summary: counts and money of the model under test; amounts in minor units.
        against: the same of the other model and policy, None if none was given.
        difference: warnings that only one of the two raises, None if there is no other.
        since_ms: the first event that counts, UTC milliseconds; earlier ones only fill the state.
        unseen_ms: from here on no model was trained on the data; 0 if a model does not say.
        in_sample: whether a model was trained on a part of what counts, so that figures flatter it.
    """

    summary: dict[str, Any]
    against: dict[str, Any] | None
    difference: dict[str, Any] | None
    since_ms: int
    unseen_ms: int
    in_sample: bool


def backtest(
    history: EventHistory,
    model: Scorer,
    policy: Policy | None = None,
    *,
    against: tuple[Scorer, Policy] | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    lists: str | Path | None = None,
    threads: int = 1,
    vectors: Callable[[EventColumns], NDArray[np.float32]] | None = None,
) -> Backtest:
    """Count the warnings, false alarms and money of a period that a model and a policy would decide.

    >>> result = fw.backtest(history, model)
    >>> result.in_sample, result.summary["episodes_reached"] <= result.summary["episodes"]
    (False, True)

    Args:
        history: from `read_history` or `history_of_town`.
        model: from `load_model`.
        policy: from `load_policy`; the default policy if left out.
        against: another model with its policy, judged on the same events.
        since_ms: judge from here on, UTC milliseconds; by default where the models' own test begins.
        until_ms: judge up to here, UTC milliseconds; by default to the end.
        lists: CSV file of block, allow, pair and watch lists; none by default.
        threads: threads of the feature kernel.
        vectors: computes the features of all events, float32 [events, features]; by default this process.

    Raises:
        ConfigurationError: if no event lies in the period, or the lists cannot be read.
    """
    sides = [(model, policy or load_policy(model))]
    if against is not None:
        sides.append(against)
    period = _Period.read(history, vectors or by_kernel(threads))
    begin_ms, unseen_ms = _begin(period.events, [scorer for scorer, _ in sides], since_ms)
    rows = period.events.time_ms >= begin_ms
    if until_ms is not None:
        rows &= period.events.time_ms < until_ms
    if not rows.any():
        raise ConfigurationError(
            "no event lies in the period to judge.",
            hint="Give its beginning: without it, only what the models were not trained on is judged.",
        )
    in_force = read_lists(Path(lists), period.pseudonymiser) if lists else Lists()
    replays = [period.replay(scorer, policy, rows, in_force) for scorer, policy in sides]
    summaries = [
        period.summary(one, policy, rows, in_force)
        for one, (_, policy) in zip(replays, sides, strict=True)
    ]
    return Backtest(
        summary=summaries[0],
        against=summaries[1] if against else None,
        difference=difference_of(replays[0], replays[1], period.events, period.labels)
        if against
        else None,
        since_ms=begin_ms,
        unseen_ms=unseen_ms,
        in_sample=not unseen_ms or begin_ms < unseen_ms,
    )


@dataclass(frozen=True, slots=True)
class _Period:
    """The events of a history with everything that a replay needs of them."""

    pseudonymiser: Pseudonymiser
    events: EventColumns
    vectors: NDArray[np.float32]
    labels: Labels
    districts: NDArray[np.str_]

    @classmethod
    def read(
        cls, history: EventHistory, compute: Callable[[EventColumns], NDArray[np.float32]]
    ) -> "_Period":
        """Compute features and labels of a history."""
        pseudonymiser = Pseudonymiser(OFFLINE_KEY)
        events = event_columns(history, pseudonymiser)
        if len(events) == 0:
            raise ConfigurationError("the history has no events.")
        return cls(
            pseudonymiser,
            events,
            compute(events),
            label_events(events, history.outcomes, pseudonymiser),
            district_of_events(events, history, pseudonymiser),
        )

    def replay(
        self, scorer: Scorer, policy: Policy, rows: NDArray[np.bool_], lists: Lists
    ) -> DecisionReplay:
        """Decide the events of ``rows``; the others only fill the state."""
        return replay(
            self.events, self.vectors, self.districts, scorer, policy, rows=rows, lists=lists
        )

    def summary(
        self, run: DecisionReplay, policy: Policy, rows: NDArray[np.bool_], lists: Lists
    ) -> dict[str, Any]:
        """Counts and money of what was decided, and the answers to banks."""
        payments = payment_figures(
            self.events,
            self.vectors,
            run.probability,
            self.labels.label == 1,
            policy,
            rows=rows,
            lists=lists,
        )
        return summarise(run, self.events, self.labels, policy, rows) | {"payments": payments}


def _begin(events: EventColumns, scorers: list[Scorer], since_ms: int | None) -> tuple[int, int]:
    """Where judging begins, and from where on no model was trained on the data (0: not known)."""
    tested = [scorer.artifact.manifest.test_from_ms for scorer in scorers]
    unseen_ms = max(tested) if all(tested) else 0
    first_ms = int(events.time_ms.min())
    return max(unseen_ms if since_ms is None else since_ms, first_ms), unseen_ms
