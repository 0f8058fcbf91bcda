"""Redis memory per active subscriber: a million of them, with a month of uneven activity behind them.

    python -m benchmarks.state_memory [--subscribers 1000000] [--sample 20000] [--days 30] \\
        [--activity town|gamma]

Simulating a month of a million people takes an hour, so a sample of people is simulated, its records
are built by the engine, and the records are written under as many different keys as the whole town
has people: the same bytes, the same Redis, the same overhead for each key, measured and not estimated.
The records of subscribers are measured for all of them; those of numbers, accounts and devices, of
which there are many more, for a tenth.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.kernel import history
from features.engine import Engine
from features.entity_keys import Entity, keys, parse_key
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import HistoryRunner
from features.offline.parquet_tables import canonical
from features.offline.record_store import MemoryRecordStore
from features.store.state_store import Write
from features.store.store_factory import redis_state_store
from forewarn.local import RedisServer
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import RedisSettings
from forewarn.simulator import Scenario, simulate

BATCH = 4000


def columns_of(people: int, days: int, activity: str) -> EventColumns:
    """A month of events: of the simulated town, or uneven (gamma) around five a day and person."""
    if activity == "gamma":
        return history(people, days)
    town = simulate(Scenario(subscribers=people, days=days, seed=3))
    key = Pseudonymiser(b"a key of the benchmark")
    parts = [
        COLUMNS_OF[topic](canonical(frame.lazy(), topic).collect(), key)
        for topic, frame in (("calls", town.calls), ("transfers", town.transfers))
    ]
    return in_order(parts)


def records(columns: EventColumns) -> tuple[list[Write], int, int]:
    """Records after the events, how many people were active, and how many events there were."""
    past = HistoryRunner(Engine(), record_store=MemoryRecordStore())
    for _ in past.slices(columns, keep=True):
        pass
    return list(past.record_store.writes()), len(np.unique(columns.subscriber)), len(columns)


def copies(writes: list[Write], times: int, kinds: set[Entity]) -> Iterator[Write]:
    """The records of ``times`` towns: other keys, the same values."""
    draw = np.random.default_rng(5)
    by_kind: dict[Entity, list[Write]] = {}
    for write in writes:
        kind = parse_key(write.key)[0]
        if kind in kinds:
            by_kind.setdefault(kind, []).append(write)
    for _ in range(times):
        for kind, mine in by_kind.items():
            fresh = keys("fw", kind, draw.integers(1, 2**63, len(mine)).astype(np.uint64))
            for write, name in zip(mine, fresh, strict=True):
                yield write._replace(key=name)


async def fill(url: str, writes: Iterator[Write]) -> int:
    """Write everything; returns how many records."""
    store = redis_state_store(RedisSettings(url=url, timeout_seconds=30))
    await store.open(create=True)
    count = 0
    batch: list[Write] = []
    for write in writes:
        batch.append(write)
        if len(batch) == BATCH:
            assert not await store.commit(batch)
            count += len(batch)
            batch = []
    assert not await store.commit(batch)
    await store.close()
    return count + len(batch)


def main() -> None:
    """Print the memory of the whole and of each kind of record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--activity", choices=["town", "gamma"], default="town")
    options = parser.parse_args()
    start = time.perf_counter()
    writes, active, events = records(columns_of(options.sample, options.days, options.activity))
    kinds = pl.DataFrame(
        {
            "kind": [parse_key(write.key)[0].name.lower() for write in writes],
            "bytes": [len(write.value) for write in writes],
        }
    )
    print(f"{events:,} events of {active:,} people in {time.perf_counter() - start:.0f} s")
    print(
        kinds.group_by("kind")
        .agg(
            pl.len().alias("records"),
            pl.col("bytes").mean().round(0).alias("mean"),
            pl.col("bytes").quantile(0.5).alias("median"),
            pl.col("bytes").quantile(0.99).alias("p99"),
            pl.col("bytes").max().alias("max"),
        )
        .sort("kind")
    )
    shared = set(Entity) - {Entity.SUBSCRIBER}
    for what, kinds_of, wanted in (
        ("their own records", {Entity.SUBSCRIBER}, options.subscribers),
        ("numbers, accounts and devices", shared, options.subscribers // 10),
    ):
        times = -(-wanted // active)
        with (
            tempfile.TemporaryDirectory() as directory,
            RedisServer(Path(directory)) as server,
            server.client() as client,
        ):
            empty = int(client.info("memory")["used_memory"])
            count = asyncio.run(fill(server.unix_url, copies(writes, times, kinds_of)))
            used = int(client.info("memory")["used_memory"]) - empty
            people = times * active
            print(
                f"{people:,} subscribers, {what}: {count:,} records, {used / people:,.0f} bytes of "
                f"Redis for each subscriber, {used / count:,.0f} for each record"
            )
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MiB")


if __name__ == "__main__":
    main()
