"""Records that move between load and write: what is ours is written, what is not is left alone."""

import asyncio

import numpy as np
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from features.entity_keys import Entity, parse_key
from features.record_header import parse
from forewarn.contracts import CallStarted
from forewarn.platform.pseudonyms import Pseudonymiser
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk, PartitionBuffer
from streams.pipeline.job import DecisionJob, columns_of
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics
from tests.contract.memory_store import MemoryStateStore

ENGINE = Engine(CATALOG)
PSEUDONYMISER = Pseudonymiser(b"k" * 16)
DAY_MS = 86_400_000


def work_of(epoch: int, offset: int, time_ms: int) -> DecisionJob:
    """A chunk of one call of one person."""
    event = CallStarted(
        event_id=f"e{offset}",
        event_time_ms=time_ms,
        subscriber="+8613800000001",
        call_id=f"c{offset}",
        direction="inbound",
        caller="+8613900000002",
        callee="+8613800000001",
    )
    chunk = Chunk(
        partition=0,
        events=[event],
        source=np.zeros(1, np.uint8),
        offsets=np.array([offset], np.int64),
        appended_ms=np.array([time_ms], np.int64),
        dead_letters=[],
        before=(offset, 0, 0),
        after=(offset + 1, 0, 0),
    )
    columns, rows = columns_of([chunk], PSEUDONYMISER)
    buffer = PartitionBuffer(0, (0, 0, 0), align_seconds=0.0)
    return DecisionJob(
        partition=OpenPartition(number=0, epoch=epoch, buffer=buffer, journal=None),
        chunk=chunk,
        columns=columns,
        rows=rows,
        plan=ENGINE.plan(columns),
        number=offset,
        recovering=False,
    )


async def test_a_subscriber_that_expires_before_the_write_is_written_all_the_same() -> None:
    """No other owner has written it: to take its absence for another owner would stop the partition."""
    clock_ms = [DAY_MS]
    store = MemoryStateStore(now_ms=lambda: clock_ms[0])
    await store.open(create=True)
    epoch = (await store.take_over([0]))[0]
    state = StateIO(store, ENGINE, WorkerMetrics(CollectorRegistry()), attempts=5)
    for offset, expires in ((1, False), (2, True)):
        job = work_of(epoch, offset, clock_ms[0])
        await state.load([job])
        job.result = ENGINE.run(job.plan, job.records)
        if expires:
            clock_ms[0] += 400 * DAY_MS
        async with asyncio.timeout(10):
            await state.write([job])
    records = await store.load(job.plan.keys)
    for key, record in zip(job.plan.keys, records, strict=True):
        assert record is not None, parse_key(key)
        mark = parse(record).watermark(0, 0)
        assert mark is not None
        assert mark.offset == 2
    assert Entity.SUBSCRIBER in {parse_key(key)[0] for key in job.plan.keys}


async def test_a_record_lost_in_a_failover_is_written_again() -> None:
    """A fail-over that lost the last second is no other owner: the worker holds what is missing."""
    store = MemoryStateStore(now_ms=lambda: DAY_MS)
    await store.open(create=True)
    epoch = (await store.take_over([0]))[0]
    registry = CollectorRegistry()
    state = StateIO(store, ENGINE, WorkerMetrics(registry), attempts=5)
    jobs = [work_of(epoch, offset, DAY_MS) for offset in (1, 2, 3)]
    old: dict[bytes, tuple[bytes, int]] = {}
    for job in jobs:
        await state.load([job])
        job.result = ENGINE.run(job.plan, job.records)
        if job is jobs[-1]:
            store._records.update(old)
        await state.write([job])
        old = old or dict(store._records)
    key = next(k for k in jobs[0].plan.keys if parse_key(k)[0] is Entity.SUBSCRIBER)
    record = (await store.load([key]))[0]
    assert record is not None
    assert parse(record).version == 3, "nothing of the three events is lost"
    assert registry.get_sample_value("forewarn_worker_state_rollbacks_total") == 1
