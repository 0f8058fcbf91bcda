"""State of any number of subscribers in a Redis Cluster, written as a rebuild writes it.

A sample of a town lives for 29 days up to today, and ``rebuild_state`` writes its records. They are then written under further
keys, by several processes at once, until there are as many subscribers as asked for: those of ``benchmarks.traffic``, so that
a live stream of it finds them. Thirty-day windows lose no event while a measurement lasts.
"""

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from features.engine import Engine
from features.entity_keys import Entity, StateForm, keys, parse_key
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.parquet_tables import canonical
from features.offline.rebuild import rebuild_state, write_records
from features.offline.record_store import MemoryRecordStore
from features.store.redis_store import RedisStateStore
from features.store.state_store import Write
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import RedisSettings
from forewarn.simulator import Scenario, simulate

DAYS = 29
BLOCK = 2_000
"""Subscribers whose records are made at once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Records of a town by kind of entity; ``newest_ms`` is the time of its last event."""

    records: dict[Entity, list[Write]]
    newest_ms: int

    @property
    def people(self) -> int:
        """Subscribers that have a record."""
        return len(self.records[Entity.SUBSCRIBER])


@dataclass(frozen=True, slots=True)
class Share:
    """A writer's part: subscribers from ``first`` to before ``last``, and ``others`` times the town's other records."""

    url: str
    key: bytes
    first: int
    last: int
    others: float


async def write_sample(url: str, key: bytes, people: int) -> Sample:
    """Simulate a town and rebuild its state into an empty cluster.

    Args:
        url: of one node.
        key: of the pseudonyms.
        people: of the town.
    """
    today = datetime.now(UTC) + timedelta(hours=8)
    town = simulate(
        Scenario(subscribers=people, days=DAYS, start=(today - timedelta(days=DAYS)).date())
    )
    pseudonymiser = Pseudonymiser(key)
    columns = in_order([
        COLUMNS_OF[topic](canonical(frame.lazy(), topic).collect(), pseudonymiser)
        for topic, frame in (("calls", town.calls), ("transfers", town.transfers))
    ])  # fmt: skip
    built = MemoryRecordStore()
    store = _store(url, key)
    await store.open(create=True)
    try:
        engine = Engine(form=lambda: store.form)
        await rebuild_state(columns, store, engine=engine, as_history=True, record_store=built)
    finally:
        await store.close()
    by_kind: dict[Entity, list[Write]] = {kind: [] for kind in Entity}
    for write in built.writes():
        by_kind[parse_key(write.key)[0]].append(write)
    return Sample(by_kind, int(columns.time_ms.max()))


def write_copies(
    sample: Sample, url: str, key: bytes, subscribers: int, *, others: float, writers: int
) -> tuple[int, float]:
    """Write the records of further subscribers, those of ``traffic``.

    Args:
        sample: the town.
        url: of one node.
        key: of the pseudonyms.
        subscribers: how many.
        others: numbers, accounts and devices a subscriber, as a share of the town's.
        writers: processes.

    Returns:
        Records, and seconds from the first to the last.
    """
    ends = np.linspace(0, subscribers, writers + 1).astype(int).tolist()
    parts = [Share(url, key, first, last, others) for first, last in itertools.pairwise(ends)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(writers, mp_context=context) as pool:
        list(pool.map(_is_up, range(writers)))
        began = time.perf_counter()
        counts = list(pool.map(_write_share, [sample] * writers, parts))
        return sum(counts), time.perf_counter() - began


def _is_up(_writer: int) -> bool:
    """Whether a process has imported this module, which is no part of the writing."""
    time.sleep(0.5)  # so that one process does not take the question of another
    return True


def _write_share(sample: Sample, share: Share) -> int:
    return asyncio.run(_written(sample, share))


async def _written(sample: Sample, share: Share) -> int:
    store = _store(share.url, share.key)
    await store.open(create=False)
    try:
        return (await write_records(_copies(sample, share), store, sample.newest_ms))[0]
    finally:
        await store.close()


def _copies(sample: Sample, share: Share) -> Iterator[Write]:
    draw = np.random.default_rng(share.first)
    phone = Pseudonymiser(share.key, cache_entries=0).phone
    for first in range(share.first, share.last, BLOCK):
        people = range(first, min(first + BLOCK, share.last))
        own = np.array([phone(f"+8613{number:09d}") for number in people], dtype=np.uint64)
        yield from _under(sample, Entity.SUBSCRIBER, own, draw)
        for kind in Entity:
            if kind is not Entity.SUBSCRIBER:
                a_person = share.others * len(sample.records[kind]) / sample.people
                names = draw.integers(1, 2**64, round(len(people) * a_person), dtype=np.uint64)
                yield from _under(sample, kind, names, draw)


def _under(
    sample: Sample, kind: Entity, names: np.ndarray, draw: np.random.Generator
) -> Iterator[Write]:
    records = sample.records[kind]
    chosen = draw.integers(0, len(records), len(names)).tolist()
    for place, name in zip(chosen, keys("fw", kind, names, StateForm.COMPACT), strict=True):
        yield records[place]._replace(key=name)


def _store(url: str, key: bytes) -> RedisStateStore:
    settings = RedisSettings(url=url, cluster=True, timeout_seconds=60, retry_seconds=300)
    return redis_state_store(settings, meaning=meaning_of(Pseudonymiser(key)))
