"""Rotas as people arrange them: made, ended and overridden; a notice of each change goes to those it concerns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.database import Database
from alerting.db.dispatch_tables import Shift
from alerting.db.rota_tables import Rota, RotaChange
from alerting.notify.notices.notice_writer import Notice, NoticeAddress, NoticeWriter
from alerting.notify.rota.rota_plan import Duty, Member, Stint, gaps
from alerting.notify.rota.rota_store import MAX_ROTAS, duties_of, running_rotas, stored
from alerting.notify.routing.scope_checks import covers, of_tenants, require
from alerting.notify.wall_clock import minute_of_day
from alerting.service_errors import InvalidRequestError, NotFoundError
from forewarn.platform.clock import Clock

LONGEST_OVERRIDE_MS = 31 * 86_400_000
LONGEST_TURN_DAYS = 28
MAX_MEMBERS = 60
CHANNELS = frozenset({"sms", "voice", "email"})


@dataclass(frozen=True, slots=True)
class RotaFields:
    """A new rota as it is asked for; times of day are HH:MM, ``ends`` is empty for round the clock."""

    tenant: str
    district: str
    team: str
    name: str
    timezone: str
    first_day: date
    handover: str
    ends: str
    turn_days: int
    weekdays: frozenset[int]
    members: tuple[Member, ...]
    watched: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without anyone on call for a team and district."""

    tenant: str
    team: str
    district: str
    timezone: str
    starts_at_ms: int
    ends_at_ms: int


