"""Redis down, hanging, full, empty after a restart or failing over: nothing lands by halves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop

from features.entity_keys import Entity, StateForm, key
from features.record_header import COMPACT_LAYOUT, PLAIN_LAYOUT, Header, build
from features.store.redis_connections import RedisConnection, connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_scripts import MAX_RECORDS_A_SCRIPT
from features.store.redis_store import RedisStateStore
from features.store.state_store import JournalWrite, StateLostError, Write
from forewarn.errors import ConfigurationError, DependencyUnavailableError, StateFullError
from forewarn.local import RedisServer
from tests.contract.redis_stores import redis_store

pytestmark = pytest.mark.system

DAY_MS = 86_400_000


def write(number: int, version: int = 0, body: bytes = b"", last_event_ms: int = 0) -> Write:
    header = Header(COMPACT_LAYOUT, 0, version + 1, last_event_ms)
    return Write(key("fw", Entity.SUBSCRIBER, number), version, build(header) + body, DAY_MS)


def plain_write(number: int, version: int = 0, last_event_ms: int = 0) -> Write:
    value = build(Header(PLAIN_LAYOUT, 0, version + 1, last_event_ms))
    name = key("fw", Entity.SUBSCRIBER, number, StateForm.PLAIN)
    return Write(name, version, value, DAY_MS)


@pytest.fixture
def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A server of the test's own, to be broken."""
    with RedisServer(tmp_path / "redis", persistent=True) as started:
        yield started


async def opened(server: RedisServer, **options: float) -> RedisStateStore:
    store = redis_store(server.url, **options)
    await store.open(create=True)
    return store


async def test_a_restart_that_keeps_the_data_is_outlived(server: RedisServer) -> None:
    store = await opened(server, retry_seconds=20)
    epochs = await store.take_over([1])
    journal = JournalWrite(1, epochs[1], b"chunk 1")
    await store.commit([write(1)], journals=[journal])
    server.stop()
    pending = asyncio.create_task(store.commit([write(1, version=1)], epochs=epochs))
    await asyncio.to_thread(server.start)
    assert await pending == []
    assert await store.load([write(1).key]) == [write(1, version=1).value]
    assert await store.journals([1]) == {1: b"chunk 1"}
    await store.close()


async def test_a_server_that_stays_away_is_reported_within_the_bound(server: RedisServer) -> None:
    store = await opened(server, retry_seconds=0.4)
    server.kill()
    with pytest.raises(DependencyUnavailableError, match="FOREWARN_REDIS_URL"):
        await asyncio.wait_for(store.load([b"fw:s:{00}1"]), 10)
    with pytest.raises(DependencyUnavailableError):
        await asyncio.wait_for(store.commit([write(1)]), 10)
    with pytest.raises(DependencyUnavailableError):
        await asyncio.wait_for(store.ping(), 10)
    await store.close()


async def test_a_server_that_hangs_is_reported_and_then_gone_on_with(server: RedisServer) -> None:
    store = await opened(server, retry_seconds=0.6, timeout_seconds=0.2)
    await store.commit([write(1)])
    server.pause()
    try:
        with pytest.raises(DependencyUnavailableError):
            await asyncio.wait_for(store.commit([write(1, version=1)]), 10)
    finally:
        server.resume()
    # The hung commands may land now; a repetition must still succeed, and only once in effect.
    assert await store.commit([write(1, version=1)]) == []
    assert await store.load([write(1).key]) == [write(1, version=1).value]
    await store.close()


async def test_a_full_server_refuses_whole_commits_and_recovers(server: RedisServer) -> None:
    store = await opened(server, retry_seconds=0.2)
    epochs = await store.take_over([1])
    await store.commit([write(1, body=b"before")])
    with server.client() as client:
        client.config_set("maxmemory", "1")
        journal = JournalWrite(1, epochs[1], b"refused")
        changed = [write(1, version=1, body=b"x" * 100), *(write(i) for i in range(2, 50))]
        with pytest.raises(StateFullError, match="maxmemory"):
            await store.commit(changed, journals=[journal])
        client.config_set("maxmemory", "0")
    assert await store.journals([1]) == {1: None}
    found = await store.load([one.key for one in changed])
    assert found == [write(1, body=b"before").value] + [None] * 48
    assert await store.commit(changed, journals=[journal]) == []
    await store.close()


async def test_a_server_that_restarts_empty_is_never_mistaken_for_new_people(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "redis") as forgetful:
        store = await opened(forgetful)
        epochs = await store.take_over([1])
        await store.commit([write(1)])
        forgetful.restart()
        for use in (
            store.load([write(1).key]),
            store.commit([write(1, version=1)], journals=[JournalWrite(1, epochs[1], b"j")]),
            store.take_over([1]),
            store.journals([1]),
            store.ping(),
        ):
            with pytest.raises(StateLostError, match="forewarn rebuild"):
                await use
        with pytest.raises(StateLostError):
            await store.open(create=False)
        with forgetful.client() as client:
            assert client.dbsize() == 0, "a refused operation left something behind"
        await store.close()


