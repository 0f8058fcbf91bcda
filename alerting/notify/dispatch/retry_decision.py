"""The state of a delivery after an attempt: a pure decider.

``pending`` waits for its time, ``sending`` is under way with a lease, ``awaiting`` was accepted and
waits for a confirmation, ``sent`` and ``confirmed`` are done, ``unanswered`` was not answered,
``failed`` was given up, ``cancelled`` was suppressed.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal[
    "pending", "sending", "awaiting", "sent", "confirmed", "unanswered", "failed", "cancelled"
]
Result = Literal["taken", "confirmed", "unavailable", "refused"]

NEEDS_CONFIRMATION = frozenset({"bank", "operator"})
CONFIRM_SECONDS = 30
"""Time for a bank or operator to confirm an order before it is sent again with the same id."""

FIRST_RETRY_SECONDS = 1
LONGEST_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Next:
    """The state after the attempt, and when to try again if it is not final.

    ``refused``: the gateway said no, so nothing was done; one that was given up may have arrived.
    """

    state: State
    not_before_ms: int
    refused: bool = False


def decide_next(
    channel: str, result: Result, *, attempts: int, max_attempts: int, now_ms: int
) -> Next:
    """Decide on a delivery's next state.

    Args:
        channel: of the delivery.
        result: of the attempt.
        attempts: how many attempts were made, this one included.
        max_attempts: after which the delivery fails.
        now_ms: UTC milliseconds.
    """
    if result == "confirmed":
        return Next("confirmed", now_ms)
    if result == "refused":
        return Next("failed", now_ms, refused=True)
    if result == "taken" and channel not in NEEDS_CONFIRMATION:
        return Next("sent", now_ms)
    if attempts >= max_attempts:
        return Next("failed", now_ms)
    if result == "taken":
        return Next("awaiting", now_ms + CONFIRM_SECONDS * 1000)
    pause_seconds = min(FIRST_RETRY_SECONDS * 2 ** (attempts - 1), LONGEST_RETRY_SECONDS)
    return Next("pending", now_ms + pause_seconds * 1000)