class RotaService:
    """Makes, ends and overrides rotas, within the caller's tenants and districts.

    Everyone of a tenant sees its rotas, as they see its shifts.
    """

    def __init__(self, db: Database, clock: Clock, notices: NoticeWriter) -> None:
        self._db = db
        self._clock = clock
        self._notices = notices

    def add(self, who: Principal, fields: RotaFields) -> Rota:
        """Make a rota.

        Raises:
            InvalidRequestError: a field is not valid, or the tenant has too many rotas.
            NotFoundError: tenant or district lie outside the caller's scope.
        """
        require(who.scope, fields.tenant, fields.district)
        check_fields(fields)
        now_ms = self._clock()
        row = Rota(
            rota_id=f"r-{uuid4().hex[:20]}",
            tenant=fields.tenant,
            district=fields.district,
            team=fields.team,
            name=fields.name,
            timezone=fields.timezone,
            first_day=fields.first_day.isoformat(),
            handover=fields.handover,
            ends=fields.ends,
            turn_days=fields.turn_days,
            weekdays=sorted(fields.weekdays),
            members=[
                {"responder": one.responder, "channel": one.channel, "address": one.address}
                for one in fields.members
            ],
            watched=fields.watched,
            created_by=who.subject,
            created_at_ms=now_ms,
        )
        with self._db.write() as session:
            if len(running_rotas(session, fields.tenant, now_ms)) >= MAX_ROTAS:
                raise InvalidRequestError("The tenant has too many rotas.", code="too_many_rotas")
            session.add(row)
            detail: dict[str, object] = {
                "team": row.team,
                "district": row.district,
                "members": [one.responder for one in fields.members],
            }
            record(session, who.subject, "rota_added", row.rota_id, detail, now_ms)
        return row

    def end(self, rota_id: str, who: Principal) -> Rota:
        """End a rota now; raises NotFoundError."""
        now_ms = self._clock()
        with self._db.write() as session:
            row = self.locked(session, rota_id)
            if not covers(who.scope, row.tenant, row.district):
                raise NotFoundError("rota", rota_id)
            row.ends_at_ms = min(row.ends_at_ms or now_ms, now_ms)
            record(session, who.subject, "rota_ended", rota_id, {}, now_ms)
        return row

    def override(self, rota_id: str, who: Principal, stint: Stint, reason: str) -> RotaChange:
        """Put a person on call for a period, whatever the plan says, and tell all concerned.

        Raises:
            InvalidRequestError: the period is over, empty or longer than 31 days, or the channel
                is not one for people.
            NotFoundError: the caller's scope holds no such rota.
        """
        now_ms = self._clock()
        check_period(stint, now_ms)
        check_member(stint.member)
        with self._db.write() as session:
            row = self.locked(session, rota_id)
            if not covers(who.scope, row.tenant, row.district):
                raise NotFoundError("rota", rota_id)
            change = new_change(row, "override", [stint], [], reason, who.subject, now_ms)
            change.state, change.decided_at_ms = "active", now_ms
            self.apply(session, row, change, [stint], now_ms)
            detail: dict[str, object] = {
                "rota_id": rota_id,
                "responder": stint.member.responder,
                "starts_at_ms": stint.starts_at_ms,
                "ends_at_ms": stint.ends_at_ms,
            }
            record(session, who.subject, "rota_overridden", change.change_id, detail, now_ms)
        return change

    def apply(
        self, session: Session, row: Rota, change: RotaChange, stints: Sequence[Stint], now_ms: int
    ) -> None:
        """Add a change that is in force, and tell those who are on call more or less than before."""
        from_ms = min(stint.starts_at_ms for stint in stints)
        to_ms = max(stint.ends_at_ms for stint in stints)
        before = duties_of(session, [row], from_ms, to_ms)[row.rota_id]
        concerned = [stint.member for stint in stints]
        concerned += [
            duty.member
            for duty in before
            if any(duty.overlaps(one.starts_at_ms, one.ends_at_ms) for one in stints)
        ]
        session.add(change)
        content: dict[str, object] = {
            "rota": row.name,
            "times": times_of(row, stints),
            "url": self.url(),
        }
        self.tell(session, row, change, "rota_changed", content, concerned, now_ms)

    def tell(
        self,
        session: Session,
        row: Rota,
        change: RotaChange,
        template: str,
        content: dict[str, object],
        members: Iterable[Member],
        now_ms: int,
    ) -> None:
        """Write the notice of a change to some members."""
        addresses = {
            NoticeAddress(one.channel, one.responder, one.address): None for one in members
        }
        notice = Notice(row.tenant, row.district, template, change.change_id, content)
        self._notices.write(session, notice, addresses, now_ms)

    def url(self) -> str:
        """The address of the rotas' page."""
        return f"{self._notices.public_url}/console/rotas"

    def rotas(self, scope: Scope) -> Sequence[Rota]:
        """The rotas of the tenants in scope that are not over, by name."""
        statement = (
            select(Rota)
            .where(
                of_tenants(scope, Rota.tenant),
                func.coalesce(Rota.ends_at_ms, self._clock() + 1) > self._clock(),
            )
            .order_by(Rota.name, Rota.rota_id)
            .limit(MAX_ROTAS)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def duties(self, scope: Scope, from_ms: int, to_ms: int) -> dict[str, list[Duty]]:
        """The duties of those rotas in a period, by the rota's id."""
        rotas = self.rotas(scope)
        with self._db.read() as session:
            return duties_of(session, rotas, from_ms, to_ms)

    def gaps(self, scope: Scope, from_ms: int, to_ms: int) -> list[Gap]:
        """The times without anyone on call, of each team and district with a watched rota."""
        rotas = self.rotas(scope)
        with self._db.read() as session:
            return gaps_of(session, rotas, from_ms, to_ms)

    def locked(self, session: Session, rota_id: str) -> Rota:
        """The rota with its row locked, so that changes to it come one after the other.

        Raises:
            NotFoundError: there is none, or it is over.
        """
        row: Rota | None = session.get(Rota, rota_id, with_for_update=True)
        if row is None or (row.ends_at_ms is not None and row.ends_at_ms <= self._clock()):
            raise NotFoundError("rota", rota_id)
        return row


def gaps_of(session: Session, rotas: Sequence[Rota], from_ms: int, to_ms: int) -> list[Gap]:
    """The gaps of the teams and districts of these rotas.

    A wider district covers a narrower one: a rota of 4304 also covers 430405.
    """
    duties = duties_of(session, rotas, from_ms, to_ms)
    groups = {(row.tenant, row.team, row.district): row.timezone for row in rotas if row.watched}
    found: list[Gap] = []
    for (tenant, team, district), timezone in sorted(groups.items()):
        covered = [
            (duty.starts_at_ms, duty.ends_at_ms)
            for row in rotas
            if (row.tenant, row.team) == (tenant, team) and district.startswith(row.district)
            for duty in duties[row.rota_id]
        ]
        shifts = session.scalars(
            select(Shift).where(
                Shift.tenant == tenant,
                Shift.team == team,
                Shift.starts_at_ms < to_ms,
                Shift.ends_at_ms > from_ms,
            )
        )
        covered += [
            (shift.starts_at_ms, shift.ends_at_ms)
            for shift in shifts
            if district.startswith(shift.district)
        ]
        found += [
            Gap(tenant, team, district, timezone, start, end)
            for start, end in gaps(covered, from_ms, to_ms)
        ]
    return sorted(found, key=lambda gap: gap.starts_at_ms)


def new_change(
    row: Rota,
    kind: str,
    stints: Sequence[Stint],
    expected: Sequence[Stint],
    reason: str,
    asked_by: str,
    now_ms: int,
) -> RotaChange:
    """The row of a change, which waits for an answer until the caller says otherwise."""
    return RotaChange(
        change_id=f"c-{uuid4().hex[:20]}",
        rota_id=row.rota_id,
        tenant=row.tenant,
        district=row.district,
        kind=kind,
        stints=[stored(stint) for stint in stints],
        expected=[stored(stint) for stint in expected],
        reason=reason,
        asked_by=asked_by,
        state="asked",
        created_at_ms=now_ms,
        starts_at_ms=min(stint.starts_at_ms for stint in stints),
        ends_at_ms=max(stint.ends_at_ms for stint in stints),
    )


def check_fields(fields: RotaFields) -> None:
    """Refuse a rota that cannot be planned; raises InvalidRequestError, naming the field."""
    try:
        ZoneInfo(fields.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequestError(
            f"{fields.timezone!r} is not a time zone.", code="not_a_zone", field="timezone"
        ) from None
    ends_right = not fields.ends or minute_of_day(fields.ends) is not None
    if minute_of_day(fields.handover) is None or not ends_right:
        raise InvalidRequestError(
            "A time of day is HH:MM.", code="not_a_time_of_day", field="handover"
        )
    if not 1 <= fields.turn_days <= LONGEST_TURN_DAYS:
        raise InvalidRequestError("A turn has 1 to 28 days.", code="not_a_turn", field="turn_days")
    if not 2000 <= fields.first_day.year <= 2100:
        raise InvalidRequestError("The first day is out of range.", code="not_a_period")
    if not fields.weekdays or not fields.weekdays <= frozenset(range(1, 8)):
        raise InvalidRequestError("A rota has one to seven weekdays.", code="no_weekday")
    if not 1 <= len(fields.members) <= MAX_MEMBERS:
        raise InvalidRequestError("A rota has 1 to 60 members.", code="no_member", field="members")
    for member in fields.members:
        check_member(member)


def check_member(member: Member) -> None:
    """Refuse a channel that does not reach a person; raises InvalidRequestError."""
    if member.channel not in CHANNELS or not member.address:
        raise InvalidRequestError(
            "A member is paged by sms, voice or email, at an address.",
            code="not_a_channel",
            field="members",
        )


def check_period(stint: Stint, now_ms: int) -> None:
    """Refuse a period that is over, empty or too long; raises InvalidRequestError."""
    length_ms = stint.ends_at_ms - stint.starts_at_ms
    if not 0 < length_ms <= LONGEST_OVERRIDE_MS or stint.ends_at_ms <= now_ms:
        raise InvalidRequestError(
            "A change ends after it starts and now, and within 31 days of its start.",
            code="not_a_period",
        )


def times_of(row: Rota, stints: Iterable[Stint]) -> str:
    """The periods of a change in the rota's zone, with who is on call in them."""
    zone = ZoneInfo(row.timezone)
    return "; ".join(
        f"{written_period(stint.starts_at_ms, stint.ends_at_ms, zone)} {stint.member.responder}"
        for stint in stints
    )


def written_period(starts_at_ms: int, ends_at_ms: int, zone: ZoneInfo) -> str:
    """A period as 12-01 08:00 - 12-02 08:00, in local time."""
    start, end = (
        datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
        for at_ms in (starts_at_ms, ends_at_ms)
    )
    return f"{start:%m-%d %H:%M} - {end:%m-%d %H:%M}"


def record(
    session: Session,
    actor: str,
    action: AuditAction,
    target: str,
    detail: dict[str, object],
    now_ms: int,
) -> None:
    """Add a line to the audit log with the commit of the transaction."""
    history.append(session, [AuditEntry(now_ms, actor, action, target, detail)])
