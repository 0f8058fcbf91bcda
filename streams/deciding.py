"""From vectors to decisions: one predict call a batch, then the policy for the few that need it.

``annex`` bytes hold a subscriber's recent warnings. They are read from the record as loaded and
written with it, so a decision is recovered, fenced and repeated together with the state.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from features.kinds import EventKind
from forewarn.events import Outcome
from forewarn.events.warnings import Typology
from models.policy import Decision, Facts, History, Lists, Policy
from models.policy.spending import DistrictSpending
from models.policy.status import STATUS_OF_KIND, WARNABLE
from models.scorer import Scorer
from streams.metrics import WorkerMetrics
from streams.work import Work

_WARNABLE = np.array(sorted(WARNABLE), np.uint8)


@dataclass(frozen=True, slots=True)
class Brain:
    """What decides at one moment: replaced as a whole on reload, so versions never mix."""

    scorer: Scorer
    policy: Policy
    challenger: Scorer | None = None


class Deciding:
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

    def score(self, works: Sequence[Work], brain: Brain) -> None:
        """Probabilities of all events of a batch, by champion and challenger."""
        vectors = [work.result.vectors[work.rows] for work in works]
        together = np.concatenate(vectors)
        probabilities = brain.scorer.predict(together)
        challenger = brain.challenger.predict(together) if brain.challenger else None
        at = np.cumsum([0, *map(len, vectors)])
        for work, start, stop in zip(works, at[:-1], at[1:], strict=True):
            work.probabilities = probabilities[start:stop]
            work.challenger = challenger[start:stop] if challenger is not None else None

    async def decide(self, work: Work, brain: Brain, now_ms: int) -> None:
        """Decide the chunk's events that need it, in their order; sets annexes."""
        candidates = self._candidates(work, brain.policy)
        if not len(candidates):
            return
        vectors = work.result.vectors[work.rows[candidates]]
        typologies = await asyncio.get_running_loop().run_in_executor(
            self._executor, brain.scorer.typology, vectors
        )
        for index, typology in zip(candidates.tolist(), typologies, strict=True):
            self._decide_one(work, index, typology, brain.policy, now_ms)

    def _candidates(
        self, work: Work, policy: Policy
    ) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        rows, columns = work.rows, work.columns
        outcome = columns.kind[rows] == EventKind.OUTCOME
        wanted = np.zeros(len(rows), np.bool_)
        screened = policy.screen(
            work.probabilities,
            work.result.vectors[rows],
            amounts_minor=columns.amount_minor[rows],
            counterparties=columns.counterparty[rows],
            has_history=work.result.has_annex[rows],
            lists=self._lists,
        )
        wanted[screened] = True
        # The model has seen nothing else; other events only tell what became of a warned subject.
        wanted &= np.isin(columns.kind[rows], _WARNABLE) | work.result.has_annex[rows]
        # An outcome is not scored, but it settles what is open, and a false alarm keeps quiet.
        quiets = np.fromiter(
            (isinstance(e, Outcome) and e.disposition == "false_alarm" for e in work.chunk.events),
            np.bool_,
            len(rows),
        )
        wanted[outcome] = (work.result.has_annex[rows] | quiets)[outcome]
        # A chunk that warns somebody gives later events of the same person a history, too.
        subscribers = columns.subscriber[rows]
        wanted |= np.isin(subscribers, subscribers[wanted])
        return np.flatnonzero(wanted & work.result.fresh[rows])

    def _decide_one(
        self, work: Work, index: int, typology: str, policy: Policy, now_ms: int
    ) -> None:
        row = int(work.rows[index])
        event = work.chunk.events[index]
        history = History.decode(work.result.annex(row))
        if isinstance(event, Outcome):
            clear = event.disposition == "false_alarm"
            after = policy.clear(history, event.event_time_ms) if clear else policy.settle(history)
            work.result.set_annex(row, after.encode())
            return
        facts = self._facts(work, index, row, typology)
        if work.columns.kind[row] not in _WARNABLE and history.about(facts.subject) is None:
            return
        work.typologies[index] = typology
        decision = policy.decide(
            facts, float(work.probabilities[index]), history, self._lists, now_ms
        )
        self._metrics.decisions.labels(decision.reason).inc()
        work.decisions[index] = decision
        if decision.history != history:
            work.result.set_annex(row, decision.history.encode())
        if decision.counts:
            self._spending.note(event.district, event.event_time_ms)

    def _facts(self, work: Work, index: int, row: int, typology: str) -> Facts:
        columns, event = work.columns, work.chunk.events[index]
        guess: Typology = typology  # type: ignore[assignment]  # the artifact names known ones
        return Facts(
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
            district_spent=self._spending.spent(event.district, event.event_time_ms),
        )


def sent(work: Work) -> list[tuple[int, Decision]]:
    """The decisions that put something on the warnings topic, by event index."""
    return [(i, d) for i, d in sorted(work.decisions.items()) if d.action is not None]
