"""Tables of the desk's tools: saved filters, imports of clues, and links that were used."""

from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, EpochMs, Id, Key, Prose, Short, Tenant


class SavedFilter(Base):
    """A filter of the queue that one person keeps under a name."""

    __tablename__ = "saved_filters"

    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    query: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at_ms: Mapped[EpochMs]


class ClueImport(Base):
    """A file of clues: ``proposed`` until a second person approves, then ``active`` or ``rejected``.

    ``entries`` are the ids of the list entries that it added, which ``undone`` took off again.
    """

    __tablename__ = "clue_imports"
    __table_args__ = (Index(None, "tenant", "created_at_ms"),)

    import_id: Mapped[Key]
    tenant: Mapped[Tenant]
    list_name: Mapped[Short]
    owner: Mapped[str]
    approver: Mapped[str | None]
    reason: Mapped[Prose]
    state: Mapped[Short]
    clues: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    entries: Mapped[list[str]] = mapped_column(JSON)
    created_at_ms: Mapped[EpochMs]
    decided_at_ms: Mapped[EpochMs | None]


class PageLinkUse(Base):
    """A one-time link of a page that was used; the row is what makes it single."""

    __tablename__ = "page_link_uses"

    delivery_id: Mapped[Key]
    case_id: Mapped[Id]
    action: Mapped[Short]
    used_at_ms: Mapped[EpochMs]
