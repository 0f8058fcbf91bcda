"""Every table, imported for its side effect on ``Base.metadata``: what Alembic compares with."""

from alerting.access import tables as access
from alerting.db import cases, contacts, dispatch, journal, ledger
from alerting.db.base import Base

__all__ = ["Base", "access", "cases", "contacts", "dispatch", "journal", "ledger"]
