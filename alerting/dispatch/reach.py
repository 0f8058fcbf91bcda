"""How to reach a person who may be on the phone with the swindler: a pure decider.

Never just a phone call to someone who is kept on the phone: a busy line cannot be called, and a
forwarded one is answered by the swindler. Every action names the reason why this channel was
chosen.
"""

from dataclasses import dataclass
from typing import Literal

from alerting.cases.severity import ORDER

Channel = Literal["sms", "voice", "bank", "operator", "patrol"]
Recipient = Literal["victim", "relative", "bank", "operator", "patrol"]

PATROL_AFTER_NO_ANSWERS = 2


@dataclass(frozen=True, slots=True)
class Reachability:
    """What is known of the person at this moment.

    ``available`` are the channels with a gateway; ``transfers`` those attempted and not yet through;
    ``messages_left`` what remains of the person's warning budget.
    """

    severity: str
    on_call: bool
    forwarding_on: bool
    no_answers: int
    transfers: tuple[str, ...]
    relatives: tuple[str, ...]
    available: frozenset[str]
    messages_left: int


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; ``address`` is filled for relatives, ``transfer_id`` for the bank."""

    channel: Channel
    recipient: Recipient
    template: str
    reason: str
    address: str = ""
    transfer_id: str = ""


def decide_reach(facts: Reachability) -> list[Action]:
    """What to do now, most effective first."""
    grave = ORDER[facts.severity] >= ORDER["high"]
    critical = facts.severity == "critical"
    actions: list[Action] = []
    if grave and "bank" in facts.available:
        actions += [
            Action("bank", "bank", "bank_hold", "transfer_can_still_be_stopped", transfer_id=known)
            for known in facts.transfers
        ]
    if critical and facts.on_call and "operator" in facts.available:
        actions.append(
            Action("operator", "operator", "operator_suspend", "line_is_held_by_the_suspect")
        )
    actions += _to_victim(facts, grave=grave, critical=critical)
    obstacle = _obstacle(facts)
    if grave and obstacle:
        actions += _to_relatives(facts, obstacle)
    if critical and _needs_patrol(facts, obstacle):
        actions.append(Action("patrol", "patrol", "patrol_visit", "cannot_be_reached_otherwise"))
    return actions


def _to_victim(facts: Reachability, *, grave: bool, critical: bool) -> list[Action]:
    actions: list[Action] = []
    within_budget = critical or facts.messages_left > 0
    if "sms" in facts.available and within_budget:
        reason = "text_reaches_a_busy_line" if facts.on_call else "text_can_be_read_later"
        actions.append(Action("sms", "victim", "victim_warning", reason))
    free_line = not facts.on_call and not facts.forwarding_on and facts.no_answers == 0
    if grave and free_line and "voice" in facts.available and within_budget:
        actions.append(Action("voice", "victim", "victim_call", "line_is_free"))
    return actions


def _obstacle(facts: Reachability) -> str | None:
    if facts.on_call:
        return "line_is_busy"
    if facts.forwarding_on:
        return "calls_are_forwarded"
    return "no_answer" if facts.no_answers else None


def _to_relatives(facts: Reachability, obstacle: str) -> list[Action]:
    channel: Channel | None = next(
        (name for name in ("voice", "sms") if name in facts.available),
        None,
    )
    if channel is None:
        return []
    return [
        Action(channel, "relative", "relative_warning", obstacle, address=relative)
        for relative in facts.relatives
    ]


def _needs_patrol(facts: Reachability, obstacle: str | None) -> bool:
    if facts.no_answers >= PATROL_AFTER_NO_ANSWERS:
        return True
    return obstacle is not None and not facts.relatives
