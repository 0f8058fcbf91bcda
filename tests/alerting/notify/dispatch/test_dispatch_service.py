"""From a warning to messages at the gateways, over real HTTP and SMTP, on both databases."""

from sqlalchemy import select

from alerting.access import Scope
from alerting.bootstrap.background_tasks import delivery_sender
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.notify.dispatch.patrol_feed import patrol_calls
from tests.alerting.conftest import SECOND
from tests.alerting.factory import NOW_MS, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town, on_call
from tests.doubles.http_gateway import GatewayDouble
from tests.doubles.smtp_server import SmtpDouble


def test_a_critical_transfer_pages_the_team_holds_the_money_and_warns_the_person(
    town: Town, gateways: GatewayDouble, boss: object
) -> None:
    on_call(town, boss)
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    assert town.case().state == "dispatched"
    assert town.case().team == "hengyang"
    assert [item.body["to"] for item in gateways.acted("sms")] == ["+8613900000000", VICTIM]
    [hold] = gateways.acted("bank")
    assert hold.body["order"] == "hold_transfer"
    assert hold.body["transfer_id"] == "transfer-of-w-1"
    assert len(gateways.acted("hook")) == 1
    assert [item.body["to"] for item in gateways.acted("voice")] == [VICTIM]


def test_a_line_that_the_swindler_holds_is_never_called(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning(kind="call")], "test")
    town.run()
    assert gateways.acted("voice") == []
    assert [item.body["order"] for item in gateways.acted("operator")] == ["suspend_line"]
    assert [row.reason for row in town.deliveries(channel="patrol")] == [
        "cannot_be_reached_otherwise"
    ]


