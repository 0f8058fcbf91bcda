"""Refusals of the alerting service, each with its HTTP status.

``code`` is stable and machine-readable: it ends the type of the problem document and, for a refused
step, is the reason that the decider named. ``field`` names the field of a form that it is about,
where the code does not say so.
"""

from typing import ClassVar

from forewarn.errors import ForewarnError


class AlertingError(ForewarnError):
    """Base of refusals by the service layer."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Request refused"

    def __init__(self, message: str, *, code: str, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.field = field


class NotFoundError(AlertingError):
    """The object does not exist or lies outside the caller's scope; the two are not distinguished."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "Not found"

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(f"The {what} {identifier!r} does not exist.", code="not_found")


class StepRefusedError(AlertingError):
    """The case is not in a state in which this step is allowed."""

    status: ClassVar[int] = 409
    title: ClassVar[str] = "Step not allowed"


class HeldByAnotherError(StepRefusedError):
    """Another person holds the case: ``holder``, since ``since_ms`` (UTC)."""

    def __init__(self, case_id: str, *, holder: str, since_ms: int) -> None:
        super().__init__(
            f"Case {case_id}: held by another.",
            code="held_by_another",
            hint="Ask the holder to release it, or a supervisor to assign it.",
        )
        self.holder = holder
        self.since_ms = since_ms


class ConflictError(AlertingError):
    """The object changed meanwhile, or an idempotency key was used for another request."""

    status: ClassVar[int] = 409
    title: ClassVar[str] = "Conflict"


class InvalidRequestError(AlertingError):
    """The request is well-formed but not valid."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "Not valid"
