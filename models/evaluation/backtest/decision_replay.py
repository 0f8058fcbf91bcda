"""Replaying history through the scorer and the policy, event by event, as a worker would.

Screening, typology, decisions, the person's history, budgets and lists are the worker's own code; time is
the events'. What a backtest cannot know is what people would have done after a warning that was
not sent then: it tells what would have been warned about and when, and ``summary`` what money moved
after that moment.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import CLEARED, EventKind
from models.policy import Decision, EventFacts, Lists, Policy, WarningHistory
from models.policy.decision_candidates import candidates, is_decided
from models.policy.district_budget import DistrictSpending
from models.policy.event_status import STATUS_OF_KIND
from models.serving.scorer import Scorer

BLOCK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that would have gone to the warnings topic: ``row`` of the events."""

    row: int
    typology: str
    probability: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecisionReplay:
    """What a model and a policy would have done with a period."""

    model_version: str
    policy_version: str
    probability: NDArray[np.float64]
    sent: list[Sent]
    reasons: dict[str, int]

    def raised(self) -> list[Sent]:
        """The warnings that were raised, leaving out updates and withdrawals."""
        return [one for one in self.sent if one.decision.action == "raise"]


def replay(
    events: EventColumns,
    vectors: NDArray[np.float32],
    districts: NDArray[np.str_],
    scorer: Scorer,
    policy: Policy,
    *,
    rows: NDArray[np.bool_] | None = None,
    lists: Lists | None = None,
    block_rows: int = BLOCK_ROWS,
) -> DecisionReplay:
    """Replay events in their order.

    Args:
        events: in the order of application.
        vectors: float32 [n, F], point in time.
        districts: of each event.
        scorer: the model.
        policy: bound to the model's features and thresholds.
        rows: which events to decide; the others only pass (a warm-up).
        lists: lists in force throughout.
        block_rows: scored at once; changes nothing but the memory it takes.
    """
    run = _Run(events, vectors, districts, scorer, policy, lists or Lists())
    decided = np.ones(len(events), np.bool_) if rows is None else rows
    for begin in range(0, len(events), block_rows):
        run.block(slice(begin, begin + block_rows), decided)
    return DecisionReplay(scorer.version, policy.version, run.probability, run.sent, run.reasons)


class _Run:
    """The state of one replay."""

    def __init__(
        self,
        events: EventColumns,
        vectors: NDArray[np.float32],
        districts: NDArray[np.str_],
        scorer: Scorer,
        policy: Policy,
        lists: Lists,
    ) -> None:
        self._events, self._vectors, self._districts = events, vectors, districts
        self._scorer, self._policy, self._lists = scorer, policy, lists
        self._histories: dict[int, WarningHistory] = {}
        self._spending = DistrictSpending(policy.document.budgets.window_hours)
        self.probability = np.zeros(len(events))
        self.sent: list[Sent] = []
        self.reasons: dict[str, int] = {}

    def block(self, part: slice, decided: NDArray[np.bool_]) -> None:
        """Score a block at once, then decide the few events that need it, in order."""
        events, vectors = self._events, self._vectors[part]
        self.probability[part] = self._scorer.predict(vectors, events.kind[part])
        people = events.subscriber[part]
        known = np.fromiter(self._histories, np.uint64, len(self._histories))
        kind = events.kind[part]
        wanted = candidates(
            self._policy,
            self.probability[part],
            vectors,
            kinds=kind,
            amounts_minor=events.amount_minor[part],
            counterparties=events.counterparty[part],
            subscribers=people,
            has_history=np.isin(people, known),
            clears=(events.flags[part] & CLEARED) != 0,
            lists=self._lists,
        )
        chosen = np.flatnonzero(wanted.needed & decided[part])
        scored = chosen[kind[chosen] != EventKind.OUTCOME]
        typology = dict(zip(scored.tolist(), self._scorer.typology(vectors[scored]), strict=True))
        for place in chosen.tolist():
            row = (part.start or 0) + place
            if place in typology:
                self._decide(row, typology[place])
            else:
                self._settle(row)

    def _decide(self, row: int, typology: str) -> None:
        events = self._events
        person, time_ms = int(events.subscriber[row]), int(events.time_ms[row])
        district = str(self._districts[row])
        history = self._histories.get(person, WarningHistory())
        if not is_decided(int(events.kind[row]), int(events.subject[row]), history):
            return
        facts = EventFacts(
            district=district,
            subscriber=person,
            subject=int(events.subject[row]),
            counterparty=int(events.counterparty[row]),
            status=STATUS_OF_KIND[int(events.kind[row])],
            event_time_ms=time_ms,
            amount_minor=int(events.amount_minor[row]),
            typology=typology,  # type: ignore[arg-type]  # the artifact names known ones
            vector=self._vectors[row],
            district_spent=self._spending.spent(district, time_ms),
            spent=self._spending.spent_in_all(time_ms),
        )
        probability = float(self.probability[row])
        decision = self._policy.decide(facts, probability, history, self._lists)
        self.reasons[decision.reason] = self.reasons.get(decision.reason, 0) + 1
        self._keep(person, decision.history)
        if decision.counts:
            self._spending.note(district, time_ms)
        if decision.action is not None:
            self.sent.append(Sent(row, typology, probability, decision))

    def _settle(self, row: int) -> None:
        events = self._events
        person = int(events.subscriber[row])
        history = self._histories.get(person, WarningHistory())
        if events.flags[row] & CLEARED:
            history = self._policy.clear(history, int(events.time_ms[row]))
        else:
            history = self._policy.settle(history)
        self._keep(person, history)

    def _keep(self, person: int, history: WarningHistory) -> None:
        if history.encode():
            self._histories[person] = history
        else:
            self._histories.pop(person, None)
