"""The page of a one-time link: shown without signing in, and answered by one button."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from alerting.access import Principal
from alerting.service_errors import StepRefusedError
from alerting.web.auth import csrf
from alerting.web.auth.route_access import address_of, require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, anyone, signed_in
from alerting.web.console.queries.case_query import find_case

router = APIRouter(route_class=ConsoleRoute)

Anyone = Annotated[ConsolePage, Depends(anyone)]
Signed = Annotated[ConsolePage, Depends(signed_in)]
Worker = Annotated[Principal, Depends(require("case.work"))]
Token = Annotated[str, Path(min_length=1, max_length=160, pattern=r"^[\x21-\x7e]+$")]
CaseId = Annotated[str, Path(max_length=64)]


@router.get("/answer/{token}")
def answer_page(page: Anyone, request: Request, token: Token) -> Response:
    """What the page was about, and the button; to look changes nothing."""
    try:
        found = page.services.page_answers.open_page(token, page.access.may_sign_in)
    except StepRefusedError as error:
        if error.code == "link_expired":
            page.access.guessed(address_of(request))
        raise
    return page.render(
        "answer.html",
        found=found,
        token=token,
        name=page.access.names_of({found.responder})[found.responder],
    )


@router.post("/answer/{token}")
def acknowledge(page: Anyone, request: Request, token: Token) -> Response:
    """Take the case for the person whom the page went to, once."""
    csrf.check_site(request.headers, page.access.public_url)
    try:
        case = page.services.page_answers.acknowledge(token, page.access.may_sign_in)
    except StepRefusedError as error:
        if error.code == "link_expired":
            page.access.guessed(address_of(request))
        raise
    return page.render("answered.html", case=case)


@router.get("/console/cases/{case_id}/pass-on")
def pass_on_page(page: Signed, who: Worker, case_id: CaseId) -> Response:
    """Ask whether the case is to be passed on."""
    with page.services.db.read() as session:
        case = find_case(session, case_id, who)
    return page.render("pass_on.html", case=case)


@router.post("/console/cases/{case_id}/pass-on")
def pass_on(page: Signed, who: Worker, case_id: CaseId) -> Response:
    """Page the next step of the escalation now."""
    page.services.page_answers.pass_on(case_id, who.subject, who.scope)
    return page.go("/console/queue")
