"""Between writing and sending much may change; what goes out is what is right at that moment."""

import threading

import pytest

from alerting.access import Principal
from alerting.bootstrap.background_tasks import delivery_sender
from alerting.notify.channels.channel import Message
from alerting.notify.channels.team_channels import WebhookChannel
from tests.alerting.factory import NOW_MS, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town
from tests.doubles.http_gateway import GatewayDouble

POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.system)], indirect=True
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"on_call": True}, "line_is_busy"),
        ({"forwarding_on": True}, "calls_are_forwarded"),
    ],
)
def test_a_call_that_waited_while_the_line_was_taken_is_not_made_and_a_patrol_goes(
    town: Town, gateways: GatewayDouble, changes: dict, reason: str
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    leased = town.courier.lease()
    town.services.ingestor.ingest([warning(action="update", offset=2, **changes)], "test")
    for batch in leased:
        town.courier.deliver(batch)
    town.run()
    assert gateways.received("voice") == []
    [call] = town.deliveries(channel="voice")
    assert (call.state, call.last_error) == ("cancelled", reason)
    assert len(town.deliveries(channel="patrol", state="sent")) == 1
    assert "delivery_cancelled" in town.events()


def test_the_call_is_made_once_the_line_is_free_again(town: Town, gateways: GatewayDouble) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    leased = town.courier.lease()
    town.services.ingestor.ingest([warning(action="update", offset=2, on_call=True)], "test")
    for batch in leased:
        town.courier.deliver(batch)
    town.run()
    town.services.ingestor.ingest([warning(action="update", offset=3)], "test")
    town.run()
    assert [item.body["to"] for item in gateways.acted("voice")] == [VICTIM]


def test_a_page_delayed_by_a_slow_gateway_is_not_sent_for_a_claimed_case(
    town: Town, gateways: GatewayDouble, li: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    leased = town.courier.lease()
    town.services.case_service.claim(town.case().case_id, li)
    for batch in leased:
        town.courier.deliver(batch)
    assert gateways.received("hook") == []
    assert {row.last_error for row in town.deliveries(purpose="page")} == {"case_was_taken"}


def test_a_lease_that_ran_out_sends_nothing(town: Town, gateways: GatewayDouble) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    leased = town.courier.lease()
    town.clock.advance(seconds=town.settings.options.gateways.lease_seconds)
    for batch in leased:
        town.courier.deliver(batch)
    assert gateways.received() == []


def in_beijing(town: Town, number: int) -> None:
    person = f"+8613{number:09}"
    town.services.ingestor.ingest(
        [
            warning(
                f"w-{number}", kind="call", severity="high", subscriber=person, district="110105"
            )
        ],
        "test",
    )
    town.timers.run_due()


def paged_cases(gateways: GatewayDouble) -> list[str]:
    """The cases of every page that was acted on."""
    return [case["case_id"] for page in gateways.acted("hook") for case in page.body["cases"]]


def test_a_case_that_joins_while_the_answer_to_a_page_is_lost_is_paged_by_itself(
    town: Town, gateways: GatewayDouble
) -> None:
    in_beijing(town, 1)
    in_beijing(town, 2)
    town.clock.advance(seconds=20)
    for batch in town.courier.lease():
        if batch.channel == "webhook":
            gateways.behaviour.lose_answers = 1
        town.courier.deliver(batch)
    assert len(gateways.received("hook")) == 1
    in_beijing(town, 3)
    for _ in range(3):
        town.clock.advance(seconds=20)
        town.run()
    first, second = gateways.acted("hook")
    assert (len(first.body["cases"]), len(second.body["cases"])) == (2, 1)
    assert sorted(paged_cases(gateways)) == [case.case_id for case in town.cases()]
    assert {row.state for row in town.deliveries(purpose="page", channel="webhook")} == {"sent"}


def test_a_replica_that_takes_over_a_batch_takes_all_of_it_or_waits(
    town: Town, gateways: GatewayDouble
) -> None:
    in_beijing(town, 1)
    in_beijing(town, 2)
    town.clock.advance(seconds=20)
    [dead] = [batch for batch in town.courier.lease() if batch.channel == "webhook"]
    in_beijing(town, 3)
    town.clock.advance(seconds=town.settings.options.gateways.lease_seconds)
    other = delivery_sender(town.settings.model_copy(update={"replica": "two"}), town.services)
    batches = [batch for batch in other.lease() if batch.channel == "webhook"]
    other.close()
    assert sorted(dead.delivery_ids) in [sorted(batch.delivery_ids) for batch in batches]
    assert sorted(len(batch.delivery_ids) for batch in batches) == [1, 2]


def test_one_page_that_fails_does_not_hasten_the_deadline_while_another_arrived(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    town.services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="hengyang", responder="li",
        channel="sms", address="+8613900000000",
        starts_at_ms=NOW_MS - 1000, ends_at_ms=NOW_MS + 86_400_000,
    )  # fmt: skip
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    [text] = town.deliveries(purpose="page", channel="sms")
    town.report(text, "refused")
    town.run()
    assert town.case().escalation_level == 0
    [hook] = town.deliveries(purpose="page", channel="webhook")
    town.report(hook, "refused")
    town.run()
    assert town.case().escalation_level == 1


def test_a_message_that_cannot_be_sent_or_recorded_keeps_no_other_waiting(
    town: Town, gateways: GatewayDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(_channel: object, _message: Message) -> str:
        raise ValueError("a fault of one channel")

    town.services.ingestor.ingest([warning()], "test")
    town.timers.run_due()
    with monkeypatch.context() as patch:
        patch.setattr(WebhookChannel, "gateway", faulty)
        assert town.courier.turn(threading.Event()) == 0.0
    assert gateways.received("hook") == []
    assert [item.body["to"] for item in gateways.acted("sms")] == [VICTIM]
    town.clock.advance(seconds=town.settings.options.gateways.lease_seconds)
    town.courier.turn(threading.Event())
    assert len(gateways.acted("hook")) == 1


@POSTGRESQL
def test_a_reference_that_the_database_refuses_does_not_fail_the_delivery(
    town: Town, gateways: GatewayDouble
) -> None:
    gateways.behaviour.reference = "nul\0"
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    [text] = town.deliveries(channel="sms")
    assert (text.state, text.provider_reference) == ("sent", "nul")
