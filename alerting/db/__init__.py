"""The database of the alerting service: tables, connections, migrations."""

from alerting.db.database import Database
from alerting.db.declarative_base import Base

__all__ = ["Base", "Database"]
