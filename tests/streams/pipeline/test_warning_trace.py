"""Log and trace of a sent warning carry its ids and no personal data."""

from structlog.testing import capture_logs

from forewarn.telemetry.tracing import trace_id
from streams.pipeline.messages import traceparent
from streams.pipeline.warning_trace import trace_warning
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, warning


class RecordedTrace:
    def __init__(self) -> None:
        self.spans: list[tuple[str, int, int, bool]] = []
        self.attributes: list[object] = []

    def span(self, name, context, *, start_ms, end_ms, attributes, root=False) -> None:
        self.spans.append((name, start_ms, end_ms, root))
        self.attributes.append(attributes)

    def close(self) -> None:
        """Nothing waits."""


def test_the_first_message_is_the_root_from_append_to_append() -> None:
    recorded = RecordedTrace()
    with capture_logs() as logs:
        trace_warning(warning(traceparent=traceparent("w-1")), recorded, NOW_MS + 30)
    assert recorded.spans == [
        ("warning", NOW_MS - 1_000, NOW_MS + 30, True),
        ("decide", NOW_MS - 1_000, NOW_MS, False),
        ("publish", NOW_MS, NOW_MS + 30, False),
    ]
    (line,) = logs
    assert line["warning_id"] == "w-1"
    assert line["trace_id"] == trace_id(traceparent("w-1"))
    for secret in (VICTIM, CALLER, PAYEE):
        assert secret not in repr(logs) + repr(recorded.attributes)


def test_a_later_message_hangs_below_the_first() -> None:
    recorded = RecordedTrace()
    trace_warning(warning(action="withdraw", revision=2), recorded, NOW_MS)
    assert recorded.spans[0] == ("warning withdraw", NOW_MS - 1_000, NOW_MS, False)
