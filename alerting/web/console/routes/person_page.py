"""The page of a person: everything known about them, opened by a reason that is logged."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.cases.person_access import has_access, record_access
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.case_query import find_case
from alerting.web.console.queries.person_query import load_person

router = APIRouter(route_class=ConsoleRoute, prefix="/console/cases/{case_id}/person")

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
CaseId = Annotated[str, Path(max_length=64)]


@router.get("")
def person_page(page: Signed, who: Reader, case_id: CaseId) -> Response:
    """The page, or the question why this person opens it."""
    with page.services.db.read() as session:
        case = find_case(session, case_id, who)
        opened = has_access(session, case_id, who, page.now_ms)
        found = load_person(session, case, who) if opened else None
    subjects: set[str] = set()
    if found is not None:
        subjects = {row.actor for row in found.attempts}
        subjects |= {other.holder for other in found.cases if other.holder}
    return page.render("person.html", case=case, found=found, names=page.access.names_of(subjects))


@router.post("")
def open_person(
    page: Signed,
    who: Reader,
    case_id: CaseId,
    reason: Annotated[str, Form(min_length=3, max_length=500)],
) -> Response:
    """Record the reason, and show the page for half an hour."""
    record_access(page.services.db, case_id, who, reason=reason, now_ms=page.now_ms)
    return page.go(f"/console/cases/{case_id}/person")
