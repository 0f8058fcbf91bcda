"""Every step on a case is exported once, in the trace of its warnings, without personal data."""

import threading
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.cases.history.case_event_exporter import (
    LEASE_SECONDS,
    TRACES_MAX,
    CaseEventExporter,
)
from alerting.web.service_container import Services
from forewarn.telemetry.tracing import trace_id
from streams.pipeline.messages import traceparent
from tests.alerting.factory import CALLER, PAYEE, VICTIM, Clock, warning


@dataclass
class RecordedSpans:
    """A tracer that remembers."""

    spans: list[tuple[str, str, int, int]] = field(default_factory=list)

    def span(self, name: str, context: str, *, start_ms: int, end_ms: int, **_rest: object) -> None:
        self.spans.append((name, context, start_ms, end_ms))

    def close(self) -> None:
        """Nothing waits."""


@pytest.fixture
def recorded() -> RecordedSpans:
    return RecordedSpans()


@pytest.fixture
def exporter(services: Services, clock: Clock, recorded: RecordedSpans) -> CaseEventExporter:
    return CaseEventExporter(services.db, clock, recorded, owner="one")


def turn(exporter: CaseEventExporter) -> None:
    exporter.turn(threading.Event())


def test_a_trace_goes_from_the_warning_to_the_closing(
    services: Services,
    clock: Clock,
    exporter: CaseEventExporter,
    recorded: RecordedSpans,
    boss: Principal,
) -> None:
    context = traceparent("w-1")
    case_id = services.ingestor.ingest([warning(traceparent=context)], "test").results[0][1]
    opened_ms = clock()
    with capture_logs() as logs:
        turn(exporter)
        clock.advance(seconds=20)
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        turn(exporter)
        clock.advance(seconds=40)
        services.closures.close(case_id, boss, Closure("dissuaded", note=f"{VICTIM} believed us"))
        turn(exporter)
        turn(exporter)
    names = [name for name, *_ in recorded.spans]
    assert names[0] == "case warning_raised"
    assert names[-1] == "case closed"
    assert "case claimed" in names
    assert len(names) == len(set(names)), "each step once"
    assert {at for _, at, *_ in recorded.spans} == {context}
    assert recorded.spans[-1][2:] == (opened_ms, clock())
    assert {line["warning_id"] for line in logs} == {"w-1"}
    assert {line["trace_id"] for line in logs} == {trace_id(context)}
    for secret in (VICTIM, CALLER, PAYEE, "believed", boss.subject):
        assert secret not in repr(logs) + repr(recorded.spans)


def test_replicas_export_each_step_once(
    services: Services, clock: Clock, exporter: CaseEventExporter, recorded: RecordedSpans
) -> None:
    other = CaseEventExporter(services.db, clock, recorded, owner="two")
    services.ingestor.ingest([warning()], "test")
    turn(exporter)
    turn(other)
    turn(exporter)
    assert len(recorded.spans) == len(set(recorded.spans))


def test_another_replica_takes_over_when_a_lease_expires(
    services: Services,
    clock: Clock,
    exporter: CaseEventExporter,
    recorded: RecordedSpans,
    boss: Principal,
) -> None:
    case_id = services.ingestor.ingest([warning()], "test").results[0][1]
    turn(exporter)
    clock.advance(seconds=LEASE_SECONDS + 1)
    services.case_service.claim(case_id, boss)
    other = CaseEventExporter(services.db, clock, recorded, owner="two")
    turn(other)
    assert "case claimed" in [name for name, *_ in recorded.spans]


def test_old_events_are_not_exported_again(
    services: Services, clock: Clock, exporter: CaseEventExporter, recorded: RecordedSpans
) -> None:
    services.ingestor.ingest([warning()], "test")
    clock.advance(seconds=3600)
    turn(exporter)
    assert recorded.spans == []


def test_what_happened_to_a_warning_is_in_its_trace_alone_and_a_step_in_fifty_at_most(
    services: Services, exporter: CaseEventExporter, recorded: RecordedSpans, boss: Principal
) -> None:
    made = [warning(f"w-{no}", traceparent=traceparent(f"w-{no}")) for no in range(TRACES_MAX + 9)]
    case_ids = {case_id for _, case_id, _ in services.ingestor.ingest(made, "test").results}
    [case_id] = case_ids
    turn(exporter)
    raised = [context for name, context, *_ in recorded.spans if name == "case warning_raised"]
    assert sorted(raised) == sorted(one.traceparent for one in made)
    services.case_service.claim(case_id, boss)
    turn(exporter)
    claimed = [context for name, context, *_ in recorded.spans if name == "case claimed"]
    assert len(claimed) == len(set(claimed)) == TRACES_MAX
