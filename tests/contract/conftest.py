"""Every implementation of the state store, opened and empty, for one suite of tests."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from benchmarks.redis_cluster import start_cluster
from features.entity_keys import StateForm
from features.store.state_store import StateStore
from forewarn.errors import ForewarnError
from forewarn.local import RedisServer
from tests.contract.memory_store import MemoryStateStore
from tests.contract.redis_stores import OTHER_SERVERS, redis_store


@pytest.fixture(scope="session")
def redis_cluster(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]
) -> Iterator[list[RedisServer]]:
    """A real cluster of six servers for the session."""
    try:
        servers = start_cluster(tmp_path_factory.mktemp("cluster"))
    except ForewarnError as error:
        require(False, f"a Redis Cluster could not be started: {error}")
        raise
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def other_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RedisServer]]:
    """A server of each version that is supported besides the bundled Redis 6.2."""
    servers = {
        version: RedisServer(tmp_path_factory.mktemp(version), binary=find(), name=version)
        for version, find in OTHER_SERVERS.items()
    }
    for server in servers.values():
        server.start()
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.system),
        pytest.param("unix", marks=pytest.mark.system),
        *(pytest.param(version, marks=pytest.mark.system) for version in OTHER_SERVERS),
        pytest.param("plain", marks=pytest.mark.system),
        pytest.param("cluster", marks=pytest.mark.system),
        pytest.param("plain cluster", marks=pytest.mark.system),
    ]
)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[StateStore]:
    """An opened, empty store of each kind."""
    made: StateStore
    form = StateForm.PLAIN if "plain" in request.param else StateForm.COMPACT
    if request.param == "memory":
        made = MemoryStateStore()
    elif "cluster" in request.param:
        servers: list[RedisServer] = request.getfixturevalue("redis_cluster")
        for server in servers[:3]:
            with server.client() as client:
                client.flushall()
        made = redis_store(servers[0].url, cluster=True, new_form=form)
    elif request.param in OTHER_SERVERS:
        servers_by_version: dict[str, RedisServer] = request.getfixturevalue("other_servers")
        with servers_by_version[request.param].client() as client:
            client.flushall()
        made = redis_store(servers_by_version[request.param].url)
    else:
        server = request.getfixturevalue("redis_server")
        url = server.unix_url if request.param == "unix" else server.url
        made = redis_store(url, new_form=form)
    await made.open(create=True)
    yield made
    await made.close()
