"""The state store against a bare MGET + MSET of the same bytes, on one Redis over a unix socket.

    python benchmarks/store.py [--records 100000] [--bytes 512] [--batch 1000]

A cycle reads a batch of records and writes them back with a higher version. The bare cycle does that
with MGET and MSET: no version is checked, nothing expires, no owner is fenced. Rounds of both are
interleaved and the best of each counts, because the machine is shared.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import uvloop
from redis.asyncio import Redis

from features.entity_keys import Entity, keys
from features.record_header import Header, build
from features.store.state_store import JournalWrite, Write
from features.store.store_factory import redis_state_store
from forewarn.local import RedisServer
from forewarn.platform.settings import RedisSettings

ROUNDS = 12
CYCLES = 20
DAY_MS = 86_400_000
Cycle = Callable[[list[bytes]], Awaitable[None]]


def record(version: int, size: int, last_event_ms: int) -> bytes:
    """A record of the given size whose body is never read."""
    head = build(Header(layout=1, entity=0, version=version, last_event_ms=last_event_ms))
    return head + os.urandom(max(0, size - len(head)))


async def measure(server: RedisServer, records: int, size: int, batch: int) -> dict[str, float]:
    """Records a second of each way of reading and writing them."""
    client = Redis.from_url(server.unix_url)
    store = redis_state_store(RedisSettings(url=server.unix_url))
    await store.open(create=True)
    epochs = await store.take_over([0])
    pseudonyms = np.random.default_rng(1).integers(1, 2**63, records).astype(np.uint64)
    names = keys("fw", Entity.SUBSCRIBER, pseudonyms)
    versions = dict.fromkeys(names, 0)
    clock = {"now": 1_700_000_000_000}

    def next_writes(chosen: list[bytes], step_ms: int) -> list[Write]:
        clock["now"] += step_ms
        value = record(0, size, clock["now"])
        writes = []
        for name in chosen:
            version = versions[name]
            head = build(Header(1, 0, version + 1, clock["now"]))
            writes.append(Write(name, version, head + value[len(head) :], 45 * DAY_MS))
            versions[name] = version + 1
        return writes

    async def bare(writes: list[Write]) -> None:
        await client.mget([write.key for write in writes])
        await client.mset({write.key: write.value for write in writes})

    async def ours(writes: list[Write]) -> None:
        await store.load([write.key for write in writes])
        assert not await store.commit(writes)

    async def journalled(writes: list[Write]) -> None:
        loaded = await store.load([write.key for write in writes])
        entry = b"".join(filter(None, loaded))
        assert not await store.commit(writes, journals=[JournalWrite(0, epochs[0], entry)])

    ways = {
        "bare MGET + MSET": (bare, 1),
        "load + commit, lifetime kept": (ours, 1),
        "load + commit, lifetime renewed": (ours, 2**24),
        "load + commit with journal": (journalled, 1),
    }
    for start in range(0, records, batch):
        await store.commit(next_writes(names[start : start + batch], 1))
    best = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for way, (run, step_ms) in ways.items():
            rounds = [next_writes(random.sample(names, batch), step_ms) for _ in range(CYCLES)]
            start_seconds = time.perf_counter()
            for writes in rounds:
                await run(writes)
            rate = CYCLES * batch / (time.perf_counter() - start_seconds)
            best[way] = max(best[way], rate)
    await client.aclose()
    await store.close()
    return best


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        RedisServer(Path(directory), persistent=False) as server,
    ):
        best = uvloop.run(measure(server, options.records, options.bytes, options.batch))
    bare = best["bare MGET + MSET"]
    for way, rate in best.items():
        print(f"{way:34}{rate:10,.0f} records/s{rate / bare:8.0%} of bare")


if __name__ == "__main__":
    main()
