"""After a restore, records of the time since the backup are read again, on a real Kafka."""

import threading

import pytest

from alerting.links.reader import Record, TopicReader
from alerting.links.rereading import reread
from forewarn.errors import ConfigurationError
from forewarn.kafka.administration import TopicAdministration
from forewarn.local import KafkaBroker
from forewarn.local.waiting import wait_until
from forewarn.settings import KafkaSettings
from forewarn.topics import qualified
from tests.alerting.links.test_kafka import consume, produce

pytestmark = pytest.mark.system


@pytest.fixture
def link(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        topic_prefix=topic_prefix,
        partitions=2,
        replication_factor=1,
    )
    with TopicAdministration(settings) as topics:
        topics.apply()
    return settings


def reading(link: KafkaSettings, group: str, seen: list[Record]) -> TopicReader:
    return TopicReader(link, [qualified("warnings", link)], group, seen.extend)


def test_a_group_goes_on_at_a_time_once_nobody_reads_in_it(link: KafkaSettings) -> None:
    group, stop = f"{link.topic_prefix}group", threading.Event()
    produce(link, "warnings", b"before the backup")
    [first] = consume(link, "warnings", 1)
    later, count = first.timestamp, 1
    while later == first.timestamp:  # the broker's clock has milliseconds, which two may share
        produce(link, "warnings", b"after the backup")
        count += 1
        later = consume(link, "warnings", count)[-1].timestamp
    seen: list[Record] = []
    reader = reading(link, group, seen)
    wait_until(lambda: reader.turn(stop) == 0.0 and len(seen) == count, 60, what="all records")

    with pytest.raises(ConfigurationError, match="Stop the service"):
        reread(link, {group: ["warnings"]}, since_ms=later)
    reader.close()
    assert reread(link, {group: ["warnings"]}, since_ms=later) == 2

    again: list[Record] = []
    reader = reading(link, group, again)
    wait_until(lambda: reader.turn(stop) == 0.0 and bool(again), 60, what="the later records")
    reader.close()
    assert [record.value for record in again] == [b"after the backup"]
