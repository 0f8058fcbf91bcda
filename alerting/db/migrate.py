"""Migrates a database to the schema of this version."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from alerting.db.all_tables import Base
from alerting.db.database import Database
from forewarn.errors import ConfigurationError

LOCATION = Path(__file__).with_name("migrations")
_LOCK = 7_117_204_213_001
"""Advisory lock, so that replicas that start together migrate one after the other."""


def upgrade(db: Database) -> str:
    """Apply what is missing; safe to run from several replicas at once.

    Returns:
        The revision that the database is at afterwards.

    Raises:
        DependencyUnavailableError: the database does not answer, or cannot be written.
    """
    with db.errors(), db.engine.connect() as connection:
        writing = connection.execution_options(forewarn_write=True)
        with writing.begin():
            if db.is_postgresql:
                writing.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            command.upgrade(_config(writing), "head")
    return head_revision()


def head_revision() -> str:
    """The newest revision that this version knows."""
    return ScriptDirectory(str(LOCATION)).get_current_head() or ""


def check(db: Database) -> None:
    """Refuse a database of another schema.

    Raises:
        ConfigurationError: with the command that migrates it.
    """
    with db.errors(), db.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != head_revision():
        raise ConfigurationError(
            f"The alerting database is at revision {found or 'none'}, not {head_revision()}.",
            hint="Run `forewarn alerting migrate`.",
        )


def differences(db: Database) -> list[object]:
    """How the tables of the database differ from those of the code; empty if they do not."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, Base.metadata))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    config.attributes["connection"] = connection
    return config