async def test_a_store_created_again_is_not_the_one_that_was_opened(server: RedisServer) -> None:
    old = await opened(server)
    with server.client() as client:
        client.flushall()
    new = await opened(server)
    with pytest.raises(StateLostError):
        await old.load([write(1).key])
    assert await new.load([write(1).key]) == [None]
    await old.close()
    await new.close()


async def test_workers_that_start_together_agree_on_one_store(server: RedisServer) -> None:
    stores = [redis_store(server.url) for _ in range(8)]
    identities = await asyncio.gather(*(store.open(create=True) for store in stores))
    assert len(set(identities)) == 1
    for store in stores:
        await store.close()


async def test_a_server_demoted_to_a_replica_is_waited_for(server: RedisServer) -> None:
    store = await opened(server, retry_seconds=10)
    with server.client() as client:
        client.config_set("replica-read-only", "yes")
        client.replicaof("127.0.0.1", "1")
        pending = asyncio.create_task(store.commit([write(1)]))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pending), 0.5)
        client.replicaof("NO", "ONE")
    assert await pending == []
    await store.close()


async def test_scripts_that_the_server_forgot_are_loaded_again(server: RedisServer) -> None:
    store = await opened(server)
    await store.commit([write(1)])
    with server.client() as client:
        client.script_flush()
    assert await store.commit([write(1, version=1)]) == []
    await store.close()


async def test_every_plain_record_expires_and_lives_on_while_it_is_used(
    server: RedisServer,
) -> None:
    store = redis_store(server.url, new_form=StateForm.PLAIN)
    await store.open(create=True)
    with server.client() as client:
        await store.commit([plain_write(1)])
        assert 0 < client.pttl(plain_write(1).key) <= DAY_MS

        client.pexpire(plain_write(1).key, 5000)
        await store.commit([plain_write(1, version=1, last_event_ms=2**24 - 1)])
        assert 0 < client.pttl(plain_write(1).key) <= 5000, "within 4.7 hours the time is kept"
        longer = plain_write(2)._replace(expire_ms=9 * DAY_MS)
        await store.commit([plain_write(2)])
        await store.commit(
            [longer._replace(expected_version=1, value=plain_write(2, 1).value, renew=True)]
        )
        assert client.pttl(longer.key) > 8 * DAY_MS, "but for a record that was confirmed just now"
        await store.commit([plain_write(1, version=2, last_event_ms=2**24)])
        assert 5000 < client.pttl(plain_write(1).key) <= DAY_MS

        client.pexpire(plain_write(1).key, 5000)
        assert await store.commit([plain_write(1, version=1)]), "a refused write"
        assert 0 < client.pttl(plain_write(1).key) <= 5000, "changes neither record nor time"

        client.pexpireat(plain_write(1).key, 1)  # long past
    assert await store.load([plain_write(1).key]) == [None]
    await store.close()


async def test_every_compact_record_expires_and_lives_on_while_it_is_used(
    server: RedisServer,
) -> None:
    """By spans of two days, alone in its hash or beside others."""
    clock = {"days": 1000.5}
    store = redis_store(server.url, now_seconds=lambda: clock["days"] * 86_400)
    await store.open(create=True)
    beside = write(1)._replace(key=key("fw", Entity.NUMBER, 1))
    longer = write(2)._replace(expire_ms=180 * DAY_MS)
    await store.commit([write(1), beside, longer])
    clock["days"] += 1
    assert await store.commit([write(1, version=1)]) == []
    for days, living in ((1002.5, [True, False, True]), (1004.0, [False, False, True])):
        clock["days"] = days
        found = await store.load([write(1).key, beside.key, longer.key])
        assert [record is not None for record in found] == living, days
    (conflict,) = await store.commit([write(1, version=2)])
    assert conflict.record is None, "what has expired is not there"
    with server.client() as client:
        (held,) = client.scan_iter(match="fw:h:*")
        assert client.hlen(held) == 3
        client.pexpire(held, 182 * DAY_MS)  # two days and more after the first write, for Redis
        assert await store.commit([write(1)._replace(expire_ms=3 * DAY_MS)]) == []
        assert client.hlen(held) == 2, "expired neighbours go when a record is written"
        assert 182 * DAY_MS < client.pttl(held) <= 186 * DAY_MS
    clock["days"] = 1181.0
    assert await store.load([longer.key]) == [longer.value]
    clock["days"] = 1184.0
    assert await store.load([longer.key]) == [None]
    await store.close()


async def test_hashes_keep_their_compact_encoding(server: RedisServer) -> None:
    """With the limits of the configuration that this project gives out."""
    store = await opened(server)
    writes = [write(number, body=bytes(2000)) for number in range(1, 400)]
    await store.commit(writes)
    with server.client() as client:
        (held,) = client.scan_iter(match="fw:h:*")
        assert client.object("encoding", held) in (b"ziplist", b"listpack")
    await store.close()


