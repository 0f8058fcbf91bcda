"""Refusals of access control, each with the HTTP status that stands for it.

The API's one map from errors to RFC 9457 documents reads ``status``, ``title`` and ``headers``.
Messages never say which of name and password was wrong, nor whether something exists outside the
caller's scope.
"""

from typing import ClassVar

from forewarn.errors import ForewarnError


class AccessError(ForewarnError):
    """Base of every refusal."""

    status: ClassVar[int] = 403
    title: ClassVar[str] = "Forbidden"
    code: ClassVar[str] = "forbidden"

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the response has to carry."""
        return {}


class NotAuthenticatedError(AccessError):
    """No session or key, or one that is unknown, expired or revoked."""

    status: ClassVar[int] = 401
    title: ClassVar[str] = "Not signed in"
    code: ClassVar[str] = "not_signed_in"

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 asks a 401 to name a scheme."""
        return {"WWW-Authenticate": "Bearer"}


class PermissionDeniedError(AccessError):
    """Signed in, but no role of the caller allows the action."""


class CsrfError(AccessError):
    """A change came with a session cookie but without that session's token."""

    title: ClassVar[str] = "Request not made from this site"
    code: ClassVar[str] = "cross_site"


class SignInFailedError(AccessError):
    """Wrong name, wrong password or a paused account: deliberately not distinguished."""

    status: ClassVar[int] = 401
    title: ClassVar[str] = "Sign-in failed"
    code: ClassVar[str] = "sign_in_failed"


class RateLimitedError(AccessError):
    """Too many requests; ``retry_after_seconds`` says when to come back."""

    status: ClassVar[int] = 429
    title: ClassVar[str] = "Too many requests"
    code: ClassVar[str] = "too_many_requests"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(
            "Too many requests were made.", hint=f"Try again in {retry_after_seconds:.0f} s."
        )
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        """Whole seconds, at least one."""
        return {"Retry-After": str(max(1, round(self.retry_after_seconds)))}
