"""Reads rotas and their duties, changes included, and who of a team is on call."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.db.dispatch_tables import Shift
from alerting.db.rota_tables import Rota, RotaChange
from alerting.notify.rota.rota_plan import Duty, Member, RotaPlan, Stint, planned, with_stints
from alerting.notify.routing.scope_checks import of_tenants
from alerting.notify.wall_clock import minute_of_day

MAX_ROTAS = 200
"""Of one tenant, and in one answer."""

MAX_CHANGES = 5_000
MAX_SHIFTS = 500


@dataclass(frozen=True, slots=True)
class OnCall:
    """A responder who is on call now, by a shift or by a rota."""

    tenant: str
    team: str
    responder: str
    channel: str
    address: str
    district: str
    ends_at_ms: int


def plan_of(row: Rota) -> RotaPlan:
    """The plan that a row describes."""
    return RotaPlan(
        rota_id=row.rota_id,
        zone=ZoneInfo(row.timezone),
        first_day=date.fromisoformat(row.first_day),
        handover=minute_of_day(row.handover) or 0,
        ends=minute_of_day(row.ends),
        turn_days=row.turn_days,
        members=tuple(Member(**member) for member in row.members),
        weekdays=frozenset(row.weekdays),
        over_at_ms=row.ends_at_ms,
    )


def stint_of(fields: dict[str, object]) -> Stint:
    """A period of a change as it is stored."""
    member = Member(str(fields["responder"]), str(fields["channel"]), str(fields["address"]))
    return Stint(member, int(str(fields["starts_at_ms"])), int(str(fields["ends_at_ms"])))


def stored(stint: Stint) -> dict[str, object]:
    """The inverse of ``stint_of``."""
    return {
        "responder": stint.member.responder,
        "channel": stint.member.channel,
        "address": stint.member.address,
        "starts_at_ms": stint.starts_at_ms,
        "ends_at_ms": stint.ends_at_ms,
    }


def duties_of(
    session: Session, rotas: Iterable[Rota], from_ms: int, to_ms: int
) -> dict[str, list[Duty]]:
    """The duties of each rota in a period, after its changes, by the rota's id."""
    plans = {row.rota_id: plan_of(row) for row in rotas}
    changes: dict[str, list[Stint]] = defaultdict(list)
    rows = session.scalars(
        select(RotaChange)
        .where(
            RotaChange.rota_id.in_(plans),
            RotaChange.state == "active",
            RotaChange.starts_at_ms < to_ms,
            RotaChange.ends_at_ms > from_ms,
        )
        .order_by(RotaChange.decided_at_ms, RotaChange.change_id)
        .limit(MAX_CHANGES)
    )
    for row in rows:
        changes[row.rota_id] += [stint_of(fields) for fields in row.stints]
    found = {}
    for rota_id, plan in plans.items():
        duties = with_stints(rota_id, planned(plan, from_ms, to_ms), changes[rota_id])
        found[rota_id] = [duty for duty in duties if duty.overlaps(from_ms, to_ms)]
    return found


def running_rotas(session: Session, tenant: str, now_ms: int, team: str = "") -> Sequence[Rota]:
    """The rotas of a tenant, or of one of its teams, that are not over."""
    statement = select(Rota).where(
        Rota.tenant == tenant, or_(Rota.ends_at_ms.is_(None), Rota.ends_at_ms > now_ms)
    )
    if team:
        statement = statement.where(Rota.team == team)
    return session.scalars(statement.order_by(Rota.name, Rota.rota_id).limit(MAX_ROTAS)).all()


def on_call_of_team(
    session: Session, tenant: str, team: str, district: str, now_ms: int
) -> list[OnCall]:
    """Who of a team is on call for a district, by shifts and by rotas.

    A longer district code is nearer, and only the nearest ones are returned. An empty code covers
    every district.
    """
    shifts = session.scalars(
        select(Shift)
        .where(
            Shift.tenant == tenant,
            Shift.team == team,
            Shift.starts_at_ms <= now_ms,
            Shift.ends_at_ms > now_ms,
            or_(
                Shift.district == "",
                Shift.district == func.substr(district, 1, func.length(Shift.district)),
            ),
        )
        .order_by(Shift.shift_id)
    )
    found = [_by_shift(row) for row in shifts]
    rotas = running_rotas(session, tenant, now_ms, team)
    found += _by_rotas(session, [row for row in rotas if district.startswith(row.district)], now_ms)
    nearest = max((len(one.district) for one in found), default=0)
    return [one for one in found if len(one.district) == nearest]


def on_call_as(session: Session, tenant: str, responder: str, now_ms: int) -> list[OnCall]:
    """The shifts and rotas by which a responder is on call now."""
    shifts = session.scalars(
        select(Shift)
        .where(
            Shift.tenant == tenant,
            Shift.responder == responder,
            Shift.starts_at_ms <= now_ms,
            Shift.ends_at_ms > now_ms,
        )
        .order_by(Shift.shift_id)
    )
    found = [_by_shift(row) for row in shifts]
    found += _by_rotas(session, running_rotas(session, tenant, now_ms), now_ms)
    return [one for one in found if one.responder == responder]


def on_call_of_tenants(session: Session, scope: Scope, now_ms: int) -> list[OnCall]:
    """Everyone who is on call now in the tenants of a scope, by district, team and person."""
    shifts = session.scalars(
        select(Shift)
        .where(
            of_tenants(scope, Shift.tenant),
            Shift.starts_at_ms <= now_ms,
            Shift.ends_at_ms > now_ms,
        )
        .limit(MAX_SHIFTS)
    )
    rotas = session.scalars(
        select(Rota)
        .where(
            of_tenants(scope, Rota.tenant),
            or_(Rota.ends_at_ms.is_(None), Rota.ends_at_ms > now_ms),
        )
        .limit(MAX_ROTAS)
    ).all()
    found = [_by_shift(row) for row in shifts] + _by_rotas(session, rotas, now_ms)
    return sorted(found, key=lambda one: (one.district, one.team, one.responder))


def _by_shift(row: Shift) -> OnCall:
    return OnCall(
        row.tenant,
        row.team,
        row.responder,
        row.channel,
        row.address,
        row.district,
        row.ends_at_ms,
    )


def _by_rotas(session: Session, rotas: Sequence[Rota], now_ms: int) -> list[OnCall]:
    by_id = {row.rota_id: row for row in rotas}
    return [
        OnCall(
            by_id[rota_id].tenant,
            by_id[rota_id].team,
            duty.member.responder,
            duty.member.channel,
            duty.member.address,
            by_id[rota_id].district,
            duty.ends_at_ms,
        )
        for rota_id, duties in duties_of(session, rotas, now_ms, now_ms + 1).items()
        for duty in duties
    ]
