"""Backups restore whole; personal data goes when it is due and nothing else does."""

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from alerting.access import EVERYTHING, Principal
from alerting.cases import history
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.ledger.prevented_loss_report import report
from alerting.db import Database, migrate
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.contact_tables import Contact
from alerting.db.journal_tables import AuditRecord
from alerting.jobs import backup as backups
from alerting.jobs import retention as retention_module
from alerting.jobs.erasure import erase_person
from alerting.jobs.retention import Retention, RetentionOptions
from alerting.linkage.contact_index import ContactIndex
from alerting.web.service_container import Services
from forewarn.errors import ConfigurationError
from tests.alerting.cases.ledger.test_closing import case_of
from tests.alerting.factory import CALLER, PAYEE, VICTIM, Clock, warning
from tests.alerting.linkage.lists.test_list_service import propose, topic
from tests.alerting.linkage.test_sweeper import calls


def closed_case(services: Services, boss: Principal) -> str:
    services.ingestor.ingest([warning()], "test")
    with services.db.read() as session:
        case_id = session.scalars(select(Case.case_id)).one()
    services.case_service.claim(case_id, boss)
    services.case_service.contact(
        case_id, boss, method="phone", reached=True, note=f"called {VICTIM}"
    )
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.closures.close(case_id, boss, Closure("dissuaded", note="her son came"))
    return case_id


