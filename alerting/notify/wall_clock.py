"""From a local time of day to an instant, by the one rule of this service, which is RFC 5545's.

A time that occurs twice, because clocks are set back, is its first occurrence. A time that does
not occur, because clocks are set forward, is as late as if they had not been: 02:30 becomes 03:30.
Every shift, rota and quiet hour uses this rule, and only UTC is stored. Libraries and databases
disagree here: PostgreSQL and DuckDB take the second occurrence, Java and JavaScript the first.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60


def minute_of_day(text: str) -> int | None:
    """Minutes since midnight of HH:MM, or None if it is not a time of day."""
    hours, _, minutes = text.partition(":")
    if not (len(hours) == 2 and len(minutes) == 2 and (hours + minutes).isascii()):
        return None
    if not (hours + minutes).isdigit() or int(hours) > 23 or int(minutes) > 59:
        return None
    return int(hours) * 60 + int(minutes)


def instant_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    """UTC milliseconds of a local minute of a day, by the rule above."""
    local = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)  # fold=0
    return int(local.timestamp()) * 1000


def local_day(at_ms: int, zone: ZoneInfo) -> date:
    """The local date of an instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()


def is_regular(day: date, minute: int, zone: ZoneInfo) -> bool:
    """Whether the local time occurs exactly once on this day."""
    local = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
    return local.utcoffset() == local.replace(fold=1).utcoffset()
