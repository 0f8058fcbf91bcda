"""The probes: what each depends on, what it says, and that it answers when the loop cannot."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from streams.worker.consumer_lag import OldestRecord
from streams.worker.health import (
    PROBES,
    HealthBounds,
    HealthFacts,
    HealthServer,
    WorkerHealth,
    judge,
)

NOW = 1_000.0
BOUNDS = HealthBounds(loop_seconds=15.0, stuck_seconds=60.0)
WELL = HealthFacts(beat_at=NOW, model_loaded=True, joined=True, partitions=4, redis_reachable=True)


@pytest.mark.parametrize("probe", PROBES)
def test_a_worker_that_is_well_passes(probe):
    assert judge(probe, WELL, BOUNDS, NOW).passes


@pytest.mark.parametrize(
    ("change", "reason", "fails"),
    [
        ({"beat_at": NOW - 16}, "loop_hangs", {"ready", "live"}),
        ({"stuck_since": NOW - 61}, "work_is_stuck", {"ready", "live"}),
        ({"consuming_at": NOW - 241}, "consumes_nothing", {"ready", "live"}),
        ({"model_loaded": False}, "no_model", {"startup", "ready"}),
        ({"joined": False}, "not_in_group", {"startup", "ready"}),
        ({"rebalancing": True}, "rebalancing", {"ready"}),
        ({"redis_reachable": False}, "redis_unreachable", {"ready"}),
        ({"draining": True}, "draining", {"ready"}),
    ],
)
def test_each_fault_fails_its_probes_by_name_and_no_other(change, reason, fails):
    facts = replace(WELL, **change)
    verdicts = {probe: judge(probe, facts, BOUNDS, NOW) for probe in PROBES}
    assert {probe for probe, verdict in verdicts.items() if not verdict.passes} == fails
    assert all(verdicts[probe].reasons == (reason,) for probe in fails)


@pytest.mark.parametrize(
    "change", [{"beat_at": NOW - 15}, {"stuck_since": NOW - 60}, {"consuming_at": NOW - 240}]
)
def test_a_bound_is_the_last_moment_that_passes(change):
    assert judge("live", replace(WELL, **change), BOUNDS, NOW).passes


def test_a_worker_without_partitions_is_ready():
    """More workers than partitions is a standby, not a fault."""
    assert judge("ready", replace(WELL, partitions=0), BOUNDS, NOW).passes


@given(
    st.builds(
        HealthFacts,
        beat_at=st.just(NOW),
        model_loaded=st.booleans(),
        joined=st.booleans(),
        rebalancing=st.booleans(),
        redis_reachable=st.booleans(),
        draining=st.booleans(),
    )
)
def test_nothing_outside_the_process_fails_liveness(facts):
    assert judge("live", facts, BOUNDS, NOW).passes


@pytest.fixture
def served() -> Iterator[tuple[WorkerHealth, HealthServer]]:
    registry = CollectorRegistry()
    Counter("forewarn_test_events", "Of this test.", registry=registry).inc(7)
    Counter("forewarn_test_calls", "Of this test.", registry=registry).inc(3)
    health = WorkerHealth(HealthBounds(loop_seconds=0.3))
    server = HealthServer(health, registry, host="127.0.0.1", port=0)
    server.start()
    yield health, server
    server.stop()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_http_says_why_a_probe_fails_and_passes_after_the_repair(served):
    health, server = served
    status, body = get(server, "/startup")
    assert (status, json.loads(body)["reasons"]) == (503, ["no_model", "not_in_group"])
    health.update(model_loaded=True, joined=True, partitions=3)
    status, body = get(server, "/startup?verbose")
    assert (status, json.loads(body)) == (200, {"passes": True, "reasons": [], "partitions": 3})


def test_every_answer_names_the_partition_that_is_most_behind(served):
    """It is a note and fails no probe: a restart makes no worker catch up faster."""
    health, server = served
    health.update(model_loaded=True, joined=True, oldest=OldestRecord("calls", 5, 99.0, 30))
    status, body = get(server, "/startup")
    expected = {"topic": "calls", "partition": 5, "seconds": 99.0, "records": 30}
    assert (status, json.loads(body)["oldest_record"]) == (200, expected)


def test_metrics_are_served_and_other_paths_are_named(served):
    _, server = served
    assert "forewarn_test_events_total 7.0" in get(server, "/metrics")[1]
    assert get(server, "/")[0] == 404


def test_only_the_named_metrics_are_served_where_names_are_given(served):
    _, server = served
    status, body = get(server, "/metrics?name[]=forewarn_test_calls_total")
    assert status == 200
    assert "forewarn_test_calls_total 3.0" in body
    assert "forewarn_test_events" not in body


async def test_a_loop_that_hangs_is_seen_while_it_hangs(served):
    """The answer comes from another thread, so a blocked loop cannot keep it back."""
    health, server = served
    beating = asyncio.create_task(health.beat(0.05))
    await asyncio.sleep(0)
    assert (await asyncio.to_thread(get, server, "/live"))[0] == 200
    deadline = time.monotonic() + 5
    status, body = 200, ""
    while status == 200 and time.monotonic() < deadline:  # the loop is blocked by this very test
        status, body = get(server, "/live")
    assert (status, json.loads(body)["reasons"]) == (503, ["loop_hangs"])
    await asyncio.sleep(0.2)
    assert (await asyncio.to_thread(get, server, "/live"))[0] == 200
    beating.cancel()
