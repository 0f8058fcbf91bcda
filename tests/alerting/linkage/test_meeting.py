"""The consumers of warnings and of transfers see one payment at the same moment: it counts once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case
from alerting.db.ledger_tables import LedgerEntry
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.contact_rows import from_transfer
from alerting.web.service_container import Services
from forewarn.contracts.transfer import Transfer
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, warning

AMOUNT_MINOR = 5_000_000


def completed() -> Transfer:
    return Transfer(
        event_id="p-1", event_time_ms=NOW_MS, subscriber=VICTIM, transfer_id="transfer-of-w-1",
        status="completed", payer_account="A1", payee_account=PAYEE, amount_minor=AMOUNT_MINOR,
    )  # fmt: skip


@contextmanager
def held(services: Services, work: Callable[[Session], object]) -> Iterator[None]:
    """One consumer stands still between its last statement and its commit."""
    with services.db.write() as session:
        work(session)
        session.flush()
        yield


@pytest.mark.system
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
@pytest.mark.parametrize("first", ["warnings", "transfers"])
def test_two_concurrent_consumers_count_a_late_loss_once(
    services: Services, boss: Principal, first: str
) -> None:
    services.ingestor.ingest([warning()], "test")
    with services.db.read() as session:
        case_id = session.scalars(select(Case.case_id)).one()
    services.case_service.claim(case_id, boss)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.closures.close(case_id, boss, Closure("dissuaded"))
    index = ContactIndex(
        services.db, services.clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=86_400_000, reject=print,
    )  # fmt: skip
    late = warning(offset=2, action="update", subject_status="completed", caller=CALLER)
    works: dict[str, Callable[[Session], object]] = {
        "warnings": lambda session: services.ingestor.apply(session, [late]),
        "transfers": lambda session: index.take(session, [from_transfer(completed(), 1)]),
    }
    second = next(name for name in works if name != first)
    done = threading.Event()

    def other() -> None:
        with services.db.write() as session:
            works[second](session)
        done.set()

    thread = threading.Thread(target=other)
    with held(services, works[first]):
        thread.start()
        wait_until_a_lock_is_awaited(services, done)
    thread.join(30)
    assert done.is_set()
    with services.db.read() as session:
        sums = dict(
            session.execute(
                select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor))
                .where(LedgerEntry.account != "estimated")
                .group_by(LedgerEntry.account)
            ).all()
        )
        case = session.get(Case, case_id)
    assert sums == {"confirmed": 0, "lost": AMOUNT_MINOR}
    assert (case.prevented_minor, case.lost_minor) == (0, AMOUNT_MINOR)


def wait_until_a_lock_is_awaited(services: Services, done: threading.Event) -> None:
    """Until the second consumer stands at a lock of the first, or is through without one."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while not done.wait(0.01):
        with services.db.read() as session:
            if session.scalar(waiting):
                return
