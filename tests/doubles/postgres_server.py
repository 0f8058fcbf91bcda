"""A real PostgreSQL as a child process, and a standby that follows it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.local.child_process import Child
from forewarn.local.ports import LOOPBACK, free_port
from forewarn.local.wait import wait_until
from tests.doubles.postgres_versions import downloaded_binaries, wanted_version

SERVICE_USER = "postgres"


def postgres_binaries() -> Path:
    """The directory of ``initdb`` and ``postgres``: of the version that is asked for, on the PATH, or the
    newest that Debian has.

    Raises:
        ConfigurationError: if there is none.
        DependencyUnavailableError: if the version that is asked for cannot be downloaded.
    """
    version = wanted_version()
    if version is not None:
        return downloaded_binaries(version)
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = sorted(
        versions, key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0
    )
    if newest:
        return newest[-1].parent
    raise ConfigurationError(
        "there is no PostgreSQL server.", hint="Install the system's package `postgresql`."
    )


class PostgresServer:
    """One PostgreSQL on the loopback address; a superuser ``forewarn`` who needs no password.

    PostgreSQL refuses to run as root, so root runs it as the system's user ``postgres``, with the
    data in a directory of that user.

    Args:
        directory: holds the log; the data too, unless root runs this.
        durable: whether a commit waits for the disk; tests need not, benchmarks have to.
    """

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._binaries = postgres_binaries()
        self._as_root = os.geteuid() == 0
        self._durable = durable
        self.port = free_port()
        self._data = self._data_directory(directory)
        self.process = Child(
            "postgres", self._command(), log_file=directory / "postgres.log", directory=self._data
        )

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database ``postgres``."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://forewarn@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of another and return its URL."""
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with psycopg.connect(self._dsn(), autocommit=True) as connection:
            connection.execute(create)
        return self.url_of(name)

    def start(self) -> Self:
        """Start, and wait until it takes connections.

        Raises:
            DependencyUnavailableError: if it does not.
        """
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self.process.start()
        wait_until(self._answers, 30, what="PostgreSQL to take connections")
        return self

    def stop(self) -> None:
        """Stop at once but cleanly; connected clients are cut off."""
        if self.process.is_running():
            self.process.send_signal(signal.SIGINT)
        self.process.stop()
        if self._as_root:
            shutil.rmtree(self._data.parent, ignore_errors=True)

    def become_replica(self) -> None:
        """Start again as a hot standby of a primary that is not there: it reads, and writes nothing."""
        self.process.send_signal(signal.SIGINT)
        self.process.stop()
        (self._data / "standby.signal").touch()
        self.start()

    def replica(self, directory: Path) -> "PostgresServer":
        """A streaming standby of this running server, started: it reads, and follows every commit.

        Raises:
            DependencyUnavailableError: if the copy of the data cannot be made.
        """
        standby = PostgresServer(directory, durable=self._durable)
        copy = [
            *standby._prefix(),
            str(self._binaries / "pg_basebackup"),
            *("-d", self._dsn(), "-D", str(standby._data), "--write-recovery-conf"),
            *("--wal-method=stream", "--checkpoint=fast", "--no-sync"),
        ]
        _run(copy, "pg_basebackup")
        return standby.start()

    def promote(self) -> None:
        """Let a standby become a primary, and wait until it accepts writes."""
        with psycopg.connect(self._dsn(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 60)")

    def follower(self, directory: Path) -> "PostgresServer":
        """Start a hot standby that streams from this server, and let commits wait for it.

        Args:
            directory: of the standby's log and data.
        """
        standby = PostgresServer(directory, durable=self._durable)
        with psycopg.connect(self._dsn(), autocommit=True) as admin:
            admin.execute("SELECT pg_backup_start('follower', fast => true)")
            shutil.copytree(
                self._data, standby._data, ignore=shutil.ignore_patterns("postmaster.*")
            )
            label = admin.execute("SELECT labelfile FROM pg_backup_stop(false)").fetchone()
        (standby._data / "backup_label").write_text(str(label[0] if label else ""))
        (standby._data / "standby.signal").touch()
        source = f"primary_conninfo = 'host={LOOPBACK} port={self.port} user=forewarn'\n"
        with (standby._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(source)
        standby.own()
        standby.start()
        with psycopg.connect(self._dsn(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("ALTER SYSTEM SET synchronous_commit = 'on'")
            admin.execute("SELECT pg_reload_conf()")
            wait_until(lambda: self._is_followed(admin), 30, what="the standby to follow")
        return standby

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()

    def own(self) -> None:
        """Give the data to the user who runs the server."""
        if self._as_root:
            owner = pwd.getpwnam(SERVICE_USER)
            for path in (self._data, *self._data.rglob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid)

    @staticmethod
    def _is_followed(admin: psycopg.Connection) -> bool:
        state = admin.execute("SELECT sync_state FROM pg_stat_replication").fetchone()
        return state is not None and state[0] in ("sync", "quorum")

    def _data_directory(self, directory: Path) -> Path:
        if not self._as_root:
            return directory / "data"
        home = Path(tempfile.mkdtemp(prefix="forewarn-postgres-"))
        owner = pwd.getpwnam(SERVICE_USER)
        os.chown(home, owner.pw_uid, owner.pw_gid)
        return home / "data"

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "64MB",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = [f"--{name}={value}" for name, value in settings.items()]
        return [*self._prefix(), str(self._binaries / "postgres"), "-D", str(self._data), *flags]

    def _prefix(self) -> list[str]:
        if not self._as_root:
            return []
        # Changing the user clears the death signal that Child sets, so it is asked for again.
        user = [f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--clear-groups"]
        return ["setpriv", *user, "--pdeathsig=KILL", "--"]

    def _initialise(self) -> None:
        command = [
            *self._prefix(),
            str(self._binaries / "initdb"),
            *("-D", str(self._data), "-U", "forewarn", "-A", "trust", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--no-sync"),
        ]
        _run(command, "initdb")

    def _dsn(self) -> str:
        return f"postgresql://forewarn@{LOOPBACK}:{self.port}/postgres"

    def _answers(self) -> bool:
        self.process.require_running()
        try:
            psycopg.connect(self._dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        raise DependencyUnavailableError(
            f"{name} failed: {done.stderr.strip()[-500:]}",
            hint="Check that the system's package `postgresql` is whole.",
        )
