"""Dead letters go back through a real broker, also when it refuses one of them."""

import base64

import msgspec
import pytest
from kafka import KafkaConsumer

from forewarn.cli.dead_letters_command import _send
from forewarn.contracts import DeadLetter
from forewarn.contracts.topics import qualified
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka.dead_letter_replay import Filed
from tests.created_topics import with_topics
from tests.topic_configs import set_topic_config

pytestmark = pytest.mark.system


def _letter(topic: str, value: bytes) -> DeadLetter:
    return DeadLetter(
        reason="not_json",
        detail="",
        topic=topic,
        partition=0,
        offset=1,
        appended_at_ms=1,
        rejected_at_ms=1,
        key=base64.b64encode(b"+8613800000001").decode(),
        value=base64.b64encode(value).decode(),
    )


def test_a_refused_letter_is_named_and_what_went_before_it_is_marked(kafka, topic_prefix):
    """An idempotent producer could not even send the mark: after one refusal it is dead for every topic."""
    settings = with_topics(kafka, topic_prefix, 2)
    calls = qualified("calls", settings)
    set_topic_config(settings, calls, "max.message.bytes", "1000")
    letters = [Filed(10, _letter(calls, b"small")), Filed(11, _letter(calls, b"x" * 5000))]
    with pytest.raises(DependencyUnavailableError, match=r"dead letter 11 .*MessageSizeTooLarge"):
        _send(iter(letters), settings, mark=True)
    consumer = KafkaConsumer(
        qualified("dead-letters", settings),
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )
    mark = msgspec.json.decode(next(consumer).value, type=DeadLetter)
    consumer.close()
    assert (mark.reason, mark.offset) == ("replayed", 11)
