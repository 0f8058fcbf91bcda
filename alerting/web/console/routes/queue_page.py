"""The live queue: the page, and its rows, which refresh themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries import queue_query as queries
from alerting.web.console.queries.queue_query import Queue, QueueFilter
from alerting.web.console.queries.queue_snapshots import QueueSnapshots
from alerting.web.console.queries.search_query import find_cases

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Holding = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Word = Annotated[str, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]*$")]


async def wanted(
    severity: Word = "", district: Word = "", typology: Word = "", holding: Holding = ""
) -> QueueFilter:
    """The filter in the address; async, so that it needs no thread."""
    return QueueFilter(severity, district, typology, holding)


Wanted = Annotated[QueueFilter, Depends(wanted)]
PageNo = Annotated[int, Query(alias="page", ge=1, le=100_000)]


@router.get("/console/queue")
def queue_page(page: Signed, who: Reader, narrowed: Wanted, number: PageNo = 1) -> Response:
    """The whole page."""
    with page.services.db.read() as session:
        found = queries.load_queue(session, who, narrowed, page.now_ms, number)
        choices = queries.choices(session, who.scope)
    silences = [
        row
        for row in page.services.routing_service.silences(who.scope)
        if row.starts_at_ms <= page.now_ms and row.state == "active"
    ]
    _snapshots(page).remember(found.digest, found.fingerprints)
    # A chosen holder stays among the choices when they have no case left.
    holders = {*choices.holders, narrowed.holding} - {"", "mine", "free", who.subject}
    return page.render(
        "queue.html",
        queue=found,
        same=frozenset(),
        narrowed=narrowed,
        choices=choices,
        holders=page.access.names_of(holders),
        silences=silences,
        owners=page.access.names_of({row.owner for row in silences}),
        names=_names(page, found),
    )


@router.get("/console/queue/rows")
def queue_rows(
    page: Signed, who: Reader, narrowed: Wanted, number: PageNo = 1, seen: Word = ""
) -> Response:
    """The rows that changed since the page was drawn; 204 if none did."""
    shown = _snapshots(page).of(seen)
    with page.services.db.read() as session:
        found = queries.load_queue(session, who, narrowed, page.now_ms, number, shown)
    if found.digest == seen:
        return Response(status_code=204)
    same = frozenset(name for name, now in found.fingerprints.items() if shown.get(name) == now)
    _snapshots(page).remember(found.digest, found.fingerprints)
    return page.render(
        "parts/queue_rows.html",
        queue=found,
        same=same,
        narrowed=narrowed,
        names=_names(page, found, same),
    )


@router.post("/console/search")
def search(
    page: Signed, who: Reader, text: Annotated[str, Form(min_length=4, max_length=64)]
) -> Response:
    """Cases by id, number or account; sent in the body, since proxies log addresses."""
    with page.services.db.read() as session:
        found = find_cases(session, who.scope, text)
    page.access.record(who, "personal.searched", "cases", found=len(found))
    holders = {case.holder for case in found if case.holder}
    return page.render("search.html", found=found, names=page.access.names_of(holders))


def _snapshots(page: ConsolePage) -> QueueSnapshots:
    snapshots: QueueSnapshots = page.request.app.state.queue_snapshots
    return snapshots


def _names(page: ConsolePage, found: Queue, same: frozenset[str] = frozenset()) -> dict[str, str]:
    """The names of the holders in the rows that are drawn."""
    drawn = (row.placed for row in found.rows if row.placed.case_id not in same)
    return page.access.names_of({one.holder for one in drawn if one.holder})
