"""The table of closures that a second person checks."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Id, Serial, Short, Tenant


class ClosureReview(Base):
    """A closure chosen for review.

    ``state`` is due, agreed or disagreed. It is due only while its case is closed; of a case that was
    reopened and closed again the newest closure is reviewed.
    """

    __tablename__ = "closure_reviews"
    __table_args__ = (Index(None, "case_id"), Index(None, "state", "chosen_at_ms"))

    review_no: Mapped[Serial]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    tenant: Mapped[Tenant]
    district: Mapped[District]
    state: Mapped[Short] = mapped_column(default="due")
    chosen_at_ms: Mapped[EpochMs]
    closed_by: Mapped[str]
    disposition: Mapped[Short]
    reviewer: Mapped[str | None]
    reviewed_at_ms: Mapped[EpochMs | None]
