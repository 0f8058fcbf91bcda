"""A share of closures is checked by a second person."""

from collections.abc import Callable

import pytest

from alerting.access import Principal, Scope
from alerting.cases.case_accounts import CaseAccounts
from alerting.cases.case_steps import CaseSteps
from alerting.cases.closure_reviews import ClosureReviews, ReviewSample
from alerting.cases.closure_service import Closure, ClosureService
from alerting.db import Database
from alerting.db.case_tables import CaseEvent
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from tests.alerting.factory import Clock, warning

FALSE_ALARM = Closure(disposition="false_alarm")


@pytest.fixture
def reviews(services: Services) -> ClosureReviews:
    return services.reviews


@pytest.fixture
def close(services: Services, db: Database, clock: Clock) -> Callable[..., str]:
    """Raises a case of a new person, closes it, and returns its id; chosen by ``rolled`` of 0.25."""
    number = iter(range(100))

    def act(who: Principal, *, rolled: float = 0.0) -> str:
        raised = warning(f"w-{next(number)}", subscriber=f"+86138000001{next(number):02}")
        case_id = services.ingestor.ingest([raised], "test").results[0][1]
        services.case_service.claim(case_id, who)
        services.case_service.contact(case_id, who, method="phone", reached=True)
        closing(rolled).close(case_id, who, FALSE_ALARM)
        return case_id

    def closing(rolled: float) -> ClosureService:
        return ClosureService(
            CaseSteps(db, clock),
            CaseAccounts(services.zone),
            services.lists,
            window_ms=1,
            sample=ReviewSample(0.25, lambda: rolled),
        )

    return act


def test_closures_below_the_share_wait_for_a_review_and_others_do_not(
    reviews: ClosureReviews, close: Callable[..., str], li: Principal, boss: Principal
) -> None:
    chosen = close(li, rolled=0.24)
    close(li, rolled=0.25)
    assert [row.case_id for row in reviews.due(boss.scope)] == [chosen]
    assert reviews.figures(boss.scope).due == 1


def test_a_verdict_is_counted_and_stands_in_the_history(
    reviews: ClosureReviews, close: Callable[..., str], li: Principal, boss: Principal, db: Database
) -> None:
    agreed, disagreed = close(li), close(li)
    reviews.review(agreed, boss, verdict="agreed")
    reviews.review(disagreed, boss, verdict="disagreed", note="the bank was not asked")
    figures = reviews.figures(boss.scope)
    assert (figures.due, figures.agreed, figures.disagreed) == (0, 1, 1)
    assert figures.share_agreed == 0.5
    with db.read() as session:
        found = {
            event.case_id: event.detail
            for event in session.query(CaseEvent).filter_by(kind="closure_reviewed")
        }
    assert found[disagreed]["note"] == "the bank was not asked"
    assert found[agreed] == {"verdict": "agreed", "disposition": "false_alarm"}


def test_the_person_who_closed_a_case_does_not_review_it(
    reviews: ClosureReviews, close: Callable[..., str], boss: Principal
) -> None:
    case_id = close(boss)
    with pytest.raises(StepRefusedError) as refused:
        reviews.review(case_id, boss, verdict="agreed")
    assert refused.value.code == "needs_a_second_person"


def test_a_disagreement_needs_its_reason_and_a_verdict_is_given_once(
    reviews: ClosureReviews, close: Callable[..., str], li: Principal, boss: Principal
) -> None:
    case_id = close(li)
    with pytest.raises(StepRefusedError) as refused:
        reviews.review(case_id, boss, verdict="disagreed", note="  ")
    assert refused.value.code == "review_needs_a_reason"
    reviews.review(case_id, boss, verdict="agreed")
    with pytest.raises(StepRefusedError) as again:
        reviews.review(case_id, boss, verdict="agreed")
    assert again.value.code == "no_review_due"


def test_a_case_that_is_open_again_waits_for_no_review_until_it_closes(
    services: Services,
    reviews: ClosureReviews,
    close: Callable[..., str],
    li: Principal,
    boss: Principal,
) -> None:
    case_id = close(li)
    services.closures.reopen(case_id, boss, reason="the person called again")
    assert not reviews.due(boss.scope)
    with pytest.raises(StepRefusedError):
        reviews.review(case_id, boss, verdict="agreed")
    services.case_service.claim(case_id, boss)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.closures.close(case_id, boss, FALSE_ALARM)
    (row,) = reviews.due(boss.scope)
    assert row.closed_by == boss.subject  # the newest closure is the one under review


def test_a_review_outside_of_the_scope_is_not_found(
    reviews: ClosureReviews, close: Callable[..., str], li: Principal
) -> None:
    scope = Scope.of(["*"], ["1101*"])
    far = Principal("local:far", "Far", frozenset({"supervisor"}), scope, "session")
    case_id = close(li)
    assert not reviews.due(far.scope)
    assert reviews.figures(far.scope).due == 0
    with pytest.raises(NotFoundError):
        reviews.review(case_id, far, verdict="agreed")
