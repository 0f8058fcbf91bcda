"""A real PgBouncer before a real PostgreSQL, from the system's package."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from forewarn.errors import ConfigurationError
from forewarn.local.child_process import Child
from forewarn.local.ports import LOOPBACK, free_port
from forewarn.local.wait import wait_until
from tests.doubles.postgres_server import SERVICE_USER

CONFIGURATION = """
[databases]
* = host={host} port={server_port} user=forewarn
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {pool_mode}
default_pool_size = 4
"""


class PgBouncer:
    """One pooler in its default configuration, but for the pool; refuses to run as root, as PostgreSQL does.

    Args:
        directory: holds the log.
        server_port: of PostgreSQL.
        pool_mode: ``transaction`` or ``session``.
    """

    def __init__(self, directory: Path, server_port: int, *, pool_mode: str) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            raise ConfigurationError(
                "there is no PgBouncer.", hint="Install the system's package `pgbouncer`."
            )
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="forewarn-pgbouncer-"))
        file = self._home / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                host=LOOPBACK, server_port=server_port, port=self.port, pool_mode=pool_mode
            )
        )
        prefix: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam(SERVICE_USER)
            os.chown(self._home, owner.pw_uid, owner.pw_gid)
            user = [f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--clear-groups"]
            prefix = ["setpriv", *user, "--pdeathsig=KILL", "--"]
        self.process = Child(
            "pgbouncer", [*prefix, program, file], log_file=directory / "pgbouncer.log"
        )

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of a database behind the pooler."""
        return f"postgresql+psycopg://forewarn@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> Self:
        """Start, and wait until a connection through it is made."""
        self.process.start()
        wait_until(self._answers, 30, what="PgBouncer to take connections")
        return self

    def stop(self) -> None:
        """Stop at once."""
        self.process.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        self.process.require_running()
        try:
            plain = self.url_of("postgres").replace("+psycopg", "")
            psycopg.connect(plain, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
