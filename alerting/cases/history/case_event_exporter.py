"""Exports case events to logs and traces.

What happened to one warning is a line and a span of that warning. A step of the case is one of each of its
warnings, of the first fifty at most: a case of a thousand warnings would write a thousand lines a step.

The exporter reads committed events, so it never exports a step that was rolled back, and the code
that takes steps does not depend on it. One replica at a time exports, under a lease. Events that
happen while no replica holds the lease are exported late, or not at all after ``SETTLED_MS``.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.database import Database
from alerting.db.lease import hold
from forewarn.platform.clock import Clock
from forewarn.telemetry.tracing import Tracer, trace_id

LEASE = "case-events"
LEASE_SECONDS = 30.0
IDLE_SECONDS = 1.0
BATCH = 1_000

SETTLED_MS = 60_000
"""Transactions get event numbers before they commit, so a lower number may appear after a higher
one, but not a minute later."""

EXPORTED = ("channel", "result", "disposition", "severity", "recipient", "step")
"""Fields of an event's detail that hold codes, never a number or a name."""

TRACES_MAX = 50
"""Warnings of a case whose traces show its steps."""

_log = structlog.get_logger(__name__)


class CaseEventExporter:
    """Follows the history of all cases, as a background task.

    Args:
        db: of the cases.
        clock: UTC ms.
        tracer: receives the spans.
        owner: this replica's name in leases.
    """

    def __init__(self, db: Database, clock: Clock, tracer: Tracer, *, owner: str) -> None:
        self._db = db
        self._clock = clock
        self._tracer = tracer
        self._owner = owner
        self._floor: int | None = None  # every number up to it was exported, or is too old
        self._exported: set[int] = set()

    def turn(self, _stop: threading.Event) -> float:
        """Export new events.

        Raises:
            DependencyUnavailableError: if the database does not answer.
        """
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, LEASE_SECONDS, now_ms):
            self._floor = None
            return IDLE_SECONDS
        with self._db.read() as session:
            if self._floor is None:
                self._floor = self._begin(session, now_ms)
                self._exported.clear()
            numbers = self._newer(session)
            fresh = [no for no, _ in numbers if no not in self._exported][:BATCH]
            new = self._rows(session, fresh)
            ids = {row.case_id for row in new}
            cases = {
                case.case_id: case
                for case in session.scalars(select(Case).where(Case.case_id.in_(ids)))
            }
            own = {str(row.detail["warning_id"]) for row in new if "warning_id" in row.detail}
            traces, of_warning = _traces(session, ids), _traces_of(session, own)
        for row in new:
            one = row.detail.get("warning_id")
            shown = of_warning.get(str(one), []) if one else traces[row.case_id]
            self._export(row, cases[row.case_id], shown)
        exported = self._exported.union(fresh)
        self._remember([one for one in numbers if one[0] in exported], now_ms)
        return 0.0 if len(new) == BATCH else IDLE_SECONDS

    def close(self) -> None:
        """Send the last spans."""
        self._tracer.close()

    def _begin(self, session: Session, now_ms: int) -> int:
        """Where to begin: after the events whose transactions have all committed."""
        old = select(func.max(CaseEvent.event_no)).where(CaseEvent.at_ms < now_ms - SETTLED_MS)
        return session.scalar(old) or 0

    def _newer(self, session: Session) -> Sequence[tuple[int, int]]:
        """Numbers and times, ms, of the events after the floor.

        Most of them were exported within the last minute, so that their details are not read again.
        """
        found = (
            select(CaseEvent.event_no, CaseEvent.at_ms)
            .where(CaseEvent.event_no > (self._floor or 0))
            .order_by(CaseEvent.event_no)
            .limit(BATCH + len(self._exported))
        )
        return [(number, at_ms) for number, at_ms in session.execute(found)]

    def _rows(self, session: Session, numbers: Sequence[int]) -> Sequence[CaseEvent]:
        found = select(CaseEvent).where(CaseEvent.event_no.in_(numbers))
        return session.scalars(found.order_by(CaseEvent.event_no)).all()

    def _remember(self, numbers: Sequence[tuple[int, int]], now_ms: int) -> None:
        self._exported.update(number for number, _ in numbers)
        settled = [number for number, at_ms in numbers if at_ms < now_ms - SETTLED_MS]
        if settled:
            self._floor = max(self._floor or 0, *settled)
            self._exported = {number for number in self._exported if number > (self._floor or 0)}

    def _export(self, row: CaseEvent, case: Case, traces: Sequence[tuple[str, str]]) -> None:
        detail = {
            name: row.detail[name] for name in EXPORTED if isinstance(row.detail.get(name), str)
        }
        begun_ms = case.opened_at_ms if row.kind == "closed" else row.at_ms
        for warning_id, traceparent in traces:
            _log.info(
                "case_step",
                step=row.kind,
                case_id=row.case_id,
                warning_id=warning_id,
                trace_id=trace_id(traceparent),
                **{name: value for name, value in detail.items() if name != "step"},
            )
            self._tracer.span(
                f"case {row.kind}",
                traceparent,
                start_ms=begun_ms,
                end_ms=row.at_ms,
                attributes={
                    "forewarn.case_id": row.case_id,
                    "forewarn.warning_id": warning_id,
                    **{f"forewarn.{name}": value for name, value in detail.items()},
                },
            )


def _traces(session: Session, case_ids: set[str]) -> dict[str, list[tuple[str, str]]]:
    """The first warnings of each case with their trace contexts."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    place = func.row_number().over(
        partition_by=Warning_.case_id, order_by=(Warning_.received_at_ms, Warning_.warning_id)
    )
    ranked = (
        select(Warning_.case_id, Warning_.warning_id, Warning_.traceparent, place.label("place"))
        .where(Warning_.case_id.in_(case_ids))
        .subquery()
    )
    for case_id, warning_id, traceparent, _ in session.execute(
        select(ranked).where(ranked.c.place <= TRACES_MAX).order_by(ranked.c.place)
    ):
        found[case_id].append((warning_id, traceparent))
    return found


def _traces_of(session: Session, warning_ids: set[str]) -> dict[str, list[tuple[str, str]]]:
    """The trace context of each warning, in the form of ``_traces``."""
    rows = session.execute(
        select(Warning_.warning_id, Warning_.traceparent).where(
            Warning_.warning_id.in_(warning_ids)
        )
    )
    return {warning_id: [(warning_id, traceparent)] for warning_id, traceparent in rows}
