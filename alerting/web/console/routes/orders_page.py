"""The orders that stop a transfer, an account or a line: the list, one order, those of a case."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Response
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from alerting.access import Principal, UnmaskDecision, may_unmask
from alerting.access.masking import mask_account, mask_name, mask_phone
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.order_tables import Order
from alerting.orders.appeal_decision import STATES as APPEAL_STATES
from alerting.orders.appeal_rows import appeals_in, has_a_part
from alerting.orders.appeal_service import Objection
from alerting.orders.order_queries import order_in, orders_in
from alerting.orders.order_rows import OrderRequest
from alerting.orders.order_states import HOLDING, OPEN, STATES, OrderKind, ReleaseByHand
from alerting.web.auth.route_access import require
from alerting.web.console.amount_input import amount_minor
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.number_reveal import UnmaskPurpose, check_reveal, reveal
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.case_query import find_case

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Placer = Annotated[Principal, Depends(require("order.place"))]
Decider = Annotated[Principal, Depends(require("order.decide"))]
Id = Annotated[str, Path(max_length=64)]
Sentence = Annotated[str, Form(min_length=3, max_length=200)]
Name = Annotated[str, Form(max_length=100)]
Account = Annotated[str, Form(max_length=64, pattern=r"^[\x21-\x7e]*$")]
Shown = Literal["open", "late", "all"]
LIFE_LIMIT = 200


@router.get("/console/orders")
def orders_page(
    page: Signed,
    who: Reader,
    show: Shown = "open",
    kind: Annotated[str, Query(max_length=20, pattern="^[a-z_]*$")] = "",
) -> Response:
    """Orders, those that end first at the top; ``late``: releases without a confirmation."""
    states = {"open": OPEN, "late": ("release_ordered",), "all": STATES}[show]
    with page.services.db.read() as session:
        rows = orders_in(session, who.scope, states=states, kind=kind or None)
        appeals = appeals_in(session, who.scope)
    subjects = {row.ordered_by for row in rows} | {appeal.filed_by for appeal in appeals}
    return page.render(
        "orders.html",
        rows=rows,
        appeals=appeals,
        show=show,
        kind=kind,
        names=page.access.names_of(subjects),
    )


@router.get("/console/orders/{order_id}")
def order_page(page: Signed, who: Reader, order_id: Id) -> Response:
    """One order: what it states, its life, and what can be done."""
    with page.services.db.read() as session:
        order = order_in(session, who.scope, order_id)
        case = session.get_one(Case, order.case_id)
        life = _life(session, order)
        appeals = appeals_in(session, who.scope, states=APPEAL_STATES, order_id=order_id)
    subjects = {event.actor for event in life} | {order.ordered_by, *order.extended_by.split()}
    subjects.add(order.released_by or "")
    subjects |= {appeal.filed_by for appeal in appeals}
    subjects |= {appeal.decided_by for appeal in appeals if appeal.decided_by}
    waiting = next((appeal for appeal in appeals if appeal.state == "open"), None)
    own = waiting is not None and has_a_part(who, order, waiting)
    return page.render(
        "order.html",
        order=order,
        life=life,
        appeals=appeals,
        waiting=waiting,
        may_decide=who.may("order.decide") and not own,
        names=page.access.names_of(subjects),
        holds=order.state in HOLDING,
        unmask=_unmask(order, case, who),
        most_extensions=page.services.orders.options.extensions,
    )


@router.post("/console/orders/{order_id}/extend")
def extend(page: Signed, who: Decider, order_id: Id, reason: Sentence) -> Response:
    """Let an order hold once more for its time."""
    page.services.orders.extend(order_id, who, reason=reason)
    return page.go(f"/console/orders/{order_id}")


@router.post("/console/orders/{order_id}/hand-over")
def hand_over(page: Signed, who: Decider, order_id: Id, reference: Sentence) -> Response:
    """A freeze has taken its place."""
    page.services.orders.hand_over(order_id, who, reference=reference)
    return page.go(f"/console/orders/{order_id}")


@router.post("/console/orders/{order_id}/release")
def release(
    page: Signed,
    who: Decider,
    order_id: Id,
    reason: Annotated[ReleaseByHand, Form()],
    note: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Release what it stops."""
    page.services.orders.release(order_id, who, reason=reason, note=note)
    return page.go(f"/console/orders/{order_id}")


