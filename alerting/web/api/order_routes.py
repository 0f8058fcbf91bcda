"""Routes of orders that stop a transfer, an account or a line."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.access.masking import mask_account, mask_name, mask_phone
from alerting.db.order_tables import Order
from alerting.orders.order_queries import order_in, orders_in
from alerting.orders.order_rows import OrderRequest
from alerting.orders.order_states import (
    OPEN,
    OrderKind,
    OrderState,
    ReleaseByHand,
)
from alerting.web.api.operation_routes import CHANGE, READ, Instant, TokenPath, Word
from alerting.web.api.route_parameters import MAX_MINOR, CaseId, Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["orders"])

Reader = Annotated[Principal, Depends(require("case.read"))]
Placer = Annotated[Principal, Depends(require("order.place"))]
Decider = Annotated[Principal, Depends(require("order.decide"))]
Name = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
AccountText = Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]*$")]
NumberText = Annotated[str, Field(max_length=20, pattern=r"^\+?[0-9]*$")]
Amount = Annotated[int, Field(ge=0, le=MAX_MINOR, description="minor units of the currency")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderBody(_Body):
    """What to stop; what is left out comes from the warnings of the case.

    ``hold_transfer`` needs ``transfer_id`` unless the case has a warned transfer, ``stop_account``
    the ``payee_account`` unless a warning names it. ``suspend_line`` is for the line of the person
    unless ``number`` names another.
    """

    kind: OrderKind
    reason: Word
    transfer_id: AccountText = ""
    payer_name: Name = ""
    payer_account: AccountText = ""
    payee_name: Name = ""
    payee_account: AccountText = ""
    number: NumberText = ""
    caller: NumberText = ""
    amount_minor: Amount | None = None
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    occurred_at_ms: Instant | None = None
    legal_basis: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] = ""
    notify_phone: Annotated[
        str,
        Field(
            max_length=20,
            pattern=r"^(\+?[0-9]{3,19})?$",
            description="where the holder of a stopped account reads the reason",
        ),
    ] = ""


class ExtensionBody(_Body):
    """Why the order has to hold for longer."""

    reason: Word


class FreezeBody(_Body):
    """The reference of the freeze that takes the order's place."""

    reference: Word


class ReleaseBody(_Body):
    """Why it is released: the person is cleared, or another reason that the note gives."""

    reason: ReleaseByHand
    note: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class ResultBody(_Body):
    """What a bank or operator said on the telephone."""

    done: bool
    reference: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class OrderView(BaseModel):
    """An order; names, numbers and accounts are masked."""

    order_id: str
    case_id: str
    tenant: str
    district: str
    typology: str
    kind: str
    state: str
    source: str
    hop: int
    transfer_id: str
    payer_name: str
    payer_account: str
    payee_name: str
    payee_account: str
    number: str
    caller: str
    amount_minor: int | None
    currency: str
    occurred_at_ms: int | None
    legal_basis: str
    reason: str
    ordered_by: str
    ordered_at_ms: int
    confirmed_at_ms: int | None
    expires_at_ms: int
    time_left_ms: int = Field(description="until it runs out; negative afterwards")
    extensions: int
    release_reason: str | None
    released_by: str | None
    release_ordered_at_ms: int | None
    ended_at_ms: int | None
    freeze_reference: str
    notified_at_ms: int | None = Field(description="when the person was given notice")
    hit_honest: bool = Field(description="it turned out to hit an honest person")

    @classmethod
    def of(cls, row: Order, now_ms: int) -> "OrderView":
        """The view of a row."""
        masked = {
            "payer_name": mask_name(row.payer_name),
            "payee_name": mask_name(row.payee_name),
            "payer_account": mask_account(row.payer_account),
            "payee_account": mask_account(row.payee_account),
            "number": mask_phone(row.number),
            "caller": mask_phone(row.caller),
            "time_left_ms": row.expires_at_ms - now_ms,
        }
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in masked}
        return cls(**plain, **masked)


@router.get("/orders", responses=READ)
def list_orders(
    services: Service,
    who: Reader,
    state: Annotated[
        list[OrderState] | None, Query(description="default: those that still need an act")
    ] = None,
    kind: OrderKind | None = None,
    case_id: Annotated[str | None, Query(max_length=64, pattern=r"^[\x21-\x7e]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[OrderView]:
    """Orders, those that end first at the top."""
    with services.db.read() as session:
        rows = orders_in(
            session, who.scope, states=state or OPEN, kind=kind, case_id=case_id, limit=limit
        )
    now_ms = services.clock()
    return [OrderView.of(row, now_ms) for row in rows]


@router.get("/orders/{order_id}", responses=CHANGE)
def get_order(services: Service, who: Reader, order_id: TokenPath) -> OrderView:
    """One order."""
    with services.db.read() as session:
        row = order_in(session, who.scope, order_id)
    return OrderView.of(row, services.clock())


@router.post("/cases/{case_id}/orders", status_code=201, responses=CHANGE)
def place_order(services: Service, who: Placer, case_id: CaseId, body: OrderBody) -> OrderView:
    """Stop a transfer, an account or a line; for the holder of the case or a supervisor."""
    row = services.orders.order(case_id, who, OrderRequest(**body.model_dump()))
    return OrderView.of(row, services.clock())


@router.post("/orders/{order_id}/extend", responses=CHANGE)
def extend(services: Service, who: Decider, order_id: TokenPath, body: ExtensionBody) -> OrderView:
    """Let the order hold once more for its time; at most twice."""
    row = services.orders.extend(order_id, who, reason=body.reason)
    return OrderView.of(row, services.clock())


@router.post("/orders/{order_id}/hand-over", responses=CHANGE)
def hand_over(services: Service, who: Decider, order_id: TokenPath, body: FreezeBody) -> OrderView:
    """A freeze has taken the order's place; it needs no release any more."""
    row = services.orders.hand_over(order_id, who, reference=body.reference)
    return OrderView.of(row, services.clock())


@router.post("/orders/{order_id}/release", responses=CHANGE)
def release_order(
    services: Service, who: Decider, order_id: TokenPath, body: ReleaseBody
) -> OrderView:
    """Release what the order stops; the gateway confirms it like the order."""
    row = services.orders.release(order_id, who, reason=body.reason, note=body.note)
    return OrderView.of(row, services.clock())


@router.post("/orders/{order_id}/result", responses=CHANGE)
def record_result(
    services: Service, who: Placer, order_id: TokenPath, body: ResultBody
) -> OrderView:
    """Record what the bank or operator said on the telephone about the order or its release."""
    row = services.orders.record_result(order_id, who, done=body.done, reference=body.reference)
    return OrderView.of(row, services.clock())
