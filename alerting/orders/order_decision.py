"""What the clock of an order does now: a pure decider with named reasons.

An order holds for a bounded time. It is not confirmed, runs out soon, or has run out; a release is
not confirmed. Each of these is acted on and recorded: no order ends silently.
"""

from dataclasses import dataclass
from typing import Literal

from alerting.orders.order_states import OPEN, OrderState

OrderAction = Literal["wait", "alert", "notify", "release", "chase", "over"]
OrderReason = Literal[
    "order_is_over",
    "order_holds",
    "order_refused",
    "order_not_confirmed",
    "order_runs_out_soon",
    "order_ran_out",
    "order_notice_due",
    "release_notice_due",
    "release_awaits_confirmation",
    "release_not_confirmed",
    "release_chased_enough",
]

MAX_CHASES = 200
"""Repetitions of a release that is never confirmed: eight days at one an hour. Afterwards the order
stays among the late releases, where a person settles it."""

LONGEST_CHASE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The order as it stands; times in UTC milliseconds.

    ``by_person``: a person placed it. What becomes of an order that the dispatch placed is alerted to
    by the dispatch (``alerting.notify.dispatch.protection_failures``).
    """

    state: OrderState
    by_person: bool
    ordered_at_ms: int
    expires_at_ms: int
    warned_for_ms: int
    alerted: str
    release_ordered_at_ms: int | None
    release_failed: bool
    notified: bool
    release_notified: bool
    chases: int
    chased_at_ms: int | None


@dataclass(frozen=True, slots=True)
class OrderRules:
    """Bounds of the clock, in milliseconds."""

    warn_before_ms: int
    confirm_ms: int


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """The act, its reason, and when to look again (UTC milliseconds); None for never."""

    action: OrderAction
    reason: OrderReason
    again_ms: int | None


def decide(order: OrderFacts, now_ms: int, rules: OrderRules) -> OrderVerdict:
    """Decide what the clock of an order does now.

    Args:
        order: as it stands.
        now_ms: UTC milliseconds.
        rules: bounds of the clock.
    """
    if order.state == "release_ordered":
        return _of_release(order, now_ms, rules)
    if order.state in OPEN:
        return _of_stop(order, now_ms, rules)
    if order.state == "refused" and order.by_person and order.alerted != "order_refused":
        return OrderVerdict("alert", "order_refused", None)
    if order.state == "released" and order.notified and not order.release_notified:
        return OrderVerdict("notify", "release_notice_due", None)
    return OrderVerdict("over", "order_is_over", None)


def _of_stop(order: OrderFacts, now_ms: int, rules: OrderRules) -> OrderVerdict:
    if now_ms >= order.expires_at_ms:
        return OrderVerdict("release", "order_ran_out", now_ms)
    if order.state == "in_force" and not order.notified:
        return OrderVerdict("notify", "order_notice_due", now_ms)
    warn_at_ms = order.expires_at_ms - rules.warn_before_ms
    warned = order.warned_for_ms == order.expires_at_ms
    next_ms = order.expires_at_ms if warned else warn_at_ms
    if not warned and now_ms >= warn_at_ms:
        return OrderVerdict("alert", "order_runs_out_soon", order.expires_at_ms)
    if order.state == "ordered" and order.by_person and order.alerted != "order_not_confirmed":
        late_ms = order.ordered_at_ms + rules.confirm_ms
        if now_ms >= late_ms:
            return OrderVerdict("alert", "order_not_confirmed", next_ms)
        next_ms = min(next_ms, late_ms)
    return OrderVerdict("wait", "order_holds", next_ms)


def release_late_ms(order: OrderFacts, rules: OrderRules) -> int:
    """When the release, or its newest repetition, counts as unconfirmed, UTC milliseconds.

    The time doubles with every repetition, up to an hour.
    """
    since_ms = order.chased_at_ms or order.release_ordered_at_ms or order.ordered_at_ms
    doubled = rules.confirm_ms << min(order.chases, 16)
    return since_ms + max(rules.confirm_ms, min(doubled, LONGEST_CHASE_MS))


def _of_release(order: OrderFacts, now_ms: int, rules: OrderRules) -> OrderVerdict:
    late_ms = release_late_ms(order, rules)
    refused = order.release_failed and not order.chases  # the first refusal is acted on at once
    if now_ms < late_ms and not refused:
        return OrderVerdict("wait", "release_awaits_confirmation", late_ms)
    if order.chases >= MAX_CHASES:
        return OrderVerdict("over", "release_chased_enough", None)
    return OrderVerdict("chase", "release_not_confirmed", now_ms + rules.confirm_ms)
