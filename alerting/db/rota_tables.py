"""Tables of rotas: the plan, its changes, and secret addresses of calendars."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Id, Key, Prose, Short, Tenant


class Rota(Base):
    """A rotation of a team for a district; see ``alerting.notify.rota.rota_plan.RotaPlan``.

    ``first_day`` is YYYY-MM-DD, ``handover`` and ``ends`` HH:MM (``ends`` empty: round the clock), all
    local to ``timezone``. ``watched``: gaps are warned of. ``ends_at_ms`` is when the rota is over.
    """

    __tablename__ = "rotas"
    __table_args__ = (Index(None, "tenant", "team"),)

    rota_id: Mapped[Key]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    team: Mapped[str]
    name: Mapped[str]
    timezone: Mapped[Short]
    first_day: Mapped[Short]
    handover: Mapped[Short]
    ends: Mapped[Short] = mapped_column(default="")
    turn_days: Mapped[int]
    weekdays: Mapped[list[int]] = mapped_column(JSON)
    members: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    watched: Mapped[bool]
    created_by: Mapped[str]
    created_at_ms: Mapped[EpochMs]
    ends_at_ms: Mapped[EpochMs | None]


class RotaChange(Base):
    """A change of a rota for some periods: an override, a take-over or a swap.

    ``stints`` are the periods with who is on call in them. A take-over or swap is ``asked`` until
    ``asked_of`` answers, then ``active`` or ``declined``; ``withdrawn`` if it was taken back.
    """

    __tablename__ = "rota_changes"
    __table_args__ = (Index(None, "rota_id", "state"), Index(None, "ends_at_ms"))

    change_id: Mapped[Key]
    rota_id: Mapped[Id] = mapped_column(ForeignKey("rotas.rota_id"))
    tenant: Mapped[Tenant]
    district: Mapped[District]
    kind: Mapped[Short]
    stints: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    expected: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reason: Mapped[Prose]
    asked_by: Mapped[str]
    asked_of: Mapped[str | None]
    state: Mapped[Short]
    created_at_ms: Mapped[EpochMs]
    decided_at_ms: Mapped[EpochMs | None]
    starts_at_ms: Mapped[EpochMs]
    ends_at_ms: Mapped[EpochMs]


class CalendarFeed(Base):
    """The secret address of one person's calendar, of which only a hash is stored."""

    __tablename__ = "calendar_feeds"
    __table_args__ = (Index(None, "subject"),)

    token_hash: Mapped[Key]
    subject: Mapped[str]
    tenants: Mapped[list[str]] = mapped_column(JSON)
    language: Mapped[Short]
    created_at_ms: Mapped[EpochMs]
    expires_at_ms: Mapped[EpochMs]
