"""Acts on the clock of orders: warns before the end, releases at it, repeats unconfirmed releases."""

from collections.abc import Callable

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order
from alerting.orders.appeal_decision import AppealFacts, decide_appeal_clock
from alerting.orders.appeal_rows import open_appeal
from alerting.orders.notice_texts import NoticeOccasion
from alerting.orders.order_decision import OrderFacts, OrderReason, OrderVerdict, decide
from alerting.orders.order_messages import send_release
from alerting.orders.order_notices import write_notice
from alerting.orders.order_release import BY_CLOCK, order_release
from alerting.orders.order_rows import BY_DISPATCH
from alerting.orders.order_rules import OrderOptions
from alerting.service_metrics import ORDER_ACTS

Alert = Callable[[Session, Case, str, str, int], None]
"""Alerts the holder of a case, or its team: why, and a key so that it is alerted to once."""

RECORDED: dict[OrderReason, AuditAction] = {
    "order_refused": "order_unanswered",
    "order_not_confirmed": "order_unanswered",
    "order_runs_out_soon": "order_runs_out",
    "order_ran_out": "order_ran_out",
    "order_notice_due": "order_notified",
    "release_notice_due": "order_notified",
    "release_not_confirmed": "release_chased",
}
ACTS_A_TURN = 8
"""Acts on one order in one turn; a decision that never comes to rest would else hold the case."""

_log = structlog.get_logger(__name__)


class OrderClock:
    """Handles the timer of a case's orders.

    Args:
        options: of orders.
        alert: alerts the holder of a case, or its team.
    """

    def __init__(self, options: OrderOptions, alert: Alert) -> None:
        self._options = options
        self._alert = alert

    def turn(self, session: Session, case: Case, now_ms: int) -> int | None:
        """Act on the orders of a locked case and on objections to them.

        Returns:
            When the next one is due, UTC milliseconds; None if none is.
        """
        orders = session.scalars(
            select(Order).where(Order.case_id == case.case_id).order_by(Order.order_id)
        ).all()
        due = [self._settle(session, case, order, now_ms) for order in orders]
        due += [self._urge(session, case, order, now_ms) for order in orders]
        return min((at_ms for at_ms in due if at_ms is not None), default=None)

    def _settle(self, session: Session, case: Case, order: Order, now_ms: int) -> int | None:
        for _ in range(ACTS_A_TURN):
            verdict = decide(facts_of_order(session, order), now_ms, self._options.rules)
            if verdict.action in ("wait", "over"):
                return verdict.again_ms
            self._act(session, case, order, verdict, now_ms)
        return now_ms + self._options.rules.confirm_ms

    def _act(
        self, session: Session, case: Case, order: Order, verdict: OrderVerdict, now_ms: int
    ) -> None:
        detail = {"order_id": order.order_id, "kind": order.kind, "why": str(verdict.reason)}
        if verdict.action == "notify":
            detail["via"] = self._notify(session, case, order, now_ms)
        CaseHistory(session, BY_CLOCK, now_ms).record(
            case.case_id, RECORDED[verdict.reason], detail
        )
        case.version += 1
        key = f"{order.order_id}/{order.expires_at_ms}/{order.chases}"
        if verdict.reason == "order_runs_out_soon":
            order.warned_for_ms = order.expires_at_ms
        elif verdict.action == "alert":
            order.alerted = verdict.reason
        elif verdict.action == "release":
            order_release(session, case, order, "time_ran_out", self._options, BY_CLOCK, now_ms)
        elif verdict.action == "chase":
            order.chases += 1
            order.chased_at_ms = now_ms
            if not _under_way(session, order):
                send_release(session, case, order, self._options, now_ms)
        if verdict.action != "notify":
            self._alert(session, case, verdict.reason, key, now_ms)
        ORDER_ACTS.labels(verdict.reason).inc()
        _log.info("order_clock", order_id=order.order_id, kind=order.kind, reason=verdict.reason)

    def _notify(self, session: Session, case: Case, order: Order, now_ms: int) -> str:
        """Give the person notice of the order, or of its release; returns the way it takes."""
        released = order.state == "released"
        if released:
            order.release_notified_at_ms = now_ms
        else:
            order.notified_at_ms = now_ms
        occasion: NoticeOccasion = "released" if released else "stopped"
        return write_notice(session, case, order, occasion, self._options, now_ms)

    def _urge(self, session: Session, case: Case, order: Order, now_ms: int) -> int | None:
        """Alert the desk to an objection that is due soon or overdue."""
        appeal = open_appeal(session, order.order_id)
        if appeal is None:
            return None
        facts = AppealFacts(
            state="open",
            filed_at_ms=appeal.filed_at_ms,
            due_at_ms=appeal.due_at_ms,
            alerts=appeal.alerts,
            alerted_at_ms=appeal.alerted_at_ms,
        )
        verdict = decide_appeal_clock(facts, now_ms)
        if verdict.alert:
            appeal.alerts += 1
            appeal.alerted_at_ms = now_ms
            case.version += 1
            detail = {"order_id": order.order_id, "appeal_id": appeal.appeal_id}
            CaseHistory(session, BY_CLOCK, now_ms).record(
                case.case_id, "appeal_waits", {**detail, "why": verdict.reason}
            )
            key = f"{appeal.appeal_id}/{appeal.alerts}"
            self._alert(session, case, verdict.reason, key, now_ms)
            ORDER_ACTS.labels(verdict.reason).inc()
            _log.info("appeal_clock", appeal_id=appeal.appeal_id, reason=verdict.reason)
        return verdict.again_ms


def facts_of_order(session: Session, order: Order) -> OrderFacts:
    """The columns of an order that its decider takes."""
    release = (
        session.get(Delivery, order.release_delivery_id) if order.release_delivery_id else None
    )
    return OrderFacts(
        state=order.state,  # type: ignore[arg-type]  # the column holds nothing else
        by_person=order.ordered_by != BY_DISPATCH,
        ordered_at_ms=order.ordered_at_ms,
        expires_at_ms=order.expires_at_ms,
        warned_for_ms=order.warned_for_ms,
        alerted=order.alerted,
        release_ordered_at_ms=order.release_ordered_at_ms,
        release_failed=release is not None and release.state == "failed",
        notified=order.notified_at_ms is not None,
        release_notified=order.release_notified_at_ms is not None,
        chases=order.chases,
        chased_at_ms=order.chased_at_ms,
    )


def _under_way(session: Session, order: Order) -> bool:
    """Whether the newest message of the release may still be sent or confirmed."""
    row = session.get(Delivery, order.release_delivery_id) if order.release_delivery_id else None
    return row is not None and row.state in ("pending", "sending", "awaiting")
