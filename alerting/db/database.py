"""Connections and transactions on SQLite (one writer) and PostgreSQL (many replicas).

A *write* begins with the lock that makes read-then-write safe: on SQLite the file's one write lock
(BEGIN IMMEDIATE), on PostgreSQL the row locks of the statements. The same service code is therefore
correct on both.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from alerting.db.database_fault import READ_ONLY, fault_of, read_only_fault
from forewarn.errors import ConfigurationError, DependencyUnavailableError

SQLITE_BUSY_SECONDS = 30
"""How long a writer waits for the one before it; far longer than any transaction."""

POOL_SIZE = 16
"""Connections kept. The last one returned is lent first: each keeps prepared statements and pages, and lent in
turn all of them would hold what the busiest holds."""

CACHED_STATEMENTS = 32
"""Of a SQLite connection. A list of ids makes another statement for each length of it, 50 KB in the mean; the
driver's 128 were 6 MB a connection after 6,000 warnings."""

_BEFORE_COMMIT = "forewarn_before_commit"


class Database:
    """An engine and its two kinds of transaction.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://...``; ``postgresql://`` is understood.

    Raises:
        ConfigurationError: for any other database, or a URL that cannot be read.
    """

    def __init__(self, url: str) -> None:
        if url.startswith("postgresql://"):
            url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
        if not url.startswith(("sqlite://", "postgresql+psycopg://")):
            raise ConfigurationError(
                f"{url.partition(':')[0]!r} is not a database that alerting runs on.",
                hint="Set FOREWARN_ALERTING_DATABASE_URL to sqlite:/// or postgresql+psycopg://.",
            )
        self.url = url
        self.is_postgresql = url.startswith("postgresql")
        try:
            self.engine = _postgresql(url) if self.is_postgresql else _sqlite(url)
        except (ArgumentError, ValueError) as error:
            raise ConfigurationError(
                "FOREWARN_ALERTING_DATABASE_URL cannot be read.",  # it holds a password
                hint="Several hosts with ports are /NAME?host=ONE:5432&host=TWO:5432.",
            ) from error
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads.

        Raises:
            DependencyUnavailableError: if the database does not answer.
        """
        with self.errors(), self._sessions() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A transaction that reads one state of the database throughout, however long it takes.

        SQLite's transactions do so anyway.

        Raises:
            DependencyUnavailableError: if the database does not answer.
        """
        with self.errors(), self._sessions() as session:
            if self.is_postgresql:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block and rolls back on any error.

        Raises:
            DependencyUnavailableError: if the database does not answer.
        """
        with self.errors(), self._sessions() as session:
            session.connection(execution_options={"forewarn_write": True})
            yield session
            _run_last_steps(session)
            session.commit()

    def lock(self, session: Session, names: Iterable[str]) -> None:
        """Hold the named locks until the transaction ends; in one order, so none can deadlock.

        On SQLite a write transaction is alone already.
        """
        if not self.is_postgresql:
            return
        keys = sorted({_lock_key(name) for name in names})
        session.execute(
            text(
                "SELECT pg_advisory_xact_lock(k) FROM"
                " (SELECT unnest(CAST(:keys AS bigint[])) AS k ORDER BY 1) AS ordered"
            ),
            {"keys": keys},
        )

    def skip_locked(self, statement: Select[Any]) -> Select[Any]:
        """Lock the rows that no other replica holds; SQLite has one writer anyway."""
        return statement.with_for_update(skip_locked=True) if self.is_postgresql else statement

    def for_update(self, statement: Select[Any]) -> Select[Any]:
        """Lock the rows until the transaction ends."""
        return statement.with_for_update() if self.is_postgresql else statement

    def ping(self) -> None:
        """Ask for one row.

        Raises:
            DependencyUnavailableError: if the database does not answer.
        """
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def require_writable(self) -> None:
        """Ask for the right to write and write nothing; the schema has to be there.

        Raises:
            DependencyUnavailableError: if the database is read-only or does not answer.
        """
        with self.write() as session:
            if not self.is_postgresql:
                # To begin says nothing: SQLite begins to read where it may not write.
                session.execute(text("DELETE FROM alembic_version WHERE 0"))
                return
            if session.scalar(text("SHOW transaction_read_only")) == "on":
                fault = read_only_fault()
                raise DependencyUnavailableError(fault.message, hint=fault.hint)

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Name what is wrong with the database instead of the error of its driver.

        Raises:
            DependencyUnavailableError: for faults of the server and the set-up; those of a statement
                pass through.
        """
        try:
            yield
        except DBAPIError as error:
            _forget_values(error)
            fault = fault_of(error)
            if fault is not None:
                raise DependencyUnavailableError(fault.message, hint=fault.hint) from error
            raise


