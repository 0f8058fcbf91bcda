"""The pure deciders of the dispatch: one sentence a case."""

import pytest

from alerting.channels.breaker import Breakers
from alerting.dispatch.attempt import decide_next
from alerting.dispatch.escalate import decide_escalation
from alerting.dispatch.quiet import quiet_until_ms
from alerting.dispatch.reach import Reachability, decide_reach
from alerting.routing.tree import Escalation
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
        ({"transfers": ("t1", "t2")}, ["bank", "bank", "sms", "voice"]),
        ({"severity": "high", "on_call": True}, ["sms"]),
        ({"severity": "medium", "transfers": ("t1",)}, ["sms"]),
        ({"severity": "medium", "messages_left": 0}, []),
        ({"messages_left": 0}, ["sms", "voice"]),  # no budget holds back a critical case
        ({"available": frozenset({"patrol"}), "on_call": True}, ["patrol"]),
    ],
)
def test_the_channel_fits_how_the_person_can_be_reached(given: dict, channels: list[str]) -> None:
    actions = decide_reach(facts(**given))
    found = [
        f"{action.channel}:relative" if action.recipient == "relative" else action.channel
        for action in actions
    ]
    assert found == channels
    assert all(action.reason for action in actions)


def test_a_busy_or_forwarded_line_is_never_called_whatever_else_is_true() -> None:
    for severity in ("critical", "high", "medium"):
        for on_call, forwarding in ((True, False), (False, True), (True, True)):
            actions = decide_reach(
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
    third = decide_escalation(2, chain, now_ms=NOW_MS + 420_000, **options)
    assert (third.receiver, third.reason) == ("chief", "still_no_response")


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
    assert breakers.retry_ms("sms", later) is not None  # nobody else
    breakers.failed("sms", later)
    assert breakers.retry_ms("sms", later + 9_999) == later + 10_000
    assert breakers.retry_ms("sms", later + 10_000) is None
    breakers.succeeded("sms")
    assert breakers.retry_ms("sms", later + 10_000) is None
