"""The clock of an order acts once for each reason, and comes to rest in between."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.orders.order_decision import (
    LONGEST_CHASE_MS,
    MAX_CHASES,
    OrderFacts,
    OrderRules,
    decide,
    release_late_ms,
)
from alerting.orders.order_states import STATES

HOUR_MS = 3_600_000
RULES = OrderRules(warn_before_ms=2 * HOUR_MS, confirm_ms=300_000)
ORDERED = OrderFacts(
    state="ordered",
    by_person=True,
    ordered_at_ms=0,
    expires_at_ms=48 * HOUR_MS,
    warned_for_ms=0,
    alerted="",
    release_ordered_at_ms=None,
    release_failed=False,
    notified=True,
    release_notified=False,
    chases=0,
    chased_at_ms=None,
)
IN_FORCE = replace(ORDERED, state="in_force")
RELEASE = replace(ORDERED, state="release_ordered", release_ordered_at_ms=48 * HOUR_MS)


@pytest.mark.parametrize(
    ("order", "at_ms", "action", "reason", "again_ms"),
    [
        (ORDERED, 0, "wait", "order_holds", 300_000),
        (ORDERED, 300_000, "alert", "order_not_confirmed", 46 * HOUR_MS),
        (replace(ORDERED, alerted="order_not_confirmed"), 300_001, "wait", "order_holds", 46 * HOUR_MS),
        (replace(ORDERED, by_person=False), 300_000, "wait", "order_holds", 46 * HOUR_MS),
        (IN_FORCE, 300_000, "wait", "order_holds", 46 * HOUR_MS),
        (IN_FORCE, 46 * HOUR_MS, "alert", "order_runs_out_soon", 48 * HOUR_MS),
        (replace(IN_FORCE, warned_for_ms=48 * HOUR_MS), 46 * HOUR_MS, "wait", "order_holds", 48 * HOUR_MS),
        (IN_FORCE, 48 * HOUR_MS, "release", "order_ran_out", 48 * HOUR_MS),
        (ORDERED, 48 * HOUR_MS, "release", "order_ran_out", 48 * HOUR_MS),
        (RELEASE, 48 * HOUR_MS, "wait", "release_awaits_confirmation", 48 * HOUR_MS + 300_000),
        (RELEASE, 48 * HOUR_MS + 300_000, "chase", "release_not_confirmed", 48 * HOUR_MS + 600_000),
        (replace(RELEASE, release_failed=True), 48 * HOUR_MS, "chase", "release_not_confirmed", 48 * HOUR_MS + 300_000),
        (replace(RELEASE, chases=MAX_CHASES), 2000 * HOUR_MS, "over", "release_chased_enough", None),
        (replace(ORDERED, state="refused"), 1, "alert", "order_refused", None),
        (replace(ORDERED, state="refused", alerted="order_refused"), 1, "over", "order_is_over", None),
        (replace(IN_FORCE, notified=False), 1, "notify", "order_notice_due", 1),
        (replace(ORDERED, notified=False), 1, "wait", "order_holds", 300_000),
        (replace(ORDERED, state="released"), 99 * HOUR_MS, "notify", "release_notice_due", None),
        (replace(ORDERED, state="released", release_notified=True), 1, "over", "order_is_over", None),
        (replace(ORDERED, state="released", notified=False), 1, "over", "order_is_over", None),
        (replace(ORDERED, state="handed_over"), 99 * HOUR_MS, "over", "order_is_over", None),
    ],
)  # fmt: skip
def test_each_state_of_an_order_has_one_act_and_its_reason(
    order: OrderFacts, at_ms: int, action: str, reason: str, again_ms: int | None
) -> None:
    verdict = decide(order, at_ms, RULES)
    assert (verdict.action, verdict.reason, verdict.again_ms) == (action, reason, again_ms)


@given(
    state=st.sampled_from(STATES),
    by_person=st.booleans(),
    expires_at_ms=st.integers(0, 10**9),
    warned_for_ms=st.integers(0, 10**9),
    chases=st.integers(0, 300),
    release_failed=st.booleans(),
    now_ms=st.integers(0, 2 * 10**9),
)
def test_an_order_that_still_stops_something_is_looked_at_again(
    state: str, now_ms: int, **facts: object
) -> None:
    """Nothing expires silently: whatever holds has a next look, or an act now."""
    order = replace(ORDERED, state=state, release_ordered_at_ms=0, **facts)  # type: ignore[arg-type]
    verdict = decide(order, now_ms, RULES)
    if state in ("ordered", "in_force"):
        assert verdict.action != "over"
        assert verdict.again_ms is not None
        assert verdict.action != "wait" or now_ms < verdict.again_ms <= order.expires_at_ms
    if now_ms >= order.expires_at_ms and state in ("ordered", "in_force"):
        assert verdict.action == "release"


@pytest.mark.parametrize(
    ("chases", "hours"), [(0, 1 / 12), (1, 1 / 6), (3, 2 / 3), (4, 1), (200, 1)]
)
def test_a_release_is_repeated_after_times_that_double_up_to_an_hour(
    chases: int, hours: float
) -> None:
    chased = replace(RELEASE, chases=chases, chased_at_ms=50 * HOUR_MS)
    assert release_late_ms(chased, RULES) == 50 * HOUR_MS + round(hours * HOUR_MS)
    assert release_late_ms(chased, RULES) <= 50 * HOUR_MS + LONGEST_CHASE_MS
