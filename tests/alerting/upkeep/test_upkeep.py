"""Backups restore whole; personal data goes when it is due and nothing else does."""

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from alerting import audit
from alerting.access import EVERYTHING, Principal
from alerting.cases.closing import Closure
from alerting.cases.late_losses import LateLoss
from alerting.db import Database, migrate
from alerting.db.cases import Case, CaseEvent
from alerting.ledger.report import report
from alerting.services import Services
from alerting.upkeep import backup as backups
from alerting.upkeep.retention import Retention, RetentionOptions, erase_person
from forewarn.errors import ConfigurationError
from tests.alerting.factory import CALLER, PAYEE, VICTIM, Clock, warning


def closed_case(services: Services, boss: Principal) -> str:
    services.ingestor.ingest([warning()], "test")
    with services.db.read() as session:
        case_id = session.scalars(select(Case.case_id)).one()
    services.desk.claim(case_id, boss)
    services.desk.contact(case_id, boss, method="phone", reached=True, note=f"called {VICTIM}")
    services.desk.close(case_id, boss, Closure("dissuaded", note="her son came"))
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
    with pytest.raises(ConfigurationError, match="there already"):
        backups.backup(services.db, file)
    with pytest.raises(ConfigurationError, match="not empty"):
        backups.restore(services.db, file)
    fresh = empty_database(services, request, tmp_path)
    result = backups.restore(fresh, file)
    assert result.lines == audit.verify(services.db).lines
    assert migrate.differences(fresh) == []
    with fresh.read() as session:
        assert session.get(Case, case_id).prevented_minor == 5_000_000
    fresh.dispose()


def test_the_schema_is_what_the_code_says(db: Database) -> None:
    assert migrate.differences(db) == []
    migrate.check(db)


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
    assert audit.verify(services.db).fault is None
    assert services.cases.get(EVERYTHING, case_id).disposition == "dissuaded"


def test_a_loss_after_erasure_still_counts_but_is_sent_to_nobody(
    services: Services, boss: Principal
) -> None:
    case_id = closed_case(services, boss)
    erase_person(services.db, "default", VICTIM, "cli", services.clock())
    services.desk.report_loss(case_id, boss, LateLoss(1_000_000, report_id="r-1"))
    assert services.cases.get(EVERYTHING, case_id).prevented_minor == 4_000_000


def test_a_person_in_danger_is_not_erased(services: Services, boss: Principal) -> None:
    services.ingestor.ingest([warning()], "test")
    assert erase_person(services.db, "default", VICTIM, "cli", services.clock()) == 0
    with services.db.read() as session:
        assert session.scalars(select(Case.subscriber)).one() == VICTIM
        assert session.scalars(select(CaseEvent)).all()
