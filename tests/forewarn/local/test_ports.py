"""Free ports of the loopback address."""

import socket

import pytest

from forewarn.local import free_port
from forewarn.local.ports import LOOPBACK
from forewarn.local.redis_server import HIGHEST_CLUSTER_PORT


def test_a_free_port_is_not_above_what_its_server_takes() -> None:
    for _ in range(30):
        port = free_port(HIGHEST_CLUSTER_PORT)
        assert port <= HIGHEST_CLUSTER_PORT
        with socket.socket() as server:
            server.bind((LOOPBACK, port))


def test_no_port_is_an_error() -> None:
    with pytest.raises(OSError, match="no free port up to 1 was found"):
        free_port(1)
