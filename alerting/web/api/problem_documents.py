"""Errors as RFC 9457 problem documents; the one map from errors to HTTP."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from alerting.access import AccessError
from alerting.service_errors import AlertingError
from forewarn.errors import ContractError, DependencyUnavailableError, ForewarnError

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """An error by RFC 9457."""

    type: str = Field(description="`urn:forewarn:problem:` and a stable code")
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = Field(default_factory=list, description="which field, and why")


def problem(
    status: int,
    title: str,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    body = Problem(
        type=f"urn:forewarn:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        errors=errors or [],
    )
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route may answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def from_error(error: ForewarnError) -> Response:
    """Turn an error of the service into a problem document."""
    if isinstance(error, AlertingError):
        return problem(error.status, error.title, error.code, str(error))
    if isinstance(error, AccessError):
        code = type(error).__name__.removesuffix("Error")
        return problem(
            error.status, error.title, _snake(code), str(error), headers=dict(error.headers)
        )
    if isinstance(error, ContractError):
        return problem(422, "Not valid", error.reason, str(error))
    if isinstance(error, DependencyUnavailableError):
        return problem(
            503, "Not available", "unavailable", str(error), headers={"Retry-After": "2"}
        )
    return problem(500, "Internal error", "internal", "See the service's log.")


def install(app: FastAPI) -> None:
    """Answer every error with a problem document."""

    @app.exception_handler(ForewarnError)
    def ours(_request: Request, error: ForewarnError) -> Response:
        return from_error(error)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> Response:
        faults = [  # without the value: it may be a number or a name
            {"field": ".".join(str(part) for part in fault["loc"]), "reason": fault["msg"]}
            for fault in error.errors()
        ]
        return problem(
            422, "Not valid", "invalid_request", "The request is not valid.", errors=faults
        )

    @app.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        return problem(
            error.status_code,
            title,
            title.lower().replace(" ", "_"),
            str(error.detail),
            headers=dict(error.headers or {}),
        )

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        _log.error("request_failed", path=request.url.path, error=type(error).__name__)
        return problem(500, "Internal error", "internal", "See the service's log.")


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
