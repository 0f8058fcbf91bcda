"""Decisions of a sweep: the people it warns, the entries it lists, and when it waits for a supervisor.

First degree: people in contact with the confirmed number or account. Second degree: people in
contact with a *neighbour*, a number or account that several of the first degree share and that few
others know. Banks and couriers are in contact with most people, so sharing one means nothing.
"""

from dataclasses import dataclass
from typing import Literal

SHARED_BY_AT_LEAST = 3
"""People of the first degree who share a neighbour."""

CONTACTS_PER_SHARER = 4
"""Most contacts of a neighbour per person of the first degree; with more it is a public number."""

TargetAction = Literal["warn", "list"]


@dataclass(frozen=True, slots=True)
class Touched:
    """A person of the first degree, with their contacts and payments to the confirmed one."""

    subscriber: str
    district: str
    events: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class SweepTexts:
    """Who must not be texted by this sweep.

    ``notified`` got a text about this number, account or case not long ago; ``over_budget`` had
    as many messages today as a person may get.
    """

    can_text: bool
    notified: frozenset[str] = frozenset()
    over_budget: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SweepDecision:
    """What to do about a person, and why."""

    action: TargetAction
    reason: str


def decide_hold(*, trusted: bool, service: bool, contacts: int, most: int) -> str | None:
    """The reason why a supervisor has to approve a sweep first, or None.

    Swindlers show the numbers of banks and of the police. A number on the allow list, or one in
    contact with more people than a swindler can reach, probably belongs to an honest third party.
    """
    if trusted:
        return "on_the_allow_list"
    if service:
        return "service_number"
    return "touches_too_many" if contacts > most else None


def decide_first_degree(person: Touched, texts: SweepTexts) -> SweepDecision:
    """Warn everyone whom the swindler reached, once."""
    if person.subscriber in texts.notified:
        return SweepDecision("list", "warned_before")
    if person.subscriber in texts.over_budget:
        return SweepDecision("list", "had_enough_messages")
    reason = "paid_the_swindler" if person.paid_minor else "spoke_with_the_swindler"
    return SweepDecision("warn" if texts.can_text else "list", reason)


def decide_second_degree() -> SweepDecision:
    """List people of the second degree: the evidence is too weak for a warning."""
    return SweepDecision("list", "touched_by_a_neighbour")
