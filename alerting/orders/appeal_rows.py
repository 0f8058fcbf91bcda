"""Rows of objections: read within a scope, settled with their order."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.history import CaseHistory
from alerting.db.order_tables import Appeal, Order
from alerting.orders.appeal_decision import is_concerned

LIMIT = 500


def open_appeal(session: Session, order_id: str) -> Appeal | None:
    """The objection to an order that waits for a decision, or None."""
    found: Appeal | None = session.scalar(
        select(Appeal).where(Appeal.order_id == order_id, Appeal.state == "open").limit(1)
    )
    return found


def appeals_in(
    session: Session,
    scope: Scope,
    *,
    states: Sequence[str] = ("open",),
    order_id: str | None = None,
    limit: int = LIMIT,
) -> list[Appeal]:
    """Objections in scope, those that are due first at the top.

    Args:
        session: a transaction that reads.
        scope: of the person who asks.
        states: which states.
        order_id: the order, None for all.
        limit: the longest list.
    """
    wanted = select(Appeal).where(
        scope.condition(Appeal.tenant, Appeal.district), Appeal.state.in_(list(states))
    )
    if order_id:
        wanted = wanted.where(Appeal.order_id == order_id)
    ordered = wanted.order_by(Appeal.due_at_ms, Appeal.appeal_id).limit(min(limit, LIMIT))
    return list(session.scalars(ordered))


def has_a_part(who: Principal, order: Order, appeal: Appeal) -> bool:
    """Whether a person ordered, extended, took the objection down or makes it."""
    subjects = frozenset({order.ordered_by, *order.extended_by.split(), appeal.filed_by})
    return is_concerned(who, subjects, appeal.objector)


def settle_appeal(session: Session, order: Order, actor: str, now_ms: int) -> None:
    """End the open objection to an order that was released for another reason."""
    appeal = open_appeal(session, order.order_id)
    if appeal is None:
        return
    appeal.state, appeal.decided_by, appeal.decided_at_ms = "settled", actor, now_ms
    detail = {"order_id": order.order_id, "appeal_id": appeal.appeal_id, "kind": order.kind}
    CaseHistory(session, actor, now_ms).record(order.case_id, "appeal_settled", detail)
