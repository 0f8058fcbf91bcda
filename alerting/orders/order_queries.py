"""Reads orders within a scope, each list with a bound."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.db.order_tables import Order
from alerting.orders.order_states import OPEN
from alerting.service_errors import NotFoundError

LIMIT = 500


def orders_in(
    session: Session,
    scope: Scope,
    *,
    states: Sequence[str] = OPEN,
    kind: str | None = None,
    case_id: str | None = None,
    limit: int = LIMIT,
) -> list[Order]:
    """Orders in scope, those that end first at the top.

    Args:
        session: a transaction that reads.
        scope: of the person who asks.
        states: which states; those that still need an act if left out.
        kind: of order, None for every kind.
        case_id: the case, None for all.
        limit: the longest list.
    """
    wanted = select(Order).where(
        scope.condition(Order.tenant, Order.district), Order.state.in_(list(states))
    )
    if kind:
        wanted = wanted.where(Order.kind == kind)
    if case_id:
        wanted = wanted.where(Order.case_id == case_id)
    ordered = wanted.order_by(Order.expires_at_ms, Order.order_id).limit(min(limit, LIMIT))
    return list(session.scalars(ordered))


def order_in(session: Session, scope: Scope, order_id: str) -> Order:
    """One order in scope.

    Raises:
        NotFoundError: there is none.
    """
    found: Order | None = session.scalar(
        select(Order).where(
            Order.order_id == order_id, scope.condition(Order.tenant, Order.district)
        )
    )
    if found is None:
        raise NotFoundError("order", order_id)
    return found
