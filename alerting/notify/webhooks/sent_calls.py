"""The calls of webhooks as people see them, and sending one again."""

from collections.abc import Sequence
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.database import Database
from alerting.db.webhook_tables import WebhookCall
from alerting.service_errors import NotFoundError, StepRefusedError

CallState = Literal["pending", "sent", "refused", "given_up", "dropped"]
CALL_STATES: tuple[CallState, ...] = get_args(CallState)
FAILED = ("refused", "given_up", "dropped")
"""States of a call that may be sent again."""

MAX_ROWS = 500
_REFUSALS = {"pending": "call_is_pending", "sent": "call_is_sent"}


def newest_calls(
    session: Session, scope: Scope, *, state: str = "", target: str = "", limit: int = MAX_ROWS
) -> Sequence[WebhookCall]:
    """The newest calls in scope, narrowed to a state and a target where they are given."""
    statement = select(WebhookCall).where(scope.condition(WebhookCall.tenant, WebhookCall.district))
    if state:
        statement = statement.where(WebhookCall.state == state)
    if target:
        statement = statement.where(WebhookCall.target == target)
    newest = statement.order_by(WebhookCall.created_at_ms.desc(), WebhookCall.event_no.desc())
    return session.scalars(newest.limit(min(limit, MAX_ROWS))).all()


def send_again(
    db: Database, who: Principal, target: str, event_no: int, now_ms: int
) -> WebhookCall:
    """Send a call again that was refused, given up or dropped; its key stays the same.

    Raises:
        NotFoundError: no such call in the caller's scope.
        StepRefusedError: it waits, or was sent.
    """
    name = f"{target}/{event_no}"
    with db.write() as session:
        row = session.get(WebhookCall, (target, event_no), with_for_update=True)
        if row is None or not who.scope.admits(row.tenant, row.district):
            raise NotFoundError("call of a webhook", name)
        if row.state not in FAILED:
            raise StepRefusedError(f"The call is {row.state}.", code=_REFUSALS[row.state])
        row.state, row.attempts, row.next_at_ms = "pending", 0, now_ms
        entry = AuditEntry(now_ms, who.subject, "webhook_resent", name, {"event": row.event})
        history.append(session, [entry])
    return row
