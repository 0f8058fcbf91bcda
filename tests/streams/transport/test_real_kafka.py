"""The transport against a real broker: every record in, every record out, offsets to the end."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from forewarn.local import KafkaBroker
from forewarn.local.child_process import Child, stop_all

pytestmark = pytest.mark.system
APP = Path(__file__).with_name("journalling_app.py")
CODECS = ("gzip", "snappy", "lz4", "zstd")


class Group:
    """Worker processes of one consumer group and what they wrote."""

    def __init__(self, broker: str, group: str, topics: list[str], directory: Path) -> None:
        self.broker, self.group, self.topics, self.directory = broker, group, topics, directory
        self.children: list[Child] = []

    def start(self, delay_seconds: float = 0.0, *, listens: bool = False) -> Child:
        name = f"worker-{len(self.children)}"
        arguments = {
            "group": self.group,
            "topics": self.topics,
            "file": str(self.directory / f"{name}.jsonl"),
            "delay_seconds": delay_seconds,
            "log_level": "warn",
            "listens": listens,
        }
        child = Child(
            name,
            [sys.executable, APP, json.dumps(arguments)],
            log_file=self.directory / f"{name}.log",
            environment={"FOREWARN_KAFKA_BOOTSTRAP_SERVERS": self.broker},
        )
        child.start()
        self.children.append(child)
        return child

    def turns(self, child: Child) -> list[tuple[str, list[tuple[str, int]]]]:
        """The assignments that the child received, in order."""
        file = self.directory / f"{child.name}.jsonl.turns"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(turn, [(t, p) for t, p in owned]) for turn, owned in map(json.loads, lines)]

    def lines(self, child: Child | None = None) -> list[tuple[str, int, int, str]]:
        names = [c.name for c in ([child] if child else self.children)]
        files = [self.directory / f"{name}.jsonl" for name in names]
        found = []
        for file in files:
            for line in file.read_text().splitlines() if file.exists() else ():
                try:
                    found.append(tuple(json.loads(line)))
                except json.JSONDecodeError:
                    continue  # the last line of a process that was killed while it wrote
        return found


def until(condition: Callable[[], bool], seconds: float, what: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


def lags(broker: str, group: str) -> dict[TopicPartition, int]:
    """Records behind, as an outside observer computes them; a partition never committed is absent."""
    admin = KafkaAdminClient(bootstrap_servers=broker)
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        offsets = admin.list_group_offsets(group)[group]
        ends = consumer.end_offsets(list(offsets))
        return {tp: ends[tp] - meta.offset for tp, meta in offsets.items()}
    finally:
        consumer.close()
        admin.close()


@pytest.fixture
def make_group(
    kafka: KafkaBroker, topic_prefix: str, tmp_path: Path
) -> Iterator[Callable[..., Group]]:
    made: list[Group] = []

    def make(topics: dict[str, int]) -> Group:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        names = {name: topic_prefix + name for name in topics}
        admin.create_topics([NewTopic(names[name], topics[name], 1) for name in topics])
        admin.close()
        made.append(
            Group(kafka.bootstrap_servers, f"{topic_prefix}group", list(names.values()), tmp_path)
        )
        return made[-1]

    yield make
    for group in made:
        stop_all(group.children)


async def produce(broker: str, topic: str, values: list[str], partitions: int, **options) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker, linger_ms=5, **options) as producer:
        for number, value in enumerate(values):
            await producer.send(topic, value.encode(), partition=number % partitions)


async def produce_transactions(broker: str, topic: str) -> list[str]:
    """Committed, aborted and again committed ones; the log ends in an aborted one and markers."""
    kept: list[str] = []
    producer = AIOKafkaProducer(bootstrap_servers=broker, transactional_id=f"{topic}-id")
    async with producer:
        for number, abort in enumerate([False, True, False, True]):
            await producer.begin_transaction()
            values = [f"{number}-{i}" for i in range(120)]
            for value in values:
                await producer.send(topic, value.encode(), partition=0)
            if abort:
                await producer.flush()
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
                kept += values
    return kept


async def test_codecs_and_transactions_are_read_whole_and_committed_to_the_end(make_group):
    """Each codec's records arrive byte for byte; aborted ones never do; the lag becomes zero."""
    group = make_group({"codecs": 2, "transactions": 1})
    codecs, transactions = group.topics
    expected: Counter[str] = Counter()
    for codec in CODECS:
        values = [f"{codec}-{i}-" + "x" * (i % 40) for i in range(300)]
        await produce(group.broker, codecs, values, 2, compression_type=codec)
        expected.update(values)
    expected.update(await produce_transactions(group.broker, transactions))
    worker = await asyncio.to_thread(group.start)
    await asyncio.to_thread(
        until,
        lambda: len(group.lines()) >= expected.total(),
        60,
        lambda: (len(group.lines()), worker.tail(30)),
    )
    await asyncio.to_thread(
        until,
        lambda: sorted(lags(group.broker, group.group).values()) == [0, 0, 0],
        15,
        lambda: lags(group.broker, group.group),
    )
    assert Counter(line[3] for line in group.lines()) == expected
    assert await asyncio.to_thread(worker.stop) == 0


