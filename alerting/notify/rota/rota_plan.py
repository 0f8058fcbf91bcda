"""The duties that a rota plans, as a pure function of the rota and a period.

Days are local days of the rota's zone, and a time of day becomes an instant by the rule of
``alerting.notify.wall_clock``. A night from 22:00 to 06:00 therefore lasts nine hours when clocks
are set back and seven when they are set forward.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from alerting.notify.wall_clock import instant_ms, is_regular, local_day

EVERY_DAY = frozenset(range(1, 8))
"""Weekdays as ISO 8601 numbers them, Monday is 1."""

LONGEST_PERIOD_MS = 400 * 86_400_000


@dataclass(frozen=True, slots=True)
class Member:
    """A responder of a rota, with the channel and address for pages."""

    responder: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class RotaPlan:
    """A rotation: each member has ``turn_days`` days in turn, from ``first_day`` on.

    ``handover`` and ``ends`` are minutes of the local day. A duty lasts from ``handover`` to
    ``ends`` (of the next day if that is not later), or with None to the next handover.
    ``over_at_ms`` ends the rota.
    """

    rota_id: str
    zone: ZoneInfo
    first_day: date
    handover: int
    ends: int | None
    turn_days: int
    members: tuple[Member, ...]
    weekdays: frozenset[int] = EVERY_DAY
    over_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """A member on call from ``starts_at_ms`` to before ``ends_at_ms``; ``changed`` if not by the plan."""

    rota_id: str
    member: Member
    starts_at_ms: int
    ends_at_ms: int
    changed: bool = False

    def overlaps(self, from_ms: int, to_ms: int) -> bool:
        """Whether a part of the duty lies in the period."""
        return self.starts_at_ms < to_ms and from_ms < self.ends_at_ms


@dataclass(frozen=True, slots=True)
class Stint:
    """A period that a change gives to a member, whatever the plan says."""

    member: Member
    starts_at_ms: int
    ends_at_ms: int


def planned(plan: RotaPlan, from_ms: int, to_ms: int) -> list[Duty]:
    """The planned duties that lie in a period, whole and in order of time.

    Args:
        plan: the rota.
        from_ms: UTC milliseconds, inclusive.
        to_ms: UTC milliseconds, exclusive; at most 400 days later.
    """
    to_ms = min(to_ms, from_ms + LONGEST_PERIOD_MS)
    day = max(plan.first_day, local_day(from_ms, plan.zone) - timedelta(days=2))
    day -= timedelta(days=(day - plan.first_day).days % plan.turn_days)  # where its turn begins
    last = local_day(to_ms, plan.zone)
    last += timedelta(days=plan.turn_days - 1 - (last - plan.first_day).days % plan.turn_days)
    duties: list[Duty] = []
    while day <= last:
        duty = _of_day(plan, day)
        if duty is not None:
            before = duties[-1] if duties else None
            begins_turn = (day - plan.first_day).days % plan.turn_days == 0
            if before and not begins_turn and before.ends_at_ms == duty.starts_at_ms:
                duties[-1] = replace(before, ends_at_ms=duty.ends_at_ms)
            else:
                duties.append(duty)
        day += timedelta(days=1)
    return [duty for duty in duties if duty.overlaps(from_ms, to_ms)]


def _of_day(plan: RotaPlan, day: date) -> Duty | None:
    if day.isoweekday() not in plan.weekdays:
        return None
    ends = plan.handover if plan.ends is None else plan.ends
    last = day + timedelta(days=1) if ends <= plan.handover else day
    starts_at_ms = instant_ms(day, plan.handover, plan.zone)
    ends_at_ms = instant_ms(last, ends, plan.zone)
    if plan.over_at_ms is not None:
        ends_at_ms = min(ends_at_ms, plan.over_at_ms)
    if starts_at_ms >= ends_at_ms:  # over, or both times fall into a missing hour
        return None
    turn = (day - plan.first_day).days // plan.turn_days
    return Duty(plan.rota_id, plan.members[turn % len(plan.members)], starts_at_ms, ends_at_ms)


def with_stints(rota_id: str, duties: Iterable[Duty], stints: Iterable[Stint]) -> list[Duty]:
    """The duties after changes, of which a later one goes before an earlier one."""
    current = list(duties)
    for stint in stints:
        kept: list[Duty] = []
        for duty in current:
            if not duty.overlaps(stint.starts_at_ms, stint.ends_at_ms):
                kept.append(duty)
                continue
            if duty.starts_at_ms < stint.starts_at_ms:
                kept.append(replace(duty, ends_at_ms=stint.starts_at_ms))
            if stint.ends_at_ms < duty.ends_at_ms:
                kept.append(replace(duty, starts_at_ms=stint.ends_at_ms))
        kept.append(Duty(rota_id, stint.member, stint.starts_at_ms, stint.ends_at_ms, changed=True))
        current = kept
    return sorted(current, key=lambda duty: (duty.starts_at_ms, duty.member.responder))


def gaps(covered: Iterable[tuple[int, int]], from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """The parts of a period that none of the covered intervals holds."""
    found: list[tuple[int, int]] = []
    at_ms = from_ms
    for starts_at_ms, ends_at_ms in sorted(covered):
        if starts_at_ms > at_ms:
            found.append((at_ms, min(starts_at_ms, to_ms)))
        at_ms = max(at_ms, ends_at_ms)
        if at_ms >= to_ms:
            break
    if at_ms < to_ms:
        found.append((at_ms, to_ms))
    return [(start, end) for start, end in found if start < end]


def irregular_days(plan: RotaPlan, from_day: date, days: int = 400) -> list[date]:
    """Days on which a time of the rota occurs twice or never, since clocks are changed then."""
    times: Sequence[int] = (plan.handover,) if plan.ends is None else (plan.handover, plan.ends)
    found = (from_day + timedelta(days=number) for number in range(days))
    return [day for day in found if not all(is_regular(day, minute, plan.zone) for minute in times)]
