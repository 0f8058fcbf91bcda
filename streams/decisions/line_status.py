"""The body of an answer about a line."""

import msgspec

from forewarn.contracts.payment_answer import Suspicion
from streams.decisions.state_reader import LineReading


class LineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a line; never the other party's number.

    Attributes:
        known: False for a line of which no event was ever seen: nothing is said of it.
        call_forwarding: calls to the line are forwarded.
        do_not_disturb: calls to the line are silenced.
        on_call: a call is going on; with ``call_minutes`` and ``caller_suspicion``.
        minutes_since_call: since the last talk ended; with ``last_caller_suspicion``.
        line_changed_minutes: since a setting of the line was switched.
        last_event_minutes: since the last event of the line, whatever it was.
        status_time_ms: of this reading, UTC milliseconds.
    """

    known: bool
    on_call: bool = False
    call_minutes: float | None = None
    caller_suspicion: Suspicion = "none"
    minutes_since_call: float | None = None
    last_caller_suspicion: Suspicion = "none"
    call_forwarding: bool = False
    do_not_disturb: bool = False
    line_changed_minutes: float | None = None
    last_event_minutes: float | None = None
    status_time_ms: int


def line_status(found: LineReading, now_ms: int) -> LineStatus:
    """The status of a line as a bank reads it.

    Args:
        found: as the state has it.
        now_ms: UTC milliseconds.
    """
    if not found.known:
        return LineStatus(known=False, status_time_ms=now_ms)
    return LineStatus(
        known=True,
        **msgspec.structs.asdict(found.line),
        last_event_minutes=found.idle_minutes,
        status_time_ms=now_ms,
    )
