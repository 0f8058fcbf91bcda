"""Warnings come from a real Kafka and outcomes go back to it, each once in effect."""

import threading
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError
from sqlalchemy import func, select
from structlog.testing import capture_logs

from alerting.access import Principal
from alerting.bootstrap.background_tasks import kafka_tasks
from alerting.bootstrap.current_services import CurrentServices
from alerting.cases.closure_service import Closure
from alerting.db import Database
from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import Activity
from alerting.db.journal_tables import OutboxMessage
from alerting.messaging import outbox_sender
from alerting.messaging.background_task import BackgroundTask
from alerting.messaging.outbox_sender import (
    LEASE_SECONDS,
    REFUSED_PAUSE_SECONDS,
    OutboxSender,
    Producer,
)
from alerting.web.service_container import Services
from forewarn.contracts.call import CallEnded
from forewarn.contracts.event_codec import decode_outcome, encode
from forewarn.contracts.topics import qualified
from forewarn.errors import DependencyUnavailableError
from forewarn.local import KafkaBroker
from forewarn.local.wait import wait_until
from forewarn.platform.settings import AlertingSettings, KafkaSettings
from tests.alerting.factory import CALLER, NOW_MS, VICTIM, Clock, warning
from tests.created_topics import with_topics
from tests.topic_configs import set_topic_config

pytestmark = pytest.mark.system


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """What differs between the databases is tested elsewhere."""
    path = tmp_path / "alerting.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def link(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    return with_topics(kafka, topic_prefix, 2)


def count(db: Database, table: type) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def produce(link: KafkaSettings, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=link.bootstrap_servers)
    for value in values:
        producer.send(qualified(topic, link), key=VICTIM.encode(), value=value)
    producer.flush()
    producer.close()


def consume(link: KafkaSettings, topic: str, expected: int) -> list:
    consumer = KafkaConsumer(
        qualified(topic, link),
        bootstrap_servers=link.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=20_000,
    )
    found = []
    for record in consumer:
        found.append(record)
        if len(found) == expected:
            break
    consumer.close()
    return found


def test_warnings_in_outcomes_out_and_bad_bytes_to_the_dead_letters(
    services: Services, settings: AlertingSettings, link: KafkaSettings, boss: Principal
) -> None:
    produce(link, "warnings", encode(warning()), b"not a warning", encode(warning()))
    ended = CallEnded(
        event_id="e-1", event_time_ms=NOW_MS, subscriber=VICTIM, call_id="k-1",
        direction="inbound", caller=CALLER, callee=VICTIM, started_at_ms=NOW_MS, duration_ms=1,
        answered=True,
    )  # fmt: skip
    produce(link, "calls", encode(ended))
    loops = kafka_tasks(CurrentServices(settings, lambda _settings: services), link)
    for loop in loops:
        loop.start()
    try:
        wait_until(lambda: count(services.db, Warning_) == 1, 60, what="the warning")
        wait_until(lambda: count(services.db, Activity) == 1, 60, what="the call")
        with services.db.read() as session:
            case_id = session.scalars(select(Case.case_id)).one()
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        services.closures.close(case_id, boss, Closure("dissuaded"))
        [record] = consume(link, "outcomes", 1)
        [letter] = consume(link, "dead-letters", 1)
    finally:
        for loop in loops:
            loop.stop()
    assert record.key == VICTIM.encode()
    assert decode_outcome(record.value).prevented_minor == 5_000_000
    assert b'"reason":"not_json"' in letter.value
    assert [loop.fault for loop in loops] == [None] * 3


