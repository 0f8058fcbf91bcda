"""Why a request of a bank is not answered, as HTTP wants it."""

from typing import Any

import msgspec

from forewarn.errors import ForewarnError

PROBLEM_TYPE = "application/problem+json"


class ProblemField(msgspec.Struct, frozen=True):
    """Which field is wrong, and why; never its value."""

    field: str
    reason: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An error by RFC 9457; ``type`` is ``urn:forewarn:problem:`` and a stable code."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[ProblemField, ...] = ()


class RequestRefusedError(ForewarnError):
    """A request that gets a problem document.

    Args:
        status: of HTTP.
        code: stable name of the reason; label of the metric.
        title: the reason in two or three words.
        detail: one sentence, without a value of the request.
        errors: fields that are wrong.
        headers: of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        errors: tuple[ProblemField, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers: dict[str, Any] = headers or {}
        self.document = ProblemDocument(
            type=f"urn:forewarn:problem:{code}",
            title=title,
            status=status,
            detail=detail,
            errors=errors,
        )


def invalid(field: str, reason: str) -> RequestRefusedError:
    """The refusal of a request with one wrong field."""
    return RequestRefusedError(
        422,
        "invalid_request",
        "Not valid",
        "The request is not valid.",
        errors=(ProblemField(field, reason),),
    )
