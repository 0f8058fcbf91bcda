"""Set, move and stop the timers of a case, in the transaction that changes the case.

A ``dispatch`` timer decides what to send now, ``deadline`` checks that a responder answered in
time, ``follow_up`` checks that the holder took the next step, and ``orders`` acts on the clock of the
case's orders, which outlives the case.
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerting.db.bulk_insert import insert_rows
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery, Timer

DISPATCH = "dispatch"
DEADLINE = "deadline"
FOLLOW_UP = "follow_up"
ORDERS = "orders"
KINDS = (DISPATCH, DEADLINE, FOLLOW_UP, ORDERS)
"""In the order in which due timers of one case are handled: pages come before deadlines."""

PAGE = "page"
"""Purpose of a delivery that asks a responder to take a case; cancelled once it has a holder."""

ADVISE = "advise"
"""Purpose of a text to many people: to those whom a sweep found, or of low warnings."""


def start(session: Session, case: Case, now_ms: int) -> None:
    """Start the timers of a case that opens or reopens."""
    insert_rows(session, Timer, starting(case, now_ms))


def starting(case: Case, now_ms: int) -> list[dict[str, object]]:
    """The rows of ``start``, for a caller that inserts those of many cases at once."""
    return [_row(case, DISPATCH, now_ms), _row(case, DEADLINE, case.deadline_ms)]


def begin_round(case: Case) -> None:
    """Begin another round of the case: pages and protection are sent again."""
    case.round += 1
    case.escalation_level = 0


def renew(session: Session, cases: Sequence[Case], now_ms: int) -> None:
    """Dispatch again with new evidence, and align the deadline timers with the cases."""
    if not cases:
        return
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
    insert_rows(session, Timer, rows)


def hasten(session: Session, case: Case, due_ms: int) -> None:
    """Move the deadline timer forward, for example when no page could be delivered."""
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
    """Add a timer; the case's version tells it apart from earlier ones."""
    insert_rows(session, Timer, [_row(case, kind, due_ms)])


def follow_up(session: Session, case: Case, due_ms: int) -> None:
    """Set when the holder's next step is due; a case has one such timer."""
    case.follow_up_due_ms = due_ms
    _set_only(session, case, FOLLOW_UP, due_ms)


def look_at_orders(session: Session, case: Case, due_ms: int) -> None:
    """Set when the orders of a case are looked at; a case has one such timer, which sets itself again."""
    _set_only(session, case, ORDERS, due_ms)


def _set_only(session: Session, case: Case, kind: str, due_ms: int) -> None:
    """Move the pending timer of a kind, or add it."""
    moved = session.execute(
        update(Timer)
        .where(Timer.case_id == case.case_id, Timer.kind == kind, Timer.state == "pending")
        .values(due_ms=due_ms)
        .returning(Timer.timer_no)
    ).first()
    if moved is None:
        set_timer(session, case, kind, due_ms)


def _row(case: Case, kind: str, due_ms: int) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "kind": kind,
        "sequence": case.version,
        "due_ms": due_ms,
        "state": "pending",
    }


def answered(session: Session, case_id: str) -> None:
    """Stop the pages of a case that has a holder; protection of the victim goes on."""
    _cancel(session, case_id, (DEADLINE,))
    _stop_pages(session, case_id)


def stop(session: Session, case_id: str) -> None:
    """Stop the pages and dispatches of a case that was closed or withdrawn.

    The follow-up timer stays: a withdrawn case still has to be closed, and that of a closed case
    ends by itself.
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
    """Cancel the pages that were not sent yet; one under way cannot be recalled."""
    session.execute(
        update(Delivery)
        .where(Delivery.case_id == case_id, Delivery.purpose == PAGE, Delivery.state == "pending")
        .values(state="cancelled", last_error="case_was_taken")
    )
