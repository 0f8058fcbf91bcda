"""The page of webhooks: what other systems were sent, and what they refused."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from alerting.access import Principal
from alerting.notify.webhooks.sent_calls import (
    CALL_STATES,
    FAILED,
    CallState,
    newest_calls,
    send_again,
)
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("routing.read"))]
Sender = Annotated[Principal, Depends(require("routing.silence"))]
Target = Annotated[str, Path(min_length=1, max_length=32, pattern=r"^[a-z0-9-]+$")]
Number = Annotated[int, Path(ge=1, le=9_007_199_254_740_991)]
SHOWN = 100


@router.get("/console/webhooks")
def webhooks_page(page: Signed, who: Reader, state: CallState | Literal[""] = "") -> Response:
    """The newest calls in scope."""
    return _render(page, who, state)


@router.post("/console/webhooks/{target}/{event_no}/resend")
def resend(
    page: Signed,
    who: Sender,
    target: Target,
    event_no: Number,
    state: Annotated[CallState | Literal[""], Query()] = "",
) -> Response:
    """Send a call again."""
    send_again(page.services.db, who, target, event_no, page.now_ms)
    return page.go(f"/console/webhooks?state={state}" if state else "/console/webhooks")


def _render(page: ConsolePage, who: Principal, state: str) -> Response:
    with page.services.db.read() as session:
        calls = newest_calls(session, who.scope, state=state, limit=SHOWN)
    return page.render(
        "webhooks.html", calls=calls, state=state, states=CALL_STATES, failed=FAILED, shown=SHOWN
    )
