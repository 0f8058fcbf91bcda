"""Two weeks of rotas as the calendar shows them: a row a day, a column a rota."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from alerting.access import Principal
from alerting.db.rota_tables import Rota, RotaChange
from alerting.notify.rota.rota_plan import Duty, irregular_days
from alerting.notify.rota.rota_service import Gap
from alerting.notify.rota.rota_store import plan_of
from alerting.notify.wall_clock import instant_ms
from alerting.web.service_container import Services

DAYS = 14


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a duty that lies on one day; times are HH:MM, 24:00 for the end of the day."""

    starts: str
    ends: str
    responder: str
    changed: bool
    now: bool


@dataclass(frozen=True, slots=True)
class DayRow:
    """One local day: for each rota its slices, and the day's gaps as (team, district, times)."""

    day: date
    slices: list[list[Slice]]
    gaps: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class RotaCalendar:
    """The page; ``irregular`` names the days on which a rota's time occurs twice or never."""

    rotas: Sequence[Rota]
    days: list[DayRow]
    duties: list[Duty]
    gaps: list[Gap]
    requests: Sequence[RotaChange]
    irregular: dict[str, list[date]]


def load_calendar(services: Services, who: Principal, first: date, now_ms: int) -> RotaCalendar:
    """Read the calendar from a local day on; duties and gaps that are over are in the days only."""
    zone = services.zone
    bounds = [instant_ms(first + timedelta(days=number), 0, zone) for number in range(DAYS + 1)]
    rotas = services.rotas.rotas(who.scope)
    found = services.rotas.duties(who.scope, bounds[0], bounds[-1])
    gaps = services.rotas.gaps(who.scope, bounds[0], bounds[-1])
    duties = sorted(
        (duty for of_rota in found.values() for duty in of_rota if duty.ends_at_ms > now_ms),
        key=lambda duty: (duty.starts_at_ms, duty.rota_id),
    )
    return RotaCalendar(
        rotas=rotas,
        days=[
            DayRow(
                day=first + timedelta(days=number),
                slices=[
                    [
                        _slice(duty, start, end, zone, now_ms)
                        for duty in found.get(row.rota_id, [])
                        if duty.overlaps(start, end)
                    ]
                    for row in rotas
                ],
                gaps=[
                    (gap.team, gap.district, "–".join(_times(*clipped, start, end, zone)))
                    for gap in gaps
                    if (clipped := (gap.starts_at_ms, gap.ends_at_ms))
                    and gap.starts_at_ms < end
                    and start < gap.ends_at_ms
                ],
            )
            for number, (start, end) in enumerate(pairwise(bounds))
        ],
        duties=duties,
        gaps=[gap for gap in gaps if gap.ends_at_ms > now_ms],
        requests=services.rota_requests.open_requests(who) if who.may("rota.change") else [],
        irregular={row.rota_id: irregular_days(plan_of(row), first) for row in rotas},
    )


def _slice(duty: Duty, start: int, end: int, zone: ZoneInfo, now_ms: int) -> Slice:
    starts, ends = _times(duty.starts_at_ms, duty.ends_at_ms, start, end, zone)
    present = duty.starts_at_ms <= now_ms < duty.ends_at_ms and start <= now_ms < end
    return Slice(starts, ends, duty.member.responder, duty.changed, present)


def _times(
    starts_at_ms: int, ends_at_ms: int, start: int, end: int, zone: ZoneInfo
) -> tuple[str, str]:
    first, last = max(starts_at_ms, start), min(ends_at_ms, end)
    ends = "24:00" if last == end else _clock(last, zone)
    return _clock(first, zone), ends


def _clock(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone):%H:%M}"
