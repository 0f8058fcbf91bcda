"""A small crowd whose events share callers, payees and devices, with every field in use.

Not realistic, on purpose: few people and many meetings make the rare cases frequent.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from forewarn.contracts import CallEnded, CallStarted, LineChanged, Outcome, Transfer

START_MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC
MINUTE_MS = 60_000

Fact = CallStarted | CallEnded | LineChanged | Transfer | Outcome


@dataclass(frozen=True)
class Crowd:
    """How many of each, and for how long."""

    people: int = 40
    callers: int = 12
    payees: int = 8
    devices: int = 10
    minutes: int = 7 * 24 * 60

    def subscriber(self, rng: random.Random) -> str:
        return f"+8613{rng.randrange(self.people):09d}"

    def caller(self, rng: random.Random) -> str:
        return rng.choice(["+86138", "+8675", "008525", "+44", "96"]) + str(
            1000 + rng.randrange(self.callers)
        )

    def payee(self, rng: random.Random) -> str:
        return f"acct-{rng.randrange(self.payees)}"

    def device(self, rng: random.Random) -> str:
        return rng.choice(["", f"dev-{rng.randrange(self.devices)}"])


def facts(seed: int, count: int, crowd: Crowd | None = None) -> list[Fact]:
    """About ``count`` events in order of event time; equal seeds give equal events."""
    rng = random.Random(seed)
    made: list[Fact] = []
    makers = [_call] * 5 + [_transfer] * 4 + [_line, _outcome]
    while len(made) < count:
        made += rng.choice(makers)(rng, crowd or Crowd(), len(made))
    made.sort(key=lambda event: event.event_time_ms)
    return made[:count]


def _common(rng: random.Random, crowd: Crowd, number: int, letter: str) -> dict[str, Any]:
    return {
        "event_id": f"{letter}{number}",
        "event_time_ms": START_MS + rng.randrange(crowd.minutes * MINUTE_MS),
        "subscriber": crowd.subscriber(rng),
        "revision": rng.choice([0, 0, 0, 0, 1, 2]),
    }


def _call(rng: random.Random, crowd: Crowd, number: int) -> Iterator[Fact]:
    common = _common(rng, crowd, number, "c")
    inbound = rng.random() < 0.7
    other = crowd.caller(rng)
    call = {
        "call_id": f"call{number}",
        "direction": "inbound" if inbound else "outbound",
        "caller": other if inbound else common["subscriber"],
        "callee": common["subscriber"] if inbound else other,
        "attestation": rng.choice(["A", "B", "C", "none"]),
        "device": crowd.device(rng),
    }
    started = common["event_time_ms"]
    duration = rng.choice([0, 3_000, 90_000, 45 * MINUTE_MS, 100 * MINUTE_MS])
    if duration and rng.random() < 0.9:
        yield CallStarted(**common, **call)
    if rng.random() < 0.9:
        common |= {"event_id": f"e{number}", "event_time_ms": started + duration}
        yield CallEnded(
            **common, **call, started_at_ms=started, duration_ms=duration, answered=duration > 0
        )


def _transfer(rng: random.Random, crowd: Crowd, number: int) -> Iterator[Fact]:
    common = _common(rng, crowd, number, "t")
    outgoing = rng.random() < 0.7
    other = crowd.payee(rng)
    transfer = {
        "transfer_id": f"tr{number}",
        "direction": "outgoing" if outgoing else "incoming",
        "payer_account": "own" if outgoing else other,
        "payee_account": other if outgoing else "own",
        "amount_minor": rng.choice([5, 1, 9_900, 50_000, 500_000, 10**9]),
        "purpose": rng.choice(["transfer", "purchase", "loan", "refund", "salary", "cash"]),
        "channel": rng.choice(["app", "web", "counter", "atm", "pos", "phone"]),
        "device": crowd.device(rng),
    }
    first = Transfer(**common, **transfer, status="attempted")
    yield first
    if rng.random() < 0.8:
        yield replace_event(
            first,
            event_id=f"u{number}",
            event_time_ms=first.event_time_ms + 1000,
            status=rng.choice(["completed", "blocked", "reversed"]),
        )


def _line(rng: random.Random, crowd: Crowd, number: int) -> Iterator[Fact]:
    yield LineChanged(
        **_common(rng, crowd, number, "l"),
        setting=rng.choice(["call_forwarding", "do_not_disturb"]),
        active=rng.random() < 0.5,
        forwarded_to=rng.choice([None, crowd.caller(rng)]),
    )


def _outcome(rng: random.Random, crowd: Crowd, number: int) -> Iterator[Fact]:
    common = _common(rng, crowd, number, "o")
    dispositions = ["dissuaded", "loss_occurred", "false_alarm", "unreachable"]
    first = Outcome(
        **common,
        disposition=rng.choice(dispositions),
        label_time_ms=common["event_time_ms"],
        case_id=rng.choice([None, f"case{number}"]),
        callers=tuple(crowd.caller(rng) for _ in range(rng.randrange(3))),
        payees=tuple(crowd.payee(rng) for _ in range(rng.randrange(3))),
        lost_minor=rng.choice([0, 70_000]),
    )
    yield first
    if first.case_id is None:
        return
    if rng.random() < 0.5:  # another warning of the case
        yield replace_event(first, event_id=f"p{number}", callers=(crowd.caller(rng),))
    if rng.random() < 0.5:
        known = first.event_time_ms + rng.choice([1000, 60, 24 * 60]) * MINUTE_MS
        yield replace_event(
            first,
            event_id=f"q{number}",
            event_time_ms=known,
            label_time_ms=known,
            revision=first.revision + 1,
            disposition=rng.choice(dispositions),
        )


def replace_event(event: Any, **changes: Any) -> Any:
    """A copy of an event with some fields changed."""
    return msgspec.structs.replace(event, **changes)


def topic_of(event: Fact) -> str:
    """The topic that an event belongs to."""
    if isinstance(event, Transfer):
        return "transfers"
    return "outcomes" if isinstance(event, Outcome) else "calls"


__all__ = ["Crowd", "Fact", "facts", "replace_event", "topic_of"]
