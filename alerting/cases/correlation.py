"""Which case a warning belongs to: a pure decider with named reasons.

Warnings of one person belong to one case as long as they concern one scam. A common caller or payee
is the strongest sign. Without one, two warnings close in time count as stages of one scam (a long
call, then a payment to an account that no call names), unless their typologies differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from forewarn.contracts.fraud_warning import FraudWarning


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case as correlation takes it; ``peers`` are its callers and payees."""

    case_id: str
    typology: str
    currency: str
    first_event_ms: int
    last_event_ms: int
    peers: frozenset[str]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Correlation:
    """The case that a warning joins (None: a new one), which closed case it follows, and why."""

    case_id: str | None
    follows: str | None
    reason: str


def correlate(warning: FraudWarning, cases: Sequence[OpenCase], *, window_ms: int) -> Correlation:
    """Find the case of a warning that is not in any case yet.

    Args:
        warning: the first revision of the warning that is seen.
        cases: cases of the same person, open ones and recently closed ones.
        window_ms: how far apart in event time warnings of one scam may lie.
    """
    peers = peers_of(warning)
    candidates = [case for case in cases if case.currency == warning.currency]
    alive = [case for case in candidates if not case.closed]
    shared = [case for case in alive if case.peers & peers]
    if shared:
        return Correlation(_latest(shared).case_id, None, "same_swindler")
    close = [
        case
        for case in alive
        if _distance_ms(case, warning.event_time_ms) <= window_ms
        and _compatible(case.typology, warning.typology)
    ]
    if close:
        return Correlation(_latest(close).case_id, None, "close_in_time")
    before = [case for case in candidates if case.closed and case.peers & peers]
    if before:
        return Correlation(None, _latest(before).case_id, "swindler_of_a_closed_case")
    return Correlation(None, None, "first_of_its_scam")


def peers_of(warning: FraudWarning) -> frozenset[str]:
    """The caller and the payee of a warning, as far as known."""
    return frozenset(peer for peer in (warning.caller, warning.payee) if peer)


def _latest(cases: Sequence[OpenCase]) -> OpenCase:
    return max(cases, key=lambda case: (case.last_event_ms, case.case_id))


def _distance_ms(case: OpenCase, at_ms: int) -> int:
    return max(case.first_event_ms - at_ms, at_ms - case.last_event_ms, 0)


def _compatible(first: str, second: str) -> bool:
    return first == second or "unknown" in (first, second)
