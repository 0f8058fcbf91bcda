"""Scores and decisions: one predict call a batch, then the policy for the few events that need it.

``annex`` bytes hold a subscriber's recent warnings. They are read from the record as loaded and
written with it, so a decision is recovered, fenced and repeated together with the state.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from features.kinds import EventKind
from forewarn.contracts import Outcome, Transfer
from forewarn.contracts.fraud_warning import Typology
from forewarn.errors import ArtifactError
from models.policy import STOPPING, Decision, EventFacts, Lists, Policy, WarningHistory
from models.policy.decision_candidates import Candidates, candidates, is_decided
from models.policy.district_budget import HOUR_MS, DistrictSpending
from models.policy.event_status import STATUS_OF_KIND, WARNABLE
from models.serving.drift import judged
from models.serving.scorer import Scorer
from streams.model.bundle import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class EventFailedError(Exception):
    """One event of a chunk cannot be decided.

    Attributes:
        index: of the event in the chunk.
        why: the error that it raised.
    """

    def __init__(self, index: int, why: Exception) -> None:
        super().__init__(f"event {index} of the chunk cannot be decided")
        self.index = index
        self.why = why


class Decider:
    """Scores and decides batches.

    Args:
        lists: lists in force; their consumer changes them in place.
        spending: counter of the districts' and tenants' budgets.
        metrics: decisions and model faults are counted.
    """

    def __init__(
        self,
        lists: Lists,
        spending: DistrictSpending,
        metrics: WorkerMetrics,
    ) -> None:
        self._lists = lists
        self._spending = spending
        self._metrics = metrics

    def score(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Set the probabilities of all events of a batch, in one call.

        Raises:
            ArtifactError: a probability is not finite.
        """
        for job, probabilities in _predictions(jobs, bundle.scorer):
            job.probabilities = probabilities

    def challenge(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Set the challenger's probabilities, if there is a challenger."""
        if bundle.challenger is not None:
            for job, probabilities in _predictions(jobs, bundle.challenger):
                job.challenger = probabilities

    def screen(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Set the candidates of all jobs of a batch, so that ``decide`` need not find them job by job."""
        for job, found in zip(jobs, self._candidates(jobs, bundle.policy), strict=True):
            job.candidates = found

    def decide(self, job: DecisionJob, bundle: ModelBundle) -> None:
        """Decide the job's events that need it, in their order, and set annexes.

        Changes nothing but the job before ``count``, so a job may be decided again.

        Raises:
            EventFailedError: an event cannot be decided.
        """
        job.unchanged = 0
        self._answer(job, bundle.policy)
        delayed = [i for i, v in job.verdicts.items() if v.decision != "proceed"]
        found = job.candidates or self._candidates([job], bundle.policy)[0]
        needed = np.flatnonzero((found.needed | self._stopped(job)) & job.result.fresh[job.rows])
        screened = np.union1d(needed[found.screened[needed]], delayed).astype(np.int64)
        named = dict(zip(screened.tolist(), self._typologies(job, screened, bundle), strict=True))
        job.typologies.update({index: named[index] for index in delayed})
        for index, row, kind, subject, time_ms in _plain_numbers(job, needed):
            try:
                if index not in named:
                    if self._is_unchanged(job, row, kind, subject, time_ms, bundle.policy):
                        continue
                    named[index] = self._typologies(job, np.array([index]), bundle)[0]
                self._decide_one(job, index, named[index], bundle.policy)
            except Exception as error:
                raise EventFailedError(index, error) from error

    def count(self, job: DecisionJob) -> None:
        """Count the decisions of a job; call it once for each chunk."""
        reasons = Counter(decision.reason for decision in job.decisions.values())
        reasons["below_threshold"] += job.unchanged
        for reason, count in reasons.items():
            self._metrics.decisions.labels(reason).inc(count)
        for district, tenant, event_time_ms in job.spent:
            self._spending.note(district, event_time_ms, tenant)
        for judged_warning in job.judged:
            self._metrics.count_judged(judged_warning)

    def _answer(self, job: DecisionJob, policy: Policy) -> None:
        """Answer the banks that wait, before the warnings: a payment that is held gets one."""
        for index in job.chunk.questions:
            row, event = int(job.rows[index]), job.chunk.events[index]
            if not isinstance(event, Transfer) or job.columns.kind[row] != EventKind.OUT_ATTEMPTED:
                continue  # what was done already cannot be answered
            try:
                facts = self._facts(job, index, row, "unknown")
                probability = float(job.probabilities[index])
                job.verdicts[index] = policy.answer(facts, event.channel, probability, self._lists)
            except Exception as error:
                raise EventFailedError(index, error) from error

    @staticmethod
    def _stopped(job: DecisionJob) -> npt.NDArray[np.bool_]:
        """Events of people one of whose payments is held or refused: it gets a warning, and a history."""
        stopped = [i for i, verdict in job.verdicts.items() if verdict.decision in STOPPING]
        if not stopped:
            return np.zeros(len(job.rows), np.bool_)
        subscribers = job.columns.subscriber[job.rows]
        return np.isin(subscribers, subscribers[stopped])

    def _typologies(
        self, job: DecisionJob, indices: npt.NDArray[np.int64], bundle: ModelBundle
    ) -> Sequence[str]:
        """The likely kind of fraud of some events; "unknown" if the typology model fails.

        A warning without a typology is better than no warning.
        """
        vectors = job.result.vectors[job.rows[indices]]
        try:
            return bundle.scorer.typology(vectors)
        except Exception:
            log.exception("typology_failed", model=bundle.scorer.version)
            self._metrics.model_faults.labels("typology").inc()
            return ["unknown"] * len(vectors)

    @staticmethod
    def _is_unchanged(
        job: DecisionJob, row: int, kind: int, subject: int, time_ms: int, policy: Policy
    ) -> bool:
        """Whether an event that may raise nothing concerns no warning; its decision is known then."""
        if kind == EventKind.OUTCOME or not policy.leaves_unchanged(
            job.result.annex(row), subject, time_ms
        ):
            return False
        job.unchanged += kind in WARNABLE
        return True

    def _candidates(self, jobs: Sequence[DecisionJob], policy: Policy) -> list[Candidates]:
        """The candidates of each job, found in one step over all events."""

        def joined(values: Callable[[DecisionJob], npt.NDArray[Any]]) -> npt.NDArray[Any]:
            return np.concatenate([values(job) for job in jobs])

        cleared = [
            isinstance(event, Outcome) and event.disposition == "false_alarm"
            for job in jobs
            for event in job.chunk.events
        ]
        found = candidates(
            policy,
            joined(lambda job: job.probabilities),
            joined(lambda job: job.result.vectors[job.rows]),
            kinds=joined(lambda job: job.columns.kind[job.rows]),
            amounts_minor=joined(lambda job: job.columns.amount_minor[job.rows]),
            counterparties=joined(lambda job: job.columns.counterparty[job.rows]),
            subscribers=joined(lambda job: job.columns.subscriber[job.rows]),
            has_history=joined(lambda job: job.result.has_annex[job.rows]),
            clears=np.array(cleared, np.bool_),
            lists=self._lists,
        )
        ends = np.cumsum([len(job.rows) for job in jobs])[:-1]
        parts = zip(np.split(found.needed, ends), np.split(found.screened, ends), strict=True)
        return [Candidates(needed, screened) for needed, screened in parts]

    def _decide_one(self, job: DecisionJob, index: int, typology: str, policy: Policy) -> None:
        row = int(job.rows[index])
        event = job.chunk.events[index]
        history = WarningHistory.decode(job.result.annex(row))
        if isinstance(event, Outcome):
            if event.disposition == "duplicate":  # the fraud goes on, in another case
                return
            found = judged(history, int(job.columns.subscriber[row]), event)
            if found is not None:
                job.judged.append(found)
            clear = event.disposition == "false_alarm"
            after = policy.clear(history, event.event_time_ms) if clear else policy.settle(history)
            job.result.set_annex(row, after.encode())
            return
        facts = self._facts(job, index, row, typology)
        if not is_decided(int(job.columns.kind[row]), facts.subject, history):
            return
        job.typologies[index] = typology
        decision = policy.decide(facts, float(job.probabilities[index]), history, self._lists)
        job.decisions[index] = decision
        if decision.history != history:
            job.result.set_annex(row, decision.history.encode())
        if decision.counts:
            job.spent.append((event.district, event.tenant, event.event_time_ms))
            job.spent_by_district[event.district] += 1
            job.spent_by_tenant[event.tenant, event.event_time_ms // HOUR_MS] += 1

    def _facts(self, job: DecisionJob, index: int, row: int, typology: str) -> EventFacts:
        columns, event = job.columns, job.chunk.events[index]
        spent_here = job.spent_by_district[event.district]
        of_tenant = job.spent_by_tenant[event.tenant, event.event_time_ms // HOUR_MS]
        known: Typology = typology  # type: ignore[assignment]  # the artifact names known ones
        return EventFacts(
            tenant=event.tenant,
            district=event.district,
            subscriber=int(columns.subscriber[row]),
            subject=int(columns.subject[row]),
            counterparty=int(columns.counterparty[row]),
            status=STATUS_OF_KIND[int(columns.kind[row])],
            event_time_ms=event.event_time_ms,
            amount_minor=int(columns.amount_minor[row]),
            typology=known,
            vector=job.result.vectors[row],
            stopped=index in job.verdicts and job.verdicts[index].decision in STOPPING,
            district_spent=spent_here + self._spending.spent(event.district, event.event_time_ms),
            spent=len(job.spent) + self._spending.spent_in_all(event.event_time_ms),
            tenant_spent=of_tenant
            + self._spending.spent_by_tenant(event.tenant, event.event_time_ms),
        )


def _plain_numbers(
    job: DecisionJob, indices: npt.NDArray[np.intp]
) -> Iterator[tuple[int, int, int, int, int]]:
    """Index, row, kind, subject and time of some events.

    Taken at once: to ask an array for one number at a time takes ten times as long, and every event of a
    warned person comes here.
    """
    columns, rows = job.columns, job.rows[indices]
    return zip(
        indices.tolist(),
        rows.tolist(),
        columns.kind[rows].tolist(),
        columns.subject[rows].tolist(),
        columns.time_ms[rows].tolist(),
        strict=True,
    )


def _predictions(
    jobs: Sequence[DecisionJob], scorer: Scorer
) -> Iterator[tuple[DecisionJob, npt.NDArray[np.float64]]]:
    vectors = [job.result.vectors[job.rows] for job in jobs]
    kinds = [job.columns.kind[job.rows] for job in jobs]
    probabilities = scorer.predict(np.concatenate(vectors), np.concatenate(kinds))
    if not np.isfinite(probabilities).all():
        raise ArtifactError(f"model {scorer.version} gives a probability that is not finite")
    at = np.cumsum([0, *map(len, vectors)])
    for job, start, stop in zip(jobs, at[:-1], at[1:], strict=True):
        yield job, probabilities[start:stop]


def sent_decisions(job: DecisionJob) -> list[tuple[int, Decision]]:
    """Decisions that put a message on the warnings topic, by event index."""
    return [(i, d) for i, d in sorted(job.decisions.items()) if d.action is not None]
