"""Warnings become cases, each revision once."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from alerting.access import EVERYTHING
from alerting.bootstrap.background_tasks import timer_worker
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.dispatch_tables import Delivery, Timer
from alerting.db.ledger_tables import LedgerEntry
from alerting.jobs.erasure import erase_person
from alerting.service_errors import NotFoundError
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, PAYEE, VICTIM, Clock, warning


def ingest(services: Services, *warnings: FraudWarning) -> list[str]:
    return [result for _, _, result in services.ingestor.ingest(warnings, "test").results]


def cases(services: Services) -> list[Case]:
    with services.db.read() as session:
        return list(session.scalars(select(Case).order_by(Case.opened_at_ms, Case.case_id)))


def test_a_batch_that_is_delivered_again_changes_nothing(services: Services) -> None:
    batch = [warning(f"w-{number}", subscriber=f"+86138000{number:05}") for number in range(20)]
    assert ingest(services, *batch) == ["raised"] * 20
    with services.db.read() as session:
        before = session.scalar(select(func.count()).select_from(CaseEvent))
    assert ingest(services, *batch) == ["duplicate"] * 20
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(CaseEvent)) == before == 20


def test_the_newest_source_offset_wins_whatever_the_order_of_arrival(services: Services) -> None:
    newer = warning(offset=9, action="update", severity="high", subject_status="blocked")
    older = warning(offset=5)
    assert ingest(services, newer, older) == ["updated", "stale"]
    [case] = cases(services)
    assert (case.severity, case.subject_status) == ("high", "blocked")


def test_a_call_and_the_payment_it_leads_to_are_one_case(services: Services) -> None:
    ingest(services, warning("w-call", kind="call", severity="high"))
    ingest(services, warning("w-pay", event_time_ms=NOW_MS + 600_000))
    [case] = cases(services)
    assert case.severity == "critical"
    assert case.payee == PAYEE
    # The call asked for the money that the transfer pays: it counts once.
    assert case.amount_at_risk_minor == 5_000_000


def test_another_scam_of_the_same_person_is_another_case(services: Services) -> None:
    ingest(services, warning("w-1"))
    ingest(
        services,
        warning("w-2", typology="task_scam", caller="+8617100000000", payee="6222999999999999"),
    )
    assert len(cases(services)) == 2


def test_a_sequel_to_a_closed_case_is_a_new_case_that_names_it(
    services: Services, system: object
) -> None:
    ingest(services, warning("w-1"))
    [first] = cases(services)
    services.case_service.claim(first.case_id, system)
    services.case_service.contact(first.case_id, system, method="phone", reached=True)
    services.closures.close(first.case_id, system, Closure("false_alarm"))
    ingest(services, warning("w-2", offset=2))
    second = next(case for case in cases(services) if case.case_id != first.case_id)
    assert second.follows == first.case_id
    assert second.state == "new"


def test_a_withdrawal_stops_the_timers_and_leaves_the_case_to_a_person(services: Services) -> None:
    ingest(services, warning())
    ingest(services, warning(offset=2, action="withdraw"))
    [case] = cases(services)
    assert case.withdrawn
    assert case.state == "new"  # nothing closes silently
    assert case.expected_loss_minor == 0
    with services.db.read() as session:
        states = set(session.scalars(select(Timer.state)))
    assert states == {"cancelled"}


def test_a_withdrawn_warning_that_is_raised_again_gets_a_new_deadline(services: Services) -> None:
    ingest(services, warning())
    ingest(services, warning(offset=2, action="withdraw"))
    ingest(services, warning(offset=3, raised_at_ms=NOW_MS + 500_000))
    [case] = cases(services)
    assert not case.withdrawn
    assert case.deadline_ms == NOW_MS + 560_000
    with services.db.read() as session:
        due = set(session.scalars(select(Timer.due_ms).where(Timer.state == "pending")))
    assert case.deadline_ms in due


@pytest.fixture
def closed(services: Services, boss: object) -> Callable[..., str]:
    def act(disposition: str, *warnings: FraudWarning) -> str:
        ingest(services, *warnings)
        [case] = cases(services)
        services.case_service.claim(case.case_id, boss)
        reached = disposition == "dissuaded"
        services.case_service.contact(case.case_id, boss, method="phone", reached=reached)
        services.closures.close(case.case_id, boss, Closure(disposition))
        return case.case_id

    return act


@pytest.mark.parametrize("disposition", ["unreachable", "false_alarm", "dissuaded"])
def test_a_warning_that_gets_worse_after_its_case_was_closed_is_paged(
    services: Services, settings: AlertingSettings, clock: Clock, closed: Callable[..., str],
    boss: object, disposition: str,
) -> None:  # fmt: skip
    """The same call, critical by now: the person who closed the case knew less."""
    case_id = closed(disposition, warning(kind="call", severity="medium"))
    services.routing_service.add_shift(
        boss, tenant="default", district="", team="desk", responder="local:li", channel="patrol",
        address="li", starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + 3_600_000,
    )  # fmt: skip
    clock.advance(seconds=60)
    worse = warning(
        kind="call", offset=2, action="update", severity="critical", raised_at_ms=clock()
    )
    assert ingest(services, worse) == ["updated"]
    assert ingest(services, worse) == ["duplicate"]
    [case] = cases(services)
    assert (case.state, case.disposition, case.holder) == ("dispatched", None, None)
    assert case.deadline_ms == clock() + 60_000
    assert timer_worker(settings, services).run_due() == 1
    with services.db.read() as session:
        pages = session.scalars(
            select(Delivery.created_at_ms).where(
                Delivery.case_id == case_id, Delivery.purpose == "page"
            )
        ).all()
        balances = dict(
            session.execute(
                select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor))
                .where(LedgerEntry.case_id == case_id)
                .group_by(LedgerEntry.account)
            ).all()
        )
    assert pages == [clock()]
    assert balances.pop("estimated") == 4_500_000
    assert not any(balances.values())


def test_a_withdrawn_warning_that_is_raised_after_closing_opens_the_case_again(
    services: Services, closed: Callable[..., str]
) -> None:
    closed("false_alarm", warning(), warning(offset=2, action="withdraw"))
    ingest(services, warning(offset=3))
    assert cases(services)[0].state == "dispatched"


def test_a_warning_that_only_moves_on_leaves_its_case_closed(
    services: Services, closed: Callable[..., str]
) -> None:
    closed("false_alarm", warning())
    ingest(services, warning(offset=2, action="update", subject_status="completed"))
    ingest(services, warning(offset=3, action="update", severity="high"))
    # Up and down again within a batch is no reason to page a team.
    ingest(
        services,
        warning(offset=4, action="update"),
        warning(offset=5, action="withdraw"),
    )
    assert cases(services)[0].state == "closed"


def test_an_erased_case_stays_closed_and_nameless(
    services: Services, closed: Callable[..., str]
) -> None:
    case_id = closed("false_alarm", warning(severity="medium"))
    erase_person(services.db, services.lists, "default", VICTIM, "test", services.clock())
    ingest(services, warning(offset=2, action="update", payer="6222000000000000007"))
    with services.db.read() as session:
        [row] = session.scalars(select(Warning_).where(Warning_.case_id == case_id))
    assert cases(services)[0].state == "closed"
    assert (row.severity, row.caller, row.payee, row.payer) == ("critical", None, None, None)


def test_an_upgrade_brings_the_deadline_forward(services: Services) -> None:
    ingest(services, warning("w-1", severity="medium"))
    [case] = cases(services)
    assert case.deadline_ms == NOW_MS + 300_000
    ingest(services, warning("w-1", offset=2, action="update", raised_at_ms=NOW_MS + 10_000))
    [case] = cases(services)
    assert case.deadline_ms == NOW_MS + 70_000


def test_a_case_can_be_found_within_its_scope_only(services: Services, li: object) -> None:
    ingest(services, warning("w-1", district="110105"))
    [case] = cases(services)
    assert services.case_queries.get(EVERYTHING, case.case_id)
    with pytest.raises(NotFoundError):
        services.case_queries.get(li.scope, case.case_id)


def test_warnings_keep_their_number_of_revisions(services: Services) -> None:
    ingest(services, warning(), warning(offset=2, action="update"), warning(offset=2))
    with services.db.read() as session:
        [row] = session.scalars(select(Warning_))
    assert (row.revisions, row.source_offset) == (2, 2)
