"""What becomes of a delivery after an attempt: a pure decider with named states.

``pending`` waits for its time, ``sending`` is under way (with a lease), ``awaiting`` was taken but
its confirmation is due, ``sent`` and ``confirmed`` are done, ``unanswered`` reached nobody,
``failed`` was given up, ``cancelled`` was no longer wanted.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal[
    "pending", "sending", "awaiting", "sent", "confirmed", "unanswered", "failed", "cancelled"
]
Result = Literal["taken", "confirmed", "unavailable", "refused"]

NEEDS_CONFIRMATION = frozenset({"bank", "operator"})
CONFIRM_SECONDS = 30
"""Within which a bank or operator confirms an order, or gets it again with the same id."""

FIRST_RETRY_SECONDS = 1
LONGEST_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Next:
    """The state after the attempt, and when to look again if it is not final."""

    state: State
    not_before_ms: int


def decide_next(
    channel: str, result: Result, *, attempts: int, max_attempts: int, now_ms: int
) -> Next:
    """Decide on a delivery's next state.

    Args:
        attempts: how many attempts were made, this one included.
        max_attempts: after which it is given up.
    """
    if result == "confirmed":
        return Next("confirmed", now_ms)
    if result == "refused":
        return Next("failed", now_ms)
    if result == "taken" and channel not in NEEDS_CONFIRMATION:
        return Next("sent", now_ms)
    if attempts >= max_attempts:
        return Next("failed", now_ms)
    if result == "taken":
        return Next("awaiting", now_ms + CONFIRM_SECONDS * 1000)
    pause_seconds = min(FIRST_RETRY_SECONDS * 2 ** (attempts - 1), LONGEST_RETRY_SECONDS)
    return Next("pending", now_ms + pause_seconds * 1000)
