"""Three-way calls: asked for by the holder, made by the voice gateway, and recorded with who was missing."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import CaseEvent
from alerting.db.journal_tables import AuditRecord
from alerting.service_errors import (
    HeldByAnotherError,
    InvalidRequestError,
    NotFoundError,
    StepRefusedError,
)
from tests.alerting.conftest import responder
from tests.alerting.factory import CALLER, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble

MOTHER, OFFICER = "+8613700000000", "+8613900007777"


@pytest.fixture
def case_id(town: Town, boss: Principal, li: Principal) -> str:
    town.services.ingestor.ingest([warning(on_call=False)], "test")
    case_id = town.case().case_id
    town.services.emergency_contacts.add(boss, case_id, phone=MOTHER, name="Mother")
    town.services.case_service.claim(case_id, li)
    town.run()
    return case_id


def missing(town: Town) -> list[str | None]:
    with town.services.db.read() as session:
        rows = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.kind == "delivery_unanswered")
            .order_by(CaseEvent.event_no)
        )
        return [row.detail.get("missing") for row in rows]


def test_the_gateway_gets_both_numbers_and_its_answer_counts_as_reaching_the_person(
    town: Town, gateways: GatewayDouble, li: Principal, case_id: str
) -> None:
    town.services.three_way_calls.call(case_id, li, other="relative", phone=MOTHER)
    town.run()
    [request] = [one for one in gateways.received("voice") if "with" in one.body]
    assert (request.body["to"], request.body["with"]) == (
        VICTIM,
        {"to": MOTHER, "role": "relative"},
    )
    [call] = town.deliveries(channel="three_way")
    town.report(call, "answered")
    closed = town.services.closures.close(case_id, li, Closure("dissuaded"))
    assert closed.disposition == "dissuaded"  # alone, so only after the person was reached
    with town.services.db.read() as session:
        details = session.scalars(
            select(AuditRecord.detail).where(AuditRecord.action == "three_way_called")
        ).all()
    assert len(details) == 1
    assert MOTHER not in details[0]


def test_who_did_not_answer_is_in_the_history_and_the_call_may_be_tried_again(
    town: Town, li: Principal, case_id: str
) -> None:
    calls = town.services.three_way_calls
    for result in ("other_no_answer", "no_answer"):
        calls.call(case_id, li, other="officer", phone=OFFICER)
        town.run()
        with pytest.raises(StepRefusedError, match="under way"):
            calls.call(case_id, li, other="officer", phone=OFFICER)
        [call] = [row for row in town.deliveries(channel="three_way") if row.state == "sent"]
        town.report(call, result)
    assert missing(town) == ["other", None]


@pytest.mark.parametrize(
    ("fact", "code"), [("on_call", "line_is_busy"), ("forwarding_on", "calls_are_forwarded")]
)
def test_a_line_that_must_not_be_called_is_not_called(
    town: Town, li: Principal, case_id: str, fact: str, code: str
) -> None:
    town.services.ingestor.ingest([warning(offset=2, action="update", **{fact: True})], "test")
    with pytest.raises(StepRefusedError) as refused:
        town.services.three_way_calls.call(case_id, li, other="officer", phone=OFFICER)
    assert refused.value.code == code


def test_only_the_holder_or_a_supervisor_in_scope_asks_and_a_relative_is_one_of_the_case(
    town: Town, li: Principal, wang: Principal, boss: Principal, case_id: str
) -> None:
    calls = town.services.three_way_calls
    with pytest.raises(HeldByAnotherError):
        calls.call(case_id, wang, other="officer", phone=OFFICER)
    with pytest.raises(NotFoundError):
        calls.call(case_id, responder("local:far", "1101*"), other="officer", phone=OFFICER)
    with pytest.raises(InvalidRequestError):
        calls.call(case_id, li, other="relative", phone=OFFICER)
    calls.call(case_id, boss, other="relative", phone=MOTHER)
    assert len(town.deliveries(channel="three_way")) == 1


@pytest.mark.parametrize("phone", [VICTIM, CALLER, CALLER.removeprefix("+86")])
def test_the_person_is_not_joined_with_the_swindler(
    town: Town, li: Principal, case_id: str, phone: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        town.services.three_way_calls.call(case_id, li, other="officer", phone=phone)
    assert refused.value.code in ("number_of_the_person", "number_of_a_suspect")
    assert town.deliveries(channel="three_way") == []
