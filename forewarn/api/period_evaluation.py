"""Lead and precision of the warnings of a period, by the decisions that a worker would take."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalog import CATALOG
from features.event_columns import EventColumns
from features.kinds import EventKind
from forewarn.api.event_dataset import OFFLINE_KEY, by_kernel
from forewarn.api.model_access import load_policy
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.evaluation.backtest import replay
from models.evaluation.backtest.payment_figures import payment_figures
from models.evaluation.baselines import logistic_score, rules_score
from models.evaluation.early_warning import FEW_FRAUDS, early_warning
from models.evaluation.evaluation_document import without_nan
from models.evaluation.ranking_measures import threshold_for_budget
from models.evaluation.warning_tables import (
    EventTruth,
    first_crossings,
    has_town_truth,
    truth_of_labels,
    truth_of_town,
    warnings_at,
    within,
)
from models.policy import Policy
from models.policy.event_status import STATUS_OF_KIND, WARNABLE
from models.serving.scorer import Scorer
from models.training.dataset_checks import Finding
from models.training.event_labels import Labels, label_events
from models.training.history_dataset import (
    age_of_events,
    district_of_events,
    event_columns,
    read_history,
)
from models.training.threshold_advice import TRIGGERS, trigger_scores
from models.training.training_dataset import DAY_MS, Dataset, make_dataset

BUDGET_SHARES = (0.25, 0.5, 1.0, 2.0)
"""Budgets that recall is shown at, as shares of the warnings that the policy raises."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Period:
    """The events of a directory, what they were, and which of them are judged."""

    events: EventColumns
    vectors: NDArray[np.float32]
    districts: NDArray[np.str_]
    labels: Labels
    truth: EventTruth
    rows: NDArray[np.bool_]
    from_ms: int
    until_ms: int

    @property
    def days(self) -> float:
        return (self.until_ms - self.from_ms) / DAY_MS


def evaluate_period(
    directory: str | Path,
    model: Scorer,
    policy: Policy | None = None,
    *,
    champion: Scorer | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    threads: int = 1,
    vectors: Callable[[EventColumns], NDArray[np.float32]] | None = None,
) -> dict[str, Any]:
    """Replay a period through scorer, policy and budgets; figures with 90 % intervals over people.

    Args:
        directory: from `forewarn export` or `forewarn simulate`; a simulated town is judged by its whole
            truth, an export by its outcomes.
        model: from `load_model`.
        policy: from `load_policy`; the default policy if left out.
        champion: compared by the same decisions; none if left out.
        since_ms: judge from here on, UTC milliseconds; by default where the model's own test begins, or
            after a third of the period if the model was trained on other data.
        until_ms: judge up to here; by default to the end.
        threads: threads of the feature kernel.
        vectors: computes the features of all events, float32 [events, features]; by default this process.

    Returns:
        A JSON-ready document: ``findings``, ``policy`` (the figures of the real decisions), ``budgets``,
        ``money``, ``payments`` (answers to banks), and ``baselines`` at equal warnings a day.

    Raises:
        ConfigurationError: if no event lies in the period.
    """
    own = policy or load_policy(model)
    period, findings = _read(
        Path(directory), model, since_ms, until_ms, vectors or by_kernel(threads)
    )
    raised, probability = _decisions(period, model, own)
    figures = _figures(period, raised)
    score = trigger_scores(probability, period.events.kind)
    per_day = figures["warnings_per_day"]["value"]
    document = {
        "model": model.version,
        "policy_version": own.version,
        "truth": period.truth.source,
        "from_ms": period.from_ms,
        "until_ms": period.until_ms,
        "people": len(np.unique(period.events.subscriber[period.rows])),
        "findings": [asdict(finding) for finding in (*_few_losses(period), *findings)],
        "policy": figures,
        "triggers": _triggers(period, raised),
        "money": _money(period, raised, own),
        "payments": payment_figures(
            period.events,
            period.vectors,
            probability,
            period.truth.episode >= 0,
            own,
            rows=period.rows,
        ),
        "budgets": [_at_budget(period, score, share * per_day) for share in BUDGET_SHARES],
        "baselines": {
            name: _at_budget(period, one, per_day)
            for name, one in {"model": score, **_baselines(period)}.items()
        },
    }
    if champion is not None:
        rows, _ = _decisions(period, champion, load_policy(champion))
        document["champion"] = {"model": champion.version} | _figures(period, rows)
    found: dict[str, Any] = without_nan(document)
    return found


def _decisions(period: _Period, model: Scorer, policy: Policy) -> tuple[NDArray[np.intp], Floats]:
    """Rows that the policy warns about, and the model's probability of every row."""
    result = replay(
        period.events, period.vectors, period.districts, model, policy, rows=period.rows
    )
    return np.array([one.row for one in result.raised()], np.intp), result.probability