def before_commit(session: Session, step: Callable[[Session], None], *, last: bool = False) -> None:
    """Run a step at the end of a transaction of ``Database.write``, once however often it is asked.

    Args:
        session: the transaction.
        step: runs after everything else of the transaction was sent to the database.
        last: run it after the other steps; for a step that takes a lock that all writers share.
    """
    steps: tuple[dict[Callable[[Session], None], None], ...]
    steps = session.info.setdefault(_BEFORE_COMMIT, ({}, {}))
    steps[int(last)][step] = None


def _run_last_steps(session: Session) -> None:
    steps = session.info.pop(_BEFORE_COMMIT, None)
    if steps is None:
        return
    session.flush()
    for step in (*steps[0], *steps[1]):
        step(session)


def _forget_values(error: DBAPIError) -> None:
    """Keep the first line of the server's message: the others quote the row with its numbers."""
    for one in (error, error.orig):
        if one is not None and one.args:
            line = str(one.args[0]).partition("\n")[0]
            one.args = (line.partition(': "')[0],)  # `invalid input syntax for ...: "value"`


def _lock_key(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _postgresql(url: str) -> Engine:
    wanted: dict[str, Any] = {"connect_timeout": 5}
    if "target_session_attrs" not in make_url(url).query:
        wanted["target_session_attrs"] = (
            "read-write"  # a replica is refused, the next host is asked
        )
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_use_lifo=True,
        pool_pre_ping=True,
        hide_parameters=True,  # statements that fail are logged, and parameters hold numbers
        connect_args=wanted,
    )

    @event.listens_for(engine, "connect")
    def look_for_pooler(connection: Any, _record: object) -> None:
        # A pooler that hands the server out by transaction gives the next one to a session that has
        # not prepared our statements. It has process numbers of its own, which betrays it.
        with connection.cursor() as cursor:
            server = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        connection.rollback()
        if server != connection.info.backend_pid:
            connection.prepare_threshold = None

    @event.listens_for(engine, "handle_error")
    def leave_replaced_primary(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True  # the pool connects again, and finds the new one

    return engine


def create_private(path: Path) -> None:
    """Make an empty file that only its owner reads, before anything personal is written into it;
    one that is there is left as it is."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def require_file(url: str) -> None:
    """Refuse the file of a SQLite database that is not there: to connect would create an empty one.

    Raises:
        ConfigurationError: there is none, here or where the service expects its own.
    """
    file = make_url(url).database if url.startswith("sqlite") else None
    if file and file != ":memory:" and not Path(file).exists():
        raise ConfigurationError(
            f"There is no alerting database {Path(file).absolute()}.",
            hint="Set FOREWARN_ALERTING_DATABASE_URL; the settings of a stack on this machine are in"
            " its file stack.env (`set -a; . .forewarn/stack.env`). `forewarn alerting migrate` creates"
            " a new database.",
        )


def unverified_host(url: str) -> str | None:
    """The first remote host of a PostgreSQL whose certificate is not verified; None without one."""
    parsed = make_url(url)
    if not url.startswith("postgresql") or parsed.query.get("sslmode") == "verify-full":
        return None
    named = parsed.query.get("host") or parsed.host or ""
    hosts = ",".join([named] if isinstance(named, str) else named).split(",")
    names = (host if host.count(":") > 1 else host.partition(":")[0] for host in hosts)
    return next((name for name in names if not _is_here(name)), None)


def _is_here(host: str) -> bool:
    return not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")


def _sqlite(url: str) -> Engine:
    file = make_url(url).database
    if file and file != ":memory:" and Path(file).parent.is_dir():
        create_private(Path(file))
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "timeout": SQLITE_BUSY_SECONDS,
            "check_same_thread": False,
            "cached_statements": CACHED_STATEMENTS,
        },
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # a committed page survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("forewarn_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
