"""Whom a sweep warns and what it lists: a pure decider with named reasons.

First degree: people whom the confirmed number or account touched. Second degree: people touched by
a *neighbour*, a number or account that several of the first degree share and that touches few
others. Banks and couriers touch everybody, so sharing one says nothing.
"""

from dataclasses import dataclass
from typing import Literal

SHARED_BY_AT_LEAST = 3
"""People of the first degree who share a neighbour."""

SHARE_AT_LEAST = 0.25
"""Part of a neighbour's contacts who are of the first degree, below which it is somebody public."""

TargetAction = Literal["warn", "list"]


@dataclass(frozen=True, slots=True)
class Touched:
    """A person of the first degree and what passed between them and the confirmed one."""

    subscriber: str
    district: str
    events: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a person, and why."""

    action: TargetAction
    reason: str


def decide_first_degree(person: Touched) -> Decision:
    """Everybody whom the swindler touched is warned; who paid already comes first."""
    return Decision("warn", "paid_the_swindler" if person.paid_minor else "spoke_with_the_swindler")


def decide_second_degree() -> Decision:
    """Too weak to alarm somebody about, too strong to forget."""
    return Decision("list", "touched_by_a_neighbour")


def is_neighbour(shared_by: int, contacts: int) -> bool:
    """Whether a number or account is near enough to the swindler to be watched."""
    return shared_by >= SHARED_BY_AT_LEAST and shared_by >= SHARE_AT_LEAST * contacts
