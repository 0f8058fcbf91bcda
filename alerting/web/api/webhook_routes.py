"""The log of webhooks, and sending a call again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from alerting.access import Principal
from alerting.db.webhook_tables import WebhookCall
from alerting.notify.webhooks.sent_calls import CallState, newest_calls, send_again
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["webhooks"])

Read = Annotated[Principal, Depends(require("routing.read"))]
Resend = Annotated[Principal, Depends(require("routing.silence"))]
Name = Annotated[str, Path(min_length=1, max_length=32, pattern=r"^[a-z0-9-]+$")]
Number = Annotated[int, Path(ge=1, le=9_007_199_254_740_991)]


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
    state: CallState | None = None,
    target: Annotated[str | None, Query(max_length=32, pattern=r"^[a-z0-9-]+$")] = None,
) -> list[CallView]:
    """The newest 500 calls in scope."""
    with services.db.read() as session:
        rows = newest_calls(session, who.scope, state=state or "", target=target or "")
    return [CallView.of(row) for row in rows]


@router.post(
    "/webhooks/calls/{target}/{event_no}/resend",
    responses=responses(401, 403, 404, 409, 422, 429, 503),
)
def resend(services: Service, who: Resend, target: Name, event_no: Number) -> CallView:
    """Send a call again that was refused, given up or dropped; the key stays the same."""
    return CallView.of(send_again(services.db, who, target, event_no, services.clock()))
