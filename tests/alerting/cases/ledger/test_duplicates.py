"""A duplicate's warnings, transfers and losses go over to the case that it belongs to."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.cases import history
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.ledger.prevented_loss_report import report
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.dispatch_tables import Timer
from alerting.db.ledger_tables import LedgerEntry
from alerting.service_errors import AlertingError, StepRefusedError
from alerting.web.service_container import Services
from tests.alerting.cases.ledger.test_closing import case_of, outcomes
from tests.alerting.factory import warning

Pair = tuple[str, str]


@pytest.fixture
def pair(services: Services) -> Pair:
    """Two cases of one person, taken for two scams: the second one has the transfer ``t-2``."""
    first = warning("w-1", subject_id="t-1")
    second = warning(
        "w-2", subject_id="t-2", typology="task_scam", caller="+8617100000000",
        payee="6222999999999999", severity="high",
    )  # fmt: skip
    services.ingestor.ingest([first, second], "test")
    return case_of(services, "w-1"), case_of(services, "w-2")


@pytest.fixture
def close(services: Services, boss: Principal) -> Callable[..., Case]:
    def act(case_id: str, disposition: str, **closure: object) -> Case:
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        return services.closures.close(case_id, boss, Closure(disposition, **closure))

    return act


def sums(services: Services) -> dict[str, int]:
    with services.db.read() as session:
        total = func.sum(LedgerEntry.amount_minor)
        rows = session.execute(select(LedgerEntry.account, total).group_by(LedgerEntry.account))
        return {account: amount for account, amount in rows if amount}


def completed(offset: int = 2) -> object:
    return warning(
        "w-2", subject_id="t-2", offset=offset, action="update", subject_status="completed",
        typology="task_scam", caller="+8617100000000", payee="6222999999999999", severity="high",
    )  # fmt: skip


def test_a_payment_of_a_duplicate_that_goes_through_is_a_loss_of_the_other_case(
    services: Services, pair: Pair, close: Callable[..., Case]
) -> None:
    first, second = pair
    close(second, "duplicate", duplicate_of=first)
    assert sums(services) == {"estimated": 9_000_000}
    assert services.case_queries.get(EVERYTHING, first).expected_loss_minor == 9_000_000
    assert close(first, "dissuaded").prevented_minor == 10_000_000
    services.ingestor.ingest([completed()], "test")
    services.ingestor.ingest([completed(3)], "test")
    assert sums(services) == {"confirmed": 5_000_000, "lost": 5_000_000}
    assert len({one.event_id for one in outcomes(services)}) == len(outcomes(services))
    last = {one.warning_id: one for one in outcomes(services)}
    assert {one.case_id for one in last.values()} == {first}
    assert history.verify(services.db).fault is None


def test_a_duplicate_of_a_closed_case_shares_its_outcome(
    services: Services, pair: Pair, close: Callable[..., Case]
) -> None:
    first, second = pair
    close(first, "dissuaded")
    close(second, "duplicate", duplicate_of=first)
    assert sums(services) == {"confirmed": 5_000_000}
    assert outcomes(services)[-1].disposition == "dissuaded"
    services.ingestor.ingest([completed()], "test")
    assert sums(services) == {"lost": 5_000_000}


def test_losses_of_a_duplicate_move_to_the_original_and_count_once(
    services: Services, pair: Pair, close: Callable[..., Case], boss: Principal
) -> None:
    first, second = pair
    services.late_losses.report_loss(second, boss, LateLoss(2_000_000, "t-2"))
    close(first, "dissuaded")
    close(second, "duplicate", duplicate_of=first)
    case = services.case_queries.get(EVERYTHING, first)
    assert (case.prevented_minor, case.lost_minor) == (3_000_000, 2_000_000)
    assert sums(services) == {"confirmed": 3_000_000, "lost": 2_000_000}
    [whole] = report(services.db, EVERYTHING, [])
    assert (whole.net_prevented_minor, whole.lost_minor) == (3_000_000, 2_000_000)
    with pytest.raises(StepRefusedError, match=first):
        services.late_losses.report_loss(second, boss, LateLoss(2_000_000, "t-2"))


def test_an_open_case_that_merges_a_worse_one_is_dispatched_again(
    services: Services, pair: Pair, close: Callable[..., Case]
) -> None:
    critical, high = pair
    close(critical, "duplicate", duplicate_of=high)
    case = services.case_queries.get(EVERYTHING, high)
    assert (case.severity, case.version > 1) == ("critical", True)
    with services.db.read() as session:
        timers = select(Timer).where(Timer.case_id == high, Timer.state == "pending")
        due = {(row.kind, row.due_ms) for row in session.scalars(timers)}
        kinds = list(session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == high)))
        assert set(session.scalars(select(Warning_.case_id))) == {high}
    assert ("deadline", case.deadline_ms) in due
    assert ("dispatch", services.clock()) in due
    assert "merged" in kinds


def test_a_duplicate_is_not_reopened_and_needs_an_original_of_the_same_person(
    services: Services, pair: Pair, close: Callable[..., Case], boss: Principal
) -> None:
    first, second = pair
    stranger = warning("w-3", subscriber="+8613700000000")
    services.ingestor.ingest([stranger], "test")
    other = case_of(services, "w-3")
    close(second, "duplicate", duplicate_of=first)
    with pytest.raises(StepRefusedError) as refused:
        services.closures.reopen(second, boss, reason="why not")
    assert refused.value.code == "went_over_to_another"
    for named, code in (
        (other, "duplicate_of_another_person"),
        (second, "duplicate_of_a_duplicate"),
    ):
        with pytest.raises(AlertingError) as error:
            close(first, "duplicate", duplicate_of=named)
        assert error.value.code == code
