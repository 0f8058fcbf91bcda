"""Cookies of access control: scripts and other sites cannot read them."""

from http.cookies import SimpleCookie

from starlette.requests import Request

from alerting.access.access_control import AccessControl
from alerting.web.auth.security_headers import STATE_COOKIES


def cookie(
    name: str, value: str, *, secure: bool, max_age_seconds: int | None = None, path: str = "/"
) -> str:
    """The value of a ``Set-Cookie`` header.

    ``SameSite`` is Lax and not Strict, because the identity provider sends people back from
    another site; changes need the CSRF token besides.
    """
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    jar[name]["path"] = path
    jar[name]["httponly"] = True
    jar[name]["samesite"] = "Lax"
    if secure:
        jar[name]["secure"] = True
    if max_age_seconds is not None:
        jar[name]["max-age"] = max_age_seconds
    return jar[name].OutputString()


def session_cookie(access: AccessControl, token: str) -> str:
    """The cookie of a session; it ends when the browser closes."""
    return cookie(access.cookie, token, secure=access.https)


def end_cookie(access: AccessControl) -> str:
    """A cookie that removes the session from the browser."""
    return cookie(access.cookie, "", secure=access.https, max_age_seconds=0)


def leave_cookie(request: Request, header: str) -> None:
    """Leave a cookie that ``SecurityHeaders`` adds to the response."""
    state = request.scope.setdefault("state", {})
    state.setdefault(STATE_COOKIES, []).append(header)
