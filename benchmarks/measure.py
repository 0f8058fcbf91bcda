"""Reads topics after a run and turns append times into rates and latencies.

Both ends are times at which the broker appended a record (``LogAppendTime``), so no clock of a
client and no scheduling of the measuring process is in them.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from forewarn.contracts import ScoreBlock


class _Source(msgspec.Struct):
    topic: str
    partition: int
    offset: int


class _Caused(msgspec.Struct):
    source: _Source
    event_id: str


_decoder = msgspec.json.Decoder(_Caused)
_blocks = msgspec.msgpack.Decoder(ScoreBlock)


def sources_of(value: bytes) -> list[tuple[str, int, int]]:
    """Topic, partition and offset of each event that a record of an output topic answers.

    Commits before the blocks, and the bare loop, write one JSON object an event.
    """
    if value.startswith(b"{"):
        source = _decoder.decode(value).source
        return [(source.topic, source.partition, source.offset)]
    block = _blocks.decode(value)
    offsets = np.frombuffer(block.offset, "<i8").tolist()
    return [
        (block.topics[source], block.partition, offset)
        for source, offset in zip(block.source, offsets, strict=True)
    ]


async def read_all(
    broker: str, topic: str, positions: dict[TopicPartition, int] | None = None
) -> list[Any]:
    """Every record of a topic.

    Args:
        broker: address.
        topic: its name.
        positions: where to begin by partition, the beginning for those not in it; afterwards
            where the next call goes on.
    """
    positions = {} if positions is None else positions
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, group_id=None, max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        if not partitions:
            await consumer._client.force_metadata_update()  # noqa: SLF001  a topic not seen yet
            partitions = [
                TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()
            ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        for tp in partitions:
            if tp in positions:
                consumer.seek(tp, positions[tp])
        ends = await consumer.end_offsets(partitions)
        records: list[Any] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for found in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(found)
        positions.update({tp: await consumer.position(tp) for tp in partitions})
        return records
    finally:
        await consumer.stop()


def append_times(broker: str, topics: Iterable[str]) -> dict[tuple[str, int, int], int]:
    """When each record was appended, in milliseconds, by topic, partition and offset."""
    return {
        (record.topic, record.partition, record.offset): record.timestamp
        for topic in topics
        for record in asyncio.run(read_all(broker, topic))
    }


def latencies_ms(
    broker: str, outputs: str, appended: dict[tuple[str, int, int], int], *, since_ms: int = 0
) -> np.ndarray:
    """Milliseconds from the append of each event to the append of its record in ``outputs``.

    Args:
        broker: address.
        outputs: topic whose records name their source.
        appended: from ``append_times``.
        since_ms: leave out events appended earlier, as the worker was warming up.
    """
    found = []
    for record in asyncio.run(read_all(broker, outputs)):
        for source in sources_of(record.value):
            at = appended.get(source)
            if at is not None and at >= since_ms:
                found.append(record.timestamp - at)
    return np.array(found, dtype=np.int64)


def percentiles(values: np.ndarray) -> dict[str, float]:
    """p50, p90, p99, p99.9 and the largest, with how many there are.

    Raises:
        ValueError: nothing was measured.
    """
    if len(values) == 0:
        raise ValueError("a latency over 0 messages: nothing was measured")
    points = np.percentile(values, [50, 90, 99, 99.9, 100])
    names = ("p50_ms", "p90_ms", "p99_ms", "p99.9_ms", "max_ms")
    return {"count": len(values), **dict(zip(names, points.round(1).tolist(), strict=True))}
