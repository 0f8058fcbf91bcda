"""A case that begins again is paged again: released, its warning raised again, or reopened."""

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from tests.alerting.factory import VICTIM, warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble


def paged(gateways: GatewayDouble) -> int:
    return len([item for item in gateways.acted("hook") if item.body["kind"] == "page"])


def withdraw(town: Town) -> None:
    town.services.ingestor.ingest([warning(action="withdraw", offset=2)], "test")


def come_back(town: Town) -> None:
    town.services.ingestor.ingest([warning(action="update", offset=3)], "test")


def test_a_released_case_pages_the_team_again_but_not_the_person(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    gateways.behaviour.confirm = True
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.services.case_service.claim(town.case().case_id, li)
    town.clock.advance(seconds=10)
    town.services.case_service.release(town.case().case_id, li, reason="shift ends")
    town.run()
    assert paged(gateways) == 2
    assert town.clock() < town.case().deadline_ms
    texts = [sent.body["text"] for sent in gateways.acted("sms")]
    notices = [text for text in texts if "To object" in text]  # of the held transfer
    assert len(gateways.acted("bank")) == len(notices) == 1
    assert len(texts) == 2


def test_every_release_pages_again_and_restarts_the_chain(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    for times in (1, 2, 3):
        town.run()
        assert paged(gateways) == times
        town.clock.advance(seconds=70)
        town.run()
        assert town.case().escalation_level == 1
        town.services.case_service.claim(town.case().case_id, li)
        town.services.case_service.release(town.case().case_id, li, reason="busy")
        assert town.case().escalation_level == 0
        assert town.case().deadline_ms == town.clock() + 60_000


def test_a_warning_that_is_raised_again_holds_the_money_and_pages_the_team_again(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    withdraw(town)
    town.run()
    come_back(town)
    town.run()
    assert paged(gateways) == 2
    holds = gateways.acted("bank")
    assert len(holds) == 2
    assert {hold.body["transfer_id"] for hold in holds} == {"transfer-of-w-1"}
    assert [item.body["to"] for item in gateways.acted("sms")] == [VICTIM, VICTIM]


def test_a_hold_that_was_cancelled_before_it_went_out_is_ordered_when_the_warning_comes_back(
    town: Town, gateways: GatewayDouble
) -> None:
    gateways.behaviour.fail_next = 100
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    withdraw(town)
    town.clock.advance(seconds=5)
    town.run()
    assert {row.state for row in town.deliveries(channel="bank")} == {"cancelled"}
    gateways.behaviour.fail_next = 0
    come_back(town)
    for _ in range(4):  # past the pause of the breaker that the failures opened
        town.clock.advance(seconds=5)
        town.run()
    assert len(gateways.acted("bank")) == 1
    assert paged(gateways) == 1


def test_the_holder_is_alarmed_when_a_warning_is_raised_again(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    town.services.case_service.claim(town.case().case_id, li)
    withdraw(town)
    town.run()
    come_back(town)
    town.run()
    town.run()
    sent = [item.body["text"] for item in gateways.acted("hook") if item.body["kind"] == "alarm"]
    assert len(sent) == 1
    assert "raised again" in sent[0]
    assert "assigned to local:li" in sent[0]
    assert len(gateways.acted("bank")) == 2


def test_a_reopened_case_is_paged_again(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    case_id = town.case().case_id
    town.services.case_service.claim(case_id, boss)
    town.services.closures.close(case_id, boss, Closure("false_alarm"))
    town.services.closures.reopen(case_id, boss, reason="it was one")
    town.run()
    assert paged(gateways) == 2
    assert [item.body["order"] for item in gateways.acted("bank")] == [
        "hold_transfer", "release_transfer", "hold_transfer",
    ]  # fmt: skip


def test_a_claim_before_the_desk_has_acted_withholds_pages_but_no_protection(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.services.case_service.claim(town.case().case_id, li)
    town.run()
    assert paged(gateways) == 0
    assert len(gateways.acted("bank")) == 1
    assert [item.body["to"] for item in gateways.acted("sms")] == [VICTIM]
