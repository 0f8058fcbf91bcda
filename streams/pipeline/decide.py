"""From vectors to decisions: one predict call a batch, then the policy for the few that need it.

``annex`` bytes hold a subscriber's recent warnings. They are read from the record as loaded and
written with it, so a decision is recovered, fenced and repeated together with the state.
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from forewarn.contracts import Outcome
from forewarn.contracts.fraud_warning import Typology
from forewarn.errors import ArtifactError
from models.policy import Decision, EventFacts, Lists, Policy, WarningHistory
from models.policy.decision_candidates import candidates, is_decided
from models.policy.district_budget import DistrictSpending
from models.policy.event_status import STATUS_OF_KIND
from models.serving.drift import judged
from models.serving.scorer import Scorer
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """What decides at one moment: replaced as a whole on reload, so versions never mix."""

    scorer: Scorer
    policy: Policy
    challenger: Scorer | None = None


class EventFailedError(Exception):
    """One event of a chunk cannot be decided; ``why`` is what happened."""

    def __init__(self, index: int, why: Exception) -> None:
        super().__init__(f"event {index} of the chunk cannot be decided")
        self.index = index
        self.why = why


class Decider:
    """Scores and decides batches.

    Args:
        lists: lists in force; changed by their own reader.
        spending: district budgets' counter.
        metrics: probabilities and decisions are counted.
        executor: where LightGBM explains, off the event loop.
    """

    def __init__(
        self,
        lists: Lists,
        spending: DistrictSpending,
        metrics: WorkerMetrics,
        executor: Executor,
    ) -> None:
        self._lists = lists
        self._spending = spending
        self._metrics = metrics
        self._executor = executor

    def score(self, works: Sequence[DecisionJob], brain: ModelBundle) -> None:
        """Probabilities of all events of a batch, in one call.

        Raises:
            ArtifactError: a probability is no number.
        """
        for work, probabilities in _predicted(works, brain.scorer):
            work.probabilities = probabilities

    def challenge(self, works: Sequence[DecisionJob], brain: ModelBundle) -> None:
        """The same by the challenger, if there is one."""
        if brain.challenger is not None:
            for work, probabilities in _predicted(works, brain.challenger):
                work.challenger = probabilities

    async def decide(self, work: DecisionJob, brain: ModelBundle) -> None:
        """Decide the chunk's events that need it, in their order; sets annexes.

        Nothing but the work is changed before ``count``, so a chunk may be decided anew.

        Raises:
            EventFailedError: one of them cannot be decided.
        """
        candidates = self._candidates(work, brain.policy)
        if not len(candidates):
            return
        vectors = work.result.vectors[work.rows[candidates]]
        typologies = await self._typologies(vectors, brain)
        for index, typology in zip(candidates.tolist(), typologies, strict=True):
            try:
                self._decide_one(work, index, typology, brain.policy)
            except Exception as error:
                raise EventFailedError(index, error) from error

    def count(self, work: DecisionJob) -> None:
        """Count what was decided; once for each chunk."""
        for decision in work.decisions.values():
            self._metrics.decisions.labels(decision.reason).inc()
        for district, event_time_ms in work.spent:
            self._spending.note(district, event_time_ms)
        for one in work.judged:
            self._metrics.count_judged(one)

    async def _typologies(
        self, vectors: npt.NDArray[np.float32], brain: ModelBundle
    ) -> Sequence[str]:
        """The guessed kinds of fraud; a warning without one is better than none."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, brain.scorer.typology, vectors
            )
        except Exception:
            log.exception("typology_not_guessed", model=brain.scorer.version)
            self._metrics.model_faults.labels("typology").inc()
            return ["unknown"] * len(vectors)

    def _candidates(
        self, work: DecisionJob, policy: Policy
    ) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        rows, columns = work.rows, work.columns
        clears = np.fromiter(
            (isinstance(e, Outcome) and e.disposition == "false_alarm" for e in work.chunk.events),
            np.bool_,
            len(rows),
        )
        wanted = candidates(
            policy,
            work.probabilities,
            work.result.vectors[rows],
            kinds=columns.kind[rows],
            amounts_minor=columns.amount_minor[rows],
            counterparties=columns.counterparty[rows],
            subscribers=columns.subscriber[rows],
            has_history=work.result.has_annex[rows],
            clears=clears,
            lists=self._lists,
        )
        return np.flatnonzero(wanted & work.result.fresh[rows])

    def _decide_one(self, work: DecisionJob, index: int, typology: str, policy: Policy) -> None:
        row = int(work.rows[index])
        event = work.chunk.events[index]
        history = WarningHistory.decode(work.result.annex(row))
        if isinstance(event, Outcome):
            if event.disposition == "duplicate":  # the scam goes on, in another case
                return
            found = judged(history, int(work.columns.subscriber[row]), event)
            if found is not None:
                work.judged.append(found)
            clear = event.disposition == "false_alarm"
            after = policy.clear(history, event.event_time_ms) if clear else policy.settle(history)
            work.result.set_annex(row, after.encode())
            return
        facts = self._facts(work, index, row, typology)
        if not is_decided(int(work.columns.kind[row]), facts.subject, history):
            return
        work.typologies[index] = typology
        decision = policy.decide(facts, float(work.probabilities[index]), history, self._lists)
        work.decisions[index] = decision
        if decision.history != history:
            work.result.set_annex(row, decision.history.encode())
        if decision.counts:
            work.spent.append((event.district, event.event_time_ms))

    def _facts(self, work: DecisionJob, index: int, row: int, typology: str) -> EventFacts:
        columns, event = work.columns, work.chunk.events[index]
        here = sum(district == event.district for district, _ in work.spent)
        guess: Typology = typology  # type: ignore[assignment]  # the artifact names known ones
        return EventFacts(
            tenant=event.tenant,
            district=event.district,
            subscriber=int(columns.subscriber[row]),
            subject=int(columns.subject[row]),
            counterparty=int(columns.counterparty[row]),
            status=STATUS_OF_KIND[int(columns.kind[row])],
            event_time_ms=event.event_time_ms,
            amount_minor=int(columns.amount_minor[row]),
            typology=guess,
            vector=work.result.vectors[row],
            district_spent=here + self._spending.spent(event.district, event.event_time_ms),
        )


def _predicted(
    works: Sequence[DecisionJob], scorer: Scorer
) -> Iterator[tuple[DecisionJob, npt.NDArray[np.float64]]]:
    vectors = [work.result.vectors[work.rows] for work in works]
    probabilities = scorer.predict(np.concatenate(vectors))
    if not np.isfinite(probabilities).all():
        raise ArtifactError(f"model {scorer.version} gives a probability that is no number")
    at = np.cumsum([0, *map(len, vectors)])
    for work, start, stop in zip(works, at[:-1], at[1:], strict=True):
        yield work, probabilities[start:stop]


def sent(work: DecisionJob) -> list[tuple[int, Decision]]:
    """The decisions that put something on the warnings topic, by event index."""
    return [(i, d) for i, d in sorted(work.decisions.items()) if d.action is not None]
