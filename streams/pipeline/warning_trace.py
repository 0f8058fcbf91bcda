"""Log line and trace spans of a warning that Kafka has acknowledged."""

import structlog

from forewarn.contracts import FraudWarning
from forewarn.telemetry.span_attributes import Attributes
from forewarn.telemetry.tracing import NoTracer, Tracer, trace_id

log = structlog.get_logger(__name__)


def trace_warning(message: FraudWarning, tracer: Tracer, now_ms: int) -> None:
    """Log a warning and record its spans, from the event's append to the warning's.

    The first message of a warning is the root of its trace. A chunk that is repeated after a crash
    records them again under the same ids.

    Args:
        message: acknowledged by Kafka.
        tracer: receives the spans.
        now_ms: UTC milliseconds.
    """
    log.info(
        "warning_sent",
        action=message.action,
        decision=message.decision,
        severity=message.severity,
        trace_id=trace_id(message.traceparent),
        typology=message.typology,
        warning_id=message.warning_id,
    )
    if isinstance(tracer, NoTracer):
        return
    attributes: Attributes = {
        "forewarn.warning_id": message.warning_id,
        "forewarn.action": message.action,
        "forewarn.decision": message.decision,
        "forewarn.severity": message.severity,
        "forewarn.typology": message.typology,
        "forewarn.model_version": message.model_version,
        "forewarn.policy_version": message.policy_version,
        "messaging.kafka.message.offset": message.source.offset,
        "messaging.destination.partition.id": str(message.source.partition),
    }
    first = message.revision == 0
    spans = (
        ("warning" if first else f"warning {message.action}", message.appended_at_ms, now_ms),
        ("decide", message.appended_at_ms, message.raised_at_ms),
        ("publish", message.raised_at_ms, now_ms),
    )
    for place, (name, start_ms, end_ms) in enumerate(spans):
        tracer.span(
            name,
            message.traceparent,
            start_ms=start_ms,
            end_ms=end_ms,
            attributes=attributes,
            root=first and place == 0,
        )
