"""A person's duties as an iCalendar file (RFC 5545).

All times are written in UTC: a local time with a zone would be read in two ways in the hour that
occurs twice when clocks are set back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from icalendar import Calendar, Event

REFRESH = timedelta(minutes=15)
TITLES: dict[Literal["zh", "en"], str] = {"zh": "值班：{name}", "en": "On call: {name}"}
CALENDAR: dict[Literal["zh", "en"], str] = {"zh": "反诈值班", "en": "Forewarn on call"}


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One duty; ``key`` is the same whenever the duty is written, ``place`` is its district."""

    key: str
    name: str
    place: str
    starts_at_ms: int
    ends_at_ms: int


def calendar_file(
    entries: Iterable[CalendarEntry], language: Literal["zh", "en"], now_ms: int
) -> bytes:
    """The file, in order of time."""
    calendar = Calendar()
    calendar.add("prodid", "-//Forewarn//Rotas//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", CALENDAR[language])
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for entry in sorted(entries, key=lambda one: (one.starts_at_ms, one.key)):
        event = Event()
        event.add("uid", f"{entry.key}@forewarn")
        event.add("dtstamp", _utc(now_ms))
        event.add("dtstart", _utc(entry.starts_at_ms))
        event.add("dtend", _utc(entry.ends_at_ms))
        event.add("summary", TITLES[language].format(name=entry.name))
        if entry.place:
            event.add("location", entry.place)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)
