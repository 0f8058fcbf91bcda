"""One trace a warning, from the event that caused it to the closing of its case.

The ids of a trace are derived from the warning's id and travel with it as a W3C ``traceparent``, so
parts that never talk to each other (workers, alerting, a worker that repeats a chunk after a crash) add to
the same trace, and the root span is known to all of them. Logs carry the same ids. Spans are exported
after the fact, with the times at which things happened, so nothing waits for tracing.
"""

from typing import Any, Protocol

from forewarn.errors import ConfigurationError
from forewarn.telemetry.span_attributes import Attributes


class Tracer(Protocol):
    """Takes spans; never blocks and never fails."""

    def span(
        self,
        name: str,
        traceparent: str,
        *,
        start_ms: int,
        end_ms: int,
        attributes: Attributes,
        root: bool = False,
    ) -> None:
        """Record a span of a warning.

        Args:
            name: of the span.
            traceparent: of the warning; without one there is no trace.
            start_ms: UTC ms.
            end_ms: UTC ms.
            attributes: no numbers, accounts or names of people.
            root: it is the span that the traceparent names; else a child of that.
        """

    def close(self) -> None:
        """Send what waits."""


class NoTracer:
    """Tracing that is switched off."""

    def span(self, name: str, traceparent: str, **_told: Any) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def trace_id(traceparent: str) -> str:
    """The trace's id for logs: 32 hexadecimal digits, or nothing."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def open_tracer(endpoint: str, service: str) -> Tracer:
    """A tracer that sends to an OTLP collector in batches, from a thread of its own.

    Args:
        endpoint: URL for OTLP over HTTP; empty for none.
        service: ``service.name`` of the spans.

    Raises:
        ConfigurationError: if spans are wanted and OpenTelemetry is not installed.
    """
    if not endpoint:
        return NoTracer()
    try:
        from forewarn.telemetry.otlp import otlp_tracer  # noqa: PLC0415 - the extra may not be there
    except ImportError as error:
        raise ConfigurationError(
            f"FOREWARN_TRACE_ENDPOINT is set, but {error.name} is not installed.",
            hint="Install the extra: pip install 'forewarn[trace]'.",
        ) from None
    return otlp_tracer(endpoint, service)
