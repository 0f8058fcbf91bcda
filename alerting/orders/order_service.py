"""The orders of people: place, extend, hand over to a freeze, release, and record results."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.case_accounts import warnings_of
from alerting.cases.case_steps import lock_case
from alerting.cases.history import CaseHistory
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.order_tables import Order
from alerting.orders import order_results
from alerting.orders.appeal_rows import has_a_part, open_appeal
from alerting.orders.known_targets import is_known_target
from alerting.orders.order_messages import send_order
from alerting.orders.order_release import order_release
from alerting.orders.order_rows import (
    OrderRequest,
    completed_by_warnings,
    holding,
    look_at_orders,
    place,
)
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_states import ReleaseByHand
from alerting.orders.order_steps import (
    HINTS,
    decide_end,
    decide_extension,
    decide_placement,
    decide_release,
    decide_result,
)
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

Act = Callable[[Session, Case, Order, int], None]


class OrderService:
    """Places orders and ends them. Every method takes who acts; a refused act changes nothing.

    Args:
        db: of the cases.
        clock: UTC milliseconds.
        options: how long orders hold, and which gateways take them.
    """

    def __init__(self, db: Database, clock: Clock, options: OrderOptions) -> None:
        self._db = db
        self._clock = clock
        self.options = options

    def order(self, case_id: str, who: Principal, request: OrderRequest) -> Order:
        """Stop a transfer, an account or a line; what is left out comes from the case's warnings.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: the case, the person or the target forbids it.
        """
        return self.order_all(case_id, who, [request])[0]

    def order_all(
        self, case_id: str, who: Principal, requests: Sequence[OrderRequest]
    ) -> list[Order]:
        """Place several orders of a case at once; if one is refused, none is placed.

        Raises:
            NotFoundError, StepRefusedError: as for ``order``.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who)
            rows = warnings_of(session, case)
            placed = []
            for request in requests:
                completed = completed_by_warnings(request, case, rows)
                fault = decide_placement(
                    completed,
                    erased=case.erased_at_ms is not None,
                    merged=case.duplicate_of is not None,
                    holds=case.holder == who.subject,
                    supervises=who.may("order.decide"),
                    known=is_known_target(session, case, rows, completed),
                )
                if fault is None and holding(session, case_id, completed) is not None:
                    fault = "already_stopped"
                _refuse(f"Case {case_id} takes no such order", fault)
                order = place(session, case, completed, self.options, who.subject, now_ms)
                send_order(session, case, order, self.options, now_ms)
                placed.append(order)
        return placed

    def extend(self, order_id: str, who: Principal, *, reason: str) -> Order:
        """Let an order hold once more for its time; the reason is kept.

        Raises:
            NotFoundError: no such order in the caller's scope.
            StepRefusedError: it is over, or was extended as often as allowed.
        """

        def act(session: Session, case: Case, order: Order, now_ms: int) -> None:
            _refuse(
                f"Order {order_id} cannot be extended",
                decide_extension(order.state, order.extensions, self.options.extensions),
            )
            order.extensions += 1
            order.extended_by = " ".join([*order.extended_by.split(), who.subject])
            order.expires_at_ms += self.options.holds_ms(order.tenant)
            detail = _detail(order) | {
                "extension": order.extensions,
                "holds_until_ms": order.expires_at_ms,
            }
            CaseHistory(session, who.subject, now_ms).record(
                case.case_id, "order_extended", detail, free_text={"note": reason}
            )
            look_at_orders(session, case, now_ms)

        return self._act(order_id, who, act)

    def hand_over(self, order_id: str, who: Principal, *, reference: str) -> Order:
        """End an order because a freeze with a reference of its own has taken its place.

        Raises:
            NotFoundError: no such order in the caller's scope.
            StepRefusedError: it is over, or an objection to it waits for its decision.
        """

        def act(session: Session, case: Case, order: Order, now_ms: int) -> None:
            objected = open_appeal(session, order_id) is not None
            fault = decide_end(order.state, objected=objected)
            _refuse(f"Order {order_id} cannot be handed over", fault)
            order.state, order.ended_at_ms = "handed_over", now_ms
            order.freeze_reference = reference
            CaseHistory(session, who.subject, now_ms).record(
                case.case_id, "order_handed_over", _detail(order), free_text={"note": reference}
            )
            case.version += 1

        return self._act(order_id, who, act)

    def release(
        self, order_id: str, who: Principal, *, reason: ReleaseByHand, note: str = ""
    ) -> Order:
        """Release what an order stops, because the person is cleared or for another reason.

        Raises:
            NotFoundError: no such order in the caller's scope.
            StepRefusedError: it is over, or an objection waits in which the person has a part.
        """

        def act(session: Session, case: Case, order: Order, now_ms: int) -> None:
            appeal = open_appeal(session, order_id)
            own = appeal is not None and has_a_part(who, order, appeal)
            _refuse(
                f"Order {order_id} cannot be released",
                decide_release(order.state, own_objection=own),
            )
            order_release(
                session, case, order, reason, self.options, who.subject, now_ms, note=note
            )

        return self._act(order_id, who, act)

    def record_result(
        self, order_id: str, who: Principal, *, done: bool, reference: str = ""
    ) -> Order:
        """Record what the bank or operator said on the telephone about an order or a release.

        Raises:
            NotFoundError: no such order in the caller's scope.
            StepRefusedError: it waits for no confirmation, or the person neither holds nor
                supervises its case.
        """

        def act(session: Session, case: Case, order: Order, now_ms: int) -> None:
            fault = decide_result(order.state)
            if case.holder != who.subject and not who.may("order.decide"):
                fault = "order_not_yours"
            _refuse(f"Order {order_id} takes no result", fault)
            actor = who.subject
            if order.state == "release_ordered":
                if done:
                    order_results.released(session, order, actor, now_ms, reference)
                else:
                    look_at_orders(session, case, now_ms)
            elif done:
                order_results.confirmed(session, order, reference, actor, now_ms, reference)
            else:
                order_results.refused(session, order, actor, now_ms, reference)
            case.version += 1

        return self._act(order_id, who, act)

    def _act(self, order_id: str, who: Principal, act: Act) -> Order:
        now_ms = self._clock()
        with self._db.write() as session:
            case, order = locked_order(session, self._db, order_id, who)
            act(session, case, order, now_ms)
        return order


