"""The live queue: the page, and its rows, which refresh themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries import queue_query as queries
from alerting.web.console.queries.queue_query import Queue, QueueFilter

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Holding = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
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
    with page.services.db.read() as session:
        found = queries.load_queue(session, who, narrowed, page.now_ms)
        choices = queries.choices(session, who.scope)
    silences = [
        row
        for row in page.services.routing_service.silences(who.scope)
        if row.starts_at_ms <= page.now_ms
    ]
    # A chosen holder stays among the choices when they have no case left.
    holders = {*choices.holders, narrowed.holding} - {"", "mine", "free", who.subject}
    return page.render(
        "queue.html",
        queue=found,
        narrowed=narrowed,
        choices=choices,
        holders=page.access.names_of(holders),
        silences=silences,
        owners=page.access.names_of({row.owner for row in silences}),
        names=_names(page, found),
    )


@router.get("/console/queue/rows")
def queue_rows(page: Signed, who: Reader, narrowed: Wanted, seen: Word = "") -> Response:
    """The rows alone; 204 if they have not changed, so that the page is not redrawn."""
    with page.services.db.read() as session:
        found = queries.load_queue(session, who, narrowed, page.now_ms)
    if found.digest == seen:
        return Response(status_code=204)
    return page.render(
        "parts/queue_rows.html", queue=found, narrowed=narrowed, names=_names(page, found)
    )


def _names(page: ConsolePage, found: Queue) -> dict[str, str]:
    rows = found.waiting + found.working
    return page.access.names_of({row.case.holder for row in rows if row.case.holder})
