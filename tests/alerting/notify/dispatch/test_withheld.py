"""What is withheld stays withheld: past the deadline, in quiet hours, until it may go out."""

from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import CaseEvent
from tests.alerting.conftest import SECOND
from tests.alerting.factory import NOW_MS, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble
from tests.doubles.smtp_server import SmtpDouble

HOUR_MS = 3_600_000
QUIET_UNTIL_MS = NOW_MS + 52 * 60_000 + 20_000  # 23:59 in the town


def silence(town: Town, boss: Principal, until_ms: int = NOW_MS + HOUR_MS) -> str:
    row = town.services.routing_service.silence(
        boss, tenant="default", matchers={"typology": "police*"}, reason="exercise",
        expires_at_ms=until_ms,
    )  # fmt: skip
    town.services.routing_service.approve_silence(row.silence_id, SECOND)
    return row.silence_id


def pass_time(town: Town, *, minutes: int) -> None:
    for _ in range(minutes):
        town.clock.advance(seconds=60)
        town.run()


def withheld(town: Town) -> list[dict]:
    with town.services.db.read() as session:
        rows = session.scalars(select(CaseEvent).where(CaseEvent.kind == "escalation_withheld"))
        return [row.detail for row in rows]


def test_a_silence_withholds_escalations_too_and_the_team_is_paged_when_it_ends(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    silence(town, boss)
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    pass_time(town, minutes=59)
    assert gateways.acted("hook") == gateways.acted("chat") == mail.mails == []
    assert town.case().escalation_level == 0
    assert [item["reason"] for item in withheld(town)] == ["silenced"]
    pass_time(town, minutes=1)
    assert len(gateways.acted("hook")) == 1
    assert mail.mails == []  # the team has its minute first
    pass_time(town, minutes=1)
    assert [item["To"] for item in mail.mails] == ["chief@example.org"]


def test_a_silence_that_is_ended_early_lets_the_page_out_at_once(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble, boss: Principal
) -> None:
    name = silence(town, boss)
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    pass_time(town, minutes=5)
    town.services.routing_service.end_silence(name, boss)
    town.run()
    assert [item.body["kind"] for item in gateways.acted("hook")][:1] == ["page"]
    assert mail.mails == []
    pass_time(town, minutes=1)
    assert len(mail.mails) == 1


def test_a_silence_in_the_middle_of_the_chain_stops_it_where_it_is(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble, boss: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    pass_time(town, minutes=1)
    assert town.case().escalation_level == 1
    silence(town, boss, NOW_MS + HOUR_MS)
    pass_time(town, minutes=30)
    assert town.case().escalation_level == 1
    assert gateways.acted("chat") == []
    pass_time(town, minutes=29)
    assert town.case().escalation_level == 2
    assert len(gateways.received("chat")) == 1


def test_an_inhibited_case_is_paged_once_the_other_one_is_closed_and_escalates_after_that(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble, boss: Principal
) -> None:
    other = {"typology": "mule", "caller": None, "payee": "X1", "severity": "high"}
    town.services.ingestor.ingest([warning("w-1"), warning("w-2", **other)], "test")
    town.run()
    critical = next(row for row in town.cases() if row.severity == "critical")
    inhibited = next(row for row in town.cases() if row.severity == "high")
    town.services.case_service.claim(critical.case_id, boss)
    pass_time(town, minutes=20)
    assert town.deliveries(case_id=inhibited.case_id, purpose="page") == []
    assert not any(inhibited.case_id in item.get_content() for item in mail.mails)
    town.services.case_service.contact(critical.case_id, boss, method="phone", reached=True)
    town.services.closures.close(critical.case_id, boss, Closure("dissuaded"))
    pass_time(town, minutes=1)  # how often the route asks again
    assert [row.template for row in town.deliveries(case_id=inhibited.case_id, purpose="page")] == [
        "page"
    ]
    pass_time(town, minutes=4)
    assert any(inhibited.case_id in item.get_content() for item in mail.mails)


def test_quiet_hours_hold_back_escalations_and_texts_of_medium_cases(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble
) -> None:
    town.services.ingestor.ingest([warning(severity="medium")], "test")
    town.run()
    pass_time(town, minutes=52)
    assert gateways.received() == mail.mails == []
    [text] = town.deliveries(channel="sms")
    assert (text.state, text.reason) == ("pending", "quiet_hours")
    assert text.not_before_ms == QUIET_UNTIL_MS
    assert town.case().escalation_level == 0
    assert [item["reason"] for item in withheld(town)] == ["quiet_hours"]
    town.clock.advance(seconds=20)
    town.run()
    assert [item.body["to"] for item in gateways.acted("sms")] == [VICTIM]
    assert len(gateways.acted("hook")) == 1
    assert mail.mails == []


def test_a_text_that_waits_for_the_morning_goes_out_when_the_case_gets_critical(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning(severity="medium")], "test")
    town.run()
    assert gateways.acted("sms") == []
    town.services.ingestor.ingest([warning(action="update", offset=2)], "test")
    town.run()
    assert [item.body["to"] for item in gateways.acted("sms")] == [VICTIM]


def test_the_budget_of_a_team_bounds_its_escalations_and_lets_the_rest_out_later(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble
) -> None:
    for number in range(5):
        person = f"+86138222222{number:02}"
        town.services.ingestor.ingest(
            [warning(f"w-{number}", severity="high", subscriber=person)], "test"
        )
    town.run()
    assert len([item for item in gateways.acted("hook") if item.body["kind"] == "page"]) == 2
    pass_time(town, minutes=61)
    pages = [item for item in gateways.acted("hook") if item.body["kind"] == "page"]
    assert 2 < len(pages) <= 4  # two an hour
