"""A standby that is promoted in the middle of a batch: the service goes on, nothing is lost or doubled."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from sqlalchemy import func, select

from alerting.bootstrap.service_layer import build_services
from alerting.cases.history.audit_log import verify
from alerting.db import Database, migrate
from alerting.db.case_tables import CaseEvent, Warning_
from alerting.db.dispatch_tables import Timer
from alerting.db.ledger_tables import LedgerEntry
from alerting.messaging.background_task import BackgroundTask
from alerting.messaging.topic_reader import TopicReader
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import encode
from forewarn.errors import DependencyUnavailableError
from forewarn.local import KafkaBroker
from forewarn.local.wait import wait_until
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings, KafkaSettings
from tests.alerting.factory import Clock, warning
from tests.created_topics import with_topics
from tests.doubles.postgres_server import PostgresServer

BATCH, WARNINGS = 20, 100


@pytest.fixture
def primary(tmp_path: Path, postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A primary of this test alone; skipped where ``postgres`` is."""
    (tmp_path / "one").mkdir()
    server = PostgresServer(tmp_path / "one", durable=True).start()
    yield server
    server.stop()


@pytest.fixture
def standby(primary: PostgresServer, tmp_path: Path) -> Iterator[PostgresServer]:
    """It has everything that the primary said it has committed."""
    (tmp_path / "two").mkdir()
    server = primary.follower(tmp_path / "two")
    yield server
    server.stop()


@pytest.fixture
def db(primary: PostgresServer, standby: PostgresServer) -> Iterator[Database]:
    """Both servers in one URL; the standby is asked first, and refused as long as it is one."""
    hosts = [f"host=127.0.0.1:{server.port}" for server in (standby, primary)]
    database = Database(f"postgresql://forewarn@/postgres?{'&'.join(hosts)}")
    migrate.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture
def services(db: Database, clock: Clock, pseudonymiser: Pseudonymiser) -> Services:
    return build_services(AlertingSettings(database_url=db.url), db, clock, pseudonymiser)


@pytest.fixture
def link(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    """A topic of warnings with a hundred of them, each of another person."""
    link = with_topics(kafka, topic_prefix, 1)
    producer = KafkaProducer(bootstrap_servers=link.bootstrap_servers)
    for number in range(WARNINGS):
        one = warning(f"w-{number}", subscriber=f"+86138{number:08}", offset=number)
        producer.send(f"{topic_prefix}warnings", encode(one), key=one.subscriber.encode())
    producer.close()
    return link


@pytest.mark.parametrize("moment", ["before the commit", "when its answer is lost"])
def test_the_service_goes_on_with_the_standby_that_is_promoted_during_a_batch(
    moment: str,
    primary: PostgresServer,
    standby: PostgresServer,
    services: Services,
    link: KafkaSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = "apply" if moment == "before the commit" else "ingest"
    real, calls = getattr(services.ingestor, step), count(1)

    def fail_over_in_the_third_batch(*given: Any, **options: Any) -> Any:
        result = real(*given, **options)
        if next(calls) == 3:
            primary.kill()
            standby.promote()
            if step == "ingest":
                raise DependencyUnavailableError("the answer is lost", hint="")
        return result

    monkeypatch.setattr(services.ingestor, step, fail_over_in_the_third_batch)
    reader = TopicReader(
        link,
        [f"{link.topic_prefix}warnings"],
        f"{link.topic_prefix}alerting",
        lambda records: services.ingestor.handle(records, fail),
        batch_records=BATCH,
    )
    task = BackgroundTask("warnings", reader.turn, on_stop=reader.close)
    task.start()
    try:
        wait_until(lambda: held(services.db) == WARNINGS, 120, what="every warning to be held")
    finally:
        task.stop()
    assert not primary.process.is_running()
    assert_each_once(services.db)


def fail(item: object, error: object) -> None:
    pytest.fail(f"{item} became a dead letter: {error}")


def held(db: Database) -> int:
    """Warnings in the database; none while no primary answers."""
    try:
        with db.read() as session:
            return session.scalar(select(func.count()).select_from(Warning_)) or 0
    except DependencyUnavailableError:
        return 0


def assert_each_once(db: Database) -> None:
    """Every warning has one case, one line in its history, one entry in the ledger, its timers once."""
    with db.read() as session:
        raised = select(CaseEvent.case_id).where(CaseEvent.kind == "warning_raised")
        raisings = Counter(session.scalars(raised))
        entries = Counter(session.scalars(select(LedgerEntry.case_id)))
        timers = Counter(
            (case_id, kind) for case_id, kind in session.execute(select(Timer.case_id, Timer.kind))
        )
    for counts in (raisings, entries):
        assert (len(counts), set(counts.values())) == (WARNINGS, {1})
    assert set(timers.values()) == {1}
    assert verify(db).fault is None
