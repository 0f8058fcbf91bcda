"""Silences and shifts, which people change while the service runs."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.lifecycle import WAITING_STATES
from alerting.cases.severity import Deadlines
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.dispatch_tables import Shift, Silence
from alerting.notify.routing.case_labels import MATCHABLE, matches, matching_sql
from alerting.notify.routing.scope_checks import covers, of_tenants, require
from alerting.service_errors import InvalidRequestError, NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

LONGEST_SILENCE_MS = 7 * 86_400_000
LONGEST_CRITICAL_SILENCE_MS = 8 * 3_600_000
"""A silence of critical cases ends with the shift of the person who set it."""

LONGEST_SHIFT_MS = 31 * 86_400_000
MAX_ROWS = 500
MAX_WOKEN = 10_000


class RoutingService:
    """Adds and ends silences and shifts, within the caller's tenants and districts.

    Everyone of a tenant sees its silences and shifts, so that missing pages have an explanation.

    Args:
        deadlines: how long a team has for a case that a silence held back, once it ends.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
    ) -> None:
        self._db = db
        self._clock = clock
        self._deadlines = deadlines

    def silence(
        self,
        who: Principal,
        *,
        tenant: str,
        matchers: dict[str, str],
        reason: str,
        expires_at_ms: int,
        starts_at_ms: int | None = None,
    ) -> Silence:
        """Withhold the pages of cases that match, for a time and with a reason.

        One that covers critical cases is a proposal until a second person approves it.

        Raises:
            InvalidRequestError: a matcher is missing, unknown or matches everything, a district
                is missing, or the silence is too long (critical cases: eight hours).
            NotFoundError: tenant or district lie outside the caller's scope.
        """
        now_ms = self._clock()
        require(who.scope, tenant, matchers.get("district", ""))
        starts = now_ms if starts_at_ms is None else starts_at_ms
        unknown = sorted(set(matchers) - MATCHABLE)
        if not matchers or unknown or "*" in matchers.values():
            raise InvalidRequestError(
                "A silence needs matchers over tenant, district, typology or severity.",
                code="unknown_label" if unknown else "matches_everything",
            )
        if not max(starts, now_ms) < expires_at_ms <= starts + LONGEST_SILENCE_MS:
            raise InvalidRequestError(
                "A silence ends after it starts and now, and within seven days of its start.",
                code="not_a_period",
            )
        if covers_critical(matchers) and expires_at_ms - starts > LONGEST_CRITICAL_SILENCE_MS:
            raise InvalidRequestError(
                "A silence of critical cases lasts at most eight hours.",
                code="critical_silence_too_long",
            )
        row = Silence(
            silence_id=f"q-{uuid4().hex[:20]}",
            tenant=tenant,
            matchers=matchers,
            reason=reason,
            owner=who.subject,
            created_at_ms=now_ms,
            starts_at_ms=starts,
            expires_at_ms=expires_at_ms,
            state="proposed" if covers_critical(matchers) else "active",
        )
        detail = {"matchers": matchers, "expires_at_ms": expires_at_ms}
        with self._db.write() as session:
            session.add(row)
            action: AuditAction = "silence_proposed" if row.state == "proposed" else "silenced"
            entry = AuditEntry(now_ms, who.subject, action, row.silence_id, detail)
            history.append(session, [entry])
        return row

    def approve_silence(self, silence_id: str, who: Principal) -> Silence:
        """Approve a proposed silence as the second person; its end stays as it was proposed.

        Raises:
            NotFoundError: the scope holds no such silence.
            StepRefusedError: it does not wait for approval, or the caller proposed it.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(Silence, silence_id, with_for_update=True)
            if row is None or not covers(who.scope, row.tenant, row.matchers.get("district", "")):
                raise NotFoundError("silence", silence_id)
            if row.state != "proposed" or row.expires_at_ms <= now_ms:
                raise StepRefusedError(
                    f"Silence {silence_id} does not wait for approval.", code="not_in_force"
                )
            if row.owner == who.subject:
                raise StepRefusedError(
                    "Another person has to approve this silence.", code="needs_a_second_person"
                )
            row.state, row.approver = "active", who.subject
            row.starts_at_ms = max(row.starts_at_ms, now_ms)
            entry = AuditEntry(now_ms, who.subject, "silence_approved", silence_id)
            history.append(session, [entry])
        return row

    def end_silence(self, silence_id: str, who: Principal) -> Silence:
        """End a silence now, and page for the cases that it withheld; raises NotFoundError."""
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(Silence, silence_id)
            if row is None or not covers(who.scope, row.tenant, row.matchers.get("district", "")):
                raise NotFoundError("silence", silence_id)
            in_force = row.state == "active" and row.starts_at_ms <= now_ms < row.expires_at_ms
            row.expires_at_ms = min(row.expires_at_ms, now_ms)
            if in_force:
                self._wake(session, row, now_ms)
            entry = AuditEntry(now_ms, who.subject, "silence_ended", silence_id)
            history.append(session, [entry])
        return row

    def _wake(self, session: Session, silence: Silence, now_ms: int) -> None:
        """Dispatch the cases that would have waited for the planned end of the silence."""
        cases = session.scalars(
            self._db.for_update(
                select(Case)
                .where(
                    Case.tenant == silence.tenant,
                    Case.state.in_(WAITING_STATES),
                    Case.withdrawn.is_(False),
                    *matching_sql(silence.matchers),
                )
                .order_by(Case.case_id)
                .limit(MAX_WOKEN)
            )
        ).all()
        for case in cases:
            case.version += 1
            timer_schedule.set_timer(session, case, timer_schedule.DISPATCH, now_ms)
            timer_schedule.hasten(session, case, self._deadlines.deadline_ms(case.severity, now_ms))

    def silences(self, scope: Scope) -> Sequence[Silence]:
        """Present and future silences."""
        statement = (
            select(Silence)
            .where(Silence.expires_at_ms > self._clock(), of_tenants(scope, Silence.tenant))
            .order_by(Silence.expires_at_ms)
            .limit(MAX_ROWS)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def add_shift(
        self,
        who: Principal,
        *,
        tenant: str,
        district: str,
        team: str,
        responder: str,
        channel: str,
        address: str,
        starts_at_ms: int,
        ends_at_ms: int,
    ) -> Shift:
        """Put a responder on call for a team and a district with all districts below it.

        Raises:
            InvalidRequestError: the period is over 31 days or empty, or a district is missing.
            NotFoundError: tenant or district lie outside the caller's scope.
        """
        require(who.scope, tenant, district)
        if not starts_at_ms < ends_at_ms <= starts_at_ms + LONGEST_SHIFT_MS:
            raise InvalidRequestError("A shift lasts up to 31 days.", code="not_a_period")
        row = Shift(
            shift_id=f"h-{uuid4().hex[:20]}",
            tenant=tenant,
            district=district,
            team=team,
            responder=responder,
            channel=channel,
            address=address,
            starts_at_ms=starts_at_ms,
            ends_at_ms=ends_at_ms,
        )
        now_ms = self._clock()
        detail = {"team": team, "district": district, "responder": responder}
        with self._db.write() as session:
            session.add(row)
            entry = AuditEntry(now_ms, who.subject, "shift_added", row.shift_id, detail)
            history.append(session, [entry])
        return row

    def end_shift(self, shift_id: str, who: Principal) -> Shift:
        """End a shift now; raises NotFoundError."""
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(Shift, shift_id)
            if row is None or not covers(who.scope, row.tenant, row.district):
                raise NotFoundError("shift", shift_id)
            row.ends_at_ms = min(row.ends_at_ms, now_ms)
            entry = AuditEntry(now_ms, who.subject, "shift_ended", shift_id)
            history.append(session, [entry])
        return row

    def shifts(self, scope: Scope) -> Sequence[Shift]:
        """Present and future shifts."""
        statement = (
            select(Shift)
            .where(Shift.ends_at_ms > self._clock(), of_tenants(scope, Shift.tenant))
            .order_by(Shift.starts_at_ms)
            .limit(MAX_ROWS)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()


def covers_critical(matchers: Mapping[str, str]) -> bool:
    """Whether a silence withholds pages of critical or extreme cases."""
    named = {name: value for name, value in matchers.items() if name == "severity"}
    return any(matches(named, {"severity": severity}) for severity in ("critical", "extreme"))
