"""Tables of the prevented-loss ledger: signed entries, which are only added, and claims."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import Base, District, EpochMs, Id, Minor, Serial, Short, Tenant


class LedgerEntry(Base):
    """One signed amount. The balance of a case and account is the sum of its entries.

    ``account`` is ``estimated`` (while the case is open), ``confirmed`` (prevented) or ``lost``;
    ``day`` is the local day of the entry in the report's time zone.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index(None, "case_id", "account"),
        Index(None, "day", "district"),
        Index(None, "account", "reason"),
    )

    entry_no: Mapped[Serial]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    transfer_id: Mapped[Id | None]
    account: Mapped[Short]
    reason: Mapped[Short]
    amount_minor: Mapped[Minor]
    currency: Mapped[Short]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    typology: Mapped[Short]
    model_version: Mapped[Short]
    day: Mapped[str] = mapped_column(String(10))
    at_ms: Mapped[EpochMs]


class LedgerClaim(Base):
    """The one case whose ledger a transfer counts in; the primary key forbids a second."""

    __tablename__ = "ledger_claims"
    __table_args__ = (Index(None, "case_id"),)

    tenant: Mapped[str] = mapped_column(String(32), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[Id]
    amount_minor: Mapped[Minor]
