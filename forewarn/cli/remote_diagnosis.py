"""``forewarn doctor --remote``: every server and file of an installation, asked once without any effect."""

import asyncio
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kafka import KafkaAdminClient
from redis.exceptions import RedisError
from sqlalchemy import text

from alerting.db import Database, migrate
from alerting.db.database import require_file
from features.catalog import CATALOG
from features.store.redis_connections import connect
from forewarn.cli.gateway_trial import try_gateways
from forewarn.cli.version_option import identity
from forewarn.contracts.topics import SOURCES, qualified
from forewarn.errors import ForewarnError
from forewarn.local.diagnosis import MachineFinding
from forewarn.platform.clock import system_clock
from forewarn.platform.kafka import TopicAdministration, client_arguments, committed_offsets
from forewarn.platform.kafka.client_errors import explained
from forewarn.platform.kafka.key_partitioners import ADVICE, decide
from forewarn.platform.kafka.key_sample import sample_keys
from forewarn.platform.settings import (
    KafkaSettings,
    ModelsSettings,
    RedisSettings,
    WorkerSettings,
    load,
    load_alerting,
)
from models.policy import DEFAULT_POLICY
from models.policy.policy_file import PolicyFile
from models.registry import champion_scorer, open_registry

ASKED = 5
"""How often a server is asked for its latency; the median is shown."""
SLOW_MS = 20.0
"""A server of the same data centre answers within one; the pipeline asks Redis twice a batch."""
SKEW_MS_MAX = 5_000
KEYS_OF_A_PARTITION = 100
PATIENCE_SECONDS = 10.0
"""Longest wait for one answer of Kafka."""


def diagnose_installation() -> Iterator[MachineFinding]:
    """Look at one part after another; a part that cannot be asked is a finding and stops no other."""
    yield MachineFinding(
        "ok", "version", ", ".join(f"{what} {value}" for what, value in identity())
    )
    for what, look in (
        ("time zone data", _zones), ("Kafka", _kafka), ("Redis", _redis), ("database", _database),
        ("model and policy", _model), ("routes and gateways", try_gateways),
    ):  # fmt: skip
        yield from _contained(what, look)


def _contained(what: str, look: Callable[[], Iterator[MachineFinding]]) -> Iterator[MachineFinding]:
    try:
        yield from look()
    except ForewarnError as error:
        yield MachineFinding("missing", what, error.message, error.hint)


def _kafka() -> Iterator[MachineFinding]:
    """What Kafka says of its topics, rights and keys; where it does not answer, it is asked once only.

    Raises:
        DependencyUnavailableError: if the cluster does not answer.
    """
    with TopicAdministration(_kafka_settings()) as topics:
        topics.states([])
    for what, look in (
        ("topics", _topics), ("rights in Kafka", _rights), ("partitioners", _partitioners),
    ):  # fmt: skip
        yield from _contained(what, look)


def _kafka_settings() -> KafkaSettings:
    """Those of the installation, with little patience: a person waits for the answer."""
    settings = load(KafkaSettings)
    seconds = min(settings.request_timeout_seconds, PATIENCE_SECONDS)
    return settings.model_copy(update={"request_timeout_seconds": seconds})


def skew_finding(what: str, theirs_ms: float, before_ms: int, after_ms: int) -> MachineFinding:
    """Compare a server's clock with ours; ``theirs_ms`` was read between the two moments."""
    skew_ms = max(before_ms - theirs_ms, theirs_ms - after_ms, 0)
    found = f"{skew_ms / 1000:.1f} s from ours"
    if skew_ms <= SKEW_MS_MAX:
        return MachineFinding("ok", f"clock of {what}", found)
    remedy = "Let both machines follow a time server: deadlines and signatures go by these clocks"
    return MachineFinding("missing", f"clock of {what}", found, remedy)


def latency_finding(what: str, seconds: list[float], note: str = "") -> MachineFinding:
    """The median of some answers."""
    ms = median(seconds) * 1000
    found = f"answers in {ms:.1f} ms{note}"
    if ms <= SLOW_MS:
        return MachineFinding("ok", what, found)
    return MachineFinding(
        "note", what, found, "Put it into the same data centre, or look for load on it"
    )


