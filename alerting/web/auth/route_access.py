"""FastAPI dependencies for authentication and permissions."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from alerting.access.access_control import AccessControl, Caller
from alerting.access.access_errors import PermissionDeniedError
from alerting.access.principal import Principal
from alerting.access.roles import Permission
from alerting.web.auth import csrf
from alerting.web.auth.cookies import leave_cookie, session_cookie

_bearer = HTTPBearer(
    auto_error=False, description="An API key, or the session cookie of the console."
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def access_of(request: Request) -> AccessControl:
    """The access control that the composition root put into the application."""
    access: AccessControl = request.app.state.access
    return access


def address_of(request: Request) -> str:
    """The client's address, as seen by the server or reported by a trusted proxy."""
    return request.client.host if request.client else "unknown"


async def caller(request: Request, bearer: Bearer = None) -> Caller:
    """Authenticate the request; also check CSRF and renew the cookie where it is due.

    Raises:
        AccessError: the request is not authenticated, too frequent, or from another site.
    """
    access = access_of(request)
    known = access.identify_at_once(bearer.credentials) if bearer else None
    if known is not None:
        return known
    found = await run_in_threadpool(
        access.identify,
        token=request.cookies.get(access.cookie),
        bearer=bearer.credentials if bearer else None,
        address=address_of(request),
    )
    if found.session is not None:
        if request.method not in csrf.SAFE_METHODS:
            csrf.check_site(request.headers, access.public_url)
            csrf.check_token(await _given_token(request), found.session.csrf_token)
        if found.session.token is not None:
            leave_cookie(request, session_cookie(access, found.session.token))
    return found


def require(permission: Permission) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the principal if a role of theirs allows ``permission``."""

    async def allowed(found: Annotated[Caller, Security(caller)]) -> Principal:
        return permitted(found, permission)

    return allowed


async def who_may(request: Request, permission: Permission) -> Principal:
    """What ``require`` gives, for a route that resolves no dependencies."""
    return permitted(await caller(request, await _bearer(request)), permission)


def permitted(found: Caller, permission: Permission) -> Principal:
    """The principal, if a role of theirs allows ``permission``.

    Raises:
        PermissionDeniedError: if none does.
    """
    if not found.principal.may(permission):
        raise PermissionDeniedError(
            f"Your role does not include {permission}.", hint="Ask your administrator for it."
        )
    return found.principal


async def _given_token(request: Request) -> str | None:
    """The token from the header, or from the field of a plain form."""
    header = request.headers.get(csrf.HEADER)
    if header is not None:
        return header
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return None
    value = (await request.form()).get(csrf.FIELD)
    return value if isinstance(value, str) else None
