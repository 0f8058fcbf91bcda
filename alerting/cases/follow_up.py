"""Time bounds of a holder: to contact with the victim, and from contact to an outcome."""

from dataclasses import dataclass
from typing import Literal

Owed = Literal["no_contact_yet", "no_outcome_yet"]


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Bounds per severity, in seconds.

    The first runs from taking a case to an attempt at contact, and starts again with each attempt;
    the second runs from contact to an outcome. A low case, which a person took up, has the time of a
    medium one.
    """

    extreme_contact_seconds: int = 300
    critical_contact_seconds: int = 300
    high_contact_seconds: int = 900
    medium_contact_seconds: int = 1800
    extreme_outcome_seconds: int = 1800
    critical_outcome_seconds: int = 1800
    high_outcome_seconds: int = 3600
    medium_outcome_seconds: int = 14_400

    def due_ms(self, state: str, severity: str, from_ms: int) -> int:
        """When the next step of a held case is due."""
        contact = {
            "extreme": self.extreme_contact_seconds,
            "critical": self.critical_contact_seconds,
            "high": self.high_contact_seconds,
            "medium": self.medium_contact_seconds,
            "low": self.medium_contact_seconds,
        }
        outcome = {
            "extreme": self.extreme_outcome_seconds,
            "critical": self.critical_outcome_seconds,
            "high": self.high_outcome_seconds,
            "medium": self.medium_outcome_seconds,
            "low": self.medium_outcome_seconds,
        }
        bounds = outcome if state == "in_contact" else contact
        return from_ms + bounds[severity] * 1000


def owed(state: str) -> Owed:
    """The step that the holder of a case in this state has to take next."""
    return "no_outcome_yet" if state == "in_contact" else "no_contact_yet"