def case_in(session: Session, scope: Scope, case_id: str) -> Case:
    """A case in scope.

    Raises:
        NotFoundError: there is none.
    """
    found: Case | None = session.scalar(
        select(Case).where(Case.case_id == case_id, scope.condition(Case.tenant, Case.district))
    )
    if found is None:
        raise NotFoundError("case", case_id)
    return found


def locked_order(
    session: Session, db: Database, order_id: str, who: Principal
) -> tuple[Case, Order]:
    """The order with its row locked, after its case's row, as in every other step.

    Raises:
        NotFoundError: no such order in the caller's scope.
    """
    wanted = select(Order).where(
        Order.order_id == order_id, who.scope.condition(Order.tenant, Order.district)
    )
    case_id = session.scalar(wanted.with_only_columns(Order.case_id))
    case = session.scalar(db.for_update(select(Case).where(Case.case_id == case_id)))
    # Read once the case is locked: until then another act could change it.
    order = session.scalar(db.for_update(wanted))
    if case is None or order is None or order.case_id != case.case_id:
        raise NotFoundError("order", order_id)
    return case, order


def _refuse(sentence: str, fault: str | None) -> None:
    if fault:
        raise StepRefusedError(
            f"{sentence}: {fault.replace('_', ' ')}.", code=fault, hint=HINTS.get(fault, "")
        )


def _detail(order: Order) -> dict[str, object]:
    return {"order_id": order.order_id, "kind": order.kind}
