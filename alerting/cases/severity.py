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


def urgency(expected_loss_minor: int, deadline_ms: int, now_ms: int) -> float:
    """Expected loss per millisecond left: the order of the queue, highest first.

    Money at stake weighs as much as time: twice the loss is as urgent as half the time left.
    """
    left_ms = max(deadline_ms - now_ms, RANK_FLOOR_MS)
    return (expected_loss_minor + 1) / left_ms
