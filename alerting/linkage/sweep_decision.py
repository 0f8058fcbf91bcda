"""Whom a sweep warns, what it lists and when it waits for a person: pure deciders, named reasons.

First degree: people whom the confirmed number or account touched. Second degree: people touched by
a *neighbour*, a number or account that several of the first degree share and that touches few
others. Banks and couriers touch everybody, so sharing one says nothing.
"""

from dataclasses import dataclass
from typing import Literal

SHARED_BY_AT_LEAST = 3
"""People of the first degree who share a neighbour."""

CONTACTS_PER_SHARER = 4
"""A neighbour's contacts for each of the first degree among them; with more it is somebody public."""

TargetAction = Literal["warn", "list"]


@dataclass(frozen=True, slots=True)
class Touched:
    """A person of the first degree and what passed between them and the confirmed one."""

    subscriber: str
    district: str
    events: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class SweepTexts:
    """Who must not be texted by this sweep.

    ``told`` were told of this number or account, or in this case, not long ago; ``enough`` had as
    many messages today as anybody gets.
    """

    can_text: bool
    told: frozenset[str] = frozenset()
    enough: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SweepDecision:
    """What to do about a person, and why."""

    action: TargetAction
    reason: str


def decide_hold(*, trusted: bool, contacts: int, most: int) -> str | None:
    """The reason why a supervisor has to say yes to a sweep first, or None.

    Swindlers show the numbers of banks and of the police. What a list trusts, or what touches more
    people than a swindler can, is rather somebody whose number was shown by another.
    """
    if trusted:
        return "on_the_allow_list"
    return "touches_too_many" if contacts > most else None


def decide_first_degree(person: Touched, texts: SweepTexts) -> SweepDecision:
    """Everybody whom the swindler touched is warned, once; who paid already comes first."""
    if person.subscriber in texts.told:
        return SweepDecision("list", "warned_before")
    if person.subscriber in texts.enough:
        return SweepDecision("list", "had_enough_messages")
    reason = "paid_the_swindler" if person.paid_minor else "spoke_with_the_swindler"
    return SweepDecision("warn" if texts.can_text else "list", reason)


def decide_second_degree() -> SweepDecision:
    """Too weak to alarm somebody about, too strong to forget."""
    return SweepDecision("list", "touched_by_a_neighbour")
