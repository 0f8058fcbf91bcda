"""Splits a batch so that the warnings which its transaction reads have a bound.

A warning is judged beside all other warnings of its person's cases. Where a faulty model or source warns
about the same people all the time, these grow without end, and a whole batch of them at once filled the
memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, Warning_
from alerting.db.key_conditions import among

Item = TypeVar("Item")
Person = tuple[str, str]
"""Tenant and subscriber."""

READ_MAX = 5_000
"""Warnings that one transaction reads, 3 KB of memory each; those of one person are read together."""


def held_warnings(session: Session, persons: set[Person]) -> dict[Person, int]:
    """How many warnings the cases of each person hold; none for a person without a case."""
    found = session.execute(
        select(Case.tenant, Case.subscriber, func.count())
        .join(Warning_, Warning_.case_id == Case.case_id)
        .where(among(Case.tenant, Case.subscriber, persons))
        .group_by(Case.tenant, Case.subscriber)
    )
    return {(tenant, subscriber): count for tenant, subscriber, count in found}


def parts(
    items: Sequence[Item],
    person_of: Callable[[Item], Person],
    held: Mapping[Person, int],
    read_max: int,
) -> Iterator[list[Item]]:
    """The items in parts, in their order; each reads at most ``read_max``, or concerns one person.

    Args:
        items: in the order of their arrival.
        person_of: whom an item concerns.
        held: warnings of the person's cases.
        read_max: warnings that a part may read.
    """
    part: list[Item] = []
    persons: set[Person] = set()
    weight = 0
    for item in items:
        person = person_of(item)
        added = 0 if person in persons else held.get(person, 0)
        if added and part and weight + added > read_max:
            yield part
            part, persons, weight = [], set(), 0
            added = held.get(person, 0)
        part.append(item)
        persons.add(person)
        weight += added
    if part:
        yield part
