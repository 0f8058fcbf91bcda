"""Objections to orders: decided by a person who neither ordered nor took them down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.order_tables import Appeal, Order
from alerting.orders.appeal_decision import HINTS, AppealWay, decide_filing, decide_outcome
from alerting.orders.appeal_rows import has_a_part, open_appeal
from alerting.orders.order_notices import write_notice
from alerting.orders.order_release import order_release
from alerting.orders.order_rows import look_at_orders
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_service import locked_order
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class Objection:
    """What a person says against an order; ``phone`` is where the decision is sent, if given."""

    objector: str
    statement: str
    way: AppealWay
    phone: str = ""


class AppealService:
    """Files and decides objections.

    Args:
        db: of the orders.
        clock: UTC milliseconds.
        options: the deadline, and texts of notices.
    """

    def __init__(self, db: Database, clock: Clock, options: OrderOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options

    def file(self, order_id: str, who: Principal, objection: Objection) -> Appeal:
        """File an objection to an order that still stops something; its deadline runs from now.

        Raises:
            NotFoundError: no such order in the caller's scope.
            StepRefusedError: it stops nothing, or another objection to it is open.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case, order = locked_order(session, self._db, order_id, who)
            has_open = open_appeal(session, order_id) is not None
            _refuse("This objection cannot be filed", decide_filing(order.state, has_open=has_open))
            appeal = Appeal(
                appeal_id=f"a-{uuid4().hex[:20]}",
                order_id=order_id,
                case_id=order.case_id,
                tenant=order.tenant,
                district=order.district,
                way=objection.way,
                objector=objection.objector,
                phone=objection.phone,
                statement=objection.statement,
                filed_by=who.subject,
                filed_at_ms=now_ms,
                due_at_ms=now_ms + self._options.appeal_ms(order.tenant),
                state="open",
            )
            session.add(appeal)
            detail = {"way": appeal.way, "due_at_ms": appeal.due_at_ms}
            _record(session, order, appeal, "appeal_filed", who.subject, now_ms, detail)
            look_at_orders(session, case, now_ms)
        return appeal

    def uphold(self, appeal_id: str, who: Principal, *, reason: str = "") -> Appeal:
        """Grant an objection: the order is released because of it.

        Raises:
            NotFoundError: no such objection in the caller's scope.
            StepRefusedError: it is decided, or the caller ordered, extended, took it down or objects.
        """

        def act(session: Session, case: Case, order: Order, appeal: Appeal, now_ms: int) -> None:
            appeal.state = "upheld"
            _record(session, order, appeal, "appeal_upheld", who.subject, now_ms)
            order_release(
                session, case, order, "appeal", self._options, who.subject, now_ms, note=reason
            )

        return self._decide(appeal_id, who, act, upheld=True, reason=reason)

    def refuse(self, appeal_id: str, who: Principal, *, reason: str) -> Appeal:
        """Refuse an objection with a reason, which the person who objects is sent.

        Raises:
            NotFoundError, StepRefusedError: as for ``uphold``; also without a reason.
        """

        def act(session: Session, case: Case, order: Order, appeal: Appeal, now_ms: int) -> None:
            appeal.state = "refused"
            via = write_notice(
                session, case, order, "objection_refused", self._options, now_ms, appeal=appeal
            )
            detail = {"via": via}
            _record(session, order, appeal, "appeal_refused", who.subject, now_ms, detail)
            case.version += 1

        return self._decide(appeal_id, who, act, upheld=False, reason=reason)

    def _decide(
        self,
        appeal_id: str,
        who: Principal,
        act: Callable[[Session, Case, Order, Appeal, int], None],
        *,
        upheld: bool,
        reason: str,
    ) -> Appeal:
        now_ms = self._clock()
        with self._db.write() as session:
            order_id = session.scalar(
                select(Appeal.order_id).where(
                    Appeal.appeal_id == appeal_id,
                    who.scope.condition(Appeal.tenant, Appeal.district),
                )
            )
            if order_id is None:
                raise NotFoundError("objection", appeal_id)
            case, order = locked_order(session, self._db, order_id, who)
            appeal = session.get_one(Appeal, appeal_id, populate_existing=True)
            fault = decide_outcome(
                appeal.state,
                concerned=has_a_part(who, order, appeal),
                upheld=upheld,
                reason=reason,
            )
            _refuse(f"Objection {appeal_id} cannot be decided so", fault)
            appeal.decided_by, appeal.decided_at_ms = who.subject, now_ms
            appeal.decision_note = reason
            act(session, case, order, appeal, now_ms)
        return appeal


def _record(
    session: Session,
    order: Order,
    appeal: Appeal,
    action: AuditAction,
    actor: str,
    now_ms: int,
    detail: Mapping[str, object] | None = None,
) -> None:
    named: dict[str, object] = {
        "order_id": order.order_id,
        "appeal_id": appeal.appeal_id,
        "kind": order.kind,
    }
    said = appeal.decision_note or appeal.statement
    CaseHistory(session, actor, now_ms).record(
        order.case_id, action, {**named, **(detail or {})}, free_text={"note": said}
    )


def _refuse(sentence: str, fault: str | None) -> None:
    if fault:
        raise StepRefusedError(
            f"{sentence}: {fault.replace('_', ' ')}.", code=fault, hint=HINTS.get(fault, "")
        )
