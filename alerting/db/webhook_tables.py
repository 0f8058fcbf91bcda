"""Tables of webhooks: how far each target was served, and the log of what went to it."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Id, Prose, Short, Tenant


class WebhookFeed(Base):
    """Every event up to ``floor_no`` was taken over into the log of the target, or does not concern it."""

    __tablename__ = "webhook_feeds"

    target: Mapped[str] = mapped_column(primary_key=True)
    floor_no: Mapped[EpochMs]


class WebhookCall(Base):
    """One step of a case's life for one target, and what became of it.

    ``state`` is ``pending``, ``sent``, ``refused`` (the target said no), ``given_up`` (it did not
    answer in all attempts) or ``dropped`` (too many waited).
    """

    __tablename__ = "webhook_calls"
    __table_args__ = (
        Index(None, "target", "state", "next_at_ms"),
        Index(None, "created_at_ms"),
    )

    target: Mapped[str] = mapped_column(primary_key=True)
    event_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    case_id: Mapped[Id]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    event: Mapped[Short]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[Short]
    attempts: Mapped[int] = mapped_column(default=0)
    next_at_ms: Mapped[EpochMs]
    created_at_ms: Mapped[EpochMs]
    sent_at_ms: Mapped[EpochMs | None]
    last_error: Mapped[Prose] = mapped_column(default="")
