"""Webhooks of the life of cases, over real HTTP: each step once, in order, again after a fault."""

import hashlib
import hmac
import threading
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from alerting.access import Principal, Scope
from alerting.cases.closure_service import Closure
from alerting.db.webhook_tables import WebhookCall
from alerting.notify.webhooks import webhook_log
from alerting.notify.webhooks.case_events_of_life import LIFE_EVENTS, Recorded, life_event
from alerting.notify.webhooks.webhook_log import WebhookTarget
from alerting.notify.webhooks.webhook_sender import KEPT_DAYS, MAX_ATTEMPTS, WebhookSender, pause_ms
from alerting.notify.webhooks.webhook_targets import target_secret, webhook_targets
from alerting.web.service_container import Services
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import CALLER, PAYEE, VICTIM, Clock, warning
from tests.alerting.options import options
from tests.doubles.http_gateway import GatewayDouble

SECRET = target_secret("master", "tickets")


@pytest.fixture
def desk(clock: Clock) -> Iterator[GatewayDouble]:
    with GatewayDouble(secret=SECRET, clock=clock) as double:
        yield double


def sender(services: Services, clock: Clock, *targets: WebhookTarget) -> WebhookSender:
    return WebhookSender(services.db, clock, targets, httpx.Client(timeout=2), owner="one")


def target(desk: GatewayDouble, **changes: object) -> WebhookTarget:
    return WebhookTarget("tickets", desk.url("tickets"), SECRET, **changes)  # type: ignore[arg-type]  # the fields' own types


def serve(services: Services, clock: Clock, wanted: WebhookTarget) -> None:
    made = sender(services, clock, wanted)
    while made.serve(wanted):
        pass
    made.close()


def calls(services: Services) -> list[WebhookCall]:
    with services.db.read() as session:
        return list(session.scalars(select(WebhookCall).order_by(WebhookCall.event_no)))


def live(services: Services, li: Principal) -> str:
    """A case from its first warning to its end and back."""
    services.ingestor.ingest([warning(severity="medium")], "test")
    result = services.ingestor.ingest(
        [warning(action="update", severity="critical", offset=2)], "test"
    )
    case_id = result.results[0][1]
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.case_service.note(case_id, li, text="not a step of its life")
    services.closures.close(case_id, li, Closure("dissuaded"))
    return case_id


def test_the_steps_of_a_life_arrive_signed_in_order_and_once(
    services: Services, clock: Clock, li: Principal, boss: Principal, desk: GatewayDouble
) -> None:
    serve(services, clock, target(desk))  # a new target begins with what comes
    case_id = live(services, li)
    services.closures.reopen(case_id, boss, reason="a second call")
    for _ in range(3):
        serve(services, clock, target(desk))
        clock.advance(seconds=61)
    received = desk.received("tickets")
    assert [item.body["event"] for item in received] == [
        "opened", "upgraded", "claimed", "contacted", "closed", "reopened",
    ]  # fmt: skip
    assert all(item.signed for item in received)
    assert received[4].body["detail"]["disposition"] == "dissuaded"
    assert {row.state for row in calls(services)} == {"sent"}
    text = str([item.body for item in received])
    assert not any(secret in text for secret in (VICTIM, CALLER, PAYEE))


def test_a_target_that_fails_is_asked_again_later_and_the_others_go_on(
    services: Services, clock: Clock, li: Principal, desk: GatewayDouble
) -> None:
    serve(services, clock, target(desk))
    live(services, li)
    desk.behaviour.fail_next = 2
    serve(services, clock, target(desk))
    assert [row.state for row in calls(services)][:2] == ["pending", "pending"]
    serve(services, clock, target(desk))
    assert len(desk.received("tickets")) == 1  # not before its pause is over
    clock.advance(seconds=5)
    serve(services, clock, target(desk))
    clock.advance(seconds=10)
    serve(services, clock, target(desk))
    assert [item.body["event"] for item in desk.acted("tickets")] == [
        "opened", "upgraded", "claimed", "contacted", "closed",
    ]  # fmt: skip


