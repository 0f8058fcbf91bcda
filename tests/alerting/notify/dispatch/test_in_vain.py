"""A delivery that reached no person, was refused or was never confirmed has a successor."""

from alerting.access import Principal
from tests.alerting.factory import NOW_MS, warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble

MOTHER, UNCLE = "+8613700000000", "+8613700000001"


def alarms(town: Town) -> list[str]:
    return [row.reason for row in town.deliveries(purpose="alarm", channel="webhook")]


def busy(town: Town, boss: Principal, *relatives: str, **changes: object) -> None:
    """A person who is kept on the phone, and whom there is to call instead."""
    town.services.ingestor.ingest([warning(kind="call", **changes)], "test")
    for phone in relatives:
        town.services.emergency_contacts.add(boss, town.case().case_id, phone=phone, name="")
    town.run()


def unanswered(town: Town, **wanted: str) -> None:
    for row in town.deliveries(**wanted, state="sent"):
        town.report(row, "no_answer")
    town.run()


def test_a_relative_who_does_not_answer_is_texted_and_a_patrol_goes_once_all_were_tried(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    busy(town, boss, MOTHER, UNCLE)
    assert town.deliveries(channel="patrol") == []
    unanswered(town, recipient="relative", address=MOTHER)
    [text] = town.deliveries(recipient="relative", channel="sms")
    assert (text.address, text.reason) == (MOTHER, "relative_did_not_answer")
    assert town.deliveries(channel="patrol") == []
    unanswered(town, recipient="relative", address=UNCLE, channel="voice")
    assert len(town.deliveries(channel="patrol", state="sent")) == 1
    calls = [item.body["to"] for item in gateways.acted("voice")]
    assert sorted(calls) == [MOTHER, UNCLE]  # each once


def test_a_relative_whose_number_is_refused_counts_as_tried(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    town.services.ingestor.ingest([warning(kind="call")], "test")
    town.services.emergency_contacts.add(boss, town.case().case_id, phone=MOTHER, name="")
    town.timers.run_due()
    gateways.behaviour.fail_next, gateways.behaviour.fail_status = 100, 400
    town.run()
    assert town.deliveries(recipient="relative", channel="voice")[0].state == "failed"
    assert len(town.deliveries(channel="patrol", state="sent")) == 1


def test_a_patrol_that_finds_no_person_alarms_the_team_or_the_holder(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    busy(town, boss)
    unanswered(town, channel="patrol")
    assert alarms(town) == ["patrol_found_nobody"]
    text = gateways.acted("hook")[-1].body["text"]
    assert "the patrol found no one" in text
    assert "assigned to -" in text


def test_the_holder_is_alarmed_at_the_address_of_their_shift(
    town: Town, gateways: GatewayDouble, boss: Principal, li: Principal
) -> None:
    town.services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="hengyang", responder=li.subject,
        channel="sms", address="+8613900000000",
        starts_at_ms=NOW_MS - 1000, ends_at_ms=NOW_MS + 86_400_000,
    )  # fmt: skip
    busy(town, boss)
    town.services.case_service.claim(town.case().case_id, li)
    unanswered(town, channel="patrol")
    [alarm] = town.deliveries(purpose="alarm")
    assert (alarm.address, alarm.recipient, alarm.state) == ("+8613900000000", li.subject, "sent")


def test_a_refused_hold_alarms_at_once_and_an_unconfirmed_one_after_a_minute(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.clock.advance(seconds=59)
    town.run()
    assert "hold_not_confirmed" not in alarms(town)
    town.clock.advance(seconds=1)
    town.run()
    assert alarms(town) == ["hold_not_confirmed"]
    [hold] = town.deliveries(channel="bank")
    town.report(hold, "refused")
    town.run()
    assert alarms(town) == ["hold_not_confirmed", "hold_failed"]
    town.run()
    assert len(alarms(town)) == 2


def test_a_confirmed_hold_raises_no_alarm(town: Town, gateways: GatewayDouble) -> None:
    gateways.behaviour.confirm = True
    town.services.ingestor.ingest([warning()], "test")
    for _ in range(5):
        town.run()
        town.clock.advance(seconds=60)
    assert alarms(town) == []


def test_an_unreached_person_raises_an_alarm_where_no_patrol_is_sent(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    busy(town, boss, MOTHER, severity="high", on_call=True)
    assert alarms(town) == []
    unanswered(town, recipient="relative", channel="voice")
    assert alarms(town) == ["nobody_reached"]


def test_a_call_that_fails_while_the_case_is_claimed_is_followed_up(
    town: Town, boss: Principal, li: Principal
) -> None:
    busy(town, boss, MOTHER)
    [call] = town.deliveries(recipient="relative", state="sent")
    town.report(call, "no_answer")
    town.services.case_service.claim(town.case().case_id, li)
    town.run()
    assert len(town.deliveries(channel="patrol", state="sent")) == 1


def test_a_relative_who_becomes_known_later_is_called_at_once(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    busy(town, boss)
    assert gateways.acted("voice") == []
    town.services.emergency_contacts.add(boss, town.case().case_id, phone=MOTHER, name="")
    town.run()
    assert [item.body["to"] for item in gateways.acted("voice")] == [MOTHER]


def test_a_patrol_that_does_not_report_raises_an_alarm(town: Town, boss: Principal) -> None:
    busy(town, boss)
    [visit] = town.deliveries(channel="patrol")
    town.clock.advance(seconds=1_200)
    town.run()
    assert "patrol_not_reported" in alarms(town)
    town.report(visit, "confirmed")
    town.clock.advance(seconds=1_200)
    town.run()
    assert alarms(town).count("patrol_not_reported") == 1
