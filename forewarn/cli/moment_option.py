"""Moments on the command line: a date, or a date with a time, in UTC."""

from datetime import UTC, datetime

MOMENT_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def utc_ms(moment: datetime) -> int:
    """UTC milliseconds of a moment as typed, which has no zone of its own."""
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
