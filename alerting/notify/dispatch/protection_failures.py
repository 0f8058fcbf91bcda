"""Which failures of the protection have to be told to whoever has the case: a pure decider.

An order to a bank that is refused, or a patrol that finds nobody, leaves the person without what
the responder believes to be in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.notify.dispatch.channel_selection import Action

UNCONFIRMED_SECONDS = {"bank": 60, "operator": 60, "patrol": 1_200}
"""After which an order that was not confirmed counts as not in place: two periods of a bank or
operator, so that one lost answer alarms nobody; a patrol has to get there."""

_FAILED = {"bank": "hold_failed", "operator": "suspension_failed", "patrol": "patrol_failed"}
_UNCONFIRMED = {
    "bank": "hold_not_confirmed",
    "operator": "suspension_not_confirmed",
    "patrol": "patrol_not_reported",
}


@dataclass(frozen=True, slots=True)
class Protection:
    """One delivery that protects the person, as it stands."""

    delivery_id: str
    channel: str
    recipient: str
    address: str
    state: str
    created_at_ms: int

    @property
    def in_vain(self) -> bool:
        """It was given up, or reached nobody."""
        return self.state in ("failed", "unanswered")

    @property
    def unconfirmed_at_ms(self) -> int | None:
        """When an order that nobody has confirmed yet is late; None for anything else."""
        seconds = UNCONFIRMED_SECONDS.get(self.channel)
        if seconds is None or self.state not in ("pending", "sending", "awaiting", "sent"):
            return None
        return self.created_at_ms + seconds * 1000


@dataclass(frozen=True, slots=True)
class ProtectionFailure:
    """What to tell, and what keeps it from being told twice."""

    reason: str
    key: str


def decide_protection_failures(
    known: Sequence[Protection], next_actions: Sequence[Action], *, grave: bool, now_ms: int
) -> list[ProtectionFailure]:
    """What went wrong and has to be told.

    Args:
        known: what was ordered and sent in this round of the case.
        next_actions: what is done now; a person whom nobody reached is an alarm only if nothing
            of it is another way to them.
        grave: the case is critical or high.
    """
    alarms = []
    for item in known:
        if item.in_vain and item.channel in _FAILED:
            found_nobody = item.channel == "patrol" and item.state == "unanswered"
            reason = "patrol_found_nobody" if found_nobody else _FAILED[item.channel]
            alarms.append(ProtectionFailure(reason, item.delivery_id))
        elif item.unconfirmed_at_ms is not None and item.unconfirmed_at_ms <= now_ms:
            alarms.append(ProtectionFailure(_UNCONFIRMED[item.channel], item.delivery_id))
    tried = [item for item in known if item.channel == "voice" or item.recipient == "relative"]
    if grave and any(item.in_vain for item in tried) and not _another_way(next_actions):
        alarms.append(ProtectionFailure("nobody_reached", "nobody_reached"))
    return alarms


def unconfirmed_at_ms(known: Sequence[Protection], now_ms: int) -> int | None:
    """When the next order that nobody has confirmed yet will be an alarm."""
    due = [item.unconfirmed_at_ms for item in known]
    return min((at_ms for at_ms in due if at_ms is not None and at_ms > now_ms), default=None)


def _another_way(next_actions: Sequence[Action]) -> bool:
    """A call to a relative or a patrol, that may still reach the person; a text may go unread."""
    return any(
        action.channel == "patrol" or (action.channel, action.recipient) == ("voice", "relative")
        for action in next_actions
    )
