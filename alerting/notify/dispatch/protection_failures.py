"""Which failures of the protection the holder of a case has to learn of: a pure decider.

After a refused order to a bank, or a patrol that did not find the victim, the protection that the
responder relies on does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.notify.dispatch.channel_selection import Action

UNCONFIRMED_SECONDS = {"bank": 60, "operator": 60, "patrol": 1_200}
"""Time after which an unconfirmed order counts as failed.

A bank or operator gets two periods, so that one lost answer raises no alert; a patrol has to travel.
"""

_FAILED = {"bank": "hold_failed", "operator": "suspension_failed", "patrol": "patrol_failed"}
_UNCONFIRMED = {
    "bank": "hold_not_confirmed",
    "operator": "suspension_not_confirmed",
    "patrol": "patrol_not_reported",
}


@dataclass(frozen=True, slots=True)
class Protection:
    """One delivery that protects the victim, as it stands."""

    delivery_id: str
    channel: str
    recipient: str
    address: str
    state: str
    created_at_ms: int

    @property
    def failed(self) -> bool:
        """It failed for good, or was not answered."""
        return self.state in ("failed", "unanswered")

    @property
    def unconfirmed_at_ms(self) -> int | None:
        """When an unconfirmed order becomes late, in UTC ms; None for other deliveries."""
        seconds = UNCONFIRMED_SECONDS.get(self.channel)
        if seconds is None or self.state not in ("pending", "sending", "awaiting", "sent"):
            return None
        return self.created_at_ms + seconds * 1000


@dataclass(frozen=True, slots=True)
class ProtectionFailure:
    """The failure, and a key so that it is reported once."""

    reason: str
    key: str


def decide_protection_failures(
    known: Sequence[Protection], next_actions: Sequence[Action], *, grave: bool, now_ms: int
) -> list[ProtectionFailure]:
    """The failures to report.

    Args:
        known: the orders and messages of this round of the case.
        next_actions: the actions taken now; that calls failed is reported only if none of these may
            still reach the victim.
        grave: whether the case is critical or high.
        now_ms: UTC milliseconds.
    """
    failures = []
    for item in known:
        if item.failed and item.channel in _FAILED:
            found_nobody = item.channel == "patrol" and item.state == "unanswered"
            reason = "patrol_found_nobody" if found_nobody else _FAILED[item.channel]
            failures.append(ProtectionFailure(reason, item.delivery_id))
        elif item.unconfirmed_at_ms is not None and item.unconfirmed_at_ms <= now_ms:
            failures.append(ProtectionFailure(_UNCONFIRMED[item.channel], item.delivery_id))
    tried = [item for item in known if item.channel == "voice" or item.recipient == "relative"]
    if grave and any(item.failed for item in tried) and not _another_way(next_actions):
        failures.append(ProtectionFailure("nobody_reached", "nobody_reached"))
    return failures


def unconfirmed_at_ms(known: Sequence[Protection], now_ms: int) -> int | None:
    """When the next unconfirmed order becomes late, in UTC ms; None without one."""
    due = [item.unconfirmed_at_ms for item in known]
    return min((at_ms for at_ms in due if at_ms is not None and at_ms > now_ms), default=None)


def _another_way(next_actions: Sequence[Action]) -> bool:
    """Whether a call to a relative or a patrol may still reach the victim; a text may go unread."""
    return any(
        action.channel == "patrol" or (action.channel, action.recipient) == ("voice", "relative")
        for action in next_actions
    )
