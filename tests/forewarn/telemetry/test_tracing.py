"""Spans of one warning make one trace, whichever process reports them."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from forewarn.telemetry.otlp import OtlpTracer
from forewarn.telemetry.tracing import NoTracer, open_tracer, trace_id
from streams.pipeline.messages import traceparent

PARENT = traceparent("a-warning")


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> OtlpTracer:
    return OtlpTracer(SimpleSpanProcessor(exporter), "a-service")


def test_a_root_has_the_derived_ids_and_the_others_hang_below_it(
    tracer: OtlpTracer, exporter: InMemorySpanExporter
) -> None:
    tracer.span("case closed", PARENT, start_ms=5, end_ms=9, attributes={"a": 1})
    tracer.span("warning", PARENT, start_ms=1, end_ms=4, attributes={}, root=True)
    child, root = exporter.get_finished_spans()
    _, trace, span, _ = PARENT.split("-")
    assert f"{root.context.trace_id:032x}" == f"{child.context.trace_id:032x}" == trace
    assert f"{root.context.span_id:016x}" == span == f"{child.parent.span_id:016x}"
    assert root.parent is None
    assert (child.start_time, child.end_time) == (5_000_000, 9_000_000)
    assert child.resource.attributes["service.name"] == "a-service"


def test_a_span_never_ends_before_it_began(
    tracer: OtlpTracer, exporter: InMemorySpanExporter
) -> None:
    tracer.span("decide", PARENT, start_ms=7, end_ms=3, attributes={})
    (span,) = exporter.get_finished_spans()
    assert span.start_time == span.end_time


@pytest.mark.parametrize("wrong", ["", "00-12-34-01", f"00-{'0' * 32}-{'0' * 16}-01", "x-y-z-1"])
def test_what_has_no_trace_is_left_out(
    tracer: OtlpTracer, exporter: InMemorySpanExporter, wrong: str
) -> None:
    tracer.span("case closed", wrong, start_ms=1, end_ms=2, attributes={})
    assert exporter.get_finished_spans() == ()


def test_tracing_is_off_without_an_address() -> None:
    assert isinstance(open_tracer("", "a-service"), NoTracer)


def test_logs_name_the_trace() -> None:
    assert trace_id(PARENT) == PARENT.split("-")[1]
    assert trace_id("") == ""
