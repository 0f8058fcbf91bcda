"""Sweeps that wait for a supervisor, since their number may belong to an honest third party."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.case_tables import Case
from alerting.db.contact_tables import Sweep
from alerting.db.database import Database
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

LIMIT = 200
Verdict = Literal["sweep_approved", "sweep_rejected"]


class SweepService:
    """Show, approve and reject held sweeps."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def held(self, scope: Scope) -> Sequence[Sweep]:
        """Sweeps that wait for a decision, oldest first."""
        statement = (
            select(Sweep)
            .where(Sweep.state == "held", *_within(scope))
            .order_by(Sweep.requested_at_ms)
            .limit(LIMIT)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def approve(self, sweep_id: str, who: Principal) -> Sweep:
        """Let a sweep go ahead, but not by the person who closed its case.

        Raises:
            NotFoundError: the scope holds no such sweep.
            StepRefusedError: it is not held, or the caller closed its case.
        """
        return self._decide(sweep_id, who, "sweep_approved")

    def reject(self, sweep_id: str, who: Principal) -> Sweep:
        """Drop a sweep without texts or list entries; raises NotFoundError, StepRefusedError."""
        return self._decide(sweep_id, who, "sweep_rejected")

    def _decide(self, sweep_id: str, who: Principal, verdict: Verdict) -> Sweep:
        now_ms = self._clock()
        with self._db.write() as session:
            sweep = self._locked(session, sweep_id, who.scope)
            if sweep.state != "held":
                raise StepRefusedError(f"Sweep {sweep_id} is {sweep.state}.", code="sweep_not_held")
            closed_by = select(Case.closed_by).where(Case.case_id == sweep.case_id)
            if verdict == "sweep_approved" and session.scalar(closed_by) == who.subject:
                raise StepRefusedError(
                    f"Sweep {sweep_id} follows from a case that you closed.",
                    code="needs_a_second_person",
                    hint="Another supervisor has to approve it.",
                )
            sweep.decided_by = who.subject
            if verdict == "sweep_approved":
                # The time that a sweep may take counts from the approval.
                sweep.state, sweep.requested_at_ms = "pending", now_ms
            else:
                sweep.state, sweep.finished_at_ms = "rejected", now_ms
            record_sweep(session, sweep, verdict, who.subject, now_ms)
        return sweep

    def _locked(self, session: Session, sweep_id: str, scope: Scope) -> Sweep:
        """The sweep with its row locked, after its case's row, as in every other step."""
        wanted = select(Sweep).where(Sweep.sweep_id == sweep_id, *_within(scope))
        case = select(Case.case_id).where(Case.case_id.in_(wanted.with_only_columns(Sweep.case_id)))
        session.execute(self._db.for_update(case))
        sweep: Sweep | None = session.scalar(self._db.for_update(wanted))
        if sweep is None:
            raise NotFoundError("sweep", sweep_id)
        return sweep


def record_sweep(
    session: Session, sweep: Sweep, action: AuditAction, actor: str, now_ms: int
) -> None:
    """Record what happened to a sweep in the history of its case."""
    detail = {"sweep_id": sweep.sweep_id, "kind": sweep.kind, "why": sweep.held_because}
    CaseHistory(session, actor, now_ms).record(sweep.case_id, action, detail)


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    """Sweeps cross districts, as lists do, so only the tenant bounds them."""
    return [] if scope.tenants is None else [Sweep.tenant.in_(sorted(scope.tenants))]