def _timed(ask: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(ASKED):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return seconds


def _zones() -> Iterator[MachineFinding]:
    name = load_alerting().options.console.timezone
    try:
        ZoneInfo(name)
    except ZoneInfoNotFoundError:
        yield MachineFinding("missing", "time zone data", f"no {name}", "pip install tzdata")
    else:
        yield MachineFinding("ok", "time zone data", f"{name} is known")


def _topics() -> Iterator[MachineFinding]:
    settings = _kafka_settings()
    with TopicAdministration(settings) as topics:
        yield latency_finding("Kafka", _timed(lambda: topics.states([])))
        differences = topics.check()
        for drift in differences:
            yield MachineFinding("missing", "topics", str(drift), "Run `forewarn topics apply`")
        if not differences:
            partitions = topics.require_copartitioned()
            yield MachineFinding("ok", "topics", f"as wanted, {partitions} partitions")


def _rights() -> Iterator[MachineFinding]:
    """The sources are read below; here the offsets of the workers' group."""
    settings, group = _kafka_settings(), load(WorkerSettings).group
    with explained(settings):
        admin: Any = KafkaAdminClient(**client_arguments(settings))
        try:
            offsets = committed_offsets(
                admin, group, timeout_seconds=settings.request_timeout_seconds
            )
        finally:
            admin.close()
    if offsets:
        yield MachineFinding("ok", f"group {group}", f"{len(offsets)} partitions with offsets")
    else:
        remedy = "Expected before the first worker; otherwise see FOREWARN_WORKER_GROUP"
        yield MachineFinding("note", f"group {group}", "has committed nothing", remedy)


def _partitioners() -> Iterator[MachineFinding]:
    settings = _kafka_settings()
    for source in SOURCES:
        topic = qualified(source, settings)
        report = decide(*sample_keys(settings, topic, records=KEYS_OF_A_PARTITION))
        grade = "missing" if report.is_wrong else "ok" if report.placement == "java" else "note"
        found = f"{report.keys} keys looked at, placement {report.placement.replace('_', ' ')}"
        remedy = "" if grade == "ok" else ADVICE[report.placement]
        yield MachineFinding(grade, f"keys of {topic}", found, remedy)  # type: ignore[arg-type]  # a Grade


def _redis() -> Iterator[MachineFinding]:
    settings = load(RedisSettings)
    try:
        seconds, server, memory = asyncio.run(_ask_redis(settings))
    except (RedisError, OSError) as error:
        remedy = "Check FOREWARN_REDIS_URL, the user's rights, and that the server runs"
        place = settings.url.rpartition("@")[2]  # without a password
        found = f"{place} did not answer: {type(error).__name__}"
        yield MachineFinding("missing", "Redis", found, remedy)
        return
    version = server.get("redis_version", "of an unknown version")
    yield latency_finding("Redis", seconds, f", {version}")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        remedy = "Set maxmemory-policy noeviction: an evicted record is a person without a past"
        yield MachineFinding("missing", "Redis", f"evicts by {policy}", remedy)


async def _ask_redis(settings: RedisSettings) -> tuple[list[float], dict[str, str], dict[str, str]]:
    link = connect(
        settings.url,
        cluster=settings.cluster,
        timeout_seconds=max(settings.timeout_seconds, 2.0),
        username=settings.username,
        password=settings.password.get_secret_value(),
        ssl_ca_file=settings.ssl_ca_file,
        ssl_cert_file=settings.ssl_cert_file,
        ssl_key_file=settings.ssl_key_file,
    )
    try:
        seconds = []
        for _ in range(ASKED):
            began = time.perf_counter()
            await link.send([("PING",)])
            seconds.append(time.perf_counter() - began)
        answers = await link.send([("INFO", "server"), ("INFO", "memory")])
    finally:
        await link.close()
    server, memory = (_as_fields(answer) for answer in answers)
    return seconds, server, memory


def _as_fields(answer: Any) -> dict[str, str]:
    """What INFO says: the client parses it, or leaves it as text."""
    if isinstance(answer, dict):
        return {str(name): str(value) for name, value in answer.items()}
    lines = answer.decode() if isinstance(answer, bytes) else str(answer)
    return dict(line.split(":", 1) for line in lines.splitlines() if ":" in line)


def _database() -> Iterator[MachineFinding]:
    url = load_alerting().database_url
    require_file(url)
    db = Database(url)
    try:
        db.ping()  # the connection itself is not part of the latency
        yield latency_finding("database", _timed(db.ping))
        yield from _contained("schema", lambda: _schema(db))
        if db.is_postgresql:
            before = system_clock()
            with db.read() as session:
                theirs = session.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
            yield skew_finding("the database", float(theirs or 0), before, system_clock())
    finally:
        db.dispose()


def _schema(db: Database) -> Iterator[MachineFinding]:
    migrate.check(db)
    yield MachineFinding("ok", "schema", f"revision {migrate.head_revision()}")


def _model() -> Iterator[MachineFinding]:
    registry = open_registry(load(ModelsSettings))
    version = registry.current_version("champion") if registry.pointer("champion") else ""
    scorer = champion_scorer(registry, CATALOG.fingerprint) if version else None
    if scorer is None:
        found = f"{version} is of another catalog" if version else "the registry has no champion"
        remedy = "Train one with `forewarn retrain`, or promote one with `forewarn models`"
        yield MachineFinding("missing", "model", found, remedy)
        return
    yield MachineFinding("ok", "model", f"champion {scorer.version}")
    path = load(WorkerSettings).policy_file or DEFAULT_POLICY
    policy = PolicyFile(path, scorer.features, scorer.thresholds).current()
    yield MachineFinding("ok", "policy", f"{path.name}, version {policy.version}")
