"""Errors in the console: a page, or a message over the open page."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from alerting.access.access_errors import AccessError, NotAuthenticatedError
from alerting.service_errors import AlertingError, InvalidRequestError
from alerting.web.auth.cookies import end_cookie, leave_cookie
from alerting.web.auth.redirects import safe_next
from alerting.web.auth.route_access import access_of
from alerting.web.console.page_rendering import ConsolePage, page_of
from forewarn.errors import DependencyUnavailableError, ForewarnError

SIGN_IN = "/console/sign-in"


class ConsoleRoute(APIRoute):
    """A route whose refusals become pages; the application handles unexpected errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
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
            except RequestValidationError:
                page = page_of(request, None)
                return _answer(page, 422, page.t("error.invalid"), page.t("error.invalid_hint"), {})

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


def _show(page: ConsolePage, error: ForewarnError) -> Response:
    headers = error.headers if isinstance(error, AccessError) else {}
    if isinstance(error, (AccessError, AlertingError)):
        status, code = error.status, error.code
    else:
        unavailable = isinstance(error, DependencyUnavailableError)
        status, code = (503, "unavailable") if unavailable else (500, "internal")
    title = page.t.words.get(f"refusal.{code}", page.t("error.refused"))
    hint = page.t.words.get(f"refusal.{code}_hint", "")
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
