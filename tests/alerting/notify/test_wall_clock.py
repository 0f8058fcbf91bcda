"""Local times to instants, and quiet hours, in the nights when clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.notify.dispatch.quiet_hours import quiet_until_ms
from alerting.notify.wall_clock import instant_ms, is_regular

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
    "America/St_Johns", "Asia/Tehran",
]  # fmt: skip
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # in Berlin


def scanned_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    """The rule by a scan of every minute: the first that shows the time, or the shifted one."""
    wanted = (day.year, day.month, day.day, minute // 60, minute % 60)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    before = at.astimezone(zone)
    for _ in range(48 * 60):
        at += timedelta(minutes=1)
        shown = at.astimezone(zone)
        face = (shown.year, shown.month, shown.day, shown.hour, shown.minute)
        if face == wanted:
            return int(at.timestamp() * 1000)
        last = (before.year, before.month, before.day, before.hour, before.minute)
        if last < wanted < face:  # the time was left out between these two minutes
            missed = datetime(*wanted, tzinfo=UTC) - before.replace(tzinfo=UTC)
            return int((at - timedelta(minutes=1) + missed).timestamp() * 1000)
        before = shown
    raise AssertionError("no such minute")


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2019, 1, 1), date(2030, 12, 31)),
    minute=st.integers(0, 1439),
)
def test_a_local_time_is_the_instant_that_a_scan_finds(zone: str, day: date, minute: int) -> None:
    assert instant_ms(day, minute, ZoneInfo(zone)) == scanned_ms(day, minute, ZoneInfo(zone))


@given(zone=st.sampled_from(ZONES), year=st.integers(2019, 2030), minute=st.integers(0, 240))
def test_a_local_time_is_the_instant_that_a_scan_finds_where_clocks_change(
    zone: str, year: int, minute: int
) -> None:
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    for day in days:
        if not is_regular(day, minute, ZoneInfo(zone)):
            assert instant_ms(day, minute, ZoneInfo(zone)) == scanned_ms(
                day, minute, ZoneInfo(zone)
            )


def utc_ms(*fields: int) -> int:
    return int(datetime(*fields, tzinfo=UTC).timestamp() * 1000)


def test_a_doubled_time_is_its_first_and_a_missing_one_an_hour_later() -> None:
    assert instant_ms(AUTUMN, 150, BERLIN) == utc_ms(2026, 10, 25, 0, 30)
    assert instant_ms(SPRING, 150, BERLIN) == instant_ms(SPRING, 210, BERLIN)
    assert not is_regular(AUTUMN, 150, BERLIN)
    assert not is_regular(SPRING, 150, BERLIN)
    assert is_regular(SPRING, 180, BERLIN)


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        # Set back at 03:00 CEST (01:00 UTC): 02:10 comes at 00:10 and at 01:10 UTC.
        ("22:00", "02:10", (2026, 10, 25, 0, 5), (2026, 10, 25, 0, 10)),
        ("22:00", "02:10", (2026, 10, 25, 0, 10), None),
        ("22:00", "02:10", (2026, 10, 25, 1, 5), None),
        ("02:30", "05:00", (2026, 10, 25, 0, 29), None),
        ("02:30", "05:00", (2026, 10, 25, 0, 30), (2026, 10, 25, 4, 0)),
        ("02:30", "05:00", (2026, 10, 25, 1, 10), (2026, 10, 25, 4, 0)),
        ("22:00", "07:00", (2026, 10, 25, 1, 10), (2026, 10, 25, 6, 0)),
        # Set forward at 02:00 CET (01:00 UTC): 02:10 and 02:30 do not come.
        ("22:00", "02:30", (2026, 3, 29, 1, 0), (2026, 3, 29, 1, 30)),
        ("22:00", "02:30", (2026, 3, 29, 1, 30), None),
        ("02:10", "02:30", (2026, 3, 29, 1, 15), (2026, 3, 29, 1, 30)),
        ("02:30", "03:10", (2026, 3, 29, 1, 20), None),
        ("22:00", "07:00", (2026, 3, 29, 0, 59), (2026, 3, 29, 5, 0)),
    ],
)
def test_quiet_hours_are_right_in_the_nights_when_clocks_change(
    start: str, end: str, now: tuple[int, ...], until: tuple[int, ...] | None
) -> None:
    expected = None if until is None else utc_ms(*until)
    assert quiet_until_ms(start, end, "Europe/Berlin", utc_ms(*now)) == expected


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    offset=st.integers(0, 2 * 1440),
)
def test_quiet_hours_end_after_now_and_at_their_end(
    zone: str, day: date, start: int, end: int, offset: int
) -> None:
    """A pause that ended before now would have a page decided again without a pause."""
    now_ms = instant_ms(day, 0, ZoneInfo(zone)) + offset * 60_000

    def clock(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    until_ms = quiet_until_ms(clock(start), clock(end), zone, now_ms)
    if until_ms is not None:
        assert now_ms < until_ms <= now_ms + 26 * 3_600_000
        days = (day + timedelta(days=number) for number in range(-1, 5))
        assert until_ms in {instant_ms(one, end, ZoneInfo(zone)) for one in days}
