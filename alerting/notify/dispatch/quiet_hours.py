"""Quiet hours: a pure decider over local wall time, daylight saving included."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def minute_of_day(text: str) -> int | None:
    """Minutes since midnight of HH:MM, or None if it is not a time of day."""
    hours, _, minutes = text.partition(":")
    if not (len(hours) == 2 and len(minutes) == 2 and (hours + minutes).isascii()):
        return None
    if not (hours + minutes).isdigit() or int(hours) > 23 or int(minutes) > 59:
        return None
    return int(hours) * 60 + int(minutes)


def quiet_until_ms(start: str, end: str, timezone: str, now_ms: int) -> int | None:
    """When the present quiet hours end, in UTC milliseconds; None outside them.

    Args:
        start: HH:MM, inclusive.
        end: HH:MM, exclusive; on the next day if it is before ``start``.
        timezone: of both.
        now_ms: UTC milliseconds.
    """
    first, last = minute_of_day(start), minute_of_day(end)
    if first is None or last is None or first == last:
        return None
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(timezone))
    minute = local.hour * 60 + local.minute
    over_midnight = last < first
    holds = (minute >= first or minute < last) if over_midnight else first <= minute < last
    if not holds:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and minute >= first else 0)
    ends = datetime(day.year, day.month, day.day, last // 60, last % 60, tzinfo=local.tzinfo)
    return int(ends.timestamp() * 1000)
