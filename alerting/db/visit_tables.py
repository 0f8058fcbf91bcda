"""The table of return visits."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Id, Prose, Short, Tenant


class ReturnVisit(Base):
    """A visit or call some hours after a case closed as dissuaded.

    ``state`` is ``planned``, ``done`` or ``cancelled`` (the case was opened again); ``result`` says how the
    person was met.
    """

    __tablename__ = "return_visits"
    __table_args__ = (Index(None, "state", "due_ms"),)

    case_id: Mapped[str] = mapped_column(primary_key=True)
    hours: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[Tenant]
    district: Mapped[District]
    subscriber: Mapped[Id]
    holder: Mapped[str]
    due_ms: Mapped[EpochMs]
    state: Mapped[Short]
    result: Mapped[Short] = mapped_column(default="")
    note: Mapped[Prose] = mapped_column(default="")
    done_by: Mapped[str | None]
    done_at_ms: Mapped[EpochMs | None]
    noticed_at_ms: Mapped[EpochMs | None]
