"""Acts on due timers; correct with several replicas, and after a crash at any point.

One timer is one transaction: the timer is done if and only if what it asked for is written. The
case's row is locked first and the timer read after it, in the order of every other step, so that a
timer and an acknowledgement never deadlock and the one that comes second sees the first.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.clock import Clock
from alerting.db.cases import Case
from alerting.db.dispatch import Delivery, Timer
from alerting.db.engine import Database

Handler = Callable[[Session, Case, int], Sequence[Delivery]]
BATCH = 200


class TimerWorker:
    """Takes due timers, oldest first, driven by a ``Loop``.

    Args:
        handlers: what to do per kind of timer; called with the case locked.
        tick_seconds: pause when nothing is due.
    """

    def __init__(
        self, db: Database, clock: Clock, handlers: Mapping[str, Handler], *, tick_seconds: float
    ) -> None:
        self._db = db
        self._clock = clock
        self._handlers = dict(handlers)
        self._tick_seconds = tick_seconds

    def turn(self, stop: threading.Event) -> float:
        """Act on everything that is due now, up to a batch; returns the pause after it."""
        due = self._due()
        for timer_no, case_id in due:
            if stop.is_set():
                break
            self._act(timer_no, case_id)
        return 0.0 if len(due) == BATCH else self._tick_seconds

    def run_due(self) -> int:
        """Act until nothing is due; for tests and tools. Returns how many timers were taken."""
        taken = 0
        while moved := sum(self._act(timer_no, case_id) for timer_no, case_id in self._due()):
            taken += moved
        return taken

    def _due(self) -> list[tuple[int, str]]:
        with self._db.read() as session:
            rows = session.execute(
                select(Timer.timer_no, Timer.case_id)
                .where(
                    Timer.state == "pending",
                    Timer.due_ms <= self._clock(),
                    Timer.kind.in_(self._handlers),
                )
                .order_by(Timer.due_ms, Timer.timer_no)
                .limit(BATCH)
            )
            return [(row.timer_no, row.case_id) for row in rows]

    def _act(self, timer_no: int, case_id: str) -> bool:
        with self._db.write() as session:
            case = session.scalar(self._db.skip_locked(select(Case).where(Case.case_id == case_id)))
            if case is None:  # somebody is at this case; the timer stays for the next look
                return False
            timer = session.get(Timer, timer_no)
            now_ms = self._clock()
            if timer is None or timer.state != "pending" or timer.due_ms > now_ms:
                return False
            timer.state = "done"
            self._handlers[timer.kind](session, case, now_ms)
            return True
