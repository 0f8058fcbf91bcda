"""The pure deciders of the dispatch: one sentence a case."""

import pytest

from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.notify.channels.circuit_breaker import Breakers
from alerting.notify.dispatch.channel_selection import Reachability, select_channels
from alerting.notify.dispatch.escalation import decide_escalation
from alerting.notify.dispatch.page_decision import PageDecision, PageFacts, decide_page
from alerting.notify.dispatch.protection_failures import Protection, decide_protection_failures
from alerting.notify.dispatch.quiet_hours import quiet_until_ms
from alerting.notify.dispatch.retry_decision import decide_next
from alerting.notify.dispatch.suppression import suppression_reason
from alerting.notify.routing.routing_tree import Escalation
from tests.alerting.factory import NOW_MS

EVERYTHING = frozenset({"sms", "voice", "bank", "operator", "patrol"})
UTC_MIDNIGHT_MS = 1_750_032_000_000  # 2025-06-16T00:00Z, 08:00 in Shanghai


def facts(**changes: object) -> Reachability:
    fields = {
        "severity": "critical", "on_call": False, "forwarding_on": False, "no_answers": 0,
        "transfers": (), "relatives": (), "available": EVERYTHING, "messages_left": 3,
    }  # fmt: skip
    return Reachability(**(fields | changes))


@pytest.mark.parametrize(
    ("given", "channels"),
    [
        ({}, ["sms", "voice"]),
        ({"on_call": True}, ["operator", "sms", "patrol"]),
        ({"on_call": True, "relatives": ("+861",)}, ["operator", "sms", "voice:relative"]),
        ({"forwarding_on": True}, ["sms", "patrol"]),
        ({"no_answers": 1, "relatives": ("+861",)}, ["sms", "voice:relative"]),
        ({"no_answers": 2, "relatives": ("+861",)}, ["sms", "voice:relative", "patrol"]),
        (  # who did not answer is texted, and a text alone is not enough
            {"no_answers": 1, "relatives": ("+861",), "unreached": {"+861": frozenset({"voice"})}},
            ["sms", "sms:relative", "patrol"],
        ),
        (
            {
                "no_answers": 1,
                "relatives": ("+861", "+862"),
                "unreached": {"+861": frozenset({"voice", "sms"})},
            },
            ["sms", "voice:relative"],
        ),
        ({"transfers": ("t1", "t2")}, ["bank", "bank", "sms", "voice"]),
        ({"severity": "high", "on_call": True}, ["sms"]),
        (  # an extreme case does not wait until one way fails
            {"severity": "extreme", "transfers": ("t1",), "relatives": ("+861",)},
            ["bank", "operator", "sms", "voice", "voice:relative", "patrol"],
        ),
        ({"severity": "extreme", "messages_left": 0}, ["operator", "sms", "voice", "patrol"]),
        ({"severity": "low", "transfers": ("t1",), "on_call": True}, ["sms"]),
        ({"severity": "medium", "transfers": ("t1",)}, ["sms"]),
        ({"severity": "medium", "messages_left": 0}, []),
        ({"messages_left": 0}, ["sms", "voice"]),  # no budget holds back a critical case
        ({"available": frozenset({"patrol"}), "on_call": True}, ["patrol"]),
    ],
)
def test_the_channel_fits_how_the_person_can_be_reached(given: dict, channels: list[str]) -> None:
    actions = select_channels(facts(**given))
    found = [
        f"{action.channel}:relative" if action.recipient == "relative" else action.channel
        for action in actions
    ]
    assert found == channels
    assert all(action.reason for action in actions)


def test_a_busy_or_forwarded_line_is_never_called_whatever_else_is_true() -> None:
    for severity in ("critical", "high", "medium"):
        for on_call, forwarding in ((True, False), (False, True), (True, True)):
            actions = select_channels(
                facts(severity=severity, on_call=on_call, forwarding_on=forwarding)
            )
            calls = [one for one in actions if one.channel == "voice" and one.recipient == "victim"]
            assert not calls


