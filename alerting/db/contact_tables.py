"""Tables of contacts and activity, for timelines and sweeps, and of the lists."""

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import (
    Base,
    District,
    EpochMs,
    Id,
    Key,
    Minor,
    Prose,
    Short,
    Tenant,
)

TRANSFERS = text("kind = 'transfer'")
"""Condition of the partial indexes; a literal, since SQLite does not match a parameter with it."""


class Contact(Base):
    """Contacts of a subscriber with a number or account: first, last, and how many."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "tenant", "kind", "peer"), Index(None, "last_event_ms"))

    tenant: Mapped[str] = mapped_column(primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(primary_key=True)
    district: Mapped[District]
    events: Mapped[int]
    paid_minor: Mapped[Minor]
    first_event_ms: Mapped[EpochMs]
    last_event_ms: Mapped[EpochMs]


class Activity(Base):
    """One call or transfer of a person in its newest status, for the timeline of a case.

    ``account`` is the person's own side of a transfer, ``peer`` the other one. ``subject_id`` is the call's or transfer's id; later statuses replace earlier ones.
    """

    __tablename__ = "activity"
    __table_args__ = (
        Index(None, "tenant", "subscriber", "at_ms"),
        Index(None, "at_ms"),
        # For the trail of money; most rows are calls, which these leave out.
        Index(
            "ix_activity_transfer_account", "tenant", "account", "at_ms",
            postgresql_where=TRANSFERS, sqlite_where=TRANSFERS,
        ),
        Index(
            "ix_activity_transfer_peer", "tenant", "peer", "at_ms",
            postgresql_where=TRANSFERS, sqlite_where=TRANSFERS,
        ),
    )  # fmt: skip

    tenant: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subscriber: Mapped[Id]
    at_ms: Mapped[EpochMs]
    status: Mapped[Short]
    direction: Mapped[Short]
    peer: Mapped[Id]
    account: Mapped[Id] = mapped_column(default="", server_default="")
    amount_minor: Mapped[Minor]
    currency: Mapped[Short]
    duration_ms: Mapped[EpochMs]
    source_offset: Mapped[EpochMs]


class Sweep(Base):
    """The search after a number or account was confirmed.

    ``held`` sweeps wait for a supervisor; ``cancelled`` and ``retracted`` ones were taken back before
    and after they were carried out.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        UniqueConstraint("tenant", "kind", "peer", "case_id"),
        Index(None, "state", "requested_at_ms"),
        Index(None, "case_id"),
    )

    sweep_id: Mapped[Key]
    tenant: Mapped[Tenant]
    case_id: Mapped[Id]
    kind: Mapped[Short]
    peer: Mapped[Id]
    state: Mapped[Short]
    held_because: Mapped[Short] = mapped_column(default="")
    decided_by: Mapped[str | None]
    requested_at_ms: Mapped[EpochMs]
    finished_at_ms: Mapped[EpochMs | None]
    first_degree: Mapped[int] = mapped_column(default=0)
    second_degree: Mapped[int] = mapped_column(default=0)
    peers_listed: Mapped[int] = mapped_column(default=0)
    truncated: Mapped[bool] = mapped_column(default=False)


class SweepTarget(Base):
    """One person whom a sweep found, with the degree and the action."""

    __tablename__ = "sweep_targets"

    sweep_id: Mapped[str] = mapped_column(primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    district: Mapped[District]
    degree: Mapped[int]
    via: Mapped[Id]
    action: Mapped[Short]
    reason: Mapped[Short]


class ListItem(Base):
    """An entry of a list with its owner; the workers use the ``active`` ones.

    ``case_id`` is the case whose sweep added the entry, None if a person did.
    """

    __tablename__ = "list_items"
    __table_args__ = (
        Index(None, "state", "expires_at_ms"),
        Index(None, "tenant", "list", "kind", "peer"),
        Index(None, "case_id"),
    )

    entry_id: Mapped[Key]
    tenant: Mapped[Tenant]
    list: Mapped[Short]
    kind: Mapped[Short]
    peer: Mapped[Id]
    subscriber: Mapped[Id | None]
    case_id: Mapped[Id | None]
    reason: Mapped[Prose]
    owner: Mapped[str]
    approver: Mapped[str | None]
    state: Mapped[Short]
    created_at_ms: Mapped[EpochMs]
    changed_at_ms: Mapped[EpochMs]
    expires_at_ms: Mapped[EpochMs | None]
