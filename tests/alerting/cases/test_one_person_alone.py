"""What one person may book alone: prevented loss needs a witness, and amounts have a bound."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.contact_tables import Sweep
from alerting.db.dispatch_tables import Delivery
from alerting.orders.order_rows import OrderRequest
from alerting.orders.order_states import OrderKind
from alerting.service_errors import InvalidRequestError, StepRefusedError
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, Clock, warning

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


def test_a_false_alarm_that_releases_what_was_stopped_needs_a_contact_or_a_supervisor(
    services: Services, li: Principal, boss: Principal
) -> None:
    """What may hold a fraud's money is not let go by one responder who spoke to no one."""
    case_id = opened(services, li)
    services.orders.order(case_id, li, OrderRequest("stop_account", "paid there"))
    alarm = Closure("false_alarm")
    assert refusal(services, case_id, li, alarm) == "release_needs_contact"
    services.case_service.contact(case_id, li, method="bank", reached=True)
    assert refusal(services, case_id, li, alarm) == "release_needs_contact"
    services.case_service.contact(case_id, li, method="phone", reached=True)
    assert services.closures.close(case_id, li, alarm).state == "closed"
    other = opened(services, boss, warning("w-2", subscriber="+8613800009999"))
    services.orders.order(other, boss, OrderRequest("stop_account", "paid there"))
    assert services.closures.close(other, boss, alarm).state == "closed"  # may release it anyway


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


def test_a_bank_that_was_reached_is_no_person_who_was_reached(
    services: Services, li: Principal
) -> None:
    case_id = opened(services, li)
    services.case_service.contact(case_id, li, method="bank", reached=True)
    assert refusal(services, case_id, li, DISSUADED) == "dissuaded_needs_contact"
    services.case_service.contact(case_id, li, method="visit", reached=True)
    assert services.closures.close(case_id, li, DISSUADED).disposition == "dissuaded"


def test_a_supervisor_is_alone_where_no_responder_took_the_case_up(
    services: Services, boss: Principal, li: Principal
) -> None:
    case_id = services.ingestor.ingest([warning()], "test").results[0][1]
    services.case_service.assign(case_id, boss, to=li.subject)
    assert refusal(services, case_id, boss, DISSUADED) == "dissuaded_needs_contact"
    services.case_service.contact(case_id, li, method="phone", reached=False)
    assert services.closures.close(case_id, boss, DISSUADED).disposition == "dissuaded"


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("stop_account", {"payee_account": "6222029999999999999"}),
        ("suspend_line", {"number": "+8613912345678"}),
        ("hold_transfer", {"transfer_id": "transfer-of-another"}),
    ],
)
def test_a_responder_stops_alone_what_the_case_names_and_nothing_else(
    services: Services, li: Principal, boss: Principal, kind: OrderKind, target: dict[str, str]
) -> None:
    case_id = opened(services, li)
    with pytest.raises(StepRefusedError) as refused:
        services.orders.order(case_id, li, OrderRequest(kind, "a hunch", **target))
    assert refused.value.code == "target_of_no_warning"
    placed = services.orders.order(case_id, boss, OrderRequest(kind, "named by the bank", **target))
    assert placed.ordered_by == boss.subject


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("stop_account", {}),
        ("stop_account", {"payee_account": PAYEE}),
        ("suspend_line", {}),
        ("suspend_line", {"number": "17000009999"}),
        ("hold_transfer", {}),
    ],
)
def test_a_responder_stops_what_a_warning_names(
    services: Services, li: Principal, kind: OrderKind, target: dict[str, str]
) -> None:
    case_id = opened(services, li)
    placed = services.orders.order(case_id, li, OrderRequest(kind, "seen twice", **target))
    assert placed.ordered_by == li.subject


@pytest.mark.parametrize(
    ("phone", "fault"),
    [
        (VICTIM, "number_of_the_person"),
        (VICTIM.removeprefix("+86"), "number_of_the_person"),
        (CALLER, "number_of_a_suspect"),
        (CALLER.removeprefix("+"), "number_of_a_suspect"),
        (f"00{CALLER.removeprefix('+')}", "number_of_a_suspect"),
        ("+8617000008888", "number_of_a_suspect"),
    ],
)
def test_no_one_leads_the_person_or_a_text_to_the_swindler(
    services: Services, li: Principal, boss: Principal, phone: str, fault: str
) -> None:
    case_id = opened(services, li)
    entry = services.lists.propose(
        li, tenant="default", name="block", kind="phone", peer="+8617000008888", reason="seen",
        expires_at_ms=NOW_MS + 86_400_000,
    )  # fmt: skip
    services.lists.approve(entry.entry_id, boss)
    with pytest.raises(StepRefusedError) as refused:
        services.emergency_contacts.add(li, case_id, phone=phone, name="a friend")
    assert refused.value.code == fault
    assert services.emergency_contacts.add(li, case_id, phone="+8613900001234", name="Ma")
