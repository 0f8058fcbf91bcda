"""One step on many cases, and filters of the queue under a name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response

from alerting.access import Principal
from alerting.cases.bulk_steps import BulkAction, BulkResult
from alerting.service_errors import NotFoundError
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.queue_query import QueueFilter, load_queue
from alerting.web.console.routes.queue_page import PageNo, Wanted
from alerting.web.console.saved_filters import SavedFilters

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Worker = Annotated[Principal, Depends(require("case.work"))]
Name = Annotated[str, Form(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]
Part = Annotated[str, Form(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
HERE = "/console/bulk"


@router.get("/console/bulk")
def bulk_page(page: Signed, who: Reader, narrowed: Wanted, number: PageNo = 1) -> Response:
    """One page of the queue to choose from, which does not refresh, and one's own filters."""
    return _render(page, who, narrowed, number, [])


@router.post("/console/bulk")
def take(
    page: Signed,
    who: Worker,
    action: Annotated[BulkAction, Form()],
    case_id: Annotated[list[str], Form(max_length=100)],
    note: Annotated[str, Form(max_length=2000)] = "",
    to: Part = "",
    duplicate_of: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Take the step on each chosen case, and show what became of it."""
    if action == "assign":
        _check_colleague(page, who, case_id, to)
    results = page.services.bulk.take(
        action, case_id, who, note=note, to=to, duplicate_of=duplicate_of.strip()
    )
    return _render(page, who, QueueFilter(), 1, results)


@router.post("/console/filters")
def keep_filter(
    page: Signed,
    who: Reader,
    name: Name,
    severity: Part = "",
    district: Part = "",
    typology: Part = "",
    holding: Part = "",
) -> Response:
    """Keep a filter under a name."""
    wanted = QueueFilter(severity, district, typology, holding)
    SavedFilters(page.services.db).keep(who, name, wanted, page.now_ms)
    return page.go(HERE)


@router.post("/console/filters/remove")
def remove_filter(page: Signed, who: Reader, name: Name) -> Response:
    """Remove a filter of one's own."""
    SavedFilters(page.services.db).remove(who, name, page.now_ms)
    return page.go(HERE)


def _check_colleague(page: ConsolePage, who: Principal, case_ids: list[str], to: str) -> None:
    """Refuse a colleague who could not work on the cases."""
    places = {
        (case.tenant, case.district)
        for case in (
            page.services.case_queries.get(who.scope, one) for one in dict.fromkeys(case_ids)
        )
    }
    if not all(to in page.access.colleagues(*place) for place in places):
        raise NotFoundError("colleague", to)


def _render(
    page: ConsolePage,
    who: Principal,
    narrowed: QueueFilter,
    number: int,
    results: list[BulkResult],
) -> Response:
    with page.services.db.read() as session:
        found = load_queue(session, who, narrowed, page.now_ms, number)
    tenants, districts = who.scope.lists()
    colleagues: dict[str, str] = {}
    if who.may("case.assign"):
        for tenant in tenants if who.scope.tenants else ["default"]:
            for district in districts:
                colleagues |= page.access.colleagues(tenant, district.rstrip("*"))
    return page.render(
        "bulk.html",
        queue=found,
        narrowed=narrowed,
        results=results,
        filters=SavedFilters(page.services.db).of(who),
        colleagues=colleagues,
        names=page.access.names_of({row.case.holder for row in found.rows if row.case.holder}),
    )
