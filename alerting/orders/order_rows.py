"""Makes the rows of orders: from what a person asks for, and from what the dispatch sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.history import CaseHistory
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, Warning_
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order
from alerting.orders.order_notices import notice_text
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_states import HOLDING, OrderKind, OrderSource

BY_DISPATCH = "system:dispatch"
_OF_CHANNEL: dict[str, OrderKind] = {"bank": "hold_transfer", "operator": "suspend_line"}


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What to stop, as far as it is known; amounts in minor units, times in UTC milliseconds.

    An empty ``legal_basis`` or ``currency`` takes that of the installation or the case.
    ``notify_phone`` is where the holder of a stopped account reads the reason, if it is known.
    """

    kind: OrderKind
    reason: str
    transfer_id: str = ""
    payer_name: str = ""
    payer_account: str = ""
    payee_name: str = ""
    payee_account: str = ""
    number: str = ""
    caller: str = ""
    amount_minor: int | None = None
    currency: str = ""
    occurred_at_ms: int | None = None
    legal_basis: str = ""
    notify_phone: str = ""
    source: OrderSource = "person"
    hop: int = 0

    @property
    def target(self) -> str:
        """What is stopped: the transfer, the account or the line."""
        targets = {
            "hold_transfer": self.transfer_id,
            "stop_account": self.payee_account,
            "suspend_line": self.number,
        }
        return targets[self.kind]


def completed_by_warnings(
    request: OrderRequest, case: Case, rows: Sequence[Warning_]
) -> OrderRequest:
    """The request with what the warnings of its case know and the person left out."""
    known = _transfer_of(request, rows)
    given: dict[str, object] = {"currency": request.currency or case.currency}
    if request.kind == "suspend_line":
        given["number"] = request.number or case.subscriber
        given["caller"] = request.caller or _newest_caller(rows)
    elif known is not None:
        given |= {
            "transfer_id": request.transfer_id or known.subject_id,
            "payer_account": request.payer_account or known.payer or "",
            "payee_account": request.payee_account or known.payee or "",
            "occurred_at_ms": _first(request.occurred_at_ms, known.event_time_ms),
            "amount_minor": _first(request.amount_minor, known.amount_at_risk_minor),
        }
    fields = {name: getattr(request, name) for name in OrderRequest.__dataclass_fields__}
    return OrderRequest(**(fields | given))


def place(
    session: Session,
    case: Case,
    request: OrderRequest,
    options: OrderOptions,
    actor: str,
    now_ms: int,
) -> Order:
    """Add an order, its history and its clock, in the caller's transaction; the case is locked."""
    order = Order(
        order_id=f"o-{uuid4().hex[:20]}",
        case_id=case.case_id,
        tenant=case.tenant,
        district=case.district,
        typology=case.typology,
        kind=request.kind,
        state="ordered",
        source=request.source,
        hop=request.hop,
        transfer_id=request.transfer_id,
        payer_name=request.payer_name,
        payer_account=request.payer_account,
        payee_name=request.payee_name,
        payee_account=request.payee_account,
        number=request.number,
        caller=request.caller,
        amount_minor=request.amount_minor,
        currency=request.currency,
        occurred_at_ms=request.occurred_at_ms,
        legal_basis=request.legal_basis or options.basis_of(request.kind),
        reason=request.reason,
        notify_phone=request.notify_phone,
        ordered_by=actor,
        ordered_at_ms=now_ms,
        expires_at_ms=now_ms + options.holds_ms(case.tenant),
    )
    session.add(order)
    session.flush()
    detail = {
        "order_id": order.order_id,
        "kind": order.kind,
        "source": order.source,
        "hop": order.hop,
        "amount_minor": order.amount_minor,
        "holds_until_ms": order.expires_at_ms,
    }
    written = {"note": request.reason} if request.source != "dispatch" else {}
    CaseHistory(session, actor, now_ms).record(
        case.case_id, "order_placed", detail, free_text=written
    )
    look_at_orders(session, case, now_ms)
    return order


def open_for(
    session: Session, case: Case, written: Sequence[Delivery], options: OrderOptions, now_ms: int
) -> None:
    """Open an order for each message of the dispatch that stops something.

    An order of the case that still stops the same is kept, with its clock: a case that was opened
    again does not hold money for longer.
    """
    for row in written:
        kind = _OF_CHANNEL.get(row.channel)
        if kind is None:
            continue
        rows = session.scalars(select(Warning_).where(Warning_.case_id == case.case_id)).all()
        asked = OrderRequest(
            kind=kind,
            reason="",
            transfer_id=row.address if kind == "hold_transfer" else "",
            source="dispatch",
        )
        request = completed_by_warnings(asked, case, rows)
        order = holding(session, case.case_id, request)
        if order is None:
            order = place(session, case, request, options, BY_DISPATCH, now_ms)
        order.delivery_id = row.delivery_id
        row.content = {**row.content, "notice": notice_text(order, "stopped", options)}


def holding(session: Session, case_id: str, request: OrderRequest) -> Order | None:
    """The order of a case that stops the same already, or None."""
    columns = {
        "hold_transfer": Order.transfer_id,
        "stop_account": Order.payee_account,
        "suspend_line": Order.number,
    }
    found: Order | None = session.scalar(
        select(Order)
        .where(
            Order.case_id == case_id,
            Order.kind == request.kind,
            Order.state.in_(HOLDING),
            columns[request.kind] == request.target,
        )
        .limit(1)
    )
    return found


def look_at_orders(session: Session, case: Case, due_ms: int) -> None:
    """Let the clock look at the orders of a case, at the latest at a time; raises its version."""
    case.version += 1
    timer_schedule.look_at_orders(session, case, due_ms)


def _transfer_of(request: OrderRequest, rows: Sequence[Warning_]) -> Warning_ | None:
    """The warned transfer that a request is about: the named one, or the newest to that account."""
    transfers = sorted(
        (row for row in rows if row.subject_kind == "transfer"),
        key=lambda row: (row.event_time_ms, row.warning_id),
        reverse=True,
    )
    if request.transfer_id:
        return next((row for row in transfers if row.subject_id == request.transfer_id), None)
    account = request.payee_account
    return next((row for row in transfers if not account or row.payee == account), None)


def _newest_caller(rows: Sequence[Warning_]) -> str:
    called = [row for row in rows if row.caller]
    newest = max(called, key=lambda row: row.event_time_ms, default=None)
    return (newest.caller or "") if newest else ""


def _first(given: int | None, known: int | None) -> int | None:
    return known if given is None else given