async def test_a_store_that_was_made_plain_stays_plain_until_it_is_rebuilt(
    server: RedisServer,
) -> None:
    old = redis_store(server.url, new_form=StateForm.PLAIN)
    await old.open(create=True)
    await old.commit([plain_write(1)])
    store = await opened(server)
    assert store.form is StateForm.PLAIN
    assert await store.load([plain_write(1).key]) == [plain_write(1).value]
    assert await store.commit([plain_write(1, version=1)]) == []
    await store.begin_rebuild()
    assert store.form is StateForm.COMPACT
    assert await store.commit([write(1)]) == []
    await store.end_rebuild()
    with pytest.raises(StateLostError):
        await old.load([plain_write(1).key])
    for each in (store, old):
        await each.close()


async def test_a_state_of_other_pseudonyms_is_refused(server: RedisServer) -> None:
    def store_for(meaning: str) -> RedisStateStore:
        return RedisStateStore(
            connect(server.url), prefix="fw", tags=[b"00"], retries=RetryPolicy(1), meaning=meaning
        )

    ours, again, other = store_for("aaaa+480"), store_for("aaaa+480"), store_for("bbbb+480")
    assert await ours.open(create=True) == await again.open(create=False)
    with pytest.raises(ConfigurationError, match="FOREWARN_PRIVACY_PSEUDONYM_KEY"):
        await other.open(create=True)
    await other.begin_rebuild()
    await other.end_rebuild()
    with pytest.raises(ConfigurationError):
        await again.open(create=False)
    for store in (ours, again, other):
        await store.close()


class InterruptedLink:
    """A link on which others act just before the keys are walked through and deleted."""

    def __init__(self, link: RedisConnection, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._link = link
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    async def delete_all(self, pattern: bytes, *, keep: bytes) -> None:
        await self._meanwhile()
        await self._link.delete_all(pattern, keep=keep)


async def test_a_worker_that_still_runs_writes_nothing_into_a_rebuild(server: RedisServer) -> None:
    worker = await opened(server)
    await worker.commit([write(1)])

    async def go_on() -> None:
        with pytest.raises(StateLostError):
            await worker.commit([write(2)])

    link = InterruptedLink(connect(server.url), go_on)
    store = RedisStateStore(link, prefix="fw", tags=[b"00"], retries=RetryPolicy(1))
    await store.begin_rebuild()
    assert await store.load([write(1).key, write(2).key]) == [None, None]
    await store.close()
    await worker.close()


async def test_a_commit_larger_than_one_script_is_fenced_as_a_whole(server: RedisServer) -> None:
    store = await opened(server)
    epochs = await store.take_over([1])
    writes = [write(i) for i in range(1, MAX_RECORDS_A_SCRIPT + 200)]
    assert await store.commit(writes, journals=[JournalWrite(1, epochs[1], b"big")]) == []
    assert await store.load([w.key for w in writes]) == [w.value for w in writes]
    await store.close()


async def test_a_wrong_password_is_a_matter_of_settings(server: RedisServer) -> None:
    with server.client() as client:
        client.acl_setuser(
            "worker", enabled=True, passwords=["+right"], keys=["*"], commands=["+@all"]
        )
    wrong = redis_store_as(server, "wrong")
    with pytest.raises(ConfigurationError, match="FOREWARN_REDIS_PASSWORD"):
        await wrong.open(create=True)
    right = redis_store_as(server, "right")
    await right.open(create=True)
    await wrong.close()
    await right.close()


def redis_store_as(server: RedisServer, password: str) -> RedisStateStore:
    link = connect(server.url, username="worker", password=password)
    return RedisStateStore(link, prefix="fw", tags=[b"00"], retries=RetryPolicy(1))


class ClosedAtOnce:
    """Mixin of a client's connection whose first socket is closed before anything is written to it."""

    closed: ClassVar[list[object]] = []

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[misc]
        if not self.closed:
            self.closed.append(self)
            self._writer.transport.abort()  # type: ignore[attr-defined]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_is_closed_as_soon_as_it_is_open_is_outlived(
    server: RedisServer, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """uvloop raises RuntimeError there; it ended a worker when Redis was cut off for a second."""

    async def take_over() -> dict[int, int]:
        store = await opened(server, retry_seconds=20)
        pool = store._connection._client.connection_pool
        await pool.disconnect()
        pool._available_connections.clear()
        ClosedAtOnce.closed.clear()
        pool.connection_class = type("Closed", (ClosedAtOnce, pool.connection_class), {})
        epochs = await store.take_over([1])
        await store.close()
        return epochs

    loop = new_loop()
    try:
        assert loop.run_until_complete(take_over()) == {1: 1}
    finally:
        loop.close()
    assert ClosedAtOnce.closed, "a connection was closed"