def empty_database(services: Services, request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if not services.db.is_postgresql:
        return Database(f"sqlite:///{tmp_path / 'restored.db'}")
    server = request.getfixturevalue("postgres")
    return Database(server.create_database(f"r{uuid4().hex[:12]}"))


def test_a_backup_restores_into_an_empty_database_and_only_there(
    services: Services, boss: Principal, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    case_id = closed_case(services, boss)
    file = tmp_path / "backup"
    backups.backup(services.db, file)
    with pytest.raises(ConfigurationError, match="exists already"):
        backups.backup(services.db, file)
    with pytest.raises(ConfigurationError, match="not empty"):
        backups.restore(services.db, file)
    fresh = empty_database(services, request, tmp_path)
    result = backups.restore(fresh, file)
    assert result.lines == history.verify(services.db).lines
    assert migrate.differences(fresh) == []
    with fresh.read() as session:
        assert session.get(Case, case_id).prevented_minor == 5_000_000
    fresh.dispose()


def test_the_schema_is_what_the_code_says(db: Database) -> None:
    assert migrate.differences(db) == []
    migrate.check(db)


def test_the_way_back_of_every_migration_keeps_what_the_schema_before_knows(
    services: Services, boss: Principal
) -> None:
    closed_case(services, boss)
    db, tables = services.db, ("cases", "warnings", "case_events", "ledger_entries", "audit_log")

    def counts() -> list[int]:
        with db.read() as session:
            return [session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tables]

    before = counts()
    for revision in migrate.revisions()[-2:0:-1]:
        migrate.downgrade(db, revision)
        assert counts() == before
    with pytest.raises(ConfigurationError, match="no revision before 0002"):
        migrate.downgrade(db, migrate.head_revision())
    migrate.upgrade(db)
    assert migrate.differences(db) == []
    assert counts() == before
    assert history.verify(db).fault is None


def test_a_database_of_a_newer_version_is_refused_with_the_way_back(db: Database) -> None:
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"newer version .* revision 9999") as caught:
        migrate.upgrade(db)
    assert f"migrate --to {migrate.head_revision()}" in str(caught.value.hint)


def test_old_cases_lose_the_person_and_keep_the_figures(
    services: Services, boss: Principal, clock: Clock
) -> None:
    case_id = closed_case(services, boss)
    before = report(services.db, EVERYTHING, ["day", "district"])
    options = RetentionOptions(timeline_days=1, contact_days=1, personal_data_days=30)
    retention = Retention(services.db, clock, options, owner="one")
    clock.advance(seconds=29 * 86_400)
    assert retention.run().cases == 0
    clock.advance(seconds=2 * 86_400)
    assert retention.run().cases == 1
    assert retention.run().cases == 0
    with services.db.read() as session:
        dump = "\n".join(
            str(tuple(row))
            for table in ("cases", "warnings", "case_events", "deliveries", "ledger_entries",
                          "audit_log", "contacts", "activity")
            for row in session.execute(text(f"SELECT * FROM {table}"))
        )  # fmt: skip
    for secret in (VICTIM, CALLER, PAYEE, "her son came"):
        assert secret not in dump
    assert report(services.db, EVERYTHING, ["day", "district"]) == before
    assert history.verify(services.db).fault is None
    assert services.case_queries.get(EVERYTHING, case_id).disposition == "dissuaded"


def test_a_loss_after_erasure_counts_and_is_not_published(
    services: Services, boss: Principal
) -> None:
    case_id = closed_case(services, boss)
    erase_person(services.db, services.lists, "default", VICTIM, "cli", services.clock())
    services.late_losses.report_loss(case_id, boss, LateLoss(1_000_000, report_id="r-1"))
    assert services.case_queries.get(EVERYTHING, case_id).prevented_minor == 4_000_000


def test_a_person_in_danger_is_not_erased(services: Services, boss: Principal) -> None:
    services.ingestor.ingest([warning()], "test")
    assert (
        erase_person(services.db, services.lists, "default", VICTIM, "cli", services.clock()) == 0
    )
    with services.db.read() as session:
        assert session.scalars(select(Case.subscriber)).one() == VICTIM
        assert session.scalars(select(CaseEvent)).all()


def test_an_erasure_is_on_record_even_if_nothing_was_found(services: Services) -> None:
    erase_person(services.db, services.lists, "default", VICTIM, "cli:li", services.clock())
    with services.db.read() as session:
        [line] = session.scalars(select(AuditRecord))
    assert (line.actor, line.action) == ("cli:li", "person_erased")
    assert VICTIM not in f"{line.subject}{line.detail}"


def test_erasing_a_person_removes_their_exception_and_publishes_a_tombstone(
    services: Services, boss: Principal, li: Principal
) -> None:
    item = propose(services, boss, "pair")
    services.lists.approve(item.entry_id, li)
    erase_person(services.db, services.lists, "default", VICTIM, "cli:li", services.clock())
    assert list(topic(services).values()) == [None]
    assert services.lists.list(EVERYTHING) == []


def test_erased_cases_are_not_linked_by_an_empty_person(
    services: Services, boss: Principal
) -> None:
    closed_case(services, boss)
    other = warning("w-2", subscriber="+8613700000000", caller="+8617100000000", payee="X9")
    services.ingestor.ingest([other], "test")
    second = case_of(services, "w-2")
    services.case_service.claim(second, boss)
    services.closures.close(second, boss, Closure("false_alarm"))
    for person in (VICTIM, other.subscriber):
        erase_person(services.db, services.lists, "default", person, "cli:li", services.clock())
    case = services.case_queries.get(EVERYTHING, second)
    assert services.case_queries.linked(EVERYTHING, case) == []


def test_expired_rows_are_deleted_in_batches(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "ROWS_A_BATCH", 2)
    monkeypatch.setattr(retention_module, "BATCHES_A_TURN", 2)
    index = ContactIndex(
        services.db, clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=1, reject=print,
    )  # fmt: skip
    index.handle(calls(*[(CALLER, f"+86136{number:08}") for number in range(5)]))
    clock.advance(seconds=20 * 86_400)
    options = RetentionOptions(timeline_days=14, contact_days=90, personal_data_days=1095)
    retention = Retention(services.db, clock, options, owner="one")
    runs = [retention.run() for _ in range(2)]
    assert [(run.activity, run.more) for run in runs] == [(4, True), (1, False)]
    with services.db.read() as session:
        assert len(session.scalars(select(Contact)).all()) == 5
