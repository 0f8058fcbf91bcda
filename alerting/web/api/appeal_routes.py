"""Routes of objections to orders."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.access.masking import mask_name, mask_phone
from alerting.db.order_tables import Appeal
from alerting.orders.appeal_decision import AppealState
from alerting.orders.appeal_rows import appeals_in
from alerting.orders.appeal_service import Objection
from alerting.web.api.operation_routes import CHANGE, READ, TokenPath
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["orders"])

Reader = Annotated[Principal, Depends(require("case.read"))]
Filer = Annotated[Principal, Depends(require("order.place"))]
Decider = Annotated[Principal, Depends(require("order.decide"))]


class AppealBody(BaseModel):
    """An objection as it was received; ``phone`` is where the decision is sent."""

    model_config = ConfigDict(extra="forbid")

    objector: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
    statement: Annotated[str, Field(min_length=3, max_length=2000, pattern=r"^[^\x00]+$")]
    way: Literal["api", "phone"] = "api"
    phone: Annotated[str, Field(max_length=20, pattern=r"^(\+?[0-9]{3,19})?$")] = ""


class DecisionBody(BaseModel):
    """The decision; a refusal needs a reason, which the person who objects is sent."""

    model_config = ConfigDict(extra="forbid")

    uphold: bool
    reason: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class AppealView(BaseModel):
    """An objection; the name and the number of the person who objects are masked."""

    appeal_id: str
    order_id: str
    case_id: str
    tenant: str
    district: str
    way: str
    objector: str
    phone: str
    statement: str
    filed_by: str
    filed_at_ms: int
    due_at_ms: int
    time_left_ms: int = Field(description="until it is due; negative when overdue")
    state: str
    decided_by: str | None
    decided_at_ms: int | None
    decision_note: str

    @classmethod
    def of(cls, row: Appeal, now_ms: int) -> "AppealView":
        """The view of a row."""
        masked = {
            "objector": mask_name(row.objector),
            "phone": mask_phone(row.phone),
            "time_left_ms": row.due_at_ms - now_ms,
        }
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in masked}
        return cls(**plain, **masked)


@router.get("/appeals", responses=READ)
def list_appeals(
    services: Service,
    who: Reader,
    state: Annotated[list[AppealState] | None, Query(description="default: open ones")] = None,
    order_id: Annotated[str | None, Query(max_length=64, pattern=r"^[\x21-\x7e]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[AppealView]:
    """Objections, those that are due first at the top."""
    with services.db.read() as session:
        rows = appeals_in(
            session, who.scope, states=state or ("open",), order_id=order_id, limit=limit
        )
    now_ms = services.clock()
    return [AppealView.of(row, now_ms) for row in rows]


@router.post("/orders/{order_id}/appeals", status_code=201, responses=CHANGE)
def file_appeal(services: Service, who: Filer, order_id: TokenPath, body: AppealBody) -> AppealView:
    """File an objection to an order; its deadline runs from now."""
    row = services.appeals.file(order_id, who, Objection(**body.model_dump()))
    return AppealView.of(row, services.clock())


@router.post("/appeals/{appeal_id}/decide", responses=CHANGE)
def decide_appeal(
    services: Service, who: Decider, appeal_id: TokenPath, body: DecisionBody
) -> AppealView:
    """Uphold an objection, which releases the order, or refuse it with a reason."""
    if body.uphold:
        row = services.appeals.uphold(appeal_id, who, reason=body.reason)
    else:
        row = services.appeals.refuse(appeal_id, who, reason=body.reason)
    return AppealView.of(row, services.clock())
