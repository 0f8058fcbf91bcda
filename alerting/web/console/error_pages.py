"""Errors in the console: a page, or a message over the open page."""

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from alerting.access.access_errors import AccessError, NotAuthenticatedError
from alerting.service_errors import AlertingError, HeldByAnotherError, InvalidRequestError
from alerting.web.auth.cookies import end_cookie, leave_cookie
from alerting.web.auth.redirects import safe_next
from alerting.web.auth.route_access import access_of
from alerting.web.console import formats
from alerting.web.console.page_rendering import ConsolePage, page_of
from forewarn.errors import DependencyUnavailableError, ForewarnError

SIGN_IN = "/console/sign-in"


class ConsoleRoute(APIRoute):
    """A route whose refusals become pages; the application handles unexpected errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if await _holds_nul(request):
                    raise InvalidRequestError("A field holds a NUL.", code="invalid_request")
                return await handler(request)
            except NotAuthenticatedError:
                return _to_sign_in(request)
            except ForewarnError as error:
                return _show(page_of(request, None), error)
            except RequestValidationError as error:
                return _invalid(page_of(request, None), error)

        return handle


async def _holds_nul(request: Request) -> bool:
    """Whether a field holds a NUL, which PostgreSQL refuses and people do not type."""
    fields = [*request.path_params.values(), *request.query_params.values()]
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        fields += (await request.form()).values()
    return any("\x00" in field for field in fields if isinstance(field, str))


def _to_sign_in(request: Request) -> Response:
    """Redirect to the sign-in page, and from there back to a page; changes are not repeated."""
    access = access_of(request)
    if request.cookies.get(access.cookie):
        leave_cookie(request, end_cookie(access))
    page = page_of(request, None)
    here = request.headers.get("hx-current-url", "").partition("/console/")[2]
    back = f"/console/{here}" if page.is_fragment else str(request.url.path)
    if request.url.query and not page.is_fragment:
        back = f"{back}?{request.url.query}"
    if request.method != "GET" and not page.is_fragment:
        back = "/console/"
    return page.go(f"{SIGN_IN}?next={quote(safe_next(back), safe='')}")


FAULTS = "X-Form-Faults"
"""Header of a refused form: a JSON object from the field's name to what is wrong with it."""

_FIELDS = {
    "not_a_number": "peer", "not_an_account": "peer", "service_number": "peer",
    "number_of_the_person": "phone", "number_of_a_suspect": "phone", "already_listed": "peer", "pair_needs_a_subscriber": "subscriber", "needs_an_expiry": "days",
    "expires_too_late": "days", "expired_already": "days", "not_a_period": "ends",
    "needs_a_district": "district", "not_a_colleague": "responder",
    "matches_everything": "severity", "critical_silence_too_long": "minutes",
    "prevented_above_the_bound": "prevented", "loss_needs_an_amount": "lost",
    "amount_lost_without_a_loss": "disposition", "dissuaded_needs_contact": "disposition",
    "release_needs_contact": "disposition",
    "review_needs_a_reason": "note",
    "no_contact_was_tried": "disposition", "duplicate_needs_the_other_case": "duplicate_of",
    "duplicate_of_self": "duplicate_of", "duplicate_of_another_person": "duplicate_of",
    "choose_accounts": "reason", "duplicate_in_another_currency": "duplicate_of", "duplicate_of_a_duplicate": "duplicate_of",
}  # fmt: skip
"""The field of a form that a refusal is about."""


def _invalid(page: ConsolePage, error: RequestValidationError) -> Response:
    """Name every field that FastAPI refused, with a sentence of ours."""
    faults = {
        str(fault["loc"][-1]): page.t(
            "error.missing_field" if fault["type"] == "missing" else "error.invalid_field"
        )
        for fault in error.errors()
        if fault["loc"][0] == "body" and len(fault["loc"]) > 1
    }
    headers = {FAULTS: json.dumps(faults)} if faults else {}
    return _answer(page, 422, page.t("error.invalid"), page.t("error.invalid_hint"), headers)


def _show(page: ConsolePage, error: ForewarnError) -> Response:
    headers = dict(error.headers) if isinstance(error, AccessError) else {}
    if isinstance(error, (AccessError, AlertingError)):
        status, code = error.status, error.code
    else:
        unavailable = isinstance(error, DependencyUnavailableError)
        status, code = (503, "unavailable") if unavailable else (500, "internal")
    title = page.t.words.get(f"refusal.{code}", page.t("error.refused"))
    hint = page.t.words.get(f"refusal.{code}_hint", "")
    if isinstance(error, HeldByAnotherError):
        title = page.t(
            "refusal.held_by_since",
            name=page.access.names_of({error.holder}).get(error.holder, error.holder),
            time=formats.clock_time(error.since_ms, page.services.zone),
        )
    field = (error.field if isinstance(error, AlertingError) else "") or _FIELDS.get(code, "")
    if field:
        headers[FAULTS] = json.dumps({field: f"{title}. {hint}" if hint else title})
    return _answer(page, status, title, hint, headers)


def _answer(
    page: ConsolePage, status: int, title: str, hint: str, headers: dict[str, str]
) -> Response:
    if page.is_fragment:
        # htmx swaps nothing on an error; the script shows the text over the page.
        response = page.render("parts/refusal.html", status=status, title=title, hint=hint)
        response.headers["HX-Reswap"] = "none"
    else:
        response = page.render("error.html", status=status, code=status, title=title, hint=hint)
    response.headers.update(headers)
    return response


def install_unknown_pages(app: FastAPI) -> None:
    """Answer an address that does not exist with a page to a browser; the API keeps its documents."""
    documents = app.exception_handlers[HTTPException]

    async def unknown(request: Request, error: Exception) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        api = request.url.path.startswith("/v1/")
        if isinstance(error, HTTPException) and wants_page and not api:
            page = page_of(request, None)
            missing = error.status_code == HTTPStatus.NOT_FOUND
            title = page.t("refusal.not_found" if missing else "error.refused")
            return _answer(page, error.status_code, title, "", dict(error.headers or {}))
        return documents(request, error)  # type: ignore[return-value]  # a handler of ours, not async

    app.exception_handlers[HTTPException] = unknown
