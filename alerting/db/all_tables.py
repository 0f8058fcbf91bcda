"""Every table, imported for its side effect on ``Base.metadata``: what Alembic compares with."""

from alerting.db import (
    access_tables,
    case_tables,
    contact_tables,
    desk_tables,
    dispatch_tables,
    journal_tables,
    ledger_tables,
    order_tables,
    playbook_tables,
    review_tables,
    rota_tables,
    visit_tables,
    webhook_tables,
)
from alerting.db.declarative_base import Base

__all__ = [
    "Base",
    "access_tables",
    "case_tables",
    "contact_tables",
    "desk_tables",
    "dispatch_tables",
    "journal_tables",
    "ledger_tables",
    "order_tables",
    "playbook_tables",
    "review_tables",
    "rota_tables",
    "visit_tables",
    "webhook_tables",
]
