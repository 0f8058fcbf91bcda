"""The holder of a case has to take its next step in time."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import CaseEvent
from tests.alerting.factory import warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble
from tests.doubles.smtp_server import SmtpDouble


@pytest.fixture
def claimed(town: Town, gateways: GatewayDouble, li: Principal) -> str:
    """A critical case that a responder took, with its money held."""
    gateways.behaviour.confirm = True
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.services.case_service.claim(town.case().case_id, li)
    return town.case().case_id


def pass_time(town: Town, *, seconds: int) -> None:
    for _ in range(seconds // 60):
        town.clock.advance(seconds=60)
        town.run()


def follow_ups(town: Town) -> list[dict]:
    with town.services.db.read() as session:
        rows = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.kind == "follow_up_missed")
            .order_by(CaseEvent.event_no)
        )
        return [row.detail for row in rows]


def test_a_holder_who_tries_no_contact_is_named_to_the_supervisor_and_further_up(
    town: Town, claimed: str, mail: SmtpDouble, gateways: GatewayDouble
) -> None:
    assert town.case().held_since_ms == town.clock()
    assert town.case().follow_up_due_ms == town.clock() + 300_000
    pass_time(town, seconds=240)
    assert mail.mails == []
    pass_time(town, seconds=60)
    [mail] = mail.mails
    assert mail["To"] == "chief@example.org"
    text = mail.get_content().replace("\n", " ")
    assert "local:li" in text
    assert "no attempt to reach the person" in text
    assert "for 5 min" in text
    pass_time(town, seconds=300)
    assert len(gateways.received("chat")) == 1  # the next in the chain
    assert [(item["holder"], item["level"]) for item in follow_ups(town)] == [
        ("local:li", 1),
        ("local:li", 2),
    ]


def test_an_attempt_at_contact_buys_time_and_contact_has_to_lead_to_an_outcome(
    town: Town, claimed: str, li: Principal
) -> None:
    pass_time(town, seconds=240)
    town.services.case_service.contact(claimed, li, method="phone", reached=False)
    pass_time(town, seconds=240)
    town.services.case_service.contact(claimed, li, method="relative", reached=True)
    assert town.case().follow_up_due_ms == town.clock() + 1_800_000
    pass_time(town, seconds=1_740)
    assert follow_ups(town) == []
    pass_time(town, seconds=60)
    assert [item["reason"] for item in follow_ups(town)] == ["no_outcome_yet"]


def test_claiming_again_buys_no_time_and_a_new_holder_gets_theirs(
    town: Town, claimed: str, li: Principal, boss: Principal
) -> None:
    due_ms = town.case().follow_up_due_ms
    pass_time(town, seconds=120)
    town.services.case_service.claim(claimed, li)
    assert town.case().follow_up_due_ms == due_ms
    town.services.case_service.assign(claimed, boss, to="local:wang")
    assert town.case().held_since_ms == town.clock()
    pass_time(town, seconds=240)
    assert follow_ups(town) == []
    pass_time(town, seconds=60)
    assert [item["holder"] for item in follow_ups(town)] == ["local:wang"]


@pytest.mark.parametrize("end", ["closed", "released"])
def test_a_released_case_causes_no_follow_up_of_its_former_holder(
    town: Town, claimed: str, li: Principal, end: str
) -> None:
    if end == "closed":
        town.services.case_service.contact(claimed, li, method="phone", reached=True)
        town.services.closures.close(claimed, li, Closure("dissuaded"))
    else:
        town.services.case_service.release(claimed, li, reason="shift ends")
    assert town.case().follow_up_due_ms is None
    pass_time(town, seconds=900)
    assert follow_ups(town) == []


def test_a_case_that_gets_critical_leaves_its_holder_less_time(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    town.services.ingestor.ingest([warning(severity="medium")], "test")
    town.run()
    town.services.case_service.claim(town.case().case_id, li)
    assert town.case().follow_up_due_ms == town.clock() + 1_800_000
    town.services.ingestor.ingest([warning(action="update", offset=2)], "test")
    town.run()
    assert town.case().follow_up_due_ms == town.clock() + 300_000


def test_a_withdrawn_case_is_not_followed_up_until_its_warning_comes_back(
    town: Town, claimed: str
) -> None:
    town.services.ingestor.ingest([warning(action="withdraw", offset=2)], "test")
    pass_time(town, seconds=900)
    assert follow_ups(town) == []
    town.services.ingestor.ingest([warning(action="update", offset=3)], "test")
    pass_time(town, seconds=300)
    assert len(follow_ups(town)) == 1
