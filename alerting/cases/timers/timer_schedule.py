"""Set, move and stop the timers of a case, in the transaction that changes the case.

``dispatch`` decides whom to tell now; ``deadline`` asks whether anybody responded in time;
``follow_up`` asks whether the holder got on with it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery, Timer

DISPATCH = "dispatch"
DEADLINE = "deadline"
FOLLOW_UP = "follow_up"
KINDS = (DISPATCH, DEADLINE, FOLLOW_UP)
"""In the order in which those of one case are acted on: who was never told cannot be late."""

PAGE = "page"
"""Purpose of a delivery that asks a responder to take a case; stopped once somebody has it."""

ADVISE = "advise"
"""Purpose of a text to somebody whom a sweep found; of no case, so nothing stops it."""


def start(session: Session, case: Case, now_ms: int) -> None:
    """The timers of a case that opens or opens again."""
    session.execute(insert(Timer), starting(case, now_ms))


def starting(case: Case, now_ms: int) -> list[dict[str, Any]]:
    """The rows of ``start``, for a caller that inserts those of many cases at once."""
    return [_row(case, DISPATCH, now_ms), _row(case, DEADLINE, case.deadline_ms)]


def begin_round(case: Case) -> None:
    """The case begins anew: everybody is told again, and the person is protected again."""
    case.round += 1
    case.escalation_level = 0


def renew(session: Session, cases: Sequence[Case], now_ms: int) -> None:
    """Dispatch again with new evidence, and hold the deadlines to the cases'."""
    waiting = {case.case_id: case for case in cases if case.responded_at_ms is None}
    pending = session.scalars(
        select(Timer).where(
            Timer.case_id.in_(list(waiting)), Timer.kind == DEADLINE, Timer.state == "pending"
        )
    ).all()
    for timer in pending:
        timer.due_ms = min(timer.due_ms, waiting[timer.case_id].deadline_ms)
    running = {timer.case_id for timer in pending}
    rows = [_row(case, DISPATCH, now_ms) for case in cases]
    rows += [
        _row(case, DEADLINE, case.deadline_ms)
        for case_id, case in waiting.items()
        if case_id not in running
    ]
    if rows:
        session.execute(insert(Timer), rows)


def hasten(session: Session, case: Case, due_ms: int) -> None:
    """Do not wait for the deadline, for example if it is sure already that nobody was told."""
    session.execute(
        update(Timer)
        .where(
            Timer.case_id == case.case_id,
            Timer.kind == DEADLINE,
            Timer.state == "pending",
            Timer.due_ms > due_ms,
        )
        .values(due_ms=due_ms)
    )


def set_timer(session: Session, case: Case, kind: str, due_ms: int) -> None:
    """One more timer; the case's version keeps it apart from those before."""
    session.execute(insert(Timer), [_row(case, kind, due_ms)])


def follow_up(session: Session, case: Case, due_ms: int) -> None:
    """The holder owes the next step by then; a case has one such timer."""
    case.follow_up_due_ms = due_ms
    moved = session.execute(
        update(Timer)
        .where(Timer.case_id == case.case_id, Timer.kind == FOLLOW_UP, Timer.state == "pending")
        .values(due_ms=due_ms)
        .returning(Timer.timer_no)
    ).first()
    if moved is None:
        set_timer(session, case, FOLLOW_UP, due_ms)


def _row(case: Case, kind: str, due_ms: int) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "kind": kind,
        "sequence": case.version,
        "due_ms": due_ms,
        "state": "pending",
    }


def answered(session: Session, case_id: str) -> None:
    """Somebody has the case: no page is wanted any more. What protects the person goes on."""
    _cancel(session, case_id, (DEADLINE,))
    _stop_pages(session, case_id)


def stop(session: Session, case_id: str) -> None:
    """There is nothing left to do, or the warning was withdrawn.

    The follow-up stays: a withdrawn case still has to be closed, and one of a closed case ends by
    itself.
    """
    _cancel(session, case_id, (DISPATCH, DEADLINE))
    _stop_pages(session, case_id)


def _cancel(session: Session, case_id: str, kinds: Sequence[str]) -> None:
    session.execute(
        update(Timer)
        .where(Timer.case_id == case_id, Timer.kind.in_(kinds), Timer.state == "pending")
        .values(state="cancelled")
    )


def _stop_pages(session: Session, case_id: str) -> None:
    """Withhold the pages that were not sent yet; one under way has left and is not called back."""
    session.execute(
        update(Delivery)
        .where(Delivery.case_id == case_id, Delivery.purpose == PAGE, Delivery.state == "pending")
        .values(state="cancelled", last_error="case_was_taken")
    )
