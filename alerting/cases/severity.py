"""Severity tiers: how long a first response may take, and how cases are ranked."""

from dataclasses import dataclass

from forewarn.contracts.fraud_warning import Severity

ORDER: dict[str, int] = {"medium": 1, "high": 2, "critical": 3}

RANK_FLOOR_MS = 1_000
"""Time left below which urgency stops growing: an overdue case ranks as with one second left."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Time to first response per severity, in seconds."""

    critical_seconds: int = 60
    high_seconds: int = 180
    medium_seconds: int = 300

    def deadline_ms(self, severity: Severity | str, raised_at_ms: int) -> int:
        """When the first response is due.

        The time counts from when the worker raised the warning, not from when it arrived here: the
        victim loses money while the service is down, too.
        """
        seconds = {
            "critical": self.critical_seconds,
            "high": self.high_seconds,
            "medium": self.medium_seconds,
        }[severity]
        return raised_at_ms + seconds * 1000


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
) -> float:
    """Money at stake per millisecond left: the order of the queue, highest first.

    At stake are the expected loss, and of the money that is gone the part that a recall may bring
    back. Money weighs as much as time: twice the loss is as urgent as half the time left.
    """
    left_ms = max(deadline_ms - now_ms, RANK_FLOOR_MS)
    recallable = gone_minor * recall_chance(gone_at_ms, now_ms)
    return (expected_loss_minor + recallable + 1) / left_ms
