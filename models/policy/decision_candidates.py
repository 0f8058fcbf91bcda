"""Which events reach the policy's decision: one rule, for workers and for backtests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.kinds import EventKind
from models.policy.event_status import WARNABLE
from models.policy.party_lists import Lists
from models.policy.policy import Policy
from models.policy.warning_history import WarningHistory

_WARNABLE = np.array(sorted(WARNABLE), np.uint8)


class Candidates(NamedTuple):
    """Events of a chunk that need a look at their subscriber's history.

    Attributes:
        needed: bool [n].
        screened: bool [n], those of which the probability, a list or a rule may raise a warning. The others
            concern a history only if it has a warning about their subject.
    """

    needed: NDArray[np.bool_]
    screened: NDArray[np.bool_]


def candidates(
    policy: Policy,
    probabilities: NDArray[np.float64],
    vectors: NDArray[np.float32],
    *,
    kinds: NDArray[np.uint8],
    amounts_minor: NDArray[np.int64],
    counterparties: NDArray[np.uint64],
    subscribers: NDArray[np.uint64],
    has_history: NDArray[np.bool_],
    clears: NDArray[np.bool_],
    lists: Lists,
) -> Candidates:
    """Which events of a chunk, in order, need a look at their subscriber's history.

    Args:
        policy: the policy.
        probabilities: calibrated, [n].
        vectors: float32 [n, F].
        kinds: ``EventKind`` of each event.
        amounts_minor: [n], 0 where the event has none.
        counterparties: pseudonyms of the other side, [n].
        subscribers: pseudonyms, [n].
        has_history: whether the subscriber had a history before the chunk.
        clears: whether the event is an outcome that calls a warning a false alarm.
        lists: the lists in force.
    """
    screened = policy.screen(
        probabilities, vectors, kinds=kinds, amounts_minor=amounts_minor,
        counterparties=counterparties, lists=lists,
    )  # fmt: skip
    wanted = screened | has_history
    # The model has seen nothing else; other events only tell what became of a warned subject.
    wanted &= np.isin(kinds, _WARNABLE) | has_history
    # An outcome is not scored, but it settles what is open, and a false alarm keeps quiet.
    outcome = kinds == EventKind.OUTCOME
    wanted[outcome] = (has_history | clears)[outcome]
    # A chunk that warns a person gives later events of the same person a history, too.
    return Candidates(np.asarray(wanted | np.isin(subscribers, subscribers[wanted])), screened)


def is_decided(kind: int, subject: int, history: WarningHistory) -> bool:
    """Whether a candidate is decided: what cannot be stopped any more only if it was warned about."""
    return kind in WARNABLE or history.about(subject) is not None
