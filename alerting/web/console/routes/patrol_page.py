"""The patrol page: visits to make, laid out for a telephone."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.notify.dispatch.gateway_reports import GatewayResult
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.patrol_query import find_visit, load_visits

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Patrol = Annotated[Principal, Depends(require("patrol.feed"))]
Answer = Literal["going", "there", "failed"]

_RESULTS: dict[Answer, GatewayResult | None] = {
    "going": None,
    "there": "confirmed",
    "failed": "no_answer",
}


@router.get("/console/patrol")
def patrol_page(page: Signed, who: Patrol) -> Response:
    """The whole page."""
    return _render(page, who, "patrol.html")


@router.get("/console/patrol/visits")
def visits(page: Signed, who: Patrol) -> Response:
    """The visits alone, for the page that refreshes itself."""
    return _render(page, who, "parts/visits.html")


@router.post("/console/patrol/{delivery_id}")
def answer(
    page: Signed,
    who: Patrol,
    delivery_id: Annotated[str, Path(max_length=64)],
    answer: Annotated[Answer, Form()],
) -> Response:
    """Record what the patrol found.

    It becomes a note in the story of the case. If the patrol did not find the person, the dispatch
    chooses another way to reach them.
    """
    with page.services.db.read() as session:
        case, delivery = find_visit(session, delivery_id, who)
    page.services.case_service.note(case.case_id, who, text=page.t(f"patrol.note_{answer}"))
    result = _RESULTS[answer]
    if result is not None and delivery.state == "sent":
        page.services.gateway_reports.take(delivery_id, result, channels=("patrol",))
    if not page.is_fragment:
        return page.go("/console/patrol")
    return _render(page, who, "parts/visits.html", toast=page.t("patrol.toast"))


def _render(
    page: ConsolePage, who: Principal, template: str, *, toast: str | None = None
) -> Response:
    with page.services.db.read() as session:
        found = load_visits(session, who, page.now_ms)
    subjects = {note.actor for visit in found for note in visit.notes}
    return page.render(template, visits=found, names=page.access.names_of(subjects), toast=toast)