def handled_in_order(lines: list[tuple[str, int, int, str]]) -> bool:
    """Offsets of a partition ascend, but for jumps back to an offset seen (a reread)."""
    seen: dict[tuple[str, int], set[int]] = {}
    last: dict[tuple[str, int], int] = {}
    for topic, partition, offset, _ in lines:
        key = (topic, partition)
        if offset <= last.get(key, -1) and offset not in seen[key]:
            return False
        seen.setdefault(key, set()).add(offset)
        last[key] = offset
    return True


async def test_members_join_leave_and_die_and_no_record_is_lost(make_group):
    """Counts in equal counts out over a join, a SIGTERM and a SIGKILL in full flow."""
    group = make_group({"calls": 6, "transfers": 6})
    total = 24_000

    async def append(events: int) -> None:
        for topic in group.topics:
            await produce(group.broker, topic, [str(i) for i in range(events // 2)], 6)

    def handled() -> int:
        return len({line[:3] for line in group.lines()})

    def reaches(count: int) -> None:
        until(lambda: handled() >= count, 60, lambda: (handled(), group.children[-1].tail(30)))

    def owns(member: Child) -> bool:
        turns = group.turns(member)
        return bool(turns) and turns[-1][0] == "assigned" and bool(turns[-1][1])

    def story() -> None:
        # Work comes after the members, so that there is some whatever the speed of the machine.
        first = group.start(delay_seconds=0.03)
        reaches(2_000)
        second = group.start(delay_seconds=0.03, listens=True)
        third = group.start(delay_seconds=0.03, listens=True)
        until(lambda: owns(second) and owns(third), 60, lambda: second.tail(30))
        asyncio.run(append(10_200))
        until(lambda: bool(group.lines(second) and group.lines(third)), 60, lambda: third.tail(30))
        assert first.stop() == 0, first.tail(30)
        graceful = group.lines()
        assert len(graceful) == len({line[:3] for line in graceful}), (
            "joins and SIGTERM repeat nothing"
        )
        asyncio.run(append(10_200))
        reaches(14_500)
        second.kill()
        reaches(total)
        for topic in group.topics:
            for member in (second, third):
                owned = {line[1] for line in group.lines(member) if line[0] == topic}
                assert owned, f"{member.name} took part in {topic}"
        for member in (second, third):
            turns = group.turns(member)
            assert [turn for turn, _ in turns] == (["assigned", "revoked"] * len(turns))[
                : len(turns)
            ]
            for _, owned_now in turns:
                calls, transfers = (
                    {p for t, p in owned_now if t == topic} for topic in group.topics
                )
                assert calls == transfers, "partition p of both topics has one owner"

    await append(3_600)
    await asyncio.to_thread(story)
    assert {line[:3] for line in group.lines()} == {
        (topic, p, offset)
        for topic in group.topics
        for p in range(6)
        for offset in range(total // 12)
    }
    assert all(handled_in_order(group.lines(child)) for child in group.children)
