"""The rights of the manifests, given to a real broker: each part does all of its work with its own.

The broker denies what no rule allows, as Strimzi sets it up (``authorization: simple``).
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from alerting.ingest.rejected_warnings import rejecter
from alerting.messaging.offset_reset import reset_offsets
from alerting.messaging.outbox_sender import Producer
from alerting.messaging.topic_reader import TopicReader
from benchmarks.decide_process import payment
from features.offline.export import Exporter
from features.offline.restore import group_positions
from forewarn.cli.lag_command import measure
from forewarn.contracts import Acceptance
from forewarn.contracts.topics import SOURCES, qualified
from forewarn.errors import ContractError
from forewarn.local import KafkaBroker
from forewarn.local.child_process import Child
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import TopicAdministration, aiokafka_arguments, client_arguments
from forewarn.platform.kafka.dead_letter_replay import DeadLetterReplay, DeadLetters
from forewarn.platform.settings import AlertingSettings, KafkaSettings, WorkerSettings
from streams.decisions.answer_memory import KeptAnswer
from streams.decisions.question_link import QuestionLink
from tests.deploy.manifests import rendered
from tests.servers import missing_server

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("kustomize")]

APP = Path(__file__).parents[1] / "streams" / "transport" / "journalling_app.py"
USERS = (
    "forewarn-worker",
    "forewarn-decide",
    "forewarn-alerting",
    "forewarn-jobs",
    "forewarn-toolbox",
)
PASSWORD = "the-same-for-all-users-of-this-test"
GROUP = WorkerSettings().group


def _rules() -> list[ACL]:
    """The rules of the KafkaUsers of an overlay."""
    kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
    patterns = {
        "literal": ACLResourcePatternType.LITERAL,
        "prefix": ACLResourcePatternType.PREFIXED,
    }
    rules = []
    for user in (r for r in rendered("production") if r["kind"] == "KafkaUser"):
        for acl in user["spec"]["authorization"]["acls"]:
            named = acl["resource"]
            pattern = patterns[named["patternType"]]
            resource = ResourcePattern(kinds[named["type"]], named["name"], pattern)
            for name in acl["operations"]:
                operation = {"AlterConfigs": "ALTER_CONFIGS", "DescribeConfigs": "DESCRIBE_CONFIGS"}
                rules.append(
                    ACL(
                        f"User:{user['metadata']['name']}", "*",
                        ACLOperation[operation.get(name, name.upper())],
                        ACLPermissionType.ALLOW, resource,
                    )
                )  # fmt: skip
    return rules


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    broker = KafkaBroker(
        tmp_path_factory.mktemp("guarded-kafka"),
        listeners={"SCRAM": "SASL_PLAINTEXT"},
        scram_users=dict.fromkeys(USERS, PASSWORD),
        properties={
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        },
    )
    try:
        broker.start()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no server
        missing_server(f"Kafka could not be started: {error}")
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    assert not admin.create_acls(_rules())["failed"]
    admin.close()
    yield broker
    broker.stop()


@pytest.fixture
def as_user(guarded: KafkaBroker) -> Callable[[str], KafkaSettings]:
    """Settings of a workload, by its user."""

    def settings(user: str) -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=guarded.address("SCRAM"),
            security_protocol="SASL_PLAINTEXT",
            sasl_username=user,
            sasl_password=PASSWORD,
            partitions=2,
            replication_factor=1,
            request_timeout_seconds=15,
        )

    jobs = settings("forewarn-jobs")
    with TopicAdministration(jobs) as topics:
        topics.apply()
        assert topics.check() == []
    return settings


def _send(settings: KafkaSettings, topic: str, value: bytes) -> None:
    producer = KafkaProducer(**client_arguments(settings), acks="all", enable_idempotence=True)
    try:
        producer.send(topic, value, key=b"k").get(timeout=30)
    finally:
        producer.close()


async def test_a_worker_starts_consumes_commits_and_writes(
    as_user: Callable[[str], KafkaSettings], guarded: KafkaBroker, tmp_path: Path
) -> None:
    mine = as_user("forewarn-worker")
    with TopicAdministration(mine) as topics:
        assert topics.require_copartitioned() == 2
    for source in SOURCES:
        await asyncio.to_thread(
            _send, KafkaSettings(bootstrap_servers=guarded.bootstrap_servers), source, b"event"
        )
    handled = tmp_path / "handled.jsonl"
    arguments = {
        "group": GROUP, "topics": [*SOURCES], "file": str(handled), "delay_seconds": 0,
        "log_level": "info",
    }  # fmt: skip
    worker = Child(
        "worker",
        [sys.executable, APP, json.dumps(arguments)],
        log_file=tmp_path / "worker.log",
        environment={
            "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": mine.bootstrap_servers,
            "FOREWARN_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "FOREWARN_KAFKA_SASL_USERNAME": mine.sasl_username,
            "FOREWARN_KAFKA_SASL_PASSWORD": PASSWORD,
        },
    )
    await asyncio.to_thread(worker.start)
    deadline = time.monotonic() + 60
    while not (handled.exists() and handled.read_text().count("event") == len(SOURCES)):
        assert time.monotonic() < deadline, worker.tail(40)
        await asyncio.sleep(0.1)
    assert await asyncio.to_thread(worker.stop) == 0
    lags = await asyncio.to_thread(measure, mine, GROUP, [*SOURCES], now_ms=0)
    assert sum(entry.records for entry in lags) == 0

    async with AIOKafkaProducer(**aiokafka_arguments(mine), enable_idempotence=True) as producer:
        for topic in ("warnings", "scores", "dead-letters"):
            await producer.send_and_wait(topic, b"x")
        with pytest.raises(Exception, match=r"(?i)authoriz"):
            await producer.send_and_wait("calls", b"x")
    async with AIOKafkaConsumer(**aiokafka_arguments(mine), group_id=None) as lists:
        lists.assign([TopicPartition("lists", 0)])
        assert await lists.end_offsets([TopicPartition("lists", 0)])


async def test_the_decision_service_asks_and_tells_its_replicas_what_redis_did_not_take(
    as_user: Callable[[str], KafkaSettings],
) -> None:
    mine = as_user("forewarn-decide")
    link = QuestionLink(
        aiokafka_arguments(mine),
        transfers=qualified("transfers", mine),
        answers=qualified("answers", mine),
        unkept=qualified("unkept-answers", mine),
        partition=None,
    )
    learned: asyncio.Queue[tuple[bytes, KeptAnswer]] = asyncio.Queue()
    await link.start(lambda *_: None, lambda *found: learned.put_nowait(found))
    shared = b"0" * 32, KeptAnswer(b"1" * 16, b'{"decision": "hold"}')
    await link.send(payment(1))
    await link.share(*shared)
    async with asyncio.timeout(60):
        assert await learned.get() == shared
    await link.stop()
    # One that starts now learns it, too.
    await link.start(lambda *_: None, lambda *found: learned.put_nowait(found))
    assert learned.get_nowait() == shared
    await link.stop()


def test_the_alerting_service_reads_writes_and_files_what_it_cannot_read(
    as_user: Callable[[str], KafkaSettings], guarded: KafkaBroker
) -> None:
    mine = as_user("forewarn-alerting")
    _send(KafkaSettings(bootstrap_servers=guarded.bootstrap_servers), "warnings", b"no warning")
    producer = Producer(mine)
    filed: list[Any] = []

    def handle(records: list[Any]) -> None:
        reject = rejecter(producer, lambda: 1)
        for record in records:
            reject(record, ContractError("not JSON", reason="not_json"))
        filed.extend(records)

    group = AlertingSettings().consumer_group
    stop = threading.Event()
    warnings = TopicReader(mine, [qualified("warnings", mine)], group, handle)
    index = TopicReader(mine, ["calls", "transfers"], f"{group}-index", lambda records: None)
    wait_until(lambda: warnings.turn(stop) == 0.0 and bool(filed), 60, what="the warning")
    index.turn(stop)
    producer.send([("outcomes", b"k", b"x"), ("lists", b"k", b"x")])
    warnings.close()
    index.close()
    producer.close()
    assert group_positions(client_arguments(mine), group=f"{group}-index", topic_prefix="")


def test_jobs_export_what_is_trained_on(
    as_user: Callable[[str], KafkaSettings], tmp_path: Path
) -> None:
    mine = as_user("forewarn-jobs")
    exporter = Exporter(
        client_arguments(mine),
        topic_prefix="",
        directory=tmp_path / "export",
        acceptance=Acceptance(future_ms=60_000),
    )
    exporter.settle([*SOURCES], since_ms=None, until_ms=None)
    exporter.close()


def test_the_toolbox_looks_at_groups_and_replays_dead_letters(
    as_user: Callable[[str], KafkaSettings],
) -> None:
    mine = as_user("forewarn-toolbox")
    with TopicAdministration(mine) as topics:
        assert topics.check() == []
    measure(mine, GROUP, [*SOURCES], now_ms=0)
    group_positions(client_arguments(mine), group=GROUP, topic_prefix="")
    with DeadLetters(mine) as dead:
        producer = KafkaProducer(**client_arguments(mine), acks="all")
        DeadLetterReplay(producer, mine, mark=True, now_ms=lambda: 1).run(dead.read())
        producer.close()
    for topic in (*SOURCES, "warnings"):
        _send(mine, topic, b"again")
    # After a restore of the database: warnings since the backup are read again.
    assert reset_offsets(mine, {AlertingSettings().consumer_group: ["warnings"]}, since_ms=0) == 2


@pytest.mark.parametrize("user", ["forewarn-worker", "forewarn-jobs"])
def test_only_the_alerting_service_commits_for_its_group(
    as_user: Callable[[str], KafkaSettings], user: str
) -> None:
    """Its name begins with that of the workers' group, which a rule by prefix would cover."""
    consumer = KafkaConsumer(
        "calls",
        **client_arguments(as_user(user)),
        group_id=AlertingSettings().consumer_group,
        enable_auto_commit=False,
    )
    try:
        with pytest.raises((GroupAuthorizationFailedError, TopicAuthorizationFailedError)):
            wait_until(lambda: bool(consumer.poll(timeout_ms=200)), 30, what="a refusal")
    finally:
        consumer.close()
