"""What is asked again and again never reads a whole table that grows with the years.

Every statement of a day at the desk is caught and explained. PostgreSQL is set to avoid reading
whole tables, so it does so only where no index serves; SQLite says itself when it scans.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from alerting.access import Principal
from alerting.bootstrap.background_tasks import delivery_sender, sweeper, timer_worker
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.db import Database
from alerting.linkage.contact_index import ContactIndex
from alerting.web.console.queries.case_query import load_case
from alerting.web.console.queries.districts_query import load_districts
from alerting.web.console.queries.figures_query import days_until
from alerting.web.console.queries.supervision_query import load_supervision
from alerting.web.console.routes.overview_pages import day_starts_ms
from alerting.web.service_container import Services
from forewarn.platform.clock import local_day
from forewarn.platform.settings import AlertingSettings
from tests.alerting.cases.ledger.test_closing import case_of
from tests.alerting.conftest import SHANGHAI
from tests.alerting.factory import CALLER, NOW_MS, Clock, warning
from tests.alerting.linkage.test_sweeper import calls, payment
from tests.alerting.options import with_options

GROWING = (
    "activity", "audit_log", "case_events", "cases", "contacts", "deliveries", "ledger_claims",
    "ledger_entries", "list_items", "outbox", "sweep_targets", "sweeps", "timers", "warnings",
)  # fmt: skip
Explain = Callable[[Callable[[], object]], list[str]]


@pytest.fixture
def explain(db: Database) -> Explain:
    """Do something, and name the whole tables that its statements would read."""

    def act(work: Callable[[], object]) -> list[str]:
        caught: dict[str, Any] = {}

        def catch(_c: Any, _u: Any, said: str, given: Any, _x: Any, many: bool) -> None:
            if said.startswith(("SELECT", "UPDATE", "DELETE")):
                caught.setdefault(said, given[0] if many else given)

        event.listen(db.engine, "before_cursor_execute", catch)
        work()
        event.remove(db.engine, "before_cursor_execute", catch)
        assert caught
        return [fault for said, given in caught.items() for fault in whole_tables(db, said, given)]

    return act


def whole_tables(db: Database, statement: str, parameters: Any) -> list[str]:
    with db.engine.connect() as connection:
        if db.is_postgresql:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            read = [row[0].split("Seq Scan on ")[1] for row in rows if "Seq Scan on " in row[0]]
        else:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            details = [row[3] for row in rows]
            read = [one[5:] for one in details if one[:5] == "SCAN " and " USING " not in one]
    return [f"{name.split()[0]}: {statement}" for name in read if name.split()[0] in GROWING]


def test_a_day_at_the_desk_reads_no_whole_table(
    services: Services, settings: AlertingSettings, clock: Clock, boss: Principal,
    explain: Explain,
) -> None:  # fmt: skip
    index = ContactIndex(
        services.db, clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=86_400_000, reject=print,
    )  # fmt: skip
    texting = with_options(settings, gateways={"sms_url": "http://gateway/sms"})
    sender = delivery_sender(texting, services)

    def day() -> None:
        index.handle([*calls((CALLER, "+8613600000001")), payment("attempted", 1)])
        services.ingestor.ingest([warning(), warning(offset=2, action="update")], "test")
        timer_worker(settings, services).run_due()
        case_id = case_of(services, "w-1")
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        services.closures.close(case_id, boss, Closure("dissuaded"))
        index.handle([payment("completed", 2, transfer_id="transfer-of-w-1")])
        services.late_losses.report_loss(case_id, boss, LateLoss(6_000_000, "transfer-of-w-1"))
        while sweeper(texting, services).run_one():
            pass
        services.closures.reopen(case_id, boss, reason="again")
        services.case_service.claim(case_id, boss)
        services.closures.close(case_id, boss, Closure("false_alarm"))
        sender.lease()
        services.lists.expire()

    assert explain(day) == []


def test_a_case_and_the_supervision_are_shown_without_reading_whole_tables(
    services: Services, boss: Principal,
    explain: Explain,
) -> None:  # fmt: skip
    services.ingestor.ingest([warning()], "test")
    case_id = case_of(services, "w-1")
    days = days_until(local_day(NOW_MS, SHANGHAI), 30)

    def look() -> None:
        with services.db.read() as session:
            load_case(session, case_id, boss, NOW_MS)
            load_supervision(session, boss.scope, NOW_MS)
            starts = day_starts_ms(days, SHANGHAI)
            load_districts(session, boss.scope, "CNY", days[-1], starts, NOW_MS)
        case = services.case_queries.get(boss.scope, case_id)
        services.case_queries.file(boss.scope, case_id)
        services.case_queries.linked(boss.scope, case)
        services.case_queries.timeline(case)

    assert explain(look) == []
