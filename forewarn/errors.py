"""The errors of Forewarn: a shallow tree, each saying what to do next.

``retryable`` is part of the type: the worker retries a retryable error within a bound and then
stops consuming; anything else is a fault of the input or of the configuration.
"""

from typing import ClassVar


class ForewarnError(Exception):
    """Base of every error raised on purpose.

    Args:
        message: what went wrong, in one sentence.
        hint: what the reader can do about it, in one sentence; shown after the message.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.rstrip().endswith((".", ":", "!", "?")) else "."
        return f"{self.message.rstrip()}{stop} {self.hint}"


class ConfigurationError(ForewarnError):
    """A setting, a topic or a file is not what it has to be."""


class ContractError(ForewarnError):
    """Bytes do not decode to a valid event; carries the dead-letter reason."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class ArtifactError(ForewarnError):
    """A model artifact is missing, corrupted or does not fit the feature catalog."""


class DependencyUnavailableError(ForewarnError):
    """Kafka, Redis or the database did not answer; trying again may help."""

    retryable: ClassVar[bool] = True


class StateFullError(DependencyUnavailableError):
    """Redis refused a write for lack of memory; nothing may be skipped, so the worker waits."""
