"""Time as an input: everything that needs the time is given a ``Clock``."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], int]
"""Returns UTC milliseconds since 1970."""


def system_clock() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def local_day(at_ms: int, zone: ZoneInfo) -> str:
    """The calendar day of a moment in a time zone, as YYYY-MM-DD."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date().isoformat()
