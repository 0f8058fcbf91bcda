"""Connections to Redis: one server (also behind a unix socket or TLS), or a cluster.

A connection sends a list of commands in one round trip and returns their replies in order; commands to one
node run in order. Faults are raised as the client raised them; :mod:`features.store.redis_retries` decides
what follows. The client's own retries are off, so that only one bound holds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import hiredis
from redis import exceptions as fault
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from forewarn.errors import ConfigurationError

Command = tuple[bytes | str | int, ...]

MAX_CONNECTIONS: Final = 64
"""For one worker; each lane uses one at a time."""


DELETE_AT_ONCE: Final = 1000


class RedisConnection(Protocol):
    """A connection to one server or to a cluster."""

    def group(self, key: bytes) -> bytes:
        """The group of a key: keys of one group may be used in one command."""
        ...

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one round trip; raises the first fault among the replies."""
        ...

    async def load_script(self, source: str) -> None:
        """Load a script on every node, for EVALSHA."""
        ...

    async def delete_all(self, pattern: bytes, *, keep: bytes) -> None:
        """Delete every key that matches a pattern, except one."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


@contextmanager
def _closed_as_fault() -> Iterator[None]:
    """Raise what uvloop says of a connection that was closed before it was written to as a connection error.

    asyncio's own loop drops such a write. uvloop 0.23.0 raises RuntimeError, which redis-py 8.1.0 lets through.
    """
    try:
        yield
    except RuntimeError as error:
        if "handler is closed" not in str(error):
            raise
        raise fault.ConnectionError(f"The connection was closed: {error}") from error


class _PackedInC:
    """Mixin of a client's connection that lets hiredis encode commands.

    The client's own code takes 2 us an argument, and a commit has a thousand arguments.
    """

    def pack_command(self, name: bytes | str, *arguments: bytes | str | int) -> list[bytes]:
        """The bytes to send; the server takes a name such as "SCRIPT LOAD" as two words."""
        packed: bytes = hiredis.pack_command((*name.split(), *arguments))
        return [packed]


class _Connection:
    """What a connection to one server and one to a cluster share."""

    def __init__(self, client: "Redis | RedisCluster") -> None:
        self._client: Any = client

    async def load_script(self, source: str) -> None:
        """Load a script into every primary."""
        with _closed_as_fault():
            await self._client.script_load(source)

    async def delete_all(self, pattern: bytes, *, keep: bytes) -> None:
        """Scan all keys, a few at a time."""
        pipeline = self._client.pipeline()
        waiting = 0
        async for key in self._client.scan_iter(match=pattern, count=DELETE_AT_ONCE):
            if key != keep:
                pipeline.execute_command("UNLINK", key)
                waiting += 1
            if waiting >= DELETE_AT_ONCE:
                await pipeline.execute()
                waiting = 0
        if waiting:
            await pipeline.execute()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class SingleConnection(_Connection):
    """One Redis server."""

    def __init__(self, client: "Redis") -> None:
        super().__init__(client)
        pool = client.connection_pool
        plain = pool.connection_class
        pool.connection_class = type(f"Packed{plain.__name__}", (_PackedInC, plain), {})

    def group(self, key: bytes) -> bytes:  # noqa: ARG002  any two keys may share a command
        """One group for all keys."""
        return b""

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands as one pipeline."""
        try:
            if len(commands) == 1:
                with _closed_as_fault():
                    return [await self._client.execute_command(*commands[0])]
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            with _closed_as_fault():
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
        except (fault.ConnectionError, fault.TimeoutError, fault.ReadOnlyError):
            # After a fail-over the name resolves to another server: drop connections to the old one.
            await self._client.connection_pool.disconnect(inuse_connections=False)
            raise
        raise_first(replies)
        return replies


class ClusterConnection(_Connection):
    """A Redis Cluster; keys are grouped by hash tag, nodes are used concurrently."""

    def group(self, key: bytes) -> bytes:
        """The key's hash tag: all keys with one tag are in one slot."""
        start = key.find(b"{")
        end = key.find(b"}", start + 2)
        return key[start + 1 : end] if start >= 0 and end > 0 else key

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands, each to the node of its keys."""
        try:
            pipeline = self._client.pipeline()
            for command in commands:
                pipeline.execute_command(*command)
            with _closed_as_fault():
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
            raise_first(replies)
        except (fault.ConnectionError, fault.TimeoutError, fault.ClusterError, fault.AskError):
            # A pipeline does not look for a replica that was promoted; the next attempt will.
            await self._client.nodes_manager.initialize()
            raise
        return replies


def raise_first(replies: Sequence[Any]) -> None:
    """Raise the gravest fault among replies: a permanent one before one that may pass."""
    faults = [reply for reply in replies if isinstance(reply, BaseException)]
    if faults:
        passing = (fault.ConnectionError, fault.TimeoutError, fault.NoScriptError, OSError)
        raise min(faults, key=lambda error: isinstance(error, passing))


def connect(
    url: str,
    *,
    cluster: bool = False,
    timeout_seconds: float = 1.0,
    username: str = "",
    password: str = "",
    ssl_ca_file: Path | None = None,
    ssl_cert_file: Path | None = None,
    ssl_key_file: Path | None = None,
) -> RedisConnection:
    """Build a connection; nothing is sent before its first use.

    Args:
        url: ``redis://host:port/db``, ``rediss://`` for TLS or ``unix:///path/of.sock``.
        cluster: the URL names one node of a Redis Cluster.
        timeout_seconds: bound on connecting, and on each command.
        username, password: of the ACL; an empty username is the default user.
        ssl_ca_file, ssl_cert_file, ssl_key_file: PEM files, with ``rediss://`` only.

    Raises:
        ConfigurationError: if the URL is of an unknown kind.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 0),
        # With RESP3 the pool of redis-py 8.1.0 hands out connections that the server has closed while they were
        # idle (redis/redis-py#4252); with RESP2 it looks, and opens new ones.
        "protocol": 2,
        "username": username or None,
        "password": password or None,
    }
    if url.startswith("rediss://"):
        files = {
            "ssl_ca_certs": ssl_ca_file,
            "ssl_certfile": ssl_cert_file,
            "ssl_keyfile": ssl_key_file,
        }
        options |= {name: str(path) for name, path in files.items() if path}
    try:
        if cluster:
            return ClusterConnection(RedisCluster.from_url(url, **options))
        return SingleConnection(Redis.from_url(url, **options))
    except (ValueError, fault.RedisClusterException) as error:
        raise ConfigurationError(
            f"FOREWARN_REDIS_URL is not usable: {error}.",
            hint="Write redis://host:port/0, rediss://host:port/0 or unix:///path/of.sock.",
        ) from None
