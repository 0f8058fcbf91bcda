"""Urgency, overdue and neglected cases, as conditions over the columns of a case.

Queue, supervision, districts, API, metrics and timers all use these, so that they cannot disagree.
"""

from sqlalchemy import ColumnElement, Float, cast
from sqlalchemy import case as sql_case

from alerting.cases.lifecycle import HELD_STATES, WAITING_STATES
from alerting.cases.severity import RANK_FLOOR_MS, RECALL_CHANCE
from alerting.db.case_tables import Case


def urgency_sql(now_ms: int) -> ColumnElement[float]:
    """``alerting.cases.severity.urgency`` over the columns of a case."""
    left = Case.deadline_ms - now_ms
    floored = sql_case((left < RANK_FLOOR_MS, RANK_FLOOR_MS), else_=left)
    age = now_ms - Case.gone_at_ms
    chance = sql_case(*((age <= bound_ms, share) for bound_ms, share in RECALL_CHANCE), else_=0.0)
    expected = cast(Case.expected_loss_minor, Float(53))
    # Most cases lost nothing yet, and are not compared with every bound.
    gone = sql_case((Case.gone_at_ms.is_(None), 0.0), else_=Case.gone_minor * chance)
    at_stake = expected + gone
    return (at_stake * Case.rank_weight + 1) / cast(floored, Float(53))


def waiting_sql() -> ColumnElement[bool]:
    """The case waits for a first response."""
    return Case.state.in_(WAITING_STATES)


def overdue_sql(now_ms: int) -> ColumnElement[bool]:
    """The deadline passed without a response, and the warning is still in force."""
    return waiting_sql() & (Case.deadline_ms < now_ms) & Case.withdrawn.is_(False)


def neglected_sql(now_ms: int) -> ColumnElement[bool]:
    """The holder did not take the next step in time."""
    return (
        Case.state.in_(HELD_STATES) & (Case.follow_up_due_ms < now_ms) & Case.withdrawn.is_(False)
    )