def test_quiet_hours_pass_midnight_and_end_in_local_time() -> None:
    zone = "Asia/Shanghai"
    assert quiet_until_ms("22:00", "07:00", zone, UTC_MIDNIGHT_MS) is None  # 08:00 local
    evening = UTC_MIDNIGHT_MS + 15 * 3_600_000  # 23:00 local
    assert quiet_until_ms("22:00", "07:00", zone, evening) == evening + 8 * 3_600_000
    early = UTC_MIDNIGHT_MS - 2 * 3_600_000  # 06:00 local
    assert quiet_until_ms("22:00", "07:00", zone, early) == early + 3_600_000
    assert quiet_until_ms("07:00", "07:00", zone, early) is None


def test_the_chain_goes_up_in_time_and_then_repeats() -> None:
    chain = (Escalation("lead", 0), Escalation("chief", 120))
    options = {"deadline_ms": NOW_MS, "repeat_seconds": 300}
    first = decide_escalation(0, chain, now_ms=NOW_MS, **options)
    assert (first.receiver, first.level, first.next_ms) == ("lead", 1, NOW_MS + 120_000)
    early = decide_escalation(1, chain, now_ms=NOW_MS + 60_000, **options)
    assert (early.reason, early.level, early.next_ms) == ("not_due_yet", 1, NOW_MS + 120_000)
    second = decide_escalation(1, chain, now_ms=NOW_MS + 120_000, **options)
    assert (second.receiver, second.next_ms) == ("chief", NOW_MS + 420_000)
    late = decide_escalation(0, chain, now_ms=NOW_MS + 900_000, **options)
    assert late.next_ms == NOW_MS + 900_000 + 120_000  # the steps keep their distance
    third = decide_escalation(2, chain, now_ms=NOW_MS + 420_000, **options)
    assert (third.receiver, third.reason) == ("chief", "still_no_response")


@pytest.mark.parametrize(
    ("given", "reason", "again_ms"),
    [
        ({}, "paged", None),
        ({"silenced_until_ms": 7}, "silenced", 7),
        ({"inhibited": True}, "inhibited", NOW_MS + 300_000),
        ({"pages_in_last_hour": 10}, "team_budget", NOW_MS + 300_000),
        ({"quiet_until_ms": 9}, "quiet_hours", 9),
        ({"severity": "critical", "pages_in_last_hour": 10, "quiet_until_ms": 9}, "paged", None),
        ({"severity": "critical", "silenced_until_ms": 7}, "silenced", 7),
    ],
)
def test_what_is_withheld_has_a_reason_and_a_time_to_ask_again(
    given: dict, reason: str, again_ms: int | None
) -> None:
    fields = {
        "severity": "high", "silenced_until_ms": None, "inhibited": False, "pages_in_last_hour": 0,
        "pages_per_hour": 10, "quiet_until_ms": None, "again_seconds": 300,
    }  # fmt: skip
    assert decide_page(PageFacts(**(fields | given)), NOW_MS) == PageDecision(reason, again_ms)


def test_messages_wait_for_the_end_of_quiet_hours_and_orders_and_critical_ones_do_not() -> None:
    quiet = {"quiet_until_ms": 9, "no_answers": 1, "relatives": ("+861",), "transfers": ("t",)}
    waits = {
        (action.channel, action.recipient): action.not_before_ms
        for action in select_channels(facts(severity="high", **quiet))
    }
    assert waits == {("bank", "bank"): 0, ("sms", "victim"): 9, ("voice", "relative"): 9}
    assert {action.not_before_ms for action in select_channels(facts(**quiet))} == {0}


