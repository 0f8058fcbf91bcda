"""TLS, SASL and ACL against real servers with generated certificates, set up as in production:
by settings from the environment, with passwords in files of the secrets directory.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaTopicPartition
from kafka.admin import NewTopic
from redis.exceptions import NoPermissionError

from benchmarks.world import World
from features.store.state_store import Write
from features.store.store_factory import redis_state_store
from forewarn.cli.lag_command import measure
from forewarn.contracts import CallStarted, encode
from forewarn.contracts.score_block import decode_scores
from forewarn.errors import ConfigurationError, DependencyUnavailableError, ForewarnError
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.child_process import Child
from forewarn.local.ports import free_port
from forewarn.platform.kafka import TopicAdministration, aiokafka_arguments, client_arguments
from forewarn.platform.settings import KafkaSettings, RedisSettings, load
from tests.system.certificates import Authority, Pair

pytestmark = pytest.mark.system
APP = Path(__file__).parents[1] / "streams" / "transport" / "journalling_app.py"
KAFKA_PASSWORD = "scram-secret-of-this-test"
REDIS_PASSWORD = "acl-secret-of-this-test"


@dataclass
class Keys:
    """Whom the servers trust, a client that they know, and an authority that no server trusts."""

    authority: Authority
    server: Pair
    client: Pair
    stranger: Authority


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    directory = tmp_path_factory.mktemp("keys")
    authority = Authority(directory, "authority")
    return Keys(
        authority,
        authority.issue("server"),
        authority.issue("worker"),
        Authority(directory, "stranger"),
    )


@pytest.fixture(scope="module")
def secure_kafka(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    broker = KafkaBroker(
        tmp_path_factory.mktemp("secure-kafka"),
        listeners={"SCRAM": "SASL_SSL", "MUTUAL": "SSL"},
        scram_users={"worker": KAFKA_PASSWORD},
        properties={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keys.server.both),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(keys.authority.file),
            "listener.name.mutual.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        },
    )
    broker.start()
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    admin.create_topics([NewTopic("calls", 2, 1)])
    admin.close()
    yield broker
    broker.stop()


@pytest.fixture
def scram(
    secure_kafka: KafkaBroker, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of a worker that logs in by SCRAM over TLS; the password is in a file."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "forewarn_kafka_sasl_password").write_text(KAFKA_PASSWORD)
    environment = {
        "FOREWARN_SECRETS_DIR": str(secrets),
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": secure_kafka.address("SCRAM"),
        "FOREWARN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "FOREWARN_KAFKA_SSL_CA_FILE": str(keys.authority.file),
        "FOREWARN_KAFKA_SASL_USERNAME": "worker",
        "FOREWARN_KAFKA_REQUEST_TIMEOUT_SECONDS": "5",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


async def send_one(settings: KafkaSettings, value: bytes) -> None:
    async with AIOKafkaProducer(**aiokafka_arguments(settings)) as producer:
        await producer.send_and_wait("calls", value)


async def test_every_client_logs_in_by_scram_over_tls_and_logs_no_secret(scram, tmp_path):
    """aiokafka produces, the chunked worker consumes, kafka-python administers; logs at DEBUG."""
    settings = load(KafkaSettings)
    await send_one(settings, b"over TLS")
    arguments = {
        "group": "secure",
        "topics": ["calls"],
        "file": str(tmp_path / "handled.jsonl"),
        "delay_seconds": 0,
        "log_level": "debug",
    }
    worker = Child(
        "worker",
        [sys.executable, APP, json.dumps(arguments)],
        log_file=tmp_path / "worker.log",
        environment=scram,
    )
    await asyncio.to_thread(worker.start)
    handled = tmp_path / "handled.jsonl"
    deadline = time.monotonic() + 40
    while not (handled.exists() and "over TLS" in handled.read_text()):
        assert time.monotonic() < deadline, worker.tail(40)
        await asyncio.sleep(0.1)
    assert await asyncio.to_thread(worker.stop) == 0
    assert KAFKA_PASSWORD not in (tmp_path / "worker.log").read_text()
    assert KAFKA_PASSWORD not in repr(settings)
    lags = await asyncio.to_thread(measure, settings, "secure", ["calls"], now_ms=0)
    assert sum(entry.records for entry in lags) == 0


async def test_a_wrong_password_is_refused_and_not_shown(scram, tmp_path):
    (tmp_path / "secrets" / "forewarn_kafka_sasl_password").write_text("wrong-" + KAFKA_PASSWORD)
    settings = load(KafkaSettings)
    with pytest.raises(Exception, match=r"(?i)authenti|sasl|bootstrap") as refused:
        await send_one(settings, b"x")
    assert KAFKA_PASSWORD not in str(refused.value)
    with pytest.raises(DependencyUnavailableError) as unavailable, TopicAdministration(settings):
        pass
    assert KAFKA_PASSWORD not in str(unavailable.value)


async def test_a_broker_of_another_authority_is_not_trusted(scram, keys, monkeypatch):
    monkeypatch.setenv("FOREWARN_KAFKA_SSL_CA_FILE", str(keys.stranger.file))
    with pytest.raises(Exception, match=r"(?i)bootstrap|certificate"):
        await send_one(load(KafkaSettings), b"x")


async def test_a_client_certificate_logs_in_and_none_does_not(secure_kafka, keys):
    settings = KafkaSettings(
        bootstrap_servers=secure_kafka.address("MUTUAL"),
        security_protocol="SSL",
        ssl_ca_file=keys.authority.file,
        ssl_cert_file=keys.client.certificate,
        ssl_key_file=keys.client.key,
        request_timeout_seconds=5,
    )
    await send_one(settings, b"by certificate")
    without = settings.model_copy(update={"ssl_cert_file": None, "ssl_key_file": None})
    with pytest.raises(Exception, match=r"(?i)bootstrap|certificate"):
        await send_one(without, b"x")


@pytest.fixture(scope="module")
def secure_redis(
    keys: Keys, tmp_path_factory: pytest.TempPathFactory, require
) -> Iterator[RedisServer]:
    binary = Path("/usr/bin/redis-server")
    require(binary.exists(), "a redis-server built with TLS (Debian package redis-server)")
    port = free_port()
    server = RedisServer(
        tmp_path_factory.mktemp("secure-redis"),
        port=port,
        binary=binary,
        config={
            "port": "0",
            "tls-port": str(port),
            "tls-cert-file": str(keys.server.certificate),
            "tls-key-file": str(keys.server.key),
            "tls-ca-cert-file": str(keys.authority.file),
            "tls-auth-clients": "no",
            "user": [
                "default off",
                # All that a worker may do: its own keys, and the commands of the state store.
                f"worker on >{REDIS_PASSWORD} ~fw:* +@read +@write +@scripting -@dangerous +ping +info",
            ],
        },
        client_arguments={
            "connection_class": redis.SSLConnection,
            "ssl_ca_certs": str(keys.authority.file),
            "username": "worker",
            "password": REDIS_PASSWORD,
        },
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_settings(
    secure_redis: RedisServer, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RedisSettings:
    (tmp_path / "forewarn_redis_password").write_text(REDIS_PASSWORD)
    monkeypatch.setenv("FOREWARN_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("FOREWARN_REDIS_URL", f"rediss://127.0.0.1:{secure_redis.port}/0")
    monkeypatch.setenv("FOREWARN_REDIS_USERNAME", "worker")
    monkeypatch.setenv("FOREWARN_REDIS_SSL_CA_FILE", str(keys.authority.file))
    monkeypatch.setenv("FOREWARN_REDIS_RETRY_SECONDS", "0.5")
    return load(RedisSettings)


async def fault_of_opening(settings: RedisSettings) -> ForewarnError:
    store = redis_state_store(settings)
    try:
        with pytest.raises(ForewarnError) as refused:
            await store.open(create=True)
    finally:
        await store.close()
    assert REDIS_PASSWORD not in str(refused.value)
    return refused.value


async def test_the_state_store_works_as_an_acl_user_over_tls(redis_settings):
    store = redis_state_store(redis_settings)
    await store.open(create=True)
    key, value = b"fw:{00}:s:1", bytes(4) + (1).to_bytes(4, "little") + bytes(6)
    epochs = await store.take_over([0])
    assert await store.commit([Write(key, 0, value, 60_000)], epochs=epochs) == []
    assert await store.load([key, b"fw:{00}:s:2"]) == [value, None]
    await store.ping()
    await store.close()
    assert REDIS_PASSWORD not in repr(redis_settings)


async def test_the_acl_user_may_not_leave_its_keys_or_harm_the_server(redis_settings, secure_redis):
    store = redis_state_store(redis_settings.model_copy(update={"key_prefix": "other"}))
    with pytest.raises(ConfigurationError, match="ACL"):
        await store.open(create=True)
    await store.close()
    with secure_redis.client() as client, pytest.raises(NoPermissionError):
        client.flushall()


async def test_a_wrong_password_or_authority_is_refused_and_no_password_shown(redis_settings, keys):
    wrong = redis_settings.model_copy(
        update={"password": type(redis_settings.password)("wrong-" + REDIS_PASSWORD)}
    )
    assert isinstance(await fault_of_opening(wrong), ConfigurationError)
    untrusted = redis_settings.model_copy(update={"ssl_ca_file": keys.stranger.file})
    await fault_of_opening(untrusted)


async def test_a_worker_warns_over_links_that_are_all_secured(
    scram, redis_settings, secure_redis, keys, tmp_path, monkeypatch
):
    """The whole worker as an ordinary user of both: SCRAM over TLS, and an ACL user over TLS."""
    secrets = tmp_path / "secrets"
    monkeypatch.setenv("FOREWARN_SECRETS_DIR", str(secrets))
    (secrets / "forewarn_redis_password").write_text(REDIS_PASSWORD)
    world = World(
        tmp_path,
        bootstrap_servers=scram["FOREWARN_KAFKA_BOOTSTRAP_SERVERS"],
        redis_url=f"rediss://127.0.0.1:{secure_redis.port}/0",
        partitions=2,
        settings=scram
        | {
            "FOREWARN_KAFKA_TOPIC_PREFIX": "secured-",
            "FOREWARN_REDIS_USERNAME": "worker",
            "FOREWARN_REDIS_SSL_CA_FILE": str(keys.authority.file),
            "FOREWARN_LOG_LEVEL": "DEBUG",
        },
    )
    settings = load(KafkaSettings).model_copy(
        update={"topic_prefix": "secured-", "partitions": 2, "replication_factor": 1}
    )
    with TopicAdministration(settings) as topics:
        topics.apply()
    worker = world.worker("worker")
    await asyncio.to_thread(worker.start)
    try:
        async with AIOKafkaProducer(**aiokafka_arguments(settings)) as producer:
            await producer.send_and_wait(
                "secured-calls", encode(CALL), key=CALL.subscriber.encode()
            )
        score = await asyncio.to_thread(_first, settings, "secured-scores", worker)
        assert [one.event_id for one in decode_scores(score)] == [CALL.event_id]
    finally:
        status = await asyncio.to_thread(worker.stop, 40)
    assert status == 0, worker.tail(30)
    log = (tmp_path / "worker.log").read_text()
    assert KAFKA_PASSWORD not in log
    assert REDIS_PASSWORD not in log
    assert CALL.subscriber not in log


CALL = CallStarted(
    event_id="over-tls",
    event_time_ms=time.time_ns() // 1_000_000,
    subscriber="+8613800000001",
    call_id="c1",
    direction="inbound",
    caller="+8613900000002",
    callee="+8613800000001",
)


def _first(settings: KafkaSettings, topic: str, worker: Child) -> bytes:
    """The value of the first record of a topic; fails with the worker's log if none comes."""
    consumer = KafkaConsumer(**client_arguments(settings), auto_offset_reset="earliest")
    consumer.assign([KafkaTopicPartition(topic, number) for number in range(2)])
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=500).values():
                return bytes(records[0].value)
        pytest.fail(worker.tail(40))
    finally:
        consumer.close()
