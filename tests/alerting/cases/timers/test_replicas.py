"""Several replicas at once: nothing is done twice, nothing is left, no replica blocks another."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerting.access import Principal
from alerting.bootstrap.background_tasks import delivery_sender, timer_worker
from alerting.bootstrap.service_layer import build_services
from alerting.cases import history
from alerting.cases.closure_service import Closure
from alerting.db import Database
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.dispatch_tables import Delivery, Timer
from alerting.db.lease import hold, release
from alerting.service_errors import AlertingError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import options
from tests.doubles.http_gateway import GatewayDouble

CASES = 24


def test_three_replicas_and_a_responder_can_work_at_the_same_time(
    database_url: str, db: Database, pseudonymiser: Pseudonymiser, boss: Principal, tmp_path: Path
) -> None:
    clock = Clock(NOW_MS)
    with GatewayDouble() as gateway:
        settings = AlertingSettings(
            database_url=database_url,
            bank_secret="of the bank",
            options=options(
                gateways={"sms_url": gateway.url("sms"), "bank_url": gateway.url("bank")}
            ),
        )
        people = [f"+86138{number:08}" for number in range(CASES)]
        faults: list[BaseException] = []
        start = threading.Barrier(4)

        def replica(name: str) -> None:
            own = Database(database_url)
            services = build_services(settings, own, clock, pseudonymiser)
            named = settings.model_copy(update={"replica": name})
            timers, sender = timer_worker(named, services), delivery_sender(named, services)
            start.wait()
            for turn in range(25):
                batch = [warning(f"w-{n}", subscriber=person, offset=turn + 1, action="update")
                         for n, person in enumerate(people)][turn % 3 :: 3]  # fmt: skip
                services.ingestor.ingest(batch, name)
                timers.turn(threading.Event())
                sender.turn(threading.Event())
            own.dispose()

        def respond() -> None:
            services = build_services(settings, db, clock, pseudonymiser)
            start.wait()
            for _ in range(40):
                with db.read() as session:
                    ids = session.scalars(select(Case.case_id).where(Case.state != "closed")).all()
                for case_id in ids[::3]:
                    try:
                        services.case_service.claim(case_id, boss)
                        services.case_service.contact(case_id, boss, method="phone", reached=True)
                        services.closures.close(case_id, boss, Closure("dissuaded"))
                    except AlertingError:  # pragma: no cover - another step came first
                        continue

        def guarded(work, *arguments: object) -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised by the test
                faults.append(error)

        threads = [threading.Thread(target=guarded, args=(replica, f"r{n}")) for n in range(3)]
        threads.append(threading.Thread(target=guarded, args=(respond,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not faults
        check_all(db, gateway)


def check_all(db: Database, gateway: GatewayDouble) -> None:
    with db.read() as session:
        cases = list(session.scalars(select(Case)))
        overdue = session.scalar(
            select(func.count()).where(Timer.state == "pending", Timer.due_ms <= NOW_MS)
        )
        states = dict(
            session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()
        )
        closings = session.scalar(select(func.count()).where(CaseEvent.kind == "closed"))
    assert len(cases) == CASES
    assert overdue == 0
    assert set(states) <= {"sent", "awaiting", "cancelled"}
    assert closings == sum(case.state == "closed" for case in cases)
    assert len(gateway.received()) == len(gateway.acted())  # each message once
    assert history.verify(db).fault is None


def test_a_lease_has_one_holder_until_it_runs_out(db: Database) -> None:
    assert hold(db, "job", "one", 10, NOW_MS)
    assert not hold(db, "job", "two", 10, NOW_MS + 9_999)
    assert hold(db, "job", "one", 10, NOW_MS + 9_999)
    assert not hold(db, "job", "two", 10, NOW_MS + 10_000)
    assert hold(db, "job", "two", 10, NOW_MS + 19_999)
    release(db, "job", "two")
    assert hold(db, "job", "one", 10, NOW_MS + 20_000)


@pytest.mark.parametrize("names", [["b", "a"], ["a", "b"]])
def test_locks_are_taken_in_one_order(db: Database, names: list[str]) -> None:
    def take() -> None:
        with db.write() as session:
            db.lock(session, names)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
