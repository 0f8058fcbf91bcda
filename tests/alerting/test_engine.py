"""What the database does not tell: values, in whatever is logged when a statement fails."""

import os
import stat
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerting.db import Database, migrate
from alerting.db.case_tables import EmergencyContact
from alerting.db.database import unverified_host
from alerting.jobs import backup as backups
from forewarn.errors import ConfigurationError
from tests.alerting.factory import NOW_MS, VICTIM

OTHER = "+8613700000000"


def relative(phone: str = OTHER, name: str = "Mother") -> EmergencyContact:
    return EmergencyContact(
        tenant="default", subscriber=VICTIM, phone=phone, name=name, added_at_ms=NOW_MS
    )


def test_a_duplicate_row_is_reported_without_its_numbers(db: Database) -> None:
    with db.write() as session:
        session.add(relative())
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.add(relative())
    logged = "".join(traceback.format_exception(failed.value))
    assert "relatives" in logged  # enough is left to find the fault
    for secret in (VICTIM, OTHER, VICTIM[1:], OTHER[1:], "Mother"):
        assert secret not in logged


def test_a_failed_statement_is_reported_without_its_parameters(db: Database) -> None:
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.execute(
            text("INSERT INTO relatives (tenant, subscriber, phone) VALUES ('x', :a, :b)"),
            {"a": VICTIM, "b": OTHER},
        )
    logged = "".join(traceback.format_exception(failed.value))
    assert VICTIM not in logged
    assert OTHER not in logged


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.system
def test_a_value_of_the_wrong_type_is_not_quoted(db: Database) -> None:
    with pytest.raises(DBAPIError) as failed, db.write() as session:
        session.execute(text("SELECT CAST(:a AS bigint)"), {"a": f"x{VICTIM}"})
    assert VICTIM not in "".join(traceback.format_exception(failed.value))


@pytest.fixture
def careless() -> Iterator[None]:
    """A process whose files all users may read."""
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("careless")
def test_a_backup_is_private_while_it_is_written(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for writer in ("_copy", "_run"):

        def watched(*arguments: object, original: object = getattr(backups, writer)) -> None:
            seen.append(mode(tmp_path / "backup.partial"))
            original(*arguments)

        monkeypatch.setattr(backups, writer, watched)
    backups.backup(db, tmp_path / "backup")
    assert seen == [0o600]
    assert mode(tmp_path / "backup") == 0o600
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.db'}")
    migrate.upgrade(fresh)
    files = list(tmp_path.glob("fresh.db*"))
    fresh.dispose()
    assert {mode(path) for path in files if path.exists()} == {0o600}


def test_a_url_that_cannot_be_read_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        Database("postgresql://u:secret@db-1:5432,db-2:5433/x")
    assert "host=ONE:5432&host=TWO:5432" in str(caught.value.hint)
    assert "secret" not in str(caught.value) + str(caught.value.hint)


def test_a_connection_just_returned_is_lent_next(db: Database) -> None:
    """Lent in turn, every connection of the pool would fill its caches."""
    with db.read(), db.read(), db.read() as last:
        last.execute(text("SELECT 1"))
    used = set()
    for _ in range(20):
        with db.read() as session:
            used.add(id(session.connection().connection.driver_connection))
    assert len(used) == 1


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("sqlite:///x.db", None),
        ("postgresql+psycopg://u@localhost/x", None),
        ("postgresql+psycopg://u@/x?host=/var/run/postgresql", None),
        ("postgresql+psycopg://u@db.example/x?sslmode=verify-full", None),
        ("postgresql+psycopg://u@db.example/x?sslmode=require", "db.example"),
        ("postgresql://u@db.example/x", "db.example"),
        ("postgresql://u@db-1,db-2/x", "db-1"),
        ("postgresql+psycopg://u@/x?host=127.0.0.1:5432&host=db-2:5433", "db-2"),
        ("postgresql+psycopg://u@/x?host=db-1:5432&host=db-2:5433&sslmode=verify-full", None),
        ("postgresql+psycopg://u@/x?host=127.0.0.1:5432&host=::1", None),
    ],
)
def test_a_database_elsewhere_is_verified_or_named(url: str, host: str | None) -> None:
    assert unverified_host(url) == host