@router.post("/console/orders/{order_id}/result")
def result(
    page: Signed,
    who: Placer,
    order_id: Id,
    done: Annotated[bool, Form()],
    reference: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Record what the bank or operator said on the telephone."""
    page.services.orders.record_result(order_id, who, done=done, reference=reference)
    return page.go(f"/console/orders/{order_id}")


@router.post("/console/orders/{order_id}/appeals")
def file_appeal(
    page: Signed,
    who: Placer,
    order_id: Id,
    objector: Annotated[str, Form(min_length=1, max_length=100)],
    statement: Annotated[str, Form(min_length=3, max_length=2000)],
    phone: Annotated[str, Form(max_length=20, pattern=r"^(\+?[0-9]{3,19})?$")] = "",
    way: Annotated[Literal["console", "phone"], Form()] = "phone",
) -> Response:
    """Take down an objection."""
    page.services.appeals.file(order_id, who, Objection(objector, statement, way, phone))
    return page.go(f"/console/orders/{order_id}")


@router.post("/console/appeals/{appeal_id}/{verdict}")
def decide_appeal(
    page: Signed,
    who: Decider,
    appeal_id: Id,
    verdict: Literal["uphold", "refuse"],
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Decide on an objection as a person who neither ordered nor took it down."""
    act = page.services.appeals.uphold if verdict == "uphold" else page.services.appeals.refuse
    appeal = act(appeal_id, who, reason=reason)
    return page.go(f"/console/orders/{appeal.order_id}")


@router.post("/console/orders/{order_id}/unmask")
def unmask(
    page: Signed,
    who: Reader,
    order_id: Id,
    why: Annotated[UnmaskPurpose | None, Form()] = None,
) -> Response:
    """Show names, numbers and accounts in clear for a minute, to read them out to a bank."""
    with page.services.db.read() as session:
        order = order_in(session, who.scope, order_id)
        case = session.get_one(Case, order.case_id)
        appeals = appeals_in(session, who.scope, states=APPEAL_STATES, order_id=order_id)
    check_reveal(page, who, case.case_id, "order", _unmask(order, case, who), why)
    masked = [
        (mask_name(order.payer_name), order.payer_name),
        (mask_account(order.payer_account), order.payer_account),
        (mask_name(order.payee_name), order.payee_name),
        (mask_account(order.payee_account), order.payee_account),
        (mask_phone(order.number), order.number),
        (mask_phone(order.caller), order.caller),
        *((mask_phone(appeal.phone), appeal.phone) for appeal in appeals),
        *((mask_name(appeal.objector), appeal.objector) for appeal in appeals),
    ]
    return reveal(page, [pair for pair in masked if pair[1]])


@router.get("/console/cases/{case_id}/orders")
def case_orders(page: Signed, who: Reader, case_id: Id) -> Response:
    """The orders of a case, and the form of another one."""
    with page.services.db.read() as session:
        case = find_case(session, case_id, who)
        rows = orders_in(session, who.scope, states=STATES, case_id=case_id)
        transfers = session.scalars(
            select(Warning_)
            .where(Warning_.case_id == case_id, Warning_.subject_kind == "transfer")
            .order_by(Warning_.event_time_ms.desc())
            .limit(LIFE_LIMIT)
        ).all()
    mine = case.holder == who.subject or who.may("order.decide")
    options = page.services.orders.options
    return page.render(
        "case_orders.html",
        case=case,
        rows=rows,
        transfers=transfers,
        may_order=who.may("order.place") and mine and case.erased_at_ms is None,
        hours=options.hours_by_tenant.get(case.tenant, options.hours),
    )


@router.post("/console/cases/{case_id}/orders")
def place(
    page: Signed,
    who: Placer,
    case_id: Id,
    kind: Annotated[OrderKind, Form()],
    reason: Sentence,
    transfer_id: Account = "",
    payee_account: Account = "",
    payee_name: Name = "",
    payer_name: Name = "",
    number: Annotated[str, Form(max_length=20, pattern=r"^\+?[0-9]*$")] = "",
    notify_phone: Annotated[str, Form(max_length=20, pattern=r"^(\+?[0-9]{3,19})?$")] = "",
    amount: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Stop a transfer, an account or a line."""
    with page.services.db.read() as session:
        currency = find_case(session, case_id, who).currency
    request = OrderRequest(
        kind,
        reason,
        transfer_id=transfer_id,
        payee_account=payee_account,
        payee_name=payee_name,
        payer_name=payer_name,
        number=number,
        notify_phone=notify_phone,
        amount_minor=amount_minor(amount, currency, "amount") if amount.strip() else None,
    )
    order = page.services.orders.order(case_id, who, request)
    return page.go(f"/console/orders/{order.order_id}")


def _unmask(order: Order, case: Case, who: Principal) -> UnmaskDecision:
    """An order outlives its case: while it is open, its bank may still have to be called."""
    return may_unmask(
        who,
        tenant=order.tenant,
        district=order.district,
        holder=case.holder,
        is_open=case.state != "closed" or order.state in OPEN,
    )


def _life(session: Session, order: Order) -> list[CaseEvent]:
    """What happened to an order, newest first."""
    events = session.scalars(
        select(CaseEvent)
        .where(
            CaseEvent.case_id == order.case_id,
            or_(*(CaseEvent.kind.like(f"{part}%") for part in ("order", "release_", "appeal"))),
        )
        .order_by(CaseEvent.event_no.desc())
        .limit(LIFE_LIMIT)
    )
    return [row for row in events if row.detail.get("order_id") == order.order_id]
