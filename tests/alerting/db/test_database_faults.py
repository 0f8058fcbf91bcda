"""Errors of a database that does not work name the reason, and the service recovers by itself."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from alerting.db import Database, migrate
from forewarn.cli import alerting_command
from forewarn.errors import DependencyUnavailableError, ForewarnError
from forewarn.local.ports import free_port
from forewarn.platform.exit_status import EXIT_ERROR, run
from tests.doubles.pgbouncer import PgBouncer
from tests.doubles.postgres_server import PostgresServer
from tests.servers import missing_server

ROW = "INSERT INTO leases (name, owner, until_ms) VALUES (:name, 'test', 0)"


@pytest.fixture
def server(tmp_path: Path, postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, to be stopped and broken; skipped where ``postgres`` is."""
    server = PostgresServer(tmp_path, durable=True).start()
    yield server
    server.stop()


@pytest.fixture
def pooler(tmp_path: Path, postgres: PostgresServer) -> Iterator[Callable[[str], PgBouncer]]:
    started = []

    def start(pool_mode: str) -> PgBouncer:
        try:
            started.append(PgBouncer(tmp_path, postgres.port, pool_mode=pool_mode).start())
        except ForewarnError as error:
            missing_server(str(error))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("pool_mode", ["transaction", "session"])
def test_the_service_works_through_pgbouncer(
    postgres: PostgresServer, pooler: Callable[[str], PgBouncer], pool_mode: str
) -> None:
    """Statements are repeated more often than the driver needs to prepare them, by more threads than
    the pooler has servers for."""
    postgres.create_database(f"pooled_{pool_mode}")
    db = Database(pooler(pool_mode).url_of(f"pooled_{pool_mode}"))
    migrate.upgrade(db)

    def work(number: int) -> int:
        with db.write() as session:
            server: int = session.scalar(text("SELECT pg_backend_pid()")) or 0
            session.execute(text("SELECT pg_sleep(random() * 0.02)"))  # sessions change servers
            session.execute(text(ROW), {"name": f"lease-{number}"})
        return server

    with ThreadPoolExecutor(3 if pool_mode == "session" else 12) as threads:
        servers = set(threads.map(work, range(600)))
    with db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM leases")) == 600
    db.dispose()
    assert len(servers) > 1


def test_a_server_that_stops_during_a_batch_is_an_outage_and_recovers(
    server: PostgresServer,
) -> None:
    db = Database(server.url)
    migrate.upgrade(db)

    def batch(name: str, *, outage: bool) -> None:
        with db.write() as session:
            session.execute(text(ROW), {"name": f"{name}-1"})
            if outage:
                server.kill()
            session.execute(text(ROW), {"name": f"{name}-2"})

    with pytest.raises(DependencyUnavailableError):
        batch("a", outage=True)
    with pytest.raises(DependencyUnavailableError, match="did not answer"):
        batch("a", outage=False)
    server.start()
    batch("a", outage=False)
    with db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM leases")) == 2
    db.dispose()


def test_a_primary_that_became_read_only_is_an_outage(server: PostgresServer) -> None:
    """A read-only server refuses every record of a batch; none of them may become a dead letter."""
    db = Database(server.url)
    migrate.upgrade(db)
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as admin:
        with db.write() as session:
            session.execute(text(ROW), {"name": "before"})
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        for _ in range(2):  # by the connection of before, then by a new one
            with pytest.raises(DependencyUnavailableError, match="read-only") as caught:
                _write_until_refused(db)
            assert "primary" in str(caught.value.hint)
        admin.execute("SET transaction_read_only = off")
        admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        admin.execute("SELECT pg_reload_conf()")
    db.dispose()


def _write_until_refused(db: Database) -> None:
    """The server reads its configuration again in its own time."""
    for number in range(10_000):
        with db.write() as session:
            session.execute(text(ROW), {"name": f"{number}"})
            session.rollback()


def test_a_replica_by_mistake_is_named_at_the_start(server: PostgresServer) -> None:
    migrate.upgrade(Database(server.url))
    Database(server.url).require_writable()
    server.become_replica()
    with pytest.raises(DependencyUnavailableError, match="read-only: a replica"):
        migrate.upgrade(Database(server.url))
    separator = "&" if "?" in server.url else "?"
    any_server = Database(f"{server.url}{separator}target_session_attrs=any")
    with pytest.raises(DependencyUnavailableError, match="read-only: a replica"):
        any_server.require_writable()
    any_server.dispose()


def test_a_full_disk_is_reported_as_such(tmp_path: Path) -> None:
    """SQLite is given no page more, which it answers as it does a full disk."""
    db = Database(f"sqlite:///{tmp_path / 'a.db'}")
    migrate.upgrade(db)
    with pytest.raises(DependencyUnavailableError, match="disk is full") as caught:
        _fill(db)
    assert "Free space" in str(caught.value.hint)
    db.dispose()


def _fill(db: Database) -> None:
    with db.write() as session:
        session.execute(text("PRAGMA max_page_count = 1"))
        for number in range(10_000):
            session.execute(text(ROW), {"name": f"{number:>500}"})


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_commands_that_find_no_database_say_so_in_two_lines(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://forewarn@127.0.0.1:{free_port()}/forewarn"
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", url)
    monkeypatch.setenv("FOREWARN_PRIVACY_PSEUDONYM_KEY", "a-key-that-only-tests-use" * 2)
    monkeypatch.setenv("FOREWARN_ACCESS_USERS_FILE", str(tmp_path / "users.json"))
    assert run(lambda: alerting_command.app([command], standalone_mode=False)) == EXIT_ERROR
    said = capfd.readouterr().err
    assert "The database did not answer" in said
    assert "FOREWARN_ALERTING_DATABASE_URL" in said
    assert "Traceback" not in said
