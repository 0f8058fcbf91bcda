"""Return visits that are due, and how they went."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.cases.visits.return_visits import VisitResult
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Worker = Annotated[Principal, Depends(require("case.work"))]
HERE = "/console/return-visits"
DAYS = 90


@router.get("/console/return-visits")
def visits_page(page: Signed, who: Reader) -> Response:
    """Visits that are due or come within a day, and how many people met a fraud again."""
    rows = page.services.visits.open_visits(who.scope)
    return page.render(
        "return_visits.html",
        rows=rows,
        again=page.services.visits.revictimised(who.scope, days=DAYS),
        days=DAYS,
        names=page.access.names_of({row.holder for row in rows if row.holder}),
    )


@router.post("/console/return-visits/{case_id}/{hours}")
def note_visit(
    page: Signed,
    who: Worker,
    case_id: Annotated[str, Path(max_length=64)],
    hours: Annotated[int, Path(ge=1, le=2_160)],
    result: Annotated[VisitResult, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Note how a visit went."""
    page.services.visits.note(case_id, hours, who, result=result, note=note)
    return page.go(HERE)
