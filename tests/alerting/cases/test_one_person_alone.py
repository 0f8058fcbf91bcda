"""What one person may book alone: prevented loss needs a witness, and amounts have a bound."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.contact_tables import Sweep
from alerting.db.dispatch_tables import Delivery
from alerting.service_errors import InvalidRequestError, StepRefusedError
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import NOW_MS, PAYEE, VICTIM, Clock, warning

DISSUADED = Closure("dissuaded")


def opened(services: Services, holder: Principal, *warnings: FraudWarning) -> str:
    results = services.ingestor.ingest(warnings or (warning(),), "test").results
    case_id = results[0][1]
    services.case_service.claim(case_id, holder)
    return case_id


def refusal(services: Services, case_id: str, who: Principal, closure: Closure) -> str:
    with pytest.raises((StepRefusedError, InvalidRequestError)) as refused:
        services.closures.close(case_id, who, closure)
    return refused.value.code


def test_a_case_without_a_contact_cannot_close_as_dissuaded(
    services: Services, li: Principal
) -> None:
    case_id = opened(services, li)
    assert refusal(services, case_id, li, DISSUADED) == "dissuaded_needs_contact"
    services.case_service.contact(case_id, li, method="phone", reached=False)
    assert refusal(services, case_id, li, DISSUADED) == "dissuaded_needs_contact"
    with services.db.read() as session:
        assert session.scalars(select(Sweep.sweep_id)).all() == []  # none is blocked either
    services.case_service.contact(case_id, li, method="phone", reached=True)
    assert services.closures.close(case_id, li, DISSUADED).prevented_minor == 5_000_000


def test_a_second_person_may_close_without_a_contact(
    services: Services, li: Principal, boss: Principal
) -> None:
    case_id = opened(services, li)
    assert services.closures.close(case_id, boss, DISSUADED).disposition == "dissuaded"


@pytest.mark.parametrize(
    ("channel", "recipient", "state", "counts"),
    [
        ("patrol", "patrol", "confirmed", True),
        ("voice", "victim", "confirmed", True),
        ("voice", "relative", "confirmed", False),
        ("sms", "victim", "confirmed", False),
        ("voice", "victim", "unanswered", False),
    ],
)
def test_a_visit_or_an_answered_call_is_a_contact(
    services: Services, li: Principal, channel: str, recipient: str, state: str, *, counts: bool
) -> None:
    case_id = opened(services, li)
    with services.db.write() as session:
        session.add(
            Delivery(
                delivery_id="d-1", case_id=case_id, tenant="default", district="430405",
                subscriber=VICTIM, channel=channel, purpose="protect", recipient=recipient,
                address="", template="patrol_visit", language="en", content={}, reason="",
                state=state, not_before_ms=NOW_MS, created_at_ms=NOW_MS,
            )
        )  # fmt: skip
    if counts:
        assert services.closures.close(case_id, li, DISSUADED).state == "closed"
    else:
        assert refusal(services, case_id, li, DISSUADED) == "dissuaded_needs_contact"


def test_a_contact_before_the_reopening_does_not_count(
    services: Services, li: Principal, boss: Principal, clock: Clock
) -> None:
    case_id = opened(services, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("false_alarm"))
    clock.advance(seconds=60)
    services.closures.reopen(case_id, boss, reason="she called again")
    services.case_service.claim(case_id, li)
    assert refusal(services, case_id, li, DISSUADED) == "dissuaded_needs_contact"


def test_money_that_is_gone_cannot_be_booked_as_prevented(
    services: Services, li: Principal
) -> None:
    """280 yuan were paid and 120 were stopped: 120 can be booked, whatever is typed."""
    gone = warning(
        "w-1", subject_id="t-1", subject_status="completed", amount_at_risk_minor=28_000,
        expected_loss_minor=28_000,
    )  # fmt: skip
    stopped = warning(
        "w-2", subject_id="t-2", amount_at_risk_minor=12_000, expected_loss_minor=12_000
    )
    case_id = opened(services, li, gone, stopped)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    stated = Closure("dissuaded", prevented_minor=99_999_900, refuse_excess=True)
    assert refusal(services, case_id, li, stated) == "prevented_above_the_bound"
    assert services.case_queries.get(li.scope, case_id).state == "in_contact"
    accepted = Closure("dissuaded", prevented_minor=99_999_900)
    assert services.closures.close(case_id, li, accepted).prevented_minor == 12_000


def test_without_a_transfer_the_amount_at_risk_is_the_bound(
    services: Services, li: Principal
) -> None:
    case_id = opened(services, li, warning(kind="call", payee=PAYEE))
    services.case_service.contact(case_id, li, method="phone", reached=True)
    above = Closure("dissuaded", prevented_minor=5_000_001, refuse_excess=True)
    assert refusal(services, case_id, li, above) == "prevented_above_the_bound"
    bound = Closure("dissuaded", prevented_minor=5_000_000, refuse_excess=True)
    assert services.closures.close(case_id, li, bound).prevented_minor == 5_000_000
