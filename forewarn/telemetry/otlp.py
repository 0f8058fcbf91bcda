"""Spans by OpenTelemetry; imported only where tracing is on."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from forewarn.telemetry.span_attributes import Attributes


class _DerivedIds(RandomIdGenerator):
    """Random ids, but for a root span, whose ids are given."""

    def __init__(self) -> None:
        self._given: tuple[int, int] | None = None

    @contextmanager
    def given(self, ids: tuple[int, int]) -> Iterator[None]:
        self._given = ids
        try:
            yield
        finally:
            self._given = None

    def generate_trace_id(self) -> int:
        return self._given[0] if self._given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self._given[1] if self._given else super().generate_span_id()


class OtlpTracer:
    """A tracer that hands spans to an OpenTelemetry processor; used by one thread.

    Args:
        processor: takes ended spans; the batching one is bounded and drops what is too much.
        service: ``service.name``.
    """

    def __init__(self, processor: SpanProcessor, service: str) -> None:
        self._ids = _DerivedIds()
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: service}), id_generator=self._ids
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("forewarn")

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
        """Record a span of a warning; see the protocol."""
        ids = _ids_of(traceparent)
        if ids is None:
            return
        parent = trace.SpanContext(
            *ids, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
        )
        start_ns, end_ns = start_ms * 1_000_000, max(start_ms, end_ms) * 1_000_000
        if root:
            with self._ids.given(ids):
                span = self._tracer.start_span(
                    name, trace.set_span_in_context(trace.INVALID_SPAN), start_time=start_ns
                )
        else:
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
            span = self._tracer.start_span(name, context, start_time=start_ns)
        span.set_attributes(dict(attributes))
        span.end(end_ns)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def otlp_tracer(endpoint: str, service: str) -> OtlpTracer:
    """A tracer that sends to a collector."""
    return OtlpTracer(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), service)


def _ids_of(traceparent: str) -> tuple[int, int] | None:
    """Trace and span id of a W3C traceparent; None if it is not one."""
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32 or len(parts[2]) != 16:
        return None
    try:
        ids = int(parts[1], 16), int(parts[2], 16)
    except ValueError:
        return None
    return ids if all(ids) else None
