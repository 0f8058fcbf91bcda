"""Severity tiers: how long a first response may take, and how cases are ranked."""

from dataclasses import dataclass

from forewarn.contracts.fraud_warning import Severity

ORDER: dict[str, int] = {"low": 1, "medium": 2, "high": 3, "critical": 4, "extreme": 5}

RANK_FLOOR_MS = 1_000
"""Time left below which urgency stops growing: an overdue case ranks as with one second left."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Time to first response per severity, in seconds.

    No one responds to a low warning: ``low_seconds`` is the time after which its record closes.
    """

    extreme_seconds: int = 60
    critical_seconds: int = 60
    high_seconds: int = 180
    medium_seconds: int = 300
    low_seconds: int = 259_200

    def deadline_ms(self, severity: Severity | str, raised_at_ms: int) -> int:
        """When the first response is due.

        The time counts from when the worker raised the warning, not from when it arrived here: the
        victim loses money while the service is down, too.
        """
        seconds = {
            "extreme": self.extreme_seconds,
            "critical": self.critical_seconds,
            "high": self.high_seconds,
            "medium": self.medium_seconds,
            "low": self.low_seconds,
        }[severity]
        return raised_at_ms + seconds * 1000


def is_grave(severity: str) -> bool:
    """Whether a severity is high or above, so that orders and relatives come into play."""
    return ORDER[severity] >= ORDER["high"]


def is_critical(severity: str) -> bool:
    """Whether a severity is critical or above, so that nothing holds its pages back."""
    return ORDER[severity] >= ORDER["critical"]


MINUTE_MS = 60_000
RECALL_CHANCE: tuple[tuple[int, float], ...] = (
    (30 * MINUTE_MS, 0.5),
    (120 * MINUTE_MS, 0.2),
    (24 * 60 * MINUTE_MS, 0.05),
    (48 * 60 * MINUTE_MS, 0.01),
)
"""The chance to get money back that is gone, by its age: up to so many ms, this share.

An assumption that orders the queue and no measurement: swindlers pass money on within minutes, and
an emergency stop holds an account for 48 hours. Nothing that is booked depends on it.
"""


def recall_chance(gone_at_ms: int | None, now_ms: int) -> float:
    """The chance to get back money that left at a time."""
    if gone_at_ms is None:
        return 0.0
    age_ms = now_ms - gone_at_ms
    return next((chance for bound_ms, chance in RECALL_CHANCE if age_ms <= bound_ms), 0.0)


def urgency(
    expected_loss_minor: int,
    deadline_ms: int,
    now_ms: int,
    *,
    gone_minor: int = 0,
    gone_at_ms: int | None = None,
    weight: float = 1.0,
) -> float:
    """Money at stake per millisecond left: the order of the queue, highest first.

    At stake are the expected loss, and of the money that is gone the part that a recall may bring
    back. Money weighs as much as time: twice the loss is as urgent as half the time left. ``weight`` puts
    amounts of different currencies on one scale (see ``alerting.cases.currency_weights``).
    """
    left_ms = max(deadline_ms - now_ms, RANK_FLOOR_MS)
    recallable = gone_minor * recall_chance(gone_at_ms, now_ms)
    return ((expected_loss_minor + recallable) * weight + 1) / left_ms
