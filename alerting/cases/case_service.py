"""The steps of an open case, from claiming it to recording contact."""

from typing import Literal

from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.case_reopening import clear_holder
from alerting.cases.case_steps import CaseSteps, StepRecord
from alerting.cases.contact_records import contacts_of
from alerting.cases.follow_up import FollowUps
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.severity import Deadlines
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case
from alerting.service_errors import StepRefusedError

UNDO_MS = 60_000
"""How long an attempt can be taken back by who recorded it."""

ContactMethod = Literal["phone", "visit", "relative", "message", "bank", "operator"]


class CaseService:
    """Claims, assigns, releases and annotates cases, and records contact with their victims.

    Every method takes who acts, returns the case as it is afterwards, and raises as
    ``CaseSteps.take`` does. A refused step changes nothing and names the reason.

    Args:
        steps: takes the steps.
        deadlines: time to first response.
        follow_ups: time for the holder's next step.
    """

    def __init__(
        self,
        steps: CaseSteps,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
        follow_ups: FollowUps = FollowUps(),  # noqa: B008 - frozen
    ) -> None:
        self._steps = steps
        self._deadlines = deadlines
        self._follow_ups = follow_ups

    def claim(self, case_id: str, who: Principal, *, version: int | None = None) -> Case:
        """Take the case; this is also the first response to it."""

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            previous = case.holder
            self._take(session, case, who.subject, now_ms)
            return StepRecord("claimed", {"previous": previous} if previous else {})

        return self._steps.take("claim", case_id, who, act, version=version)

    def acknowledge(self, case_id: str, who: Principal, *, version: int | None = None) -> Case:
        """Answer a page: the case is this person's from now on."""

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            self._take(session, case, who.subject, now_ms)
            return StepRecord("acknowledged", {})

        return self._steps.take("acknowledge", case_id, who, act, version=version)

    def release(self, case_id: str, who: Principal, *, reason: str) -> Case:
        """Give the case back to the queue; the team is paged at once."""

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            clear_holder(case)
            case.releases += 1
            if case.deadline_ms <= now_ms:  # the next responder gets the full time
                case.deadline_ms = self._deadlines.deadline_ms(case.severity, now_ms)
            timer_schedule.start(session, case, now_ms)
            return StepRecord("released", {}, {"reason": reason})

        return self._steps.take("release", case_id, who, act)

    def assign(self, case_id: str, who: Principal, *, to: str) -> Case:
        """Hand the case to a colleague, named by their subject."""

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            previous = case.holder
            self._take(session, case, to, now_ms)
            return StepRecord("assigned", {"to": to, "previous": previous})

        return self._steps.take("assign", case_id, who, act)

    def contact(
        self, case_id: str, who: Principal, *, method: ContactMethod, reached: bool, note: str = ""
    ) -> Case:
        """Record an attempt to reach the victim; only a successful one changes the state."""

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            case.contact_attempts += 1
            if not reached:
                case.state = "acknowledged" if case.state != "in_contact" else case.state
                timer_schedule.set_timer(session, case, timer_schedule.DISPATCH, now_ms)
            self._expect_next_step(session, case, now_ms)
            action: AuditAction = "contact_made" if reached else "contact_failed"
            return StepRecord(action, {"method": method}, {"note": note})

        return self._steps.take("contact", case_id, who, act, keep_state=not reached)

    def withdraw_contact(self, case_id: str, who: Principal) -> Case:
        """Take back the attempt that this person recorded within the last minute.

        What was sent because of it stays sent; the history keeps both events.

        Raises:
            StepRefusedError: ``nothing_to_undo``, or as for every step.
        """

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            contacts = contacts_of(session, case)
            last = contacts[-1] if contacts else None
            if last is None or last.actor != who.subject or last.at_ms < now_ms - UNDO_MS:
                raise StepRefusedError(
                    f"Case {case_id}: no attempt of yours to take back.", code="nothing_to_undo"
                )
            case.contact_attempts -= 1
            reached = any(row.kind == "contact_made" for row in contacts[:-1])
            case.state = "in_contact" if reached else "acknowledged"
            self._expect_next_step(session, case, now_ms)
            return StepRecord("contact_withdrawn", {"event_no": last.event_no})

        return self._steps.take("contact", case_id, who, act, keep_state=True)

    def note(self, case_id: str, who: Principal, *, text: str) -> Case:
        """Add a remark to the history, whatever the state."""

        def act(_session: Session, _case: Case, _now_ms: int) -> StepRecord:
            return StepRecord("noted", {}, {"note": text})

        return self._steps.take("note", case_id, who, act)

    def _take(self, session: Session, case: Case, holder: str, now_ms: int) -> None:
        """Set the holder; the deadline is met (or was missed), and pages stop."""
        if case.responded_at_ms is None:
            case.responded_at_ms = now_ms
        timer_schedule.answered(session, case.case_id)
        if case.holder == holder:  # to take again what one has buys no time
            return
        case.holder, case.held_since_ms, case.follow_up_level = holder, now_ms, 0
        self._expect_next_step(session, case, now_ms)

    def _expect_next_step(self, session: Session, case: Case, now_ms: int) -> None:
        due_ms = self._follow_ups.due_ms(case.state, case.severity, now_ms)
        timer_schedule.follow_up(session, case, due_ms)
