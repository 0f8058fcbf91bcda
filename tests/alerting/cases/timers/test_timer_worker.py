"""The timers of a desk: the gravest case first, and no case keeps the others from being seen."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.bootstrap.background_tasks import timer_worker
from alerting.bootstrap.service_layer import build_services
from alerting.cases.timers.timer_schedule import DEADLINE, DISPATCH, set_timer
from alerting.cases.timers.timer_worker import TimerWorker
from alerting.db import Database
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery, Timer
from alerting.service_metrics import TIMER_FAILURES
from alerting.web.service_container import Services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import with_options

POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.system)], indirect=True
)
"""SQLite has one writer, so nothing there happens at the same time."""

Act = Callable[[Case], int | None]


def worker(db: Database, clock: Clock, act: Act, threads: int = 1) -> TimerWorker:
    handlers = {
        kind: lambda _session, case, _now_ms, kind=kind: act(case, kind)
        for kind in (DISPATCH, DEADLINE)
    }
    return TimerWorker(db, clock, handlers, tick_seconds=1, threads=threads)


def open_cases(services: Services, *severities: str, **changes: object) -> None:
    services.ingestor.ingest(
        [
            warning(f"w-{n}", subscriber=f"+86138{n:08}", severity=severity, **changes)
            for n, severity in enumerate(severities)
        ],
        "test",
    )


def test_a_case_that_fails_is_put_off_and_counted_and_the_others_are_acted_on(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, "critical", "medium")
    acted: list[str] = []

    def act(case: Case, _kind: str) -> None:
        acted.append(case.severity)
        if case.severity == "critical":
            raise ValueError("a fault of one case")

    before = TIMER_FAILURES.labels(DISPATCH)._value.get()
    timers = worker(db, clock, act)
    assert timers.run_due() == 2
    assert acted == ["critical", "medium"]
    assert TIMER_FAILURES.labels(DISPATCH)._value.get() == before + 1
    pauses = []
    for _ in range(4):
        with db.read() as session:
            failing = session.scalars(select(Timer).where(Timer.attempts > 0)).one()
        pauses.append((failing.due_ms - clock()) // 1000)
        clock.now_ms = failing.due_ms
        timers.turn(threading.Event())
    assert pauses == [2, 4, 8, 16]
    timers.close()


def test_a_row_that_the_database_refuses_keeps_no_other_case_waiting(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, "critical", "medium")
    acted: list[str] = []

    def handle(session: Session, case: Case, _now_ms: int) -> None:
        acted.append(case.severity)
        if case.severity == "critical":
            session.add(Timer(case_id="c-missing", kind=DISPATCH, due_ms=NOW_MS))
            session.flush()

    timers = TimerWorker(db, clock, {DISPATCH: handle}, tick_seconds=1)
    timers.turn(threading.Event())
    timers.close()
    assert acted == ["critical", "medium"]
    with db.read() as session:
        assert session.scalars(select(Timer.attempts).where(Timer.attempts > 0)).all() == [1]


def test_a_timer_that_recovers_is_acted_on_and_forgets_its_failures(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, "high")
    faults = [ValueError("once")]

    def act(_case: Case, _kind: str) -> int | None:
        if faults:
            raise faults.pop()
        return clock() + 60_000

    timers = worker(db, clock, act)
    timers.run_due()
    clock.advance(seconds=2)
    timers.run_due()
    with db.read() as session:
        timer = session.scalars(select(Timer).where(Timer.kind == DISPATCH)).one()
    assert (timer.state, timer.attempts, timer.due_ms) == ("pending", 0, clock() + 60_000)
    timers.close()


def test_a_responder_with_a_long_name_is_paged(
    settings: AlertingSettings,
    db: Database,
    clock: Clock,
    pseudonymiser: Pseudonymiser,
    boss: Principal,
) -> None:
    settings = with_options(settings, smtp={"url": "smtp://localhost"})
    services = build_services(settings, db, clock, pseudonymiser)
    name = "li" * 100  # the longest that a shift takes
    services.routing_service.add_shift(
        boss, tenant="default", district="", team="desk", responder=name, channel="email",
        address="li@example.org", starts_at_ms=NOW_MS - 1, ends_at_ms=NOW_MS + 60_000,
    )  # fmt: skip
    open_cases(services, "critical")
    timers = timer_worker(settings, services)
    timers.run_due()
    timers.close()
    with db.read() as session:
        page = session.scalars(select(Delivery).where(Delivery.purpose == "page")).one()
    assert page.recipient == name


def test_after_an_outage_the_gravest_come_first_and_dispatch_before_deadline(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, "medium", "high", "critical", "critical")
    with db.write() as session:
        cases = session.scalars(select(Case).where(Case.severity == "critical")).all()
        poorer, richer = sorted(cases, key=lambda case: case.case_id)
        poorer.expected_loss_minor, richer.expected_loss_minor = 1_000, 9_000_000
        for timer in session.scalars(select(Timer).where(Timer.kind == DEADLINE)):
            timer.due_ms -= 600_000  # older than any dispatch
    clock.advance(seconds=600)
    order: list[tuple[str, str]] = []
    timers = worker(db, clock, lambda case, kind: order.append((case.case_id, kind)))
    timers.run_due()
    timers.close()
    with db.read() as session:
        severity = {row.case_id: row.severity for row in session.scalars(select(Case))}
    assert [severity[case_id] for case_id, _ in order] == (
        ["critical"] * 4 + ["high"] * 2 + ["medium"] * 2
    )
    assert [kind for _, kind in order] == [DISPATCH, DEADLINE] * 4
    assert [case_id for case_id, _ in order[:4]] == [richer.case_id] * 2 + [poorer.case_id] * 2


def test_a_timer_runs_again_at_the_time_set_and_once_per_kind(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, "high")
    with db.write() as session:
        case = session.scalars(select(Case)).one()
        case.version += 1
        set_timer(session, case, DISPATCH, NOW_MS)
    timers = worker(db, clock, lambda _case, _kind: clock() + 30_000)
    assert timers.run_due() == 2
    with db.read() as session:
        rows = session.scalars(select(Timer).where(Timer.kind == DISPATCH)).all()
    assert sorted(row.state for row in rows) == ["done", "pending"]
    clock.advance(seconds=29)
    assert timers.run_due() == 0
    clock.advance(seconds=1)
    assert timers.run_due() == 1
    timers.close()


@POSTGRESQL
def test_several_threads_work_on_several_cases_and_each_timer_once(
    services: Services, db: Database, clock: Clock
) -> None:
    open_cases(services, *["high"] * 12)
    together = threading.Barrier(3, timeout=20)  # passed only by three at once
    acted: list[str] = []

    def act(case: Case, _kind: str) -> None:
        together.wait()
        acted.append(case.case_id)

    timers = worker(db, clock, act, threads=3)
    timers.turn(threading.Event())
    timers.close()
    assert len(acted) == len(set(acted)) == 12
