"""Redis memory for each subscriber: both forms of the store in one run, all records included.

    python -m benchmarks.state_memory [--subscribers 100000] [--town 1000000] [--sample 10000] [--days 30] \\
        [--activity town|gamma]

Simulating a month of a million people takes an hour, so a sample of people is simulated, its records
are built by the engine, and the records are written under as many different keys as there are subscribers:
the same bytes, the same Redis, the same overhead for each key, measured and not estimated. In the compact
form the overhead depends on how many records share a hash: `--subscribers` of a town of `--town`
fill that share of the hashes.
"""

import argparse
import asyncio
import itertools
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.bench import save
from benchmarks.kernel import history
from features.engine import Engine
from features.entity_keys import Entity, StateForm, keys, parse_key
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import HistoryRunner
from features.offline.parquet_tables import canonical
from features.offline.record_store import MemoryRecordStore
from features.store.redis_connections import connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from features.store.state_store import Write
from features.store.store_factory import TAGS
from forewarn.local import RedisServer
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, simulate

BATCH = 4000
HASHES = 1 << 18


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


def records(columns: EventColumns, form: StateForm) -> tuple[list[Write], int, int]:
    """Records after the events, how many people were active, and how many events there were."""
    past = HistoryRunner(Engine(form=lambda: form), record_store=MemoryRecordStore())
    for _ in past.slices(columns, keep=True):
        pass
    return list(past.record_store.writes()), len(np.unique(columns.subscriber)), len(columns)


def copies(
    writes: list[Write], times: int, share: float, form: StateForm, kinds: set[Entity]
) -> Iterator[Write]:
    """The records of ``times`` towns, in a share of the hashes: other keys, the same values."""
    draw = np.random.default_rng(5)
    by_kind: dict[Entity, list[Write]] = {}
    for write in writes:
        kind = parse_key(write.key)[0]
        if kind in kinds:
            by_kind.setdefault(kind, []).append(write)
    for _ in range(times):
        for kind, mine in by_kind.items():
            names = draw.integers(1, 2**64, len(mine), dtype=np.uint64)
            hashes = draw.integers(0, int(HASHES * share), len(mine), dtype=np.uint64)
            names = names & np.uint64((1 << 46) - 1) | hashes << np.uint64(46)
            for write, name in zip(mine, keys("fw", kind, names, form), strict=True):
                yield write._replace(key=name)


async def fill(store: RedisStateStore, writes: Iterator[Write]) -> int:
    """Write everything; returns how many records."""
    count = 0
    while batch := list(itertools.islice(writes, BATCH)):
        assert not await store.commit(batch)
        count += len(batch)
    return count


async def measure(
    form: StateForm, writes: list[Write], times: int, share: float
) -> dict[str, tuple[int, int]]:
    """Records and bytes of Redis: of subscribers, of all others, and of both."""
    found = {}
    own = {Entity.SUBSCRIBER}
    with (
        tempfile.TemporaryDirectory() as directory,
        RedisServer(Path(directory)) as server,
        server.client() as client,
    ):
        link = connect(server.unix_url, timeout_seconds=30)
        store = RedisStateStore(
            link, prefix="fw", tags=TAGS, retries=RetryPolicy(30), new_form=form
        )
        await store.open(create=True)
        empty = before = int(client.info("memory")["used_memory"])
        for what, kinds in (("own", own), ("other", set(Entity) - own)):
            count = await fill(store, copies(writes, times, share, form, kinds))
            now = int(client.info("memory")["used_memory"])
            found[what] = (count, now - before)
            before = now
        await store.close()
        found["all"] = (found["own"][0] + found["other"][0], before - empty)
    return found


def print_kinds(writes: list[Write], active: int) -> None:
    """Records and bytes of each kind, without the overhead of Redis."""
    kinds = pl.DataFrame(
        {
            "kind": [parse_key(write.key)[0].name.lower() for write in writes],
            "bytes": [len(write.value) for write in writes],
        }
    )
    print(
        kinds.group_by("kind")
        .agg(
            (pl.len() / active).round(2).alias("a subscriber"),
            pl.col("bytes").mean().round(1).alias("mean"),
            pl.col("bytes").quantile(0.5).alias("median"),
            pl.col("bytes").quantile(0.99).alias("p99"),
            pl.col("bytes").max().alias("max"),
        )
        .sort("kind")
    )


def main() -> None:
    """Print the memory of both forms and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--town", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--activity", choices=["town", "gamma"], default="town")
    options = parser.parse_args()
    columns = columns_of(options.sample, options.days, options.activity)
    totals = {}
    for form in StateForm:
        writes, active, events = records(columns, form)
        times = -(-options.subscribers // active)
        print(f"{form.value}: {events:,} events of {active:,} people, written {times} times")
        print_kinds(writes, active)
        share = min(1.0, times * active / options.town)
        for what, (count, used) in asyncio.run(measure(form, writes, times, share)).items():
            print(
                f"{form.value}, {what}: {count:,} records, {used / times / active:,.0f} bytes of Redis "
                f"for each subscriber, {used / count:,.0f} for each record"
            )
            totals[form] = used / times / active
    ratio = totals[StateForm.COMPACT] / totals[StateForm.PLAIN]
    print(f"compact / plain: {ratio:.3f}")
    file = save(
        "state_memory",
        {
            "activity": options.activity,
            "bytes_a_subscriber": {form.value: round(used) for form, used in totals.items()},
            "ratio": round(ratio, 3),
        },
    )
    print(
        f"{file}; peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MiB"
    )


if __name__ == "__main__":
    main()
