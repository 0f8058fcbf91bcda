"""Acts on due timers; correct with several replicas and threads, and after a crash at any point.

One timer is one transaction: the timer is done if and only if its result is written. The case's row
is locked before the timer is read, as in every other step, so that a timer and an acknowledgement
never deadlock and the second one sees the first.

A timer that fails is postponed, so that one faulty case does not block the others.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy import case as sql_case
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerting.cases.due_columns import urgency_sql
from alerting.cases.severity import ORDER
from alerting.cases.timers.timer_schedule import KINDS
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.dispatch_tables import Timer
from alerting.service_metrics import TIMER_FAILURES
from forewarn.platform.clock import Clock

Handler = Callable[[Session, Case, int], int | None]
"""Acts on a timer of a locked case; returns when it is due again in UTC ms, None if it is done."""

BATCH = 200
LONGEST_PAUSE_SECONDS = 300
MIN_AGAIN_MS = 1_000

_log = structlog.get_logger(__name__)


class TimerWorker:
    """Handles the cases with due timers, the gravest first, as a background task.

    Args:
        db: of the cases.
        clock: UTC milliseconds.
        handlers: one per kind of timer.
        tick_seconds: pause when no timer is due.
        threads: how many cases are handled at once; always 1 on SQLite, which has one writer.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        *,
        tick_seconds: float,
        threads: int = 1,
    ) -> None:
        self._db = db
        self._clock = clock
        self._handlers = dict(handlers)
        self._tick_seconds = tick_seconds
        self._pool = ThreadPoolExecutor(
            threads if db.is_postgresql else 1, thread_name_prefix="alerting-timers"
        )

    def turn(self, stop: threading.Event) -> float:
        """Act on the timers due now, up to a batch; return the pause after it, in seconds."""
        due = self._due()
        list(self._pool.map(lambda case_id: stop.is_set() or self._handle_case(case_id), due))
        return 0.0 if len(due) == BATCH else self._tick_seconds

    def run_due(self) -> int:
        """Act until no timer is due, for tests and tools; return how many were handled."""
        taken = 0
        while moved := sum(self._handle_case(case_id) for case_id in self._due()):
            taken += moved
        return taken

    def close(self) -> None:
        """Wait for the cases under way."""
        self._pool.shutdown()

    def _due(self) -> list[str]:
        """Cases with due timers: by severity, then by expected loss and time left."""
        now_ms = self._clock()
        due = select(Timer.case_id).where(
            Timer.state == "pending", Timer.due_ms <= now_ms, Timer.kind.in_(self._handlers)
        )
        with self._db.read() as session:
            return list(
                session.scalars(
                    select(Case.case_id)
                    .where(Case.case_id.in_(due))
                    .order_by(
                        sql_case(ORDER, value=Case.severity, else_=0).desc(),
                        urgency_sql(now_ms).desc(),
                        Case.case_id,
                    )
                    .limit(BATCH)
                )
            )

    def _handle_case(self, case_id: str) -> int:
        taken = 0
        while self._act(case_id):
            taken += 1
        return taken

    def _act(self, case_id: str) -> bool:
        """Act on the first due timer of a case; False if there is none or another replica holds it."""
        taken: tuple[int, str] | None = None  # not the row, which a failed flush makes unreadable
        try:
            with self._db.write() as session:
                case = session.scalar(
                    self._db.skip_locked(select(Case).where(Case.case_id == case_id))
                )
                now_ms = self._clock()
                timer = self._first(session, case_id, now_ms) if case else None
                if case is None or timer is None:
                    return False
                taken = (timer.timer_no, timer.kind)
                again_ms = self._handlers[timer.kind](session, case, now_ms)
                self._settle(session, timer, again_ms, now_ms)
        except Exception as error:
            if taken is None:
                raise
            self._postpone(*taken, case_id, error)
        return True

    def _first(self, session: Session, case_id: str, now_ms: int) -> Timer | None:
        rank = {kind: number for number, kind in enumerate(KINDS)}
        timer: Timer | None = session.scalar(
            select(Timer)
            .where(
                Timer.case_id == case_id,
                Timer.state == "pending",
                Timer.due_ms <= now_ms,
                Timer.kind.in_(self._handlers),
            )
            .order_by(sql_case(rank, value=Timer.kind), Timer.due_ms, Timer.timer_no)
            .limit(1)
        )
        return timer

    @staticmethod
    def _settle(session: Session, timer: Timer, again_ms: int | None, now_ms: int) -> None:
        """Mark the timer done, or move it, unless another of its kind is due before that."""
        timer.attempts = 0
        sooner = again_ms is not None and session.scalar(
            select(Timer.timer_no)
            .where(
                Timer.case_id == timer.case_id,
                Timer.kind == timer.kind,
                Timer.state == "pending",
                Timer.timer_no != timer.timer_no,
                Timer.due_ms <= again_ms,
            )
            .limit(1)
        )
        if again_ms is None or sooner:
            timer.state = "done"
        else:
            timer.due_ms = max(again_ms, now_ms + MIN_AGAIN_MS)

    def _postpone(self, timer_no: int, kind: str, case_id: str, error: Exception) -> None:
        TIMER_FAILURES.labels(kind).inc()
        # The type alone: a driver's message may quote a row.
        _log.error("timer_failed", kind=kind, case_id=case_id, fault=type(error).__name__)
        with self._db.write() as session:
            timer = session.get(Timer, timer_no)
            attempts = timer.attempts + 1 if timer else 1
            pause_seconds = min(2 ** min(attempts, 16), LONGEST_PAUSE_SECONDS)
            session.execute(
                update(Timer)
                .where(Timer.timer_no == timer_no, Timer.state == "pending")
                .values(attempts=attempts, due_ms=self._clock() + pause_seconds * 1000)
            )
