"""The form with which a second person reviews how a case was closed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.cases.closure_reviews import ReviewVerdict
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reviewer = Annotated[Principal, Depends(require("case.reopen"))]


@router.post("/console/cases/{case_id}/review")
def review(
    page: Signed,
    who: Reviewer,
    case_id: Annotated[str, Path(max_length=64)],
    verdict: Annotated[ReviewVerdict, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Record a verdict, and go back to the case."""
    page.services.reviews.review(case_id, who, verdict=verdict, note=note)
    return page.go(f"/console/cases/{case_id}")
