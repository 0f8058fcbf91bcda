"""Ticks of a playbook's tasks, which live in the history of their case, and tasks left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.case_steps import CaseSteps, StepRecord
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.playbooks.playbook import Playbook, Task, skipped_tasks
from alerting.cases.playbooks.playbook_file import PlaybookSource
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.database import Database
from alerting.db.playbook_tables import SkippedTask
from alerting.service_errors import NotFoundError, StepRefusedError

DONE: AuditAction = "task_done"
UNDONE: AuditAction = "task_undone"
MAX_SKIPPED = 200


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of a case, and by whom and when it was ticked; None if it is open."""

    task: Task
    by: str | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class CasePlaybook:
    """The playbook of a case with its tasks as they stand; ``version`` is that of the file."""

    playbook: Playbook
    version: int
    tasks: list[TaskState]


class TaskService:
    """Ticks tasks and records those that a closure leaves out."""

    def __init__(self, db: Database, steps: CaseSteps, playbooks: PlaybookSource) -> None:
        self._db = db
        self._steps = steps
        self._playbooks = playbooks

    def of_case(self, session: Session, case: Case) -> CasePlaybook:
        """The playbook of a case, which its typology chooses, with the ticks in its history."""
        current = self._playbooks.current
        playbook = current.of(case.typology)
        ticks = ticks_of(session, case.case_id)
        tasks = []
        for task in playbook.tasks:
            tick = ticks.get(task.key)
            tasks.append(
                TaskState(task, tick.actor if tick else None, tick.at_ms if tick else None)
            )
        return CasePlaybook(playbook, current.version, tasks)

    def tick(self, case_id: str, who: Principal, key: str, *, done: bool) -> Case:
        """Tick a task of an open case, or take the tick back; the same again changes nothing new.

        Raises:
            NotFoundError: the case's playbook has no such task, or no such case is in scope.
            StepRefusedError: the case is closed, or the task is so already.
        """

        def act(session: Session, case: Case, _now_ms: int) -> StepRecord:
            current = self._playbooks.current
            if key not in [task.key for task in current.of(case.typology).tasks]:
                raise NotFoundError("task", key)
            if case.state == "closed":
                raise StepRefusedError(
                    f"Case {case_id} is closed.", code="task_not_allowed_when_closed"
                )
            if (key in ticks_of(session, case_id)) == done:
                raise StepRefusedError(f"Task {key} is so already.", code="task_is_so_already")
            detail = {"task": key, "typology": case.typology, "playbook": current.version}
            return StepRecord(DONE if done else UNDONE, detail)

        return self._steps.take("note", case_id, who, act)

    def record_skipped(self, session: Session, case: Case, now_ms: int) -> list[str]:
        """Keep the required tasks that a closing case left out; return their keys."""
        session.execute(delete(SkippedTask).where(SkippedTask.case_id == case.case_id))
        playbook = self._playbooks.current.of(case.typology)
        done = ticks_of(session, case.case_id)
        skipped = skipped_tasks(playbook, done, case.disposition or "")
        for key in skipped:
            session.add(
                SkippedTask(
                    case_id=case.case_id,
                    task=key,
                    tenant=case.tenant,
                    district=case.district,
                    typology=case.typology,
                    holder=case.holder or "",
                    closed_at_ms=now_ms,
                )
            )
        return skipped

    def skipped(self, session: Session, scope: Scope, since_ms: int) -> Sequence[SkippedTask]:
        """The tasks left out in cases that closed since a time, newest first."""
        return session.scalars(
            select(SkippedTask)
            .where(
                scope.condition(SkippedTask.tenant, SkippedTask.district),
                SkippedTask.closed_at_ms >= since_ms,
            )
            .order_by(SkippedTask.closed_at_ms.desc(), SkippedTask.case_id, SkippedTask.task)
            .limit(MAX_SKIPPED)
        ).all()


def ticks_of(session: Session, case_id: str) -> dict[str, CaseEvent]:
    """The tick of each task that is done now, by the task's key."""
    rows = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == case_id, CaseEvent.kind.in_((DONE, UNDONE)))
        .order_by(CaseEvent.event_no)
    )
    ticks: dict[str, CaseEvent] = {}
    for row in rows:
        if row.kind == DONE:
            ticks[row.detail["task"]] = row
        else:
            ticks.pop(row.detail["task"], None)
    return ticks
