"""Tables of the outbox, the idempotency keys and the audit log."""

from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, EpochMs, Key, Prose, Serial, Short

UNMASKED = text("action = 'personal.unmasked'")
"""Condition of the partial index; a literal, since SQLite does not match a parameter with it."""


class OutboxMessage(Base):
    """A Kafka message, stored in the transaction of the change that it reports and sent afterwards."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "sent_at_ms", "message_no"),)

    message_no: Mapped[Serial]
    topic: Mapped[Short]
    key: Mapped[bytes] = mapped_column(LargeBinary)
    value: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at_ms: Mapped[EpochMs]
    sent_at_ms: Mapped[EpochMs | None]


class IdempotencyKey(Base):
    """The answer to a request, so that a repetition gets the same."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at_ms"),)

    principal: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_digest: Mapped[Short]
    status: Mapped[int]
    response: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at_ms: Mapped[EpochMs]


class AuditRecord(Base):
    """One line of the audit log. ``digest`` covers the line and the digest before it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(
            "ix_audit_log_unmasked",
            "actor",
            "at_ms",
            postgresql_where=UNMASKED,
            sqlite_where=UNMASKED,
        ),
    )

    record_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at_ms: Mapped[EpochMs]
    actor: Mapped[str]
    action: Mapped[Short]
    subject: Mapped[str]
    detail: Mapped[Prose]
    previous: Mapped[Short]
    digest: Mapped[Short]


class AuditHead(Base):
    """The end of the audit chain; its one row is the lock under which the chain grows."""

    __tablename__ = "audit_head"

    name: Mapped[Key]
    record_no: Mapped[EpochMs]
    digest: Mapped[Short]
