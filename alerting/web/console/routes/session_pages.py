"""Signing in and out, by password or provider, and the switches for language and theme."""

import hmac
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from alerting.access.access_errors import (
    NotAuthenticatedError,
    RateLimitedError,
    SignInFailedError,
)
from alerting.access.oidc import FLOW_SECONDS, OIDC_CALLBACK, OidcClient
from alerting.service_errors import NotFoundError
from alerting.web.auth import csrf
from alerting.web.auth.cookies import cookie, end_cookie, leave_cookie, session_cookie
from alerting.web.auth.redirects import DEFAULT, safe_next
from alerting.web.auth.route_access import address_of
from alerting.web.console.error_pages import SIGN_IN, ConsoleRoute
from alerting.web.console.page_rendering import (
    KEYS_COOKIE,
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    ConsolePage,
    SingleKeys,
    Theme,
    anyone,
    signed_in,
)
from forewarn.platform.words import Language

router = APIRouter(route_class=ConsoleRoute)

Anyone = Annotated[ConsolePage, Depends(anyone)]
Signed = Annotated[ConsolePage, Depends(signed_in)]
YEAR_SECONDS = 31_536_000


def _flow_cookie(page: ConsolePage, name: str) -> str:
    return f"__Host-{name}" if page.access.https else name


@router.get(SIGN_IN)
def sign_in_page(page: Anyone, next: Annotated[str, Query(max_length=2000)] = "") -> Response:  # noqa: A002  (the address says next)
    """The form; before there is a session, a fresh token ties it to this browser."""
    return _form(page, safe_next(next))


@router.post(SIGN_IN)
def sign_in(
    request: Request,
    page: Anyone,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    csrf_token: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",  # noqa: A002  (the field's name)
) -> Response:
    """Check the password; the session always gets a new token."""
    csrf.check_site(request.headers, page.access.public_url)
    expected = request.cookies.get(_flow_cookie(page, "forewarn_form"), "")
    if not expected or not hmac.compare_digest(expected.encode(), csrf_token.encode()):
        return _form(page, safe_next(next), problem="sign_in.stale", status=403)
    try:
        session = page.access.sign_in(name, password, address_of(request))
    except SignInFailedError as error:
        return _form(page, safe_next(next), problem="sign_in.failed", status=error.status)
    except RateLimitedError as error:
        response = _form(page, safe_next(next), problem="sign_in.slow", status=error.status)
        response.headers.update(error.headers)
        return response
    assert session.token is not None  # noqa: S101  (a session just opened has its token)
    leave_cookie(request, session_cookie(page.access, session.token))
    return RedirectResponse(safe_next(next), status_code=303)


@router.post("/console/sign-out")
def sign_out(request: Request, page: Signed) -> Response:
    """End the session here and on every replica."""
    if page.caller and page.caller.session:
        page.access.sign_out(page.caller.session)
    leave_cookie(request, end_cookie(page.access))
    return page.go(SIGN_IN)


@router.get("/console/oidc/start")
def oidc_start(
    request: Request,
    page: Anyone,
    next: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002  (the address says next)
) -> Response:
    """Redirect to the identity provider."""
    address, flow = _oidc(page).begin(safe_next(next), page.now_ms)
    leave_cookie(request, _flow(page, flow, FLOW_SECONDS))
    return RedirectResponse(address, status_code=303)


@router.get(OIDC_CALLBACK)
def oidc_callback(
    request: Request,
    page: Anyone,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Finish a sign-in that returns from the identity provider."""
    leave_cookie(request, _flow(page, "", 0))
    flow = request.cookies.get(_flow_cookie(page, "forewarn_flow"))
    try:
        identity, back = _oidc(page).complete(flow, state=state, code=code, now_ms=page.now_ms)
    except NotAuthenticatedError:
        return _form(page, DEFAULT, problem="sign_in.provider_refused", status=401)
    session = page.access.sign_in_identity(identity, address_of(request))
    assert session.token is not None  # noqa: S101  (a session just opened has its token)
    leave_cookie(request, session_cookie(page.access, session.token))
    return RedirectResponse(safe_next(back), status_code=303)


@router.post("/console/preferences")
def preferences(
    request: Request,
    page: Anyone,
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
    keys: Annotated[SingleKeys | None, Form()] = None,
) -> Response:
    """Set language, theme or single keys; this needs the same site but no token."""
    csrf.check_site(request.headers, page.access.public_url)
    chosen: list[tuple[str, str]] = []
    if language:
        chosen.append((LANGUAGE_COOKIE, language))
    if theme:
        chosen.append((THEME_COOKIE, theme))
    if keys:
        chosen.append((KEYS_COOKIE, keys))
    for name, value in chosen:
        leave_cookie(
            request, cookie(name, value, secure=page.access.https, max_age_seconds=YEAR_SECONDS)
        )
    came_from = urlsplit(request.headers.get("referer", ""))
    query = f"?{came_from.query}" if came_from.query else ""
    return RedirectResponse(safe_next(f"{came_from.path}{query}"), status_code=303)


def _form(
    page: ConsolePage, back: str, *, problem: str | None = None, status: int = 200
) -> Response:
    token = secrets.token_urlsafe(24)
    name = _flow_cookie(page, "forewarn_form")
    leave_cookie(page.request, cookie(name, token, secure=page.access.https))
    return page.render(
        "sign_in.html",
        status=status,
        form_token=token,
        next_path=back,
        problem=problem,
        provider=page.access.oidc is not None,
        passwords=page.access.passwords_open,
    )


def _flow(page: ConsolePage, value: str, max_age_seconds: int) -> str:
    return cookie(
        _flow_cookie(page, "forewarn_flow"),
        value,
        secure=page.access.https,
        max_age_seconds=max_age_seconds,
    )


def _oidc(page: ConsolePage) -> OidcClient:
    if page.access.oidc is None:
        raise NotFoundError("page", "oidc")
    return page.access.oidc
