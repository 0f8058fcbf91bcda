"""Routes of the trail of a case's money."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.access.masking import mask_account
from alerting.orders.money_stops import MoneyTrail
from alerting.web.api.operation_routes import CHANGE, Word
from alerting.web.api.order_routes import OrderView
from alerting.web.api.route_parameters import CaseId, Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1/cases", tags=["orders"])

SHOWN = 500
AccountKey = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class StopsBody(BaseModel):
    """Accounts of the trail to stop, by the keys that the trail names; and why."""

    model_config = ConfigDict(extra="forbid")

    accounts: Annotated[list[AccountKey], Field(min_length=1, max_length=50)]
    reason: Word


class TrailAccountView(BaseModel):
    """An account that the money reached; amounts in minor units."""

    key: str = Field(description="names the account in a request to stop it")
    account: str = Field(description="masked")
    hop: int = Field(description="accounts between the payment and this one; 0 is the payee's")
    received_minor: int
    left_minor: int = Field(description="what was not passed on")
    saved_minor: int = Field(description="what is left times the chance of a recall by its age")
    first_at_ms: int
    last_at_ms: int
    propose: bool
    reason: str


class TrailStepView(BaseModel):
    """A payment of the trail, and how much of the person's money it carried."""

    at_ms: int
    hop: int
    payer: str = Field(description="masked")
    payee: str = Field(description="masked")
    amount_minor: int
    carried_minor: int


class TrailView(BaseModel):
    """The trail: accounts in the order of what can still be saved, and the payments."""

    currency: str
    paid_minor: int
    cut: bool = Field(description="a hop had more payments than are read")
    accounts: list[TrailAccountView]
    payments: list[TrailStepView]

    @classmethod
    def of(cls, found: MoneyTrail) -> "TrailView":
        """The view of a trail; its longest lists are cut."""
        return cls(
            currency=found.case.currency,
            paid_minor=found.paid_minor,
            cut=found.cut or max(len(found.proposals), len(found.trail.steps)) > SHOWN,
            accounts=[
                TrailAccountView(
                    key=found.keys[one.account.account],
                    account=mask_account(one.account.account),
                    hop=one.account.hop,
                    received_minor=one.account.received_minor,
                    left_minor=one.account.left_minor,
                    saved_minor=one.saved_minor,
                    first_at_ms=one.account.first_at_ms,
                    last_at_ms=one.account.last_at_ms,
                    propose=one.propose,
                    reason=one.reason,
                )
                for one in found.proposals[:SHOWN]
            ],
            payments=[
                TrailStepView(
                    at_ms=step.payment.at_ms,
                    hop=step.hop,
                    payer=mask_account(step.payment.payer),
                    payee=mask_account(step.payment.payee),
                    amount_minor=step.payment.amount_minor,
                    carried_minor=step.carried_minor,
                )
                for step in found.trail.steps[:SHOWN]
            ],
        )


@router.get("/{case_id}/money", responses=CHANGE)
def money_trail(
    services: Service,
    who: Annotated[Principal, Depends(require("case.read"))],
    case_id: CaseId,
) -> TrailView:
    """Where the person's money went; the audit log has who looked."""
    return TrailView.of(services.money_stops.trace(case_id, who))


@router.post("/{case_id}/money/stops", status_code=201, responses=CHANGE)
def stop_accounts(
    services: Service,
    who: Annotated[Principal, Depends(require("order.place"))],
    case_id: CaseId,
    body: StopsBody,
) -> list[OrderView]:
    """Stop accounts of the trail at once; if one is refused, none is stopped."""
    rows = services.money_stops.stop(case_id, who, body.accounts, reason=body.reason)
    return [OrderView.of(row, services.clock()) for row in rows]
