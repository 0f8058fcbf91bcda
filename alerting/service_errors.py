"""What the alerting service refuses, each with the HTTP status that stands for it.

``code`` is stable and machine-readable: it ends the problem document's type and, for a refused
step, is the reason that the pure decider named.
"""

from typing import ClassVar

from forewarn.errors import ForewarnError


class AlertingError(ForewarnError):
    """Base of refusals by the service layer."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Request refused"

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NotFoundError(AlertingError):
    """It does not exist, or lies outside the caller's scope: on purpose not told apart."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "Not found"

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(f"There is no {what} {identifier!r}.", code="not_found")


class StepRefusedError(AlertingError):
    """The case is not in a state in which this step is allowed."""

    status: ClassVar[int] = 409
    title: ClassVar[str] = "Step not allowed"


class ConflictError(AlertingError):
    """It was changed meanwhile, or an idempotency key was used for something else."""

    status: ClassVar[int] = 409
    title: ClassVar[str] = "Conflict"


class InvalidRequestError(AlertingError):
    """The request is understood but cannot be right."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "Not valid"
