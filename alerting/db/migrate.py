"""Migrates a database to the schema of this version."""

from collections.abc import Iterator
from contextlib import contextmanager
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
        ConfigurationError: a newer version has migrated the database.
    """
    with _migrating(db) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in revisions():
            raise _newer(found)
        command.upgrade(_config(connection), "head")
    return head_revision()


def downgrade(db: Database, revision: str) -> None:
    """Take back what came after a revision, with the data that only it held.

    Raises:
        DependencyUnavailableError: the database does not answer, or cannot be written.
        ConfigurationError: the revision is not one before that of the database.
    """
    with _migrating(db) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        known = revisions()
        if found not in known or revision not in known[: known.index(found) + 1]:
            raise ConfigurationError(
                f"{revision!r} is no revision before {found or 'none'}, that of the database.",
                hint="`forewarn --version` of the version to go back to names its revision.",
            )
        command.downgrade(_config(connection), revision)


def revisions() -> list[str]:
    """The revisions that this version knows, oldest first."""
    script = ScriptDirectory(str(LOCATION))
    return [one.revision for one in script.walk_revisions()][::-1]


@contextmanager
def _migrating(db: Database) -> Iterator[Connection]:
    """One transaction for the whole change, of one replica at a time."""
    with db.errors(), db.engine.connect() as connection:
        writing = connection.execution_options(forewarn_write=True)
        with writing.begin():
            if db.is_postgresql:
                writing.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield writing


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
    if found is not None and found not in revisions():
        raise _newer(found)
    if found != head_revision():
        raise ConfigurationError(
            f"The alerting database is at revision {found or 'none'}, not {head_revision()}.",
            hint="Run `forewarn alerting migrate`.",
        )


def _newer(found: str) -> ConfigurationError:
    return ConfigurationError(
        f"A newer version has brought the alerting database to revision {found}.",
        hint=f"With the newer version run `forewarn alerting migrate --to {head_revision()}`, which is"
        " the newest revision of this one.",
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
