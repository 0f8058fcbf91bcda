"""Planned duties against a scan of every minute, and changes against a list of minutes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.notify.rota.rota_plan import (
    Member,
    RotaPlan,
    Stint,
    gaps,
    irregular_days,
    planned,
    with_stints,
)
from alerting.notify.wall_clock import instant_ms

ANN, BEN, CHI = (Member(name, "sms", "+86") for name in ("ann", "ben", "chi"))
DAY_MS, MINUTE_MS = 86_400_000, 60_000
BERLIN = ZoneInfo("Europe/Berlin")


def plan(**changes: object) -> RotaPlan:
    fields: dict[str, object] = {
        "rota_id": "r-1",
        "zone": BERLIN,
        "first_day": date(2026, 10, 20),
        "handover": 8 * 60,
        "ends": None,
        "turn_days": 1,
        "members": (ANN, BEN, CHI),
    }
    return RotaPlan(**(fields | changes))  # type: ignore[arg-type]  # the fields' own types


def scanned(wanted: RotaPlan, at_ms: int) -> str | None:
    """Who is on call at an instant, by trying every day around it; the latest to begin counts."""
    around = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(wanted.zone).date()
    for back in range(-1, 4):
        day = around - timedelta(days=back)
        if day < wanted.first_day or day.isoweekday() not in wanted.weekdays:
            continue
        end = wanted.handover if wanted.ends is None else wanted.ends
        last = day + timedelta(days=1) if end <= wanted.handover else day
        begins = instant_ms(day, wanted.handover, wanted.zone)
        ends = instant_ms(last, end, wanted.zone)
        if begins <= at_ms < ends:
            number = (day - wanted.first_day).days // wanted.turn_days
            return wanted.members[number % len(wanted.members)].responder
    return None


@settings(max_examples=150)
@given(
    zone=st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe"]),
    first=st.dates(date(2026, 3, 1), date(2026, 11, 30)),
    handover=st.integers(0, 1439),
    ends=st.none() | st.integers(0, 1439),
    turn_days=st.integers(1, 9),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    people=st.integers(1, 3),
    offsets=st.lists(st.integers(0, 20 * 1440), min_size=1, max_size=20),
)
def test_who_is_on_call_is_whom_a_scan_of_the_days_finds(
    zone: str,
    first: date,
    handover: int,
    ends: int | None,
    turn_days: int,
    weekdays: frozenset[int],
    people: int,
    offsets: list[int],
) -> None:
    wanted = plan(
        zone=ZoneInfo(zone),
        first_day=first,
        handover=handover,
        ends=ends,
        turn_days=turn_days,
        weekdays=weekdays,
        members=(ANN, BEN, CHI)[:people],
    )
    start_ms = instant_ms(first, 0, wanted.zone) - DAY_MS
    duties = planned(wanted, start_ms, start_ms + 25 * DAY_MS)
    for offset in offsets:
        at_ms = start_ms + offset * MINUTE_MS
        found = [duty.member.responder for duty in duties if duty.overlaps(at_ms, at_ms + 1)]
        assert found == [name for name in [scanned(wanted, at_ms)] if name]
        alone = planned(wanted, at_ms, at_ms + 1)
        assert [duty.member.responder for duty in alone] == found
        assert all(duty in duties for duty in alone if duty.ends_at_ms < start_ms + 24 * DAY_MS)


def test_a_night_has_nine_hours_in_autumn_and_seven_in_spring() -> None:
    night = plan(handover=22 * 60, ends=6 * 60, first_day=date(2026, 3, 1))

    def hours(day: date) -> float:
        at_ms = instant_ms(day, 23 * 60, BERLIN)
        [duty] = planned(night, at_ms, at_ms + 1)
        return (duty.ends_at_ms - duty.starts_at_ms) / 3_600_000

    assert (hours(date(2026, 10, 24)), hours(date(2026, 3, 28))) == (9, 7)
    assert hours(date(2026, 6, 1)) == 8


def test_a_week_in_turn_is_one_duty_and_goes_to_the_next_member() -> None:
    weekly = plan(turn_days=7, first_day=date(2026, 10, 19))
    start_ms = instant_ms(date(2026, 10, 20), 0, BERLIN)
    duties = planned(weekly, start_ms, start_ms + 14 * DAY_MS)
    assert [duty.member.responder for duty in duties] == ["ann", "ben", "chi"]
    assert duties[0].starts_at_ms == instant_ms(date(2026, 10, 19), 480, BERLIN)
    assert duties[0].ends_at_ms == duties[1].starts_at_ms


def test_a_rota_that_is_over_plans_nothing_after_its_end() -> None:
    end_ms = instant_ms(date(2026, 10, 22), 600, BERLIN)
    duties = planned(plan(over_at_ms=end_ms), end_ms - DAY_MS, end_ms + 9 * DAY_MS)
    assert max(duty.ends_at_ms for duty in duties) == end_ms


STINT = st.tuples(st.sampled_from([ANN, BEN, CHI]), st.integers(0, 90), st.integers(1, 40))


@given(stints=st.lists(STINT, max_size=6))
def test_changes_give_each_minute_to_the_last_one_that_names_it(
    stints: list[tuple[Member, int, int]],
) -> None:
    duties = with_stints("r-1", [], [Stint(ANN, 0, 50), Stint(BEN, 50, 100)])
    changes = [Stint(member, start, start + length) for member, start, length in stints]
    after = with_stints("r-1", duties, changes)
    for at in range(130):
        expected = "ann" if at < 50 else "ben" if at < 100 else None
        for stint in changes:
            if stint.starts_at_ms <= at < stint.ends_at_ms:
                expected = stint.member.responder
        found = [duty.member.responder for duty in after if duty.overlaps(at, at + 1)]
        assert found == [name for name in [expected] if name]


@given(covered=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8))
def test_gaps_are_the_minutes_that_no_duty_holds(covered: list[tuple[int, int]]) -> None:
    intervals = [(start, start + length) for start, length in covered]
    found = gaps(intervals, 10, 70)
    for at in range(10, 70):
        held = any(start <= at < end for start, end in intervals)
        assert held != any(start <= at < end for start, end in found)


def test_handovers_in_an_hour_that_is_doubled_or_left_out_are_named() -> None:
    risky = plan(handover=150)
    assert irregular_days(risky, date(2026, 10, 1)) == [
        date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31),
    ]  # fmt: skip
    assert irregular_days(plan(), date(2026, 10, 1)) == []
    assert (
        irregular_days(plan(zone=ZoneInfo("Asia/Shanghai"), handover=150), date(2026, 1, 1)) == []
    )
