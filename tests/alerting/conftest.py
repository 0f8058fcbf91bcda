"""Fixtures of the alerting service: every test of the database runs on SQLite and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from alerting.access import SYSTEM, Principal, Scope
from alerting.bootstrap.service_layer import build_services
from alerting.cases.history import GENESIS
from alerting.db import Base, Database, migrate
from alerting.db.journal_tables import AuditHead
from alerting.jobs import backup as backups
from alerting.web.service_container import Services
from forewarn.errors import ForewarnError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock
from tests.doubles.postgres_server import PostgresServer
from tests.doubles.postgres_versions import wanted_version
from tests.servers import missing_server

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One PostgreSQL for the session; skipped without one, but not in CI."""
    try:
        server = PostgresServer(tmp_path_factory.mktemp("postgres")).start()
    except ForewarnError as error:
        missing_server(str(error))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_dump_of_a_newer_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's ``pg_dump`` refuses a server of a newer version, and the downloaded ones have none."""
    if wanted_version() is not None:
        monkeypatch.setattr(backups, "_run", _no_dump)


def _no_dump(*_: object) -> None:
    missing_server("pg_dump is of another version than the PostgreSQL that is tested")


@pytest.fixture(scope="session")
def postgres_database(postgres: PostgresServer) -> Iterator[Database]:
    """One migrated database, emptied before each test: quicker than a new one."""
    database = Database(postgres.create_database("tests"))
    migrate.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    db = Database(f"sqlite:///{path}")
    migrate.upgrade(db)
    db.dispose()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database at the newest schema."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "alerting.db"
        path.write_bytes(template.read_bytes())
        return f"sqlite:///{path}"
    database: Database = request.getfixturevalue("postgres_database")
    _empty(database)
    return database.url


def _empty(database: Database) -> None:
    with database.write() as session:
        # Superusers may step round the triggers that keep the ledger and the audit log whole.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in Base.metadata.tables:
            session.execute(text(f"DELETE FROM {table}"))
        session.add(AuditHead(name="audit", record_no=0, digest=GENESIS))
        head = {"head": migrate.head_revision()}  # a test may have left another one
        session.execute(text("UPDATE alembic_version SET version_num = :head"), head)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A fresh database on each of the two servers."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until a test moves it."""
    return Clock(NOW_MS)


@pytest.fixture
def settings(database_url: str) -> AlertingSettings:
    """The defaults, over the fresh database."""
    return AlertingSettings(database_url=database_url)


@pytest.fixture
def services(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Services:
    """The service layer."""
    return build_services(settings, db, clock, pseudonymiser)


@pytest.fixture
def li() -> Principal:
    """A responder of Hengyang."""
    return responder("local:li", "4304*")


@pytest.fixture
def wang() -> Principal:
    """Another responder of Hengyang."""
    return responder("local:wang", "4304*")


SECOND = Principal(
    "local:second", "Second", frozenset({"supervisor"}), Scope(None, None), "session"
)
"""The second person of four eyes."""


@pytest.fixture
def boss() -> Principal:
    """A supervisor of everything."""
    everything = Scope(None, None)
    return Principal("local:boss", "Boss", frozenset({"supervisor"}), everything, "session")


@pytest.fixture
def system() -> Principal:
    """The service itself."""
    return SYSTEM


def responder(subject: str, *districts: str) -> Principal:
    """A responder of some districts."""
    scope = Scope.of(["*"], districts)
    return Principal(subject, subject, frozenset({"responder"}), scope, "session")
