"""The ACL that the operations guide gives out lets the state store work and refuses all other users."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError

from features.store.state_store import Write
from features.store.store_factory import redis_state_store
from forewarn.local import RedisServer
from forewarn.platform.settings import RedisSettings
from tests.deploy.manifests import ROOT, named

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("kustomize")]

PASSWORD = "a-password-of-this-test"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisServer]:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [acl] = re.findall(r"```acl\n(.*?)```", text, re.DOTALL)
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    users = [line.removeprefix("user ") for line in acl.replace("DIGEST", digest).splitlines()]
    server = RedisServer(
        tmp_path / "redis",
        config={"user": users},
        client_arguments={"username": "probe", "password": "probe"},
    )
    server.start()
    yield server
    server.stop()


async def test_the_documented_users_are_enough_for_workers_and_a_rebuild(
    guarded: RedisServer,
) -> None:
    name = named("production", "ConfigMap", "forewarn-config")["data"]["FOREWARN_REDIS_USERNAME"]
    store = redis_state_store(RedisSettings(url=guarded.url, username=name, password=PASSWORD))
    await store.open(create=True)
    key, value = b"fw:{00}:s:1", bytes(4) + (1).to_bytes(4, "little") + bytes(6)
    epochs = await store.take_over([0])
    assert await store.commit([Write(key, 0, value, 60_000)], epochs=epochs) == []
    assert await store.load([key]) == [value]
    await store.begin_rebuild()
    await store.end_rebuild()
    assert await store.load([key]) == [None]
    await store.close()


async def test_the_probe_and_unknown_clients_read_nothing(guarded: RedisServer) -> None:
    with guarded.client() as probe:
        assert probe.ping()
        with pytest.raises(NoPermissionError):
            probe.get("fw:{00}:s:1")
    with (
        guarded.client(username=None, password=None) as stranger,
        pytest.raises((AuthenticationError, NoPermissionError)),
    ):
        stranger.ping()