def _figures(period: _Period, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Early-warning figures of warnings at these rows."""
    losses = within(period.truth.losses, period.from_ms, period.until_ms)
    return early_warning(warnings_at(period.events, rows, period.truth), losses, period.days)


def _few_losses(period: _Period) -> list[Finding]:
    """A finding if the period holds too few losses for figures to mean much."""
    losses = len(within(period.truth.losses, period.from_ms, period.until_ms))
    if losses >= FEW_FRAUDS:
        return []
    text = f"only {losses} losses in the period: every figure is a guess"
    return [Finding("warning", "frauds", text)]


def _read(
    directory: Path,
    model: Scorer,
    since_ms: int | None,
    until_ms: int | None,
    compute: Callable[[EventColumns], NDArray[np.float32]],
) -> tuple[_Period, list[Finding]]:
    history = read_history(directory)
    pseudonymiser = Pseudonymiser(OFFLINE_KEY)
    events = event_columns(history, pseudonymiser)
    if len(events) == 0:
        raise ConfigurationError(f"there are no events in {directory}.")
    vectors = compute(events)
    labels = label_events(events, history.outcomes, pseudonymiser)
    if has_town_truth(directory):
        frames = {"calls": history.calls, "transfers": history.transfers}
        truth = truth_of_town(directory, events, frames, pseudonymiser)
    else:
        truth = truth_of_labels(events, labels, age_of_events(events, history, pseudonymiser))
    first_ms, last_ms = int(events.time_ms.min()), int(events.time_ms.max()) + 1
    from_ms, findings = _begin(model, first_ms, last_ms, since_ms)
    end_ms = last_ms if until_ms is None else min(until_ms, last_ms)
    rows = (events.time_ms >= from_ms) & (events.time_ms < end_ms)
    if not rows.any():
        raise ConfigurationError("no event lies in the period to judge.", hint="Give --since.")
    districts = district_of_events(events, history, pseudonymiser)
    return _Period(events, vectors, districts, labels, truth, rows, from_ms, end_ms), findings


def _begin(
    model: Scorer, first_ms: int, last_ms: int, since_ms: int | None
) -> tuple[int, list[Finding]]:
    """Where judging begins; a finding if the model was trained on some of what is judged."""
    manifest = model.artifact.manifest
    apart = manifest.data_until_ms < first_ms or manifest.data_from_ms > last_ms
    third_ms = first_ms + (last_ms - first_ms) // 3
    unseen_ms = third_ms if apart else manifest.test_from_ms
    if since_ms is None:
        begin_ms = unseen_ms if unseen_ms < last_ms else third_ms
    else:
        begin_ms = max(since_ms, first_ms)
    if apart or begin_ms >= unseen_ms:
        return begin_ms, []
    text = "the model was trained on this time: unless these are other people's data, "
    return begin_ms, [Finding("warning", "period", text + "the figures flatter it")]


def _triggers(period: _Period, raised: NDArray[np.intp]) -> dict[str, dict[str, float]]:
    """By trigger: warnings, and the share of them that is of a fraud."""
    table: dict[str, dict[str, float]] = {}
    for kind in WARNABLE:
        rows = raised[period.events.kind[raised] == kind]
        if len(rows):
            true = float((period.truth.episode[rows] >= 0).mean())
            table[STATUS_OF_KIND[kind]] = {"warnings": len(rows), "in_a_fraud": true}
    return table


def _money(period: _Period, raised: NDArray[np.intp], policy: Policy) -> dict[str, float]:
    """Money that left at least a minute after the first warning, and what the policy expects to save.

    In minor units; ``cost_minor`` is that of all interventions.
    """
    events, costs = period.events, policy.document.costs
    first: dict[int, int] = {}
    for row in raised.tolist():
        first.setdefault(int(period.truth.episode[row]), row)
    first.pop(-1, None)
    paid = np.flatnonzero(
        period.rows & (events.kind == EventKind.OUT_COMPLETED) & (period.truth.episode >= 0)
    )
    later = saved = 0.0
    for row in paid.tolist():
        warned = first.get(int(period.truth.episode[row]))
        if warned is not None and events.time_ms[row] >= events.time_ms[warned] + 60_000:
            amount = float(events.amount_minor[row])
            later += amount
            saved += amount * costs.success.get(STATUS_OF_KIND[int(events.kind[warned])], 0.0)
    cost = float(len(raised) * costs.intervention_minor)
    return {
        "lost_minor": float(events.amount_minor[paid].sum()),
        "later_minor": later,
        "saved_minor": saved,
        "cost_minor": cost,
        "net_minor": saved - cost,
    }


def _at_budget(period: _Period, score: Floats, per_day: float) -> dict[str, Any]:
    """The figures of a ranking at a budget of warnings a day, each subject warned about once."""
    events = period.events
    known = np.flatnonzero(period.rows & (score >= 0) & np.isin(events.kind, WARNABLE))
    part, subject, time_ms = score[known], events.subject[known], events.time_ms[known]
    threshold = threshold_for_budget(part, np.ones(len(part)), time_ms, subject, per_day)
    rows = known[first_crossings(part, subject, time_ms, threshold)]
    return {"per_day": per_day} | _figures(period, rows)


def _baselines(period: _Period) -> dict[str, Floats]:
    """Scores of the written rules and of a logistic regression on what was known before the period."""
    events, kind = period.events, period.events.kind
    warnable = np.isin(kind, WARNABLE)
    judged = np.flatnonzero(period.rows & warnable)
    before = np.flatnonzero((events.time_ms < period.from_ms) & warnable)
    test, train = _dataset(period, judged), _dataset(period, before)
    label = train.known_at(period.from_ms)
    found = {}
    scores = {"rules": rules_score(train, test, label, train.weight)}
    if label.sum():
        scores["logistic"] = logistic_score(train, test, label, train.weight)
    for name, one in scores.items():
        # Ranks: what is asked of a score is an order, and it must not be below 0.
        whole = np.full(len(events), -1.0)
        whole[judged] = one - one.min()
        whole[~np.isin(kind, list(TRIGGERS))] = -1.0
        found[name] = whole
    return found


def _dataset(period: _Period, rows: NDArray[np.intp]) -> Dataset:
    events = period.events
    return make_dataset(
        period.vectors[rows], CATALOG.names, fingerprint=CATALOG.fingerprint,
        time_ms=events.time_ms[rows], label=period.labels.label[rows],
        label_time_ms=period.labels.label_time_ms[rows], group=events.subscriber[rows],
        subject=events.subject[rows], kind=events.kind[rows],
        amount_minor=events.amount_minor[rows],
    )  # fmt: skip
