"""The steps of a case's life: each decides purely, then acts in one transaction.

Every step takes who acts (with the scope that bounds what exists for them) and returns the case as
it is afterwards. A refused step changes nothing and says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.case_reopening import let_go
from alerting.cases.follow_up import FollowUps
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.lifecycle import CaseFacts, Step, decide_step
from alerting.cases.severity import Deadlines
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.database import Database
from alerting.service_errors import ConflictError, NotFoundError, StepRefusedError
from alerting.service_metrics import RESPONSE_SECONDS, RESPONSES
from forewarn.platform.clock import Clock

ContactMethod = Literal["phone", "visit", "relative", "message", "bank", "operator"]

HINTS = {
    "held_by_another": "Ask the holder to release it, or a supervisor to assign it.",
    "not_claimed": "Claim the case first.",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What a step leaves in the history: its kind and what is worth remembering of it."""

    kind: AuditAction
    detail: dict[str, Any]


class CaseService:
    """The steps short of closing; ``alerting.cases.closure_service`` has the rest."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
        follow_ups: FollowUps = FollowUps(),  # noqa: B008 - frozen
    ) -> None:
        self.db = db
        self.clock = clock
        self.deadlines = deadlines
        self.follow_ups = follow_ups

    def claim(self, case_id: str, who: Principal, *, version: int | None = None) -> Case:
        """Take the case; also the first response to it."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            previous = case.holder
            self._take(session, case, who.subject, now_ms)
            return Done("claimed", {"previous": previous} if previous else {})

        return self.step("claim", case_id, who, act, version=version)

    def acknowledge(self, case_id: str, who: Principal, *, version: int | None = None) -> Case:
        """Answer a page: the case is this person's from now on."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            self._take(session, case, who.subject, now_ms)
            return Done("acknowledged", {})

        return self.step("acknowledge", case_id, who, act, version=version)

    def release(self, case_id: str, who: Principal, *, reason: str) -> Case:
        """Give the case back to the queue; somebody else is told at once."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            let_go(case)
            case.releases += 1
            if (
                case.deadline_ms <= now_ms
            ):  # met or missed by whoever had it; the next one's runs anew
                case.deadline_ms = self.deadlines.deadline_ms(case.severity, now_ms)
            timer_schedule.start(session, case, now_ms)
            return Done("released", {"reason": reason})

        return self.step("release", case_id, who, act)

    def assign(self, case_id: str, who: Principal, *, to: str) -> Case:
        """Hand the case to somebody."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            previous = case.holder
            self._take(session, case, to, now_ms)
            return Done("assigned", {"to": to, "previous": previous})

        return self.step("assign", case_id, who, act)

    def contact(
        self, case_id: str, who: Principal, *, method: ContactMethod, reached: bool, note: str = ""
    ) -> Case:
        """Record an attempt to reach the person; only a successful one changes the state."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            case.contact_attempts += 1
            kind: AuditAction = "contact_made" if reached else "contact_failed"
            if not reached:
                case.state = "acknowledged" if case.state != "in_contact" else case.state
                timer_schedule.set_timer(session, case, timer_schedule.DISPATCH, now_ms)
            self._expect(session, case, now_ms)
            return Done(kind, {"method": method, "note": note})

        return self.step("contact", case_id, who, act, keep_state=not reached)

    def note(self, case_id: str, who: Principal, *, text: str) -> Case:
        """Add a remark to the history, whatever the state."""

        def act(_session: Session, _case: Case, _now_ms: int) -> Done:
            return Done("noted", {"note": text})

        return self.step("note", case_id, who, act)

    def step(
        self,
        step: Step,
        case_id: str,
        who: Principal,
        act: Callable[[Session, Case, int], Done],
        *,
        version: int | None = None,
        keep_state: bool = False,
        also: str | None = None,
    ) -> Case:
        """Decide on a step, do it, and write history and audit, all in one transaction.

        Args:
            act: changes the case after the decision allowed it, and tells what it did.
            version: the version the caller saw; a newer one means that it changed meanwhile.
            keep_state: the step was tried in vain, so the state stays.
            also: another case that the step changes; both are locked, in one order.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: the state or the holder forbids it.
            ConflictError: the case changed since the caller saw it.
        """
        now_ms = self.clock()
        with self.db.write() as session:
            case = self.locked(session, case_id, who, also=also)
            waited = case.responded_at_ms is None
            if version is not None and version != case.version:
                raise ConflictError(
                    f"Case {case_id} changed meanwhile.", code="changed_meanwhile", hint="Reload."
                )
            verdict = decide_step(
                step, facts_of(case), who.subject, overrides=who.may("case.assign")
            )
            if not verdict.allowed:
                raise StepRefusedError(
                    f"Case {case_id}: {verdict.reason.replace('_', ' ')}.",
                    code=verdict.reason,
                    hint=HINTS.get(verdict.reason, ""),
                )
            case.version += 1
            if not keep_state:
                case.state = verdict.state
            done = act(session, case, now_ms)
            record(self.db, session, case, done, who.subject, now_ms)
        if waited and case.responded_at_ms is not None:  # counted once it is committed
            _count_response(case, case.responded_at_ms)
        return case

    def _take(self, session: Session, case: Case, holder: str, now_ms: int) -> None:
        """Somebody has the case: the deadline is met (or was missed), and pages stop."""
        if case.responded_at_ms is None:
            case.responded_at_ms = now_ms
        timer_schedule.answered(session, case.case_id)
        if case.holder == holder:  # taking again what one has buys no time
            return
        case.holder, case.held_since_ms, case.follow_up_level = holder, now_ms, 0
        self._expect(session, case, now_ms)

    def _expect(self, session: Session, case: Case, now_ms: int) -> None:
        due_ms = self.follow_ups.due_ms(case.state, case.severity, now_ms)
        timer_schedule.follow_up(session, case, due_ms)

    def locked(
        self, session: Session, case_id: str, who: Principal, *, also: str | None = None
    ) -> Case:
        """The case with its row locked, and that of another one, if both lie in scope."""
        wanted = [case_id] if also is None else [case_id, also]
        statement = (
            select(Case)
            .where(Case.case_id.in_(wanted), who.scope.condition(Case.tenant, Case.district))
            .order_by(Case.case_id)
        )
        found: dict[str, Case] = {
            case.case_id: case for case in session.scalars(self.db.for_update(statement))
        }
        for one in wanted:
            if one not in found:
                raise NotFoundError("case", one)
        return found[case_id]


def facts_of(case: Case) -> CaseFacts:
    """A case as the lifecycle's decider wants it."""
    return CaseFacts(
        state=case.state,  # type: ignore[arg-type]  # the column holds nothing else
        holder=case.holder,
        contact_attempts=case.contact_attempts,
    )


def record(db: Database, session: Session, case: Case, done: Done, actor: str, now_ms: int) -> None:
    """Write a step into the case's history and the audit log; free text stays out of the latter."""
    session.add(
        CaseEvent(
            case_id=case.case_id, at_ms=now_ms, kind=done.kind, actor=actor, detail=done.detail
        )
    )
    public = {key: value for key, value in done.detail.items() if key not in ("note", "reason")}
    history.append(db, session, [AuditEntry(now_ms, actor, done.kind, case.case_id, public)])


def _count_response(case: Case, responded_at_ms: int) -> None:
    result = "met" if responded_at_ms <= case.deadline_ms else "missed"
    RESPONSES.labels(case.severity, result).inc()
    RESPONSE_SECONDS.labels(case.severity).observe((responded_at_ms - case.opened_at_ms) / 1000)