def test_without_an_answer_the_relative_is_called_and_then_a_patrol_is_sent(
    town: Town, gateways: GatewayDouble, boss: object
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.services.emergency_contacts.add(
        boss, town.case().case_id, phone="+8613700000000", name="Mother"
    )
    town.run()
    [call] = town.deliveries(channel="voice", recipient="victim")
    town.report(call, "no_answer")
    town.run()
    [relative] = town.deliveries(recipient="relative")
    assert relative.reason == "no_answer"
    assert town.deliveries(channel="patrol") == []
    town.services.case_service.claim(town.case().case_id, boss)
    town.services.case_service.contact(town.case().case_id, boss, method="phone", reached=False)
    town.run()
    assert len(town.deliveries(channel="patrol")) == 1


def test_a_deadline_that_passes_pages_up_the_chain_and_again_and_again(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.clock.advance(seconds=59)
    town.run()
    assert mail.mails == []
    town.clock.advance(seconds=1)
    town.run()
    assert [mail["To"] for mail in mail.mails] == ["chief@example.org"]
    town.clock.advance(seconds=119)
    town.run()
    assert gateways.acted("chat") == []
    town.clock.advance(seconds=1)
    town.run()
    assert len(gateways.received("chat")) == 1
    town.clock.advance(seconds=60)
    town.run()
    assert len(gateways.received("chat")) == 2
    assert town.case().escalation_level == 3


def test_an_acknowledgement_stops_pages_for_good(
    town: Town, gateways: GatewayDouble, mail: SmtpDouble, boss: object
) -> None:
    gateways.behaviour.fail_next = 100
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.services.case_service.acknowledge(town.case().case_id, boss)
    gateways.behaviour.fail_next = 0
    for _ in range(10):
        town.clock.advance(seconds=25)  # to before the holder owes contact
        town.run()
    assert {item.body["kind"] for item in gateways.acted("hook")} == {"alarm"}
    assert mail.mails == []
    assert {row.state for row in town.deliveries(purpose="page")} == {"cancelled"}


def test_a_gateway_that_fails_is_tried_again_with_the_same_key(
    town: Town, gateways: GatewayDouble
) -> None:
    gateways.behaviour.fail_next = 2
    town.services.ingestor.ingest([warning(severity="high", kind="call", on_call=False)], "test")
    for _ in range(6):
        town.run()
        town.clock.advance(seconds=5)
    keys = {item.key for item in gateways.received()}
    assert len(gateways.received()) == len(keys) + 2
    assert {row.state for row in town.deliveries() if row.channel != "email"} == {"sent"}


def test_an_unconfirmed_hold_is_ordered_again_until_it_is_confirmed(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    [hold] = town.deliveries(channel="bank")
    assert hold.state == "awaiting"
    gateways.behaviour.confirm = True
    town.clock.advance(seconds=31)
    town.run()
    [hold] = town.deliveries(channel="bank")
    assert hold.state == "confirmed"
    assert len(gateways.received("bank")) == 2
    assert len(gateways.acted("bank")) == 1


def test_medium_cases_wait_out_quiet_hours_and_critical_ones_do_not(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning(severity="medium")], "test")
    town.run()
    assert gateways.acted("hook") == []
    [page] = town.deliveries(purpose="page")
    assert page.reason == "quiet_hours"
    town.services.ingestor.ingest([warning("w-2", subscriber="+8613811111111")], "test")
    town.run()
    assert len(gateways.acted("hook")) == 1


def test_a_team_is_paged_for_so_many_cases_an_hour_but_for_every_critical_one(
    town: Town, gateways: GatewayDouble
) -> None:
    people = [f"+86138222222{number:02}" for number in range(5)]
    for number, person in enumerate(people):
        town.services.ingestor.ingest(
            [warning(f"w-{number}", severity="high", subscriber=person)], "test"
        )
    town.run()
    assert len(gateways.acted("hook")) == 2
    town.services.ingestor.ingest([warning("w-x", subscriber="+8613833333333")], "test")
    town.run()
    assert len(gateways.acted("hook")) == 3


def test_a_person_gets_no_more_messages_a_day_than_the_budget(
    town: Town, gateways: GatewayDouble, boss: object
) -> None:
    town.clock.advance(seconds=53 * 60)  # to 23:59, when the quiet hours of the town have ended
    for number in range(6):
        town.services.ingestor.ingest(
            [warning(f"w-{number}", severity="medium", kind="call", caller=f"+8617{number:09}",
                     on_call=False, typology="task_scam" if number % 2 else "mule")],
            "test",
        )  # fmt: skip
        with town.services.db.read() as session:
            open_case = session.scalars(select(Case).where(Case.state != "closed")).first()
        town.run()
        town.services.case_service.claim(open_case.case_id, boss)
        town.services.case_service.contact(open_case.case_id, boss, method="phone", reached=True)
        town.services.closures.close(open_case.case_id, boss, Closure("false_alarm"))
    assert len([item for item in gateways.acted("sms") if item.body["to"] == VICTIM]) == 3


def test_a_silence_withholds_the_page_but_not_the_case_nor_the_protection(
    town: Town, gateways: GatewayDouble, boss: object
) -> None:
    row = town.services.routing_service.silence(
        boss, tenant="default", matchers={"typology": "police*"}, reason="exercise",
        expires_at_ms=NOW_MS + 3_600_000,
    )  # fmt: skip
    town.services.routing_service.approve_silence(row.silence_id, SECOND)
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    assert gateways.acted("hook") == []
    assert town.case().state == "dispatched"
    assert len(gateways.acted("bank")) == 1


def test_two_replicas_page_once(town: Town, gateways: GatewayDouble) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    other = delivery_sender(town.settings.model_copy(update={"replica": "two"}), town.services)
    first, second = town.courier.lease(), other.lease()
    assert first
    assert not second
    for parcel in first:
        town.courier.deliver(parcel)
    other.close()
    assert len(gateways.received("hook")) == 1


def test_cases_of_one_group_come_in_one_page(town: Town, gateways: GatewayDouble) -> None:
    for number in range(3):
        town.services.ingestor.ingest(
            [warning(f"w-{number}", subscriber=f"+8613{number:09}", district="110105")], "test"
        )
        town.run()
        town.clock.advance(seconds=5)
    assert gateways.acted("hook") == []
    town.clock.advance(seconds=5)
    town.run()
    [page] = gateways.acted("hook")
    assert len(page.body["cases"]) == 3
    assert {row.state for row in town.deliveries(purpose="page")} == {"sent"}


def test_a_critical_case_inhibits_pages_of_a_lesser_one_of_the_same_person(
    town: Town, gateways: GatewayDouble
) -> None:
    other = {"typology": "mule", "caller": None, "payee": "X1", "severity": "high"}
    town.services.ingestor.ingest([warning("w-1")], "test")
    town.run()
    town.services.ingestor.ingest([warning("w-2", **other)], "test")
    town.services.ingestor.ingest([warning("w-3", subscriber="+8613911111111", **other)], "test")
    town.run()
    paged = [page.body["cases"][0]["case_id"] for page in gateways.acted("hook")]
    with town.services.db.read() as session:
        quiet = session.get(Warning_, "w-2").case_id
        cases = {session.get(Warning_, name).case_id for name in ("w-1", "w-3")}
    assert set(paged) == cases
    assert quiet not in paged
    with town.services.db.read() as session:
        event = session.scalars(
            select(CaseEvent).where(CaseEvent.case_id == quiet, CaseEvent.kind == "dispatched")
        ).one()
    assert event.detail["withheld"] == {"hengyang": "inhibited"}


def test_patrols_follow_their_feed_from_where_they_were(town: Town) -> None:
    for number, district in enumerate(["430405", "430407", "110105"]):
        person = f"+8613{number:09}"
        town.services.ingestor.ingest(
            [warning(f"w-{number}", kind="call", subscriber=person, district=district)], "test"
        )
        town.run()
        town.clock.advance(seconds=1)
    hengyang = Scope.of(["*"], ["4304*"])
    first, second = patrol_calls(town.services.db, hengyang, None)
    assert (first.district, second.district) == ("430405", "430407")
    assert patrol_calls(town.services.db, hengyang, first.event_id) == [second]
    assert patrol_calls(town.services.db, hengyang, second.event_id) == []
    assert VICTIM not in first.text


def test_a_page_that_cannot_be_delivered_escalates_without_waiting(
    town: Town, mail: SmtpDouble, gateways: GatewayDouble
) -> None:
    mail.refuse.add("chief@example.org")
    gateways.behaviour.confirm = True
    gateways.behaviour.fail_next, gateways.behaviour.fail_path = 1000, "chat"
    town.services.ingestor.ingest([warning(district="999999")], "test")
    town.run()
    [page] = town.deliveries(purpose="page", template="page")
    town.clock.advance(seconds=5)
    town.run()
    assert page.state in ("pending", "failed")
    assert town.case().state == "dispatched"
    for _ in range(9):
        town.clock.advance(seconds=5)
        town.run()
    assert "escalated" in town.events()  # before the deadline of 60 s
    assert town.clock() < NOW_MS + 60_000
