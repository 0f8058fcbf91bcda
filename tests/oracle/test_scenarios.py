"""Kernel and oracle both give what was worked out by hand, for each rule of ``docs/event-time.md``."""

import math

import numpy as np
import pytest

from features.engine import Engine
from features.event_columns import EventColumns
from tests.oracle import scenarios_calls, scenarios_money, scenarios_outcomes, scenarios_time
from tests.oracle.oracle import Oracle, events_of
from tests.oracle.oracle_scenario import Scenario

ENGINE = Engine()
SCENARIOS = [
    *scenarios_time.SCENARIOS,
    *scenarios_calls.SCENARIOS,
    *scenarios_money.SCENARIOS,
    *scenarios_outcomes.SCENARIOS,
]


def by_oracle(columns: EventColumns) -> list[dict[str, float]]:
    oracle = Oracle()
    return [oracle.see(event) for event in events_of(columns)]


def by_kernel(columns: EventColumns, size: int) -> list[dict[str, float]]:
    """In chunks of ``size`` events, with every record packed and unpacked between."""
    store: dict[bytes, bytes] = {}
    seen: list[dict[str, float]] = []
    for at in range(0, len(columns), size):
        plan = ENGINE.plan(columns.take(slice(at, at + size)))
        result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
        store.update((write.key, write.value) for write in result.writes())
        seen += [
            dict(zip(ENGINE.catalog.names, row.tolist(), strict=True)) for row in result.vectors
        ]
    return seen


def assert_seen(scenario: Scenario, by: str, seen: list[dict[str, float]]) -> None:
    for i, row in enumerate(scenario.rows):
        for name, expected in row.sees.items():
            value = np.float32(seen[i].get(name, math.nan))
            assert name in ENGINE.catalog.names
            assert value == np.float32(expected) or (math.isnan(value) and math.isnan(expected)), (
                f"{scenario.says} Event {i}: {name} is {value} by the {by}, {expected} by hand"
            )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.says)
def test_oracle_and_kernel_agree_with_each_scenario(scenario: Scenario) -> None:
    """The oracle, the kernel over the whole, and the kernel event by event."""
    columns = scenario.columns()
    assert_seen(scenario, "oracle", by_oracle(columns))
    assert_seen(scenario, "kernel, event by event", by_kernel(columns, 1))
    if len(np.unique(columns.offset)) == len(columns):  # one run takes an offset once
        assert_seen(scenario, "kernel in one run", by_kernel(columns, len(columns)))
