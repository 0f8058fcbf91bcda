"""The steps of an escalation after a deadline without a response: a pure decider."""

from dataclasses import dataclass

from alerting.notify.routing.routing_tree import Escalation

MAX_LEVEL = 50
"""Levels after which a case is only shown as overdue; at five minutes each, four hours."""


@dataclass(frozen=True, slots=True)
class Step:
    """Who is paged now (None: the team again), and when the next step is due (None: never)."""

    level: int
    receiver: str | None
    next_ms: int | None
    reason: str


def decide_escalation(
    level: int,
    chain: tuple[Escalation, ...],
    *,
    deadline_ms: int,
    repeat_seconds: int,
    now_ms: int,
) -> Step:
    """The next step of the chain; past its end, the last receiver is paged again and again.

    Args:
        level: how many steps were taken before.
        chain: receivers with the seconds after the deadline, in order of time.
        deadline_ms: when the first response was due.
        repeat_seconds: pause between pages past the end of the chain.
        now_ms: at or after the time that was asked for.
    """
    if level >= MAX_LEVEL:
        return Step(level, None, None, "chain_exhausted")
    receiver = chain[min(level, len(chain) - 1)].receiver if chain else None
    reason = "deadline_passed" if level < max(len(chain), 1) else "still_no_response"
    if level < len(chain):
        due_ms = deadline_ms + chain[level].after_seconds * 1000
        if now_ms < due_ms:
            return Step(level, None, due_ms, "not_due_yet")
    following = level + 1
    if following < len(chain):
        # Counted from now, so that after a late start the steps keep their distance.
        gap_seconds = chain[following].after_seconds - chain[level].after_seconds
        next_ms = now_ms + max(gap_seconds, 1) * 1000
    else:
        next_ms = now_ms + repeat_seconds * 1000
    return Step(following, receiver, next_ms, reason)