def test_a_message_waits_in_the_outbox_while_kafka_is_away(
    services: Services, clock: Clock, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    with services.db.read() as session:
        case_id = session.scalars(select(Case.case_id)).one()
    services.case_service.claim(case_id, boss)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.closures.close(case_id, boss, Closure("dissuaded"))
    away = KafkaSettings(
        bootstrap_servers="127.0.0.1:1", replication_factor=1, request_timeout_seconds=1
    )
    sender = OutboxSender(services.db, Producer(away), clock, owner="one")
    with pytest.raises(DependencyUnavailableError):
        sender.turn(threading.Event())
    with services.db.read() as session:
        assert session.scalars(select(OutboxMessage.sent_at_ms)).one() is None


def test_two_senders_send_each_message_once_and_in_order(
    services: Services, link: KafkaSettings, clock: Clock, boss: Principal
) -> None:
    for number in range(30):
        person = f"+86138{number:08}"
        services.ingestor.ingest([warning(f"w-{number}", subscriber=person)], "test")
    with services.db.read() as session:
        ids = list(session.scalars(select(Case.case_id).order_by(Case.case_id)))
    for case_id in ids:
        services.case_service.claim(case_id, boss)
        services.closures.close(case_id, boss, Closure("false_alarm"))
    loops = [
        BackgroundTask(name, OutboxSender(services.db, Producer(link), clock, owner=name).turn)
        for name in ("one", "two")
    ]
    for loop in loops:
        loop.start()
    try:
        found = consume(link, "outcomes", 30)
        wait_until(lambda: waiting(services.db) == 0, 20, what="the outbox to empty")
    finally:
        for loop in loops:
            loop.stop()
    assert sorted(decode_outcome(record.value).case_id for record in found) == ids


def test_a_message_that_kafka_refuses_is_named_and_the_others_go_on(
    services: Services, link: KafkaSettings, clock: Clock
) -> None:
    """The broker refuses one for its size; after that the old producer could send nothing to any topic."""
    limit = "max.message.bytes"
    set_topic_config(link, qualified("outcomes", link), limit, "1000")
    with services.db.write() as session:
        for value in (b"before", b"x" * 5000, b"after", b"last"):
            session.add(
                OutboxMessage(
                    topic="outcomes", key=VICTIM.encode(), value=value, created_at_ms=NOW_MS
                )
            )
    sender = OutboxSender(services.db, Producer(link), clock, owner="one")
    with capture_logs() as logs:
        send_all(sender)
    # The first may come twice: it went with the refused one, and then alone.
    arrived = dict.fromkeys(record.value for record in consume(link, "outcomes", 4))
    assert list(arrived) == [b"before", b"after", b"last"]
    [named] = [entry for entry in logs if entry["event"] == "message_refused"]
    assert (named["message_no"], named["topic"], named["bytes"]) == (2, "outcomes", 5000)
    assert waiting(services.db) == 1

    set_topic_config(link, qualified("outcomes", link), limit, "100000")
    send_all(sender)
    assert waiting(services.db) == 1, "it is tried again after its pause only"
    clock.now_ms += int(REFUSED_PAUSE_SECONDS * 1000) + 1
    send_all(sender)
    assert waiting(services.db) == 0
    sender.close()


def test_a_missing_topic_blocks_the_sender_for_less_than_its_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Longer, and a second replica sends the same messages meanwhile."""
    arguments: dict[str, object] = {}

    class Refusing:
        def __init__(self, **given: object) -> None:
            arguments.update(given)

        def send(self, *_: object, **__: object) -> None:
            raise KafkaTimeoutError("no metadata")

        def close(self, timeout: float) -> None:
            pass

    monkeypatch.setattr(outbox_sender, "KafkaProducer", Refusing)
    slow = KafkaSettings(request_timeout_seconds=60)
    with pytest.raises(DependencyUnavailableError):
        Producer(slow).send([("outcomes", b"k", b"v")])
    total_ms = int(str(arguments["bootstrap_timeout_ms"])) + 2 * int(str(arguments["max_block_ms"]))
    assert total_ms < LEASE_SECONDS * 1000


def send_all(sender: OutboxSender) -> None:
    while sender.turn(threading.Event()) == 0:
        pass


def waiting(db: Database) -> int:
    with db.read() as session:
        unsent = select(func.count()).where(OutboxMessage.sent_at_ms.is_(None))
        return session.scalar(unsent) or 0