def test_a_target_that_never_answers_is_given_up_and_can_be_sent_again(
    services: Services, clock: Clock, li: Principal, desk: GatewayDouble
) -> None:
    serve(services, clock, target(desk, events=frozenset({"opened"})))
    live(services, li)
    desk.behaviour.fail_next = MAX_ATTEMPTS
    for _ in range(MAX_ATTEMPTS):
        serve(services, clock, target(desk, events=frozenset({"opened"})))
        clock.advance(seconds=3600)
    [row] = calls(services)
    assert (row.state, row.attempts) == ("given_up", MAX_ATTEMPTS)
    assert pause_ms(1) == 5_000
    assert pause_ms(MAX_ATTEMPTS) == pause_ms(100) == 3_600_000


def test_a_refused_call_is_not_sent_again_and_does_not_hold_up_those_behind_it(
    services: Services, clock: Clock, li: Principal, desk: GatewayDouble
) -> None:
    serve(services, clock, target(desk))
    live(services, li)
    desk.behaviour.fail_next, desk.behaviour.fail_status = 1, 410
    serve(services, clock, target(desk))
    assert [row.state for row in calls(services)] == ["refused"] + ["sent"] * 4


def test_a_target_gets_its_events_of_its_tenants_and_districts_only(
    services: Services, clock: Clock, li: Principal, desk: GatewayDouble
) -> None:
    chosen = target(desk, events=frozenset({"closed"}))
    elsewhere = WebhookTarget("far", desk.url("far"), SECRET, scope=Scope.of(["*"], ["1101*"]))
    for one in (chosen, elsewhere):
        serve(services, clock, one)
    live(services, li)
    for one in (chosen, elsewhere):
        serve(services, clock, one)
    assert [item.body["event"] for item in desk.received()] == ["closed"]


def test_calls_beyond_the_bound_are_logged_as_dropped(
    services: Services,
    clock: Clock,
    li: Principal,
    desk: GatewayDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_log, "MAX_WAITING", 2)
    serve(services, clock, target(desk))
    live(services, li)
    serve(services, clock, target(desk))
    assert [row.state for row in calls(services)] == [
        "sent",
        "sent",
        "dropped",
        "dropped",
        "dropped",
    ]


def test_old_calls_leave_the_log(
    services: Services, clock: Clock, li: Principal, desk: GatewayDouble
) -> None:
    made = sender(services, clock, target(desk))
    stop = threading.Event()
    made.turn(stop)
    live(services, li)
    made.turn(stop)
    assert len(calls(services)) == 5
    clock.advance(seconds=(KEPT_DAYS + 1) * 86_400)
    made.turn(stop)
    assert calls(services) == []
    made.close()


def test_only_a_rise_of_the_severity_is_an_upgrade() -> None:
    before = [Recorded(1, "warning_raised", "high"), Recorded(2, "warning_withdrawn", "high")]
    assert life_event(Recorded(3, "warning_updated", "critical"), before) == "upgraded"
    assert life_event(Recorded(3, "warning_raised", "high"), before) is None
    assert life_event(Recorded(1, "warning_raised", "medium"), []) == "opened"
    assert life_event(Recorded(3, "noted"), before) is None
    assert life_event(Recorded(3, "appeal_filed"), before) == "appealed"


def test_each_target_has_a_secret_of_its_own_and_none_goes_unsigned() -> None:
    chosen = options(webhooks={"urls": {"a": "https://a.example", "b": "https://b.example"}})
    one, two = webhook_targets(AlertingSettings(options=chosen, webhook_secret="master"))
    assert one.secret != two.secret
    assert one.secret == hmac.new(b"master", b"case-webhook/a", hashlib.sha256).hexdigest()
    assert one.events == frozenset(LIFE_EVENTS)
    with pytest.raises(ConfigurationError):
        webhook_targets(AlertingSettings(options=chosen))
