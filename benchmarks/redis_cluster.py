"""A Redis Cluster of six processes on this machine, for benchmarks and tests."""

import random
import socket
from collections.abc import Callable
from pathlib import Path

import redis

from forewarn.local import RedisServer
from forewarn.local.wait import wait_until

SLOTS = 16_384


def start_cluster(directory: Path, *, node_timeout_ms: int = 2_000) -> list[RedisServer]:
    """Six real servers joined to a cluster: three masters, each with a replica.

    Args:
        directory: for files.
        node_timeout_ms: silence after which the others take a node for failed.
    """
    config = {"cluster-enabled": "yes", "cluster-node-timeout": str(node_timeout_ms)}
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
