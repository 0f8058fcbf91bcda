"""The table of tasks that closed cases left out; ticks themselves are in the histories of cases."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Short, Tenant


class SkippedTask(Base):
    """A required task of a playbook without a tick when its case was closed."""

    __tablename__ = "skipped_tasks"
    __table_args__ = (Index(None, "closed_at_ms"),)

    case_id: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[Tenant]
    district: Mapped[District]
    typology: Mapped[Short]
    holder: Mapped[str]
    closed_at_ms: Mapped[EpochMs]
