"""A Redis Cluster that loses a node: its replica takes over, or the loss is reported."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.redis_cluster import start_cluster
from features.entity_keys import Entity, key
from features.record_header import COMPACT_LAYOUT, Header, build
from features.store.redis_connections import Command, RedisConnection, connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from features.store.state_store import JournalWrite, StateLostError, Write
from forewarn.local import RedisServer
from tests.contract.redis_stores import TAGS, redis_store

pytestmark = pytest.mark.system


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[RedisServer]]:
    servers = start_cluster(tmp_path)
    yield servers
    for server in servers:
        server.kill()


def writes(version: int) -> list[Write]:
    """One record in every bucket, so on every node."""
    value = build(Header(COMPACT_LAYOUT, 0, version=version + 1, last_event_ms=0))
    return [
        Write(key("fw", Entity.SUBSCRIBER, int(tag, 16) << 56 | 1), version, value, 86_400_000)
        for tag in TAGS
    ]


async def test_a_replica_takes_over_and_nothing_acknowledged_is_lost(
    cluster: list[RedisServer],
) -> None:
    store = redis_store(cluster[1].url, cluster=True, retry_seconds=40)
    await store.open(create=True)
    epochs = await store.take_over(range(8))
    assert await store.commit(writes(0), epochs=epochs) == []
    for server in cluster[:3]:
        with server.client() as client:
            assert client.wait(1, 5000) >= 1, "the replica has what was written"

    cluster[0].kill()
    journals = [JournalWrite(p, epoch, b"after") for p, epoch in epochs.items()]
    assert await store.commit(writes(1), journals=journals) == []

    keys = [write.key for write in writes(1)]
    assert await store.load(keys) == [write.value for write in writes(1)]
    assert await store.journals(range(8)) == dict.fromkeys(range(8), b"after")
    await store.close()


async def test_a_node_that_comes_back_empty_is_not_taken_for_new_people(
    cluster: list[RedisServer],
) -> None:
    store = redis_store(cluster[0].url, cluster=True)
    await store.open(create=True)
    assert await store.commit(writes(0)) == []
    with cluster[2].client() as client:
        client.flushall()
    with pytest.raises(StateLostError, match="forewarn rebuild"):
        await store.load([write.key for write in writes(0)])
    with pytest.raises(StateLostError):
        await store.commit(writes(1))
    for create in (False, True):
        with pytest.raises(StateLostError, match=r"came back empty|no identity"):
            await store.open(create=create)
    await store.close()


async def test_workers_that_start_together_agree_on_one_cluster(
    cluster: list[RedisServer],
) -> None:
    stores = [redis_store(server.url, cluster=True) for server in cluster]
    identities = await asyncio.gather(*(store.open(create=True) for store in stores))
    assert len(set(identities)) == 1
    for store in stores:
        await store.close()


class UnevenLink:
    """A link on which the first tag's node is the last to answer, by so much that others act."""

    def __init__(self, link: RedisConnection, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._link = link
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        late = [i for i, command in enumerate(commands) if b"{%s}" % TAGS[0] in command[1]]
        early = [i for i in range(len(commands)) if i not in late]
        replies = dict(zip(early, await self._ask(commands, early), strict=True))
        await self._meanwhile()
        replies |= zip(late, await self._ask(commands, late), strict=True)
        return [replies[i] for i in range(len(commands))]

    async def _ask(self, commands: Sequence[Command], places: list[int]) -> list[Any]:
        return await self._link.send([commands[i] for i in places]) if places else []


async def test_a_worker_that_starts_while_another_creates_the_store_joins_it(
    cluster: list[RedisServer],
) -> None:
    other = redis_store(cluster[1].url, cluster=True)
    link = UnevenLink(
        connect(cluster[0].url, cluster=True), meanwhile=lambda: other.open(create=True)
    )
    store = RedisStateStore(link, prefix="fw", tags=TAGS, retries=RetryPolicy(5.0))
    assert await store.open(create=True) == await other.open(create=False)
    await store.close()
    await other.close()
