"""``forewarn doctor --remote``: every server and file of an installation, asked once without any effect."""

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kafka import KafkaAdminClient
from sqlalchemy import text

from alerting.db import Database, migrate
from alerting.db.database import require_file
from features.catalog import CATALOG
from forewarn.cli.gateway_trial import try_gateways
from forewarn.cli.redis_findings import redis_findings
from forewarn.cli.server_findings import latency_finding, skew_finding, timed
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
    WorkerSettings,
    load,
    load_alerting,
)
from models.policy import DEFAULT_POLICY
from models.policy.policy_file import PolicyFile
from models.registry import champion_scorer, open_registry
from models.serving.scorer import Scorer

KEYS_OF_A_PARTITION = 100
PATIENCE_SECONDS = 10.0
"""Longest wait for one answer of Kafka."""


def diagnose_installation() -> Iterator[MachineFinding]:
    """Look at one part after another; a part that cannot be asked is a finding and stops no other."""
    yield MachineFinding(
        "ok", "version", ", ".join(f"{what} {value}" for what, value in identity())
    )
    for what, look in (
        ("time zone data", _zones), ("Kafka", _kafka), ("Redis", redis_findings), ("database", _database),
        ("model", _model), ("routes and gateways", try_gateways),
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
        yield latency_finding("Kafka", timed(lambda: topics.states([])))
        differences = topics.check()
        for drift in differences:
            yield MachineFinding("missing", "topics", str(drift), drift.remedy)
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


def _database() -> Iterator[MachineFinding]:
    url = load_alerting().database_url
    require_file(url)
    db = Database(url)
    try:
        db.ping()  # the connection itself is not part of the latency
        yield latency_finding("database", timed(db.ping))
        yield from _contained("schema", lambda: _schema(db))
        if db.is_postgresql:
            before = system_clock()
            with db.read() as session:
                theirs = session.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
            yield skew_finding("the database", float(theirs or 0), before, system_clock())
    finally:
        db.dispose()


def _writable(db: Database) -> Iterator[MachineFinding]:
    db.require_writable()
    yield MachineFinding("ok", "writes of the database", "allowed")


def _schema(db: Database) -> Iterator[MachineFinding]:
    migrate.check(db)
    yield MachineFinding("ok", "schema", f"revision {migrate.head_revision()}")
    yield from _contained("writes of the database", lambda: _writable(db))


def _model() -> Iterator[MachineFinding]:
    registry = open_registry(load(ModelsSettings))
    version = registry.current_version("champion") if registry.pointer("champion") else ""
    scorer = champion_scorer(registry, CATALOG.fingerprint) if version else None
    if scorer is None:
        found = f"{version} is of another catalog" if version else "the registry has no champion"
        remedy = "Train one with `forewarn retrain`, or promote one with `forewarn models`"
        yield MachineFinding("missing", "model", found, remedy)
    else:
        yield MachineFinding("ok", "model", f"champion {scorer.version}")
    yield from _contained("policy", lambda: _policy(scorer))


def _policy(scorer: Scorer | None) -> Iterator[MachineFinding]:
    """The policy with the champion's features and thresholds, or with the catalog's features alone."""
    path = load(WorkerSettings).policy_file or DEFAULT_POLICY
    features, thresholds = (
        (scorer.features, scorer.thresholds) if scorer else (tuple(CATALOG.names), {})
    )
    policy = PolicyFile(path, features, thresholds).current()
    yield MachineFinding("ok", "policy", f"{path.name}, version {policy.version}")
