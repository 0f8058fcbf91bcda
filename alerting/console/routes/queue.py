"""The live queue, as a page and as the part of it that refreshes itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from alerting.access import Principal, require
from alerting.console.errors import ConsoleRoute
from alerting.console.pages import Page, signed_in
from alerting.console.queries import queue as queries
from alerting.console.queries.queue import Holding, QueueFilter

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[Page, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Word = Annotated[str, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]*$")]


def wanted(
    severity: Word = "", district: Word = "", typology: Word = "", holding: Holding = ""
) -> QueueFilter:
    """The filter in the address."""
    return QueueFilter(severity, district, typology, holding)


Wanted = Annotated[QueueFilter, Depends(wanted)]


@router.get("/console/queue")
def queue_page(page: Signed, who: Reader, narrowed: Wanted) -> Response:
    """The whole page."""
    return _render(page, who, narrowed, "queue.html")


@router.get("/console/queue/rows")
def queue_rows(page: Signed, who: Reader, narrowed: Wanted, seen: Word = "") -> Response:
    """The rows alone; 204 if they are as the browser has them, so that nothing is redrawn."""
    response = _render(page, who, narrowed, "parts/queue_rows.html")
    if response.headers.get("X-Digest") == seen:
        return Response(status_code=204)
    return response


def _render(page: Page, who: Principal, narrowed: QueueFilter, template: str) -> Response:
    with page.services.database.read() as session:
        found = queries.load_queue(session, who, narrowed, page.now_ms)
        districts, typologies = queries.choices(session, who.scope)
    holders = {row.case.holder for row in found.working + found.waiting if row.case.holder}
    response = page.render(
        template,
        queue=found,
        narrowed=narrowed,
        districts=districts,
        typologies=typologies,
        names=page.access.names_of(holders),
    )
    response.headers["X-Digest"] = found.digest
    return response
