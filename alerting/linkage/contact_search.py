"""Queries of a sweep over the contact index, each with a bound."""

from collections.abc import Sequence

from sqlalchemy import Select, distinct, func, literal, select
from sqlalchemy.orm import Session, aliased

from alerting.db.contact_tables import Contact, Sweep
from alerting.linkage.sweep_decision import CONTACTS_PER_SHARER, SHARED_BY_AT_LEAST, Touched
from forewarn.contracts.list_entry import PeerKind

MAX_FIRST_DEGREE = 20_000
MAX_NEIGHBOURS = 200
MAX_SECOND_DEGREE = 20_000


def count_contacts(session: Session, sweep: Sweep, *, at_most: int) -> int:
    """How many people were in contact with the number or account of a sweep, up to a bound."""
    some = (
        select(literal(1))
        .where(
            Contact.tenant == sweep.tenant, Contact.kind == sweep.kind, Contact.peer == sweep.peer
        )
        .limit(at_most)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def first_degree(session: Session, sweep: Sweep, victim: str) -> list[Touched]:
    """People in contact with the confirmed number or account."""
    rows = session.execute(
        select(Contact.subscriber, Contact.district, Contact.events, Contact.paid_minor)
        .where(
            Contact.tenant == sweep.tenant,
            Contact.kind == sweep.kind,
            Contact.peer == sweep.peer,
            Contact.subscriber != victim,
        )
        # Largest payments first, in case the bound cuts some off.
        .order_by(Contact.paid_minor.desc(), Contact.last_event_ms.desc())
        .limit(MAX_FIRST_DEGREE)
    )
    return [Touched(*row) for row in rows]


def neighbours(session: Session, sweep: Sweep, people: int) -> list[tuple[PeerKind, str]]:
    """Numbers and accounts that people of the first degree share and few others know.

    Args:
        people: how many are of the first degree.
    """
    statement = neighbours_sql(sweep, people)
    return [(kind, peer) for kind, peer in session.execute(statement)]


def neighbours_sql(sweep: Sweep, people: int) -> Select[PeerKind, str]:
    """The query of ``neighbours``.

    It leaves out public numbers before it applies the bound: more people share a bank's number
    than an accomplice's, so banks would fill the result.
    """
    near, other, known = aliased(Contact), aliased(Contact), aliased(Contact)
    shared = (
        select(other.kind, other.peer, func.count(distinct(other.subscriber)).label("sharers"))
        .join(near, (near.tenant == other.tenant) & (near.subscriber == other.subscriber))
        .where(
            near.tenant == sweep.tenant,
            near.kind == sweep.kind,
            near.peer == sweep.peer,
            ~((other.kind == sweep.kind) & (other.peer == sweep.peer)),
        )
        .group_by(other.kind, other.peer)
        .having(func.count(distinct(other.subscriber)) >= SHARED_BY_AT_LEAST)
        .subquery("shared")
    )
    contacts = (
        select(literal(1))
        .where(
            known.tenant == sweep.tenant,
            known.kind == shared.c.kind,
            known.peer == shared.c.peer,
        )
        # One more than a neighbour may have, even if all of the first degree share it.
        .limit(people * CONTACTS_PER_SHARER + 1)
        .correlate(shared)
        .subquery("some")
    )
    count = select(func.count()).select_from(contacts).correlate(shared).scalar_subquery()
    statement: Select[PeerKind, str] = (
        select(shared.c.kind, shared.c.peer)
        .where(count <= shared.c.sharers * CONTACTS_PER_SHARER)
        .order_by(shared.c.sharers.desc(), shared.c.peer)
        .limit(MAX_NEIGHBOURS)
    )
    return statement


def second_degree(
    session: Session, sweep: Sweep, near: Sequence[tuple[PeerKind, str]], known: set[str]
) -> list[tuple[str, str, str]]:
    """People in contact with a neighbour: subscriber, district, and which neighbour."""
    people: dict[str, tuple[str, str, str]] = {}
    for kind, peer in near:
        rows = session.execute(
            select(Contact.subscriber, Contact.district)
            .where(Contact.tenant == sweep.tenant, Contact.kind == kind, Contact.peer == peer)
            .order_by(Contact.last_event_ms.desc())
            .limit(MAX_SECOND_DEGREE)
        )
        for subscriber, district in rows:
            if subscriber not in known:
                people.setdefault(subscriber, (subscriber, district, peer))
        if len(people) >= MAX_SECOND_DEGREE:
            break
    return list(people.values())[:MAX_SECOND_DEGREE]
