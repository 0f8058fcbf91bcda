"""Region B, rebuilt from mirrored topics, has region A's state, and its workers skip no event.

What can break without a word: a mirror that changes partitions, order or the time of an append (by which an event
dated in the future is rejected), and translated offsets that lie beyond what A's workers had read.
"""

import time
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner

from forewarn.cli import rebuild_command
from forewarn.contracts import encode
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.mirror_maker import MirrorMaker
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import TopicAdministration, client_arguments
from forewarn.platform.settings import KafkaSettings
from tests.servers import missing_server
from tests.simulation.little_town import Crowd, Fact, facts, replace_event, topic_of
from tests.system.test_cluster_rebuild import contents

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

EVENTS, PARTITIONS, DELETED = 600, 3, 20
PREFIXES = ("whole-", "trimmed-")
FUTURE_MS = 420_000
"""Two minutes beyond what a worker accepts, so that a slow machine appends it before it becomes acceptable."""

Positions = dict[TopicPartition, int]


class Region:
    """Topics of one cluster, the offsets of the workers' group, and the state rebuilt from both."""

    def __init__(self, broker: KafkaBroker, redis: RedisServer) -> None:
        self.broker, self._redis = broker, redis

    def settings(self, prefix: str) -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=self.broker.bootstrap_servers,
            topic_prefix=prefix,
            partitions=PARTITIONS,
            replication_factor=1,
        )

    def consumer(self, prefix: str) -> KafkaConsumer:
        return KafkaConsumer(
            **client_arguments(self.settings(prefix)),
            group_id=f"{prefix}workers",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def ends(self, prefix: str) -> Positions:
        consumer = self.consumer(prefix)
        try:
            known = [t for t in topics(prefix) if consumer.partitions_for_topic(t.topic)]
            return dict(consumer.end_offsets(known)) if len(known) == len(topics(prefix)) else {}
        finally:
            consumer.close()

    def committed(self, prefix: str) -> Positions:
        consumer = self.consumer(prefix)
        try:
            found = {where: consumer.committed(where) for where in topics(prefix)}
        finally:
            consumer.close()
        return {where: offset for where, offset in found.items() if offset is not None}

    def commit(self, prefix: str, positions: Positions) -> None:
        consumer = self.consumer(prefix)
        consumer.assign(list(positions))
        consumer.commit({p: OffsetAndMetadata(at, "", -1) for p, at in positions.items()})
        consumer.close()

    def write(self, prefix: str, events: list[Fact]) -> None:
        producer = KafkaProducer(**client_arguments(self.settings(prefix)))
        for event in events:
            key = event.subscriber.encode()
            producer.send(prefix + topic_of(event), value=encode(event), key=key)
        producer.flush()
        producer.close()

    def records(self, prefix: str) -> dict[TopicPartition, list[tuple[bytes, bytes, int]]]:
        """Key, value and time of every record, in the order of each partition."""
        consumer = self.consumer(prefix)
        consumer.assign(topics(prefix))
        consumer.seek_to_beginning(*topics(prefix))
        ends = consumer.end_offsets(topics(prefix))
        found: dict[TopicPartition, list[tuple[bytes, bytes, int]]] = {w: [] for w in ends}
        try:
            while any(consumer.position(where) < end for where, end in ends.items()):
                for where, batch in consumer.poll(timeout_ms=500).items():
                    found[where] += [(r.key, r.value, r.timestamp) for r in batch]
        finally:
            consumer.close()
        return found

    def rebuilt(self, prefix: str, monkeypatch: pytest.MonkeyPatch) -> dict[bytes, object]:
        """The state that ``forewarn rebuild`` leaves for the group's present offsets."""
        for name, value in {
            "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
            "FOREWARN_KAFKA_TOPIC_PREFIX": prefix,
            "FOREWARN_REDIS_URL": self._redis.url,
            "FOREWARN_PRIVACY_PSEUDONYM_KEY": "a key that only tests use",
            "FOREWARN_WORKER_GROUP": f"{prefix}workers",
        }.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(rebuild_command.app, ["--yes"])
        assert result.exit_code == 0, result.output + repr(result.exception)
        return contents(self._redis)


def topics(prefix: str) -> list[TopicPartition]:
    return [TopicPartition(prefix + t, number) for t in SOURCES for number in range(PARTITIONS)]


@pytest.fixture(scope="module")
def regions(
    kafka: KafkaBroker, redis_session: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Region, Region]]:
    """A with events and committed offsets, B with all of it mirrored, and the mirror stopped.

    The group in A is at the end when the mirror begins, and a third of the events come later. MirrorMaker forgets most of the
    positions that it noted before it first looks at a group, so it may never translate a group that stood still further back.
    """
    a = Region(kafka, redis_session)
    events = history()
    for prefix in PREFIXES:
        with TopicAdministration(a.settings(prefix)) as administration:
            administration.apply()
        a.write(prefix, events[: EVENTS * 2 // 3])
        a.commit(prefix, a.ends(prefix))
    trim(a.settings("trimmed-"))
    home = tmp_path_factory.mktemp("regions")
    with KafkaBroker(home / "b", name="kafka-b") as broker:
        b = Region(broker, redis_session)
        mirror = MirrorMaker(
            home / "mirror",
            source=kafka.bootstrap_servers,
            target=broker.bootstrap_servers,
            topics=[prefix + topic for prefix in PREFIXES for topic in SOURCES],
            groups=[f"{prefix}.*" for prefix in PREFIXES],
        )
        try:
            mirror.start()
        except ForewarnError as error:
            missing_server(f"MirrorMaker, a part of Kafka, could not be started: {error}")
        try:
            wait_until(lambda: mirrored(mirror, a, b), 240, what="the mirror to have two thirds")
            for prefix in PREFIXES:
                a.write(prefix, events[EVENTS * 2 // 3 :])
            wait_until(lambda: mirrored(mirror, a, b), 60, what="the mirror to have everything")
        finally:
            mirror.stop()
        yield a, b


def history() -> list[Fact]:
    """Events of a town; one of them, in the first half, is dated in the future."""
    events = list(facts(seed=3, count=EVENTS, crowd=Crowd(minutes=2000)))
    future = time.time_ns() // 1_000_000 + FUTURE_MS
    events.insert(EVENTS // 2, replace_event(events[0], event_id="future", event_time_ms=future))
    return events


def trim(settings: KafkaSettings) -> None:
    """Delete the oldest records of calls and transfers, so that offsets in B begin lower than in A."""
    admin = KafkaAdminClient(**client_arguments(settings))
    where = topics(settings.topic_prefix)
    admin.delete_records({w: DELETED for w in where if not w.topic.endswith("outcomes")})
    admin.close()


def mirrored(mirror: MirrorMaker, a: Region, b: Region) -> bool:
    """Whether B has as many records as A, and a position of both groups in every partition."""
    mirror.process.require_running()
    time.sleep(0.5)
    for prefix in PREFIXES:
        deleted = DELETED * 2 * PARTITIONS if prefix == "trimmed-" else 0
        wanted = sum(a.ends(prefix).values()) - deleted
        if sum(b.ends(prefix).values()) < wanted:
            return False
        if b.committed(prefix).keys() != a.committed(prefix).keys():
            return False
    return True


def test_partitions_order_and_the_times_of_appends_are_those_of_region_a(
    regions: tuple[Region, Region],
) -> None:
    a, b = regions
    assert b.records("whole-") == a.records("whole-")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_translated_offsets_skip_nothing_that_a_had_not_read(
    regions: tuple[Region, Region], prefix: str
) -> None:
    a, b = regions
    theirs, ours = a.committed(prefix), b.committed(prefix)
    mirrored_records, records = b.records(prefix), a.records(prefix)
    assert ours
    for where, offset in ours.items():
        beginning = a.ends(prefix)[where] - len(records[where])
        assert mirrored_records[where] == records[where]
        assert 0 <= offset <= max(0, theirs[where] - beginning), where


@pytest.mark.parametrize("place", ["translated", "end"])
def test_the_state_rebuilt_in_b_is_that_of_a_bit_for_bit(
    regions: tuple[Region, Region], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    a, b = regions
    before = a.committed("whole-")
    positions = a.ends("whole-") | (b.committed("whole-") if place == "translated" else {})
    a.commit("whole-", positions)
    b.commit("whole-", positions)
    try:
        here, there = (region.rebuilt("whole-", monkeypatch) for region in (a, b))
    finally:
        a.commit("whole-", before)
    assert len(here) > 50
    assert here.keys() == there.keys()
    assert here == there
