"""One step of a case's life: decided purely, then taken in one transaction with its history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.lifecycle import CaseFacts, Step, decide_step
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.service_errors import (
    ConflictError,
    HeldByAnotherError,
    NotFoundError,
    StepRefusedError,
)
from alerting.service_metrics import RESPONSE_SECONDS, RESPONSES
from forewarn.platform.clock import Clock

HINTS = {
    "not_claimed": "Claim the case first.",
}


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What a step leaves in the history: what happened, and what the responder wrote."""

    action: AuditAction
    detail: Mapping[str, object]
    free_text: dict[str, str] = field(default_factory=dict)


class CaseSteps:
    """Takes steps of cases.

    Args:
        db: of the cases.
        clock: UTC milliseconds.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def take(
        self,
        step: Step,
        case_id: str,
        who: Principal,
        act: Callable[[Session, Case, int], StepRecord],
        *,
        version: int | None = None,
        keep_state: bool = False,
        also: str | None = None,
    ) -> Case:
        """Decide on a step, take it and record it, all in one transaction.

        Args:
            step: what is asked for.
            case_id: the case.
            who: who acts; their scope bounds which cases exist for them.
            act: changes the case once the decision allowed the step, and returns what to record.
            version: the version that the caller saw; a newer one means that the case changed since.
            keep_state: leave the state as it is, for an attempt that failed.
            also: another case that the step changes; both are locked, in one order.

        Returns:
            The case as it is after the step.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: the state or the holder forbids it.
            ConflictError: the case changed since the caller saw it.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who, also=also)
            waited = case.responded_at_ms is None
            verdict = decide_step(
                step, facts_of(case), who.subject, overrides=who.may("case.assign")
            )
            # Who has the case says more than that it changed.
            if verdict.reason == "held_by_another" and case.holder is not None:
                since_ms = now_ms if case.held_since_ms is None else case.held_since_ms
                raise HeldByAnotherError(case_id, holder=case.holder, since_ms=since_ms)
            if version is not None and version != case.version:
                raise ConflictError(
                    f"Case {case_id} changed meanwhile.", code="changed_meanwhile", hint="Reload."
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
            history = CaseHistory(session, who.subject, now_ms)
            history.record(case_id, done.action, done.detail, free_text=done.free_text)
        if waited and case.responded_at_ms is not None:  # counted once it is committed
            _count_response(case, case.responded_at_ms)
        return case


def lock_case(session: Session, case_id: str, who: Principal, *, also: str | None = None) -> Case:
    """Lock the row of a case, and that of another one, in one order.

    Args:
        session: a write transaction.
        case_id: the case.
        who: whose scope has to hold both cases.
        also: the other case, if there is one.

    Raises:
        NotFoundError: one of them is not in scope.
    """
    named = [case_id] if also is None else [case_id, also]
    statement = (
        select(Case)
        .where(Case.case_id.in_(named), who.scope.condition(Case.tenant, Case.district))
        .order_by(Case.case_id)
        .with_for_update()
    )
    found: dict[str, Case] = {case.case_id: case for case in session.scalars(statement)}
    for one in named:
        if one not in found:
            raise NotFoundError("case", one)
    return found[case_id]


def facts_of(case: Case) -> CaseFacts:
    """The columns of a case that the lifecycle's deciders take."""
    return CaseFacts(
        state=case.state,  # type: ignore[arg-type]  # the column holds nothing else
        holder=case.holder,
        contact_attempts=case.contact_attempts,
    )


def _count_response(case: Case, responded_at_ms: int) -> None:
    result = "met" if responded_at_ms <= case.deadline_ms else "missed"
    RESPONSES.labels(case.severity, result).inc()
    RESPONSE_SECONDS.labels(case.severity).observe((responded_at_ms - case.opened_at_ms) / 1000)
