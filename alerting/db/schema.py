"""Every table, imported for its side effect on ``Base.metadata``: what Alembic compares with."""

from alerting.db import cases, contacts, dispatch, journal, ledger
from alerting.db.base import Base

__all__ = ["Base", "cases", "contacts", "dispatch", "journal", "ledger"]