def test_an_order_is_an_alarm_once_it_failed_or_was_not_confirmed_in_time() -> None:
    def alarms(channel: str, state: str, age_seconds: int) -> list[str]:
        item = Protection("d-1", channel, channel, "x", state, NOW_MS - age_seconds * 1000)
        found = decide_protection_failures([item], [], grave=True, now_ms=NOW_MS)
        return [alarm.reason for alarm in found]

    assert alarms("bank", "awaiting", 59) == []
    assert alarms("bank", "awaiting", 60) == ["hold_not_confirmed"]
    assert alarms("operator", "pending", 60) == ["suspension_not_confirmed"]
    assert alarms("patrol", "sent", 1_199) == []
    assert alarms("patrol", "sent", 1_200) == ["patrol_not_reported"]
    assert alarms("patrol", "confirmed", 9_999) == []
    assert alarms("bank", "failed", 0) == ["hold_failed"]
    assert alarms("bank", "confirmed", 900) == []
    assert alarms("patrol", "unanswered", 0) == ["patrol_found_nobody"]
    assert alarms("patrol", "failed", 0) == ["patrol_failed"]


@pytest.mark.parametrize(
    ("purpose", "channel", "case", "reason"),
    [
        ("page", "sms", {}, None),
        ("page", "sms", {"state": "acknowledged"}, "case_was_taken"),
        ("alarm", "sms", {"state": "acknowledged"}, None),
        ("alarm", "sms", {"withdrawn": True}, "case_is_over"),
        ("protect", "bank", {"state": "in_contact"}, None),
        ("protect", "bank", {"state": "closed"}, "case_is_over"),
        ("protect", "voice", {"on_call": True}, "line_is_busy"),
        ("protect", "voice", {"forwarding_on": True}, "calls_are_forwarded"),
        ("protect", "voice", {"state": "in_contact"}, "responder_is_talking_to_them"),
        ("protect", "sms", {"on_call": True}, None),
    ],
)
def test_a_delivery_is_sent_only_while_it_is_needed(
    purpose: str, channel: str, case: dict, reason: str | None
) -> None:
    fields = {"state": "dispatched", "withdrawn": False, "on_call": False, "forwarding_on": False}
    row = Delivery(purpose=purpose, channel=channel, recipient="victim")
    assert suppression_reason(row, Case(**(fields | case))) == reason


@pytest.mark.parametrize(
    ("channel", "result", "attempts", "state"),
    [
        ("sms", "taken", 1, "sent"),
        ("bank", "taken", 1, "awaiting"),
        ("bank", "confirmed", 1, "confirmed"),
        ("sms", "unavailable", 1, "pending"),
        ("sms", "unavailable", 3, "failed"),
        ("bank", "taken", 3, "failed"),
        ("sms", "refused", 1, "failed"),
    ],
)
def test_a_delivery_ends_sent_confirmed_or_given_up(
    channel: str, result: str, attempts: int, state: str
) -> None:
    following = decide_next(channel, result, attempts=attempts, max_attempts=3, now_ms=NOW_MS)
    assert following.state == state
    assert following.not_before_ms >= NOW_MS


def test_a_breaker_opens_lets_one_probe_through_and_closes() -> None:
    breakers = Breakers(threshold=2, open_seconds=10)
    breakers.failed("sms", NOW_MS)
    assert breakers.retry_ms("sms", NOW_MS) is None
    breakers.failed("sms", NOW_MS)
    assert breakers.retry_ms("sms", NOW_MS + 1) == NOW_MS + 10_000
    assert breakers.retry_ms("voice", NOW_MS + 1) is None
    later = NOW_MS + 10_000
    assert breakers.retry_ms("sms", later) is None  # the probe
    assert breakers.retry_ms("sms", later) is not None  # no other caller
    breakers.failed("sms", later)
    assert breakers.retry_ms("sms", later + 9_999) == later + 10_000
    assert breakers.retry_ms("sms", later + 10_000) is None
    breakers.succeeded("sms")
    assert breakers.retry_ms("sms", later + 10_000) is None
