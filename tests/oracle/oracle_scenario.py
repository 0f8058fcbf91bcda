"""Scenarios worked out by hand: a sentence of ``docs/event-time.md``, events, and what each of them sees.

The expected values are written down, not computed, so that kernel and oracle cannot be wrong together.
Everything happens to one subscriber unless ``who`` says otherwise; Monday is day 0, and clock times are
local. Calls, transfers and cases go by short names.
"""

import math
import zlib
from dataclasses import dataclass, field
from typing import Any

from features import kinds
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K

MONDAY_MS = 1_767_542_400_000  # 2026-01-05 00:00 at UTC+8; the second day of a tile of three days
NONE = math.nan
STATUSES = ("attempted", "completed", "blocked", "reversed")


@dataclass(frozen=True)
class Row:
    """An event and what is expected of its vector."""

    columns: dict[str, int]
    sees: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    says: str
    rows: list[Row]

    def columns(self) -> EventColumns:
        """The events in order of arrival; offsets count up but where a row has its own."""
        table: dict[str, list[int]] = {}
        for i, row in enumerate(self.rows):
            kind = row.columns["kind"]
            source = 0 if kind <= K.LINE_CHANGED else 1 if kind < K.OUTCOME else 2
            for name, value in ({"offset": i, "source": source} | row.columns).items():
                table.setdefault(name, []).append(value)
        return from_arrays(**table)


def at(when: str) -> int:
    """``"10:00"`` is on Monday, ``"2 10:00:00.5"`` two days later; milliseconds."""
    day, _, clock = when.rpartition(" ")
    hours, minutes, *seconds = clock.split(":")
    ms = round(1000 * float(seconds[0])) if seconds else 0
    days = int(day) if day else 0
    return MONDAY_MS + days * 86_400_000 + int(hours) * 3_600_000 + int(minutes) * 60_000 + ms


def _row(kind: int, when: str, flags: int, given: dict[str, Any]) -> Row:
    sees = given.pop("sees", {})
    columns = {
        "kind": int(kind),
        "time_ms": at(when),
        "subscriber": given.pop("who", 1),
        "counterparty": 0,
        "device": given.pop("device", 0),
        "subject": zlib.crc32(given.pop("id", when).encode()) or 1,
        "amount_minor": 0,
        "duration_ms": 0,
        "flags": flags | given.pop("revision", 0) << kinds.REVISION_SHIFT,
    }
    return Row(columns | given, sees)


def call(when: str, number: int = 101, *, out: bool = False, **given: Any) -> Row:
    """A call begins; ``foreign`` and ``bad`` (attestation C) make it suspicious."""
    flags = 0 if out else kinds.INBOUND
    flags |= kinds.FOREIGN if given.pop("foreign", False) else 0
    flags |= 3 << kinds.ATTESTATION_SHIFT if given.pop("bad", False) else 0
    return _row(K.CALL_STARTED, when, flags, {"counterparty": number, **given})


def hang(
    when: str, number: int = 101, *, talk: float | None = 60, out: bool = False, **given: Any
) -> Row:
    """A call ends after ``talk`` seconds; None if the call was not answered."""
    flags = (0 if out else kinds.INBOUND) | (0 if talk is None else kinds.ANSWERED)
    flags |= kinds.FOREIGN if given.pop("foreign", False) else 0
    given["duration_ms"] = round(1000 * (talk or 0))
    return _row(K.CALL_ENDED, when, flags, {"counterparty": number, **given})


def line(when: str, setting: str = "do_not_disturb", *, on: bool = False, **given: Any) -> Row:
    """A line setting changes; switching it off serves to look without doing much."""
    flags = (kinds.FORWARDING if setting == "forwarding" else 0) | (kinds.ACTIVE if on else 0)
    return _row(K.LINE_CHANGED, when, flags, given)


def pay(
    when: str, account: int = 201, amount: int = 100, *, status: str = "attempted", **given: Any
) -> Row:
    """The subscriber pays."""
    return _move(K.OUT_ATTEMPTED, when, account, amount, status, given)


def get(
    when: str, account: int = 201, amount: int = 100, *, status: str = "completed", **given: Any
) -> Row:
    """The subscriber is paid."""
    return _move(K.IN_ATTEMPTED, when, account, amount, status, given)


def _move(
    first: int, when: str, account: int, amount: int, status: str, given: dict[str, Any]
) -> Row:
    flags = (
        kinds.ACCOUNT
        | kinds.PURPOSES.index(given.pop("purpose", "transfer")) << kinds.PURPOSE_SHIFT
    )
    given |= {"counterparty": account, "amount_minor": amount}
    return _row(first + STATUSES.index(status), when, flags, given)


def outcome(
    when: str, verdict: str = "", *, number: int = 0, account: int = 0, **given: Any
) -> Row:
    """A case comes to ``"confirmed"``, ``"cleared"`` or neither; it names one number or account."""
    flags = {"confirmed": kinds.CONFIRMED, "cleared": kinds.CLEARED, "": 0}[verdict]
    flags |= kinds.ACCOUNT if account else 0
    return _row(K.OUTCOME, when, flags, {"counterparty": number or account, "id": "case", **given})
