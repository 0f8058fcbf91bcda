"""Selection of the channels to a victim who may be on the phone with the swindler: a pure decider.

A phone call alone is not enough while the swindler keeps the victim on the line: a busy line cannot
be called, and the swindler answers a forwarded one. Every action names the reason for its channel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from alerting.cases.severity import is_critical, is_grave

Channel = Literal["sms", "voice", "three_way", "bank", "operator", "patrol"]
Recipient = Literal["victim", "relative", "bank", "operator", "patrol"]

PATROL_AFTER_NO_ANSWERS = 2
THREE_WAY: Channel = "three_way"
"""The voice gateway connects the person with another one; only the holder of a case asks for it."""

ALL_TRACKS = "all_tracks_at_once"
"""The reason of what an extreme case gets that a critical one gets only if it has to."""

_RELATIVE_CHANNELS: tuple[Channel, ...] = ("voice", "sms")


@dataclass(frozen=True, slots=True)
class Reachability:
    """Facts about the victim at this moment.

    ``available`` are the channels with a gateway, ``transfers`` the attempted transfers that are
    not completed, ``messages_left`` the rest of the victim's warning budget, ``unreached`` the
    channels over which each relative was not reached, and ``quiet_until_ms`` the end of the quiet
    hours for this severity in UTC milliseconds, None outside them.
    """

    severity: str
    on_call: bool
    forwarding_on: bool
    no_answers: int
    transfers: tuple[str, ...]
    relatives: tuple[str, ...]
    available: frozenset[str]
    messages_left: int
    unreached: Mapping[str, frozenset[str]] = field(default_factory=dict)
    quiet_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One message or order to send, not before ``not_before_ms`` (UTC milliseconds).

    ``address`` is set for relatives, ``transfer_id`` for the bank.
    """

    channel: Channel
    recipient: Recipient
    template: str
    reason: str
    address: str = ""
    transfer_id: str = ""
    not_before_ms: int = 0


def select_channels(facts: Reachability) -> list[Action]:
    """The messages and orders to send now, most effective first.

    An extreme case does not wait until one way fails: bank, operator, relatives and patrol at once.
    """
    grave, critical = is_grave(facts.severity), is_critical(facts.severity)
    extreme = facts.severity == "extreme"
    actions: list[Action] = []
    if grave and "bank" in facts.available:
        actions += [
            Action("bank", "bank", "bank_hold", "transfer_can_still_be_stopped", transfer_id=known)
            for known in facts.transfers
        ]
    if critical and (facts.on_call or extreme) and "operator" in facts.available:
        reason = "line_is_held_by_the_suspect" if facts.on_call else ALL_TRACKS
        actions.append(Action("operator", "operator", "operator_suspend", reason))
    messages = _to_victim(facts, grave=grave, critical=critical)
    obstacle = obstacle_to_calls(facts.on_call, facts.forwarding_on) or (
        "no_answer" if facts.no_answers else None
    )
    if extreme or (grave and obstacle):
        messages += _to_relatives(facts, obstacle or ALL_TRACKS)
    actions += [_in_quiet_hours(action, facts) for action in messages]
    if critical and _needs_patrol(facts, obstacle):
        actions.append(Action("patrol", "patrol", "patrol_visit", "cannot_be_reached_otherwise"))
    elif extreme:
        actions.append(Action("patrol", "patrol", "patrol_visit", ALL_TRACKS))
    return actions


def select_text(facts: Reachability) -> list[Action]:
    """The text of a low warning: the only thing that is done, within the person's budget."""
    if "sms" not in facts.available or facts.messages_left <= 0:
        return []
    return [_in_quiet_hours(Action("sms", "victim", "low_warning", "low_severity"), facts)]


def obstacle_to_calls(on_call: bool, forwarding_on: bool) -> str | None:
    """The reason why the victim's own line must not be called, or None."""
    if on_call:
        return "line_is_busy"
    return "calls_are_forwarded" if forwarding_on else None


def _to_victim(facts: Reachability, *, grave: bool, critical: bool) -> list[Action]:
    actions: list[Action] = []
    within_budget = critical or facts.messages_left > 0
    if "sms" in facts.available and within_budget:
        reason = "text_reaches_a_busy_line" if facts.on_call else "text_can_be_read_later"
        actions.append(Action("sms", "victim", "victim_warning", reason))
    free_line = obstacle_to_calls(facts.on_call, facts.forwarding_on) is None
    callable_ = grave and free_line and facts.no_answers == 0
    if callable_ and "voice" in facts.available and within_budget:
        actions.append(Action("voice", "victim", "victim_call", "line_is_free"))
    return actions


def _to_relatives(facts: Reachability, obstacle: str) -> list[Action]:
    """One message per relative, over the best channel that has not failed yet."""
    actions = []
    for relative in facts.relatives:
        tried = facts.unreached.get(relative, frozenset())
        left: list[Channel] = [
            name for name in _RELATIVE_CHANNELS if name in facts.available and name not in tried
        ]
        if left:
            reason = "relative_did_not_answer" if tried else obstacle
            actions.append(
                Action(left[0], "relative", "relative_warning", reason, address=relative)
            )
    return actions


def _in_quiet_hours(action: Action, facts: Reachability) -> Action:
    """Postpone a message that can wait until the quiet hours end."""
    if facts.quiet_until_ms is None or is_critical(facts.severity):
        return action
    return replace(action, reason="quiet_hours", not_before_ms=facts.quiet_until_ms)


def _needs_patrol(facts: Reachability, obstacle: str | None) -> bool:
    """Whether calls cannot help: a relative who did not answer may not read a text in time either."""
    if facts.no_answers >= PATROL_AFTER_NO_ANSWERS:
        return True
    return obstacle is not None and all(relative in facts.unreached for relative in facts.relatives)
