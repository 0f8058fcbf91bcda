"""Contradictions within one event, which no single cell shows.

Talk longer than the call, an end before its start, a caller that is the subscriber: each of them is a wrong
column, unit or zone in the mapping, or a wrong row, and would teach the features something untrue.
"""

from typing import Any

from forewarn.replay.cell_error import CellError
from forewarn.replay.time_conversion import Instant

ROUNDING_MS = 1_999
"""Exchanges round start, end and talk to seconds, each by itself."""


WHOLE = "whole"
"""As a duration: from the start to the end, where the source counts none."""


class OwnMoneyError(Exception):
    """A transfer between accounts of one person: not a payment, so it is passed over."""


def settle_times(values: dict[str, Any]) -> None:
    """Replace :class:`Instant` by milliseconds; of a doubled hour, take the reading that fits the event.

    Where start and end are both known, the pair is taken in which the call is as long as its talk, or
    longer by the least; without such a pair, and in all other events, the first reading.
    """
    end, start = values.get("event_time_ms"), values.get("started_at_ms")
    whole = values.get("duration_ms") == WHOLE
    if not whole and not isinstance(end, Instant) and not isinstance(start, Instant):
        return
    if end is None or start is None:
        for name in ("event_time_ms", "started_at_ms"):
            if isinstance(values.get(name), Instant):
                values[name] = values[name].time_ms
        return
    talk_ms = 0 if whole else values.get("duration_ms") or 0
    pairs = [(begin, finish) for begin in _readings(start) for finish in _readings(end)]
    fitting = [pair for pair in pairs if pair[1] - pair[0] - talk_ms >= -ROUNDING_MS]
    begin, finish = min(fitting or pairs[:1], key=lambda pair: pair[1] - pair[0])
    values["started_at_ms"], values["event_time_ms"] = begin, finish
    if whole:
        values["duration_ms"] = max(finish - begin, 0)


def _readings(moment: Instant | int) -> tuple[int, int]:
    return (moment.time_ms, moment.later_ms) if isinstance(moment, Instant) else (moment, moment)


def require_consistent(kind: str, values: dict[str, object], own_accounts: frozenset[str]) -> None:
    """Refuse an event that contradicts itself.

    Args:
        kind: the type of the event.
        values: its fields, in the units of the contract; times may still be missing.
        own_accounts: accounts of the people whose file it is.

    Raises:
        CellError: saying what contradicts what.
        OwnMoneyError: for a transfer to oneself.
    """
    if kind in ("call_started", "call_ended"):
        _call(values)
    if kind == "call_ended":
        _end(values)
    if kind == "transfer":
        _transfer(values, own_accounts)
    if kind == "line_changed" and values.get("forwarded_to") == values.get("subscriber"):
        raise CellError("the line is forwarded to itself")


def _call(values: dict[str, object]) -> None:
    me, caller, callee = values.get("subscriber"), values.get("caller"), values.get("callee")
    direction = values.get("direction")
    if direction == "inbound" and caller == me:
        raise CellError(
            "the call is inbound, and its caller is the subscriber",
            repair="check direction, or which column is the caller",
        )
    if direction == "outbound" and (callee == me or caller is None):
        what = "has no caller" if caller is None else "goes to the subscriber"
        raise CellError(f"the call is outbound, and it {what}", repair="check direction")
    if caller == callee:
        raise CellError("caller and callee are one number")


def _end(values: dict[str, Any]) -> None:
    start, end, talk = values["started_at_ms"], values["event_time_ms"], values["duration_ms"]
    if end < start:
        raise CellError("the end is before the start", repair="check the columns and the zone")
    if talk > end - start + ROUNDING_MS:
        raise CellError(
            "the talk is longer than the call",
            repair="check the unit of duration_ms (scale = 1000 for seconds) and the columns of start and end",
        )
    if talk > 0 and values["answered"] in (False, "false", "0", 0):
        raise CellError(
            "an unanswered call has talk", repair="check answered, or take the talk for the length"
        )


def _transfer(values: dict[str, object], own_accounts: frozenset[str]) -> None:
    payer, payee = values.get("payer_account"), values.get("payee_account")
    if values.get("amount_minor") == 0:
        raise CellError(
            "the amount is zero: nothing was transferred", repair="take the other column"
        )
    if payer == payee or {payer, payee} <= own_accounts:
        raise OwnMoneyError
