"""After a restore, records of the time since the backup are read again, on a real Kafka."""

import threading

import pytest

from alerting.messaging.offset_reset import reset_offsets
from alerting.messaging.topic_reader import TopicReader, TopicRecord
from forewarn.contracts.topics import qualified
from forewarn.errors import ConfigurationError
from forewarn.local import KafkaBroker
from forewarn.local.wait import wait_until
from forewarn.platform.settings import KafkaSettings
from tests.alerting.messaging.test_kafka import consume, produce
from tests.created_topics import with_topics

pytestmark = pytest.mark.system


@pytest.fixture
def link(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    return with_topics(kafka, topic_prefix, 2)


def reading(link: KafkaSettings, group: str, seen: list[TopicRecord]) -> TopicReader:
    return TopicReader(link, [qualified("warnings", link)], group, seen.extend)


def test_offsets_of_a_group_without_members_are_reset_to_a_time(link: KafkaSettings) -> None:
    group, stop = f"{link.topic_prefix}group", threading.Event()
    produce(link, "warnings", b"before the backup")
    [first] = consume(link, "warnings", 1)
    later, count = first.timestamp, 1
    while later == first.timestamp:  # the broker's clock has milliseconds, which two may share
        produce(link, "warnings", b"after the backup")
        count += 1
        later = consume(link, "warnings", count)[-1].timestamp
    seen: list[TopicRecord] = []
    reader = reading(link, group, seen)
    wait_until(lambda: reader.turn(stop) == 0.0 and len(seen) == count, 60, what="all records")

    with pytest.raises(ConfigurationError, match="Stop the service"):
        reset_offsets(link, {group: ["warnings"]}, since_ms=later)
    reader.close()
    assert reset_offsets(link, {group: ["warnings"]}, since_ms=later) == 2

    again: list[TopicRecord] = []
    reader = reading(link, group, again)
    wait_until(lambda: reader.turn(stop) == 0.0 and bool(again), 60, what="the later records")
    reader.close()
    assert [record.value for record in again] == [b"after the backup"]
