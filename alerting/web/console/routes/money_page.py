"""The trail of a case's money, and the one act that stops its accounts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Placer = Annotated[Principal, Depends(require("order.place"))]
CaseId = Annotated[str, Path(max_length=64)]
Key = Annotated[str, Form(pattern=r"^[0-9a-f]{16}$")]
SHOWN = 200


@router.get("/console/cases/{case_id}/money")
def money_page(page: Signed, who: Reader, case_id: CaseId) -> Response:
    """Where the money went, account by account; the audit log has who looked."""
    found = page.services.money_stops.trace(case_id, who)
    mine = found.case.holder == who.subject or who.may("order.decide")
    steps = sorted(found.trail.steps, key=lambda step: (step.hop, step.payment.at_ms))
    return page.render(
        "money.html",
        case=found.case,
        found=found,
        chosen={one.account.account for one in found.chosen},
        proposals=found.proposals[:SHOWN],
        steps=steps[:SHOWN],
        may_order=who.may("order.place") and mine,
    )


@router.post("/console/cases/{case_id}/money/stops")
def stop(
    page: Signed,
    who: Placer,
    case_id: CaseId,
    account: Annotated[list[Key], Form(max_length=50)],
    reason: Annotated[str, Form(min_length=3, max_length=200)],
) -> Response:
    """Stop the chosen accounts at once."""
    page.services.money_stops.stop(case_id, who, account, reason=reason)
    return page.go(f"/console/cases/{case_id}/orders")
