"""Formats of times and durations, the same in both languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from forewarn.platform.words import Translator


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """A moment on the wall clock of the zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def clock_time(at_ms: int, zone: ZoneInfo) -> str:
    """Hours, minutes and seconds: ``14:03:27``."""
    return local(at_ms, zone).strftime("%H:%M:%S")


def day_and_time(at_ms: int, zone: ZoneInfo) -> str:
    """Day and time: ``2026-11-24 14:03``; the same in both languages, and it sorts."""
    return local(at_ms, zone).strftime("%Y-%m-%d %H:%M")


def period(name: str, t: Translator) -> str:
    """The name of a period of the figures: a quarter in words, days and months as they are."""
    year, _, quarter = name.partition("-Q")
    return t("figures_period.quarter_of", year=year, n=quarter) if quarter else name


def iso(at_ms: int) -> str:
    """For ``<time datetime>``: UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def countdown(left_ms: int) -> str:
    """Time left as ``2:05``, time over as ``-0:12``; rounds so that 0:00 is the deadline itself."""
    seconds = abs(left_ms) // 1000 if left_ms < 0 else -(-left_ms // 1000)
    return f"{'-' if left_ms < 0 else ''}{clock(seconds)}"


def clock(seconds: int) -> str:
    """A span as ``m:ss`` or ``h:mm:ss``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
