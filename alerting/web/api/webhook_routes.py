"""The log of webhooks, and sending a call again."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.webhook_tables import WebhookCall
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["webhooks"])

Read = Annotated[Principal, Depends(require("routing.read"))]
Resend = Annotated[Principal, Depends(require("routing.silence"))]
State = Literal["pending", "sent", "refused", "given_up", "dropped"]
Name = Annotated[str, Path(min_length=1, max_length=32, pattern=r"^[a-z0-9-]+$")]
Number = Annotated[int, Path(ge=1, le=9_007_199_254_740_991)]
MAX_ROWS = 500


class CallView(BaseModel):
    """One step of a case's life for one target."""

    target: str
    event_no: int
    case_id: str
    event: str
    state: str
    attempts: int
    next_at_ms: int
    created_at_ms: int
    sent_at_ms: int | None
    last_error: str

    @classmethod
    def of(cls, row: WebhookCall) -> "CallView":
        """The view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


@router.get("/webhooks/calls", responses=responses(401, 403, 422, 429, 503))
def calls(
    services: Service,
    who: Read,
    state: State | None = None,
    target: Annotated[str | None, Query(max_length=32, pattern=r"^[a-z0-9-]+$")] = None,
) -> list[CallView]:
    """The newest 500 calls in scope."""
    statement = select(WebhookCall).where(
        who.scope.condition(WebhookCall.tenant, WebhookCall.district)
    )
    if state is not None:
        statement = statement.where(WebhookCall.state == state)
    if target is not None:
        statement = statement.where(WebhookCall.target == target)
    with services.db.read() as session:
        rows = session.scalars(
            statement.order_by(WebhookCall.created_at_ms.desc(), WebhookCall.event_no.desc()).limit(
                MAX_ROWS
            )
        )
        return [CallView.of(row) for row in rows]


@router.post(
    "/webhooks/calls/{target}/{event_no}/resend",
    responses=responses(401, 403, 404, 409, 422, 429, 503),
)
def resend(services: Service, who: Resend, target: Name, event_no: Number) -> CallView:
    """Send a call again that was refused, given up or dropped; the key stays the same."""
    now_ms = services.clock()
    with services.db.write() as session:
        row = session.get(WebhookCall, (target, event_no), with_for_update=True)
        if row is None or not who.scope.admits(row.tenant, row.district):
            raise NotFoundError("call of a webhook", f"{target}/{event_no}")
        if row.state not in ("refused", "given_up", "dropped"):
            raise StepRefusedError(f"The call is {row.state}.", code=f"call_is_{row.state}")
        row.state, row.attempts, row.next_at_ms = "pending", 0, now_ms
        name = f"{target}/{event_no}"
        entry = AuditEntry(now_ms, who.subject, "webhook_resent", name, {"event": row.event})
        history.append(session, [entry])
        return CallView.of(row)
