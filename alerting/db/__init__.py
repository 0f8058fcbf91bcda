"""The database of the alerting service: tables, connections, migrations."""

from alerting.db.base import Base
from alerting.db.engine import Database

__all__ = ["Base", "Database"]
