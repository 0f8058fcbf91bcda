"""Routes of the sweeps that wait for a supervisor."""

from fastapi import APIRouter
from pydantic import BaseModel

from alerting.access.masking import mask_account, mask_phone
from alerting.db.contact_tables import Sweep
from alerting.web.api.operation_routes import CHANGE, READ, Approve, ReadLists, TokenPath
from alerting.web.api.route_parameters import Service

router = APIRouter(prefix="/v1", tags=["desk"])


class SweepView(BaseModel):
    """A sweep; its number or account is masked."""

    sweep_id: str
    tenant: str
    case_id: str
    kind: str
    peer: str
    state: str
    held_because: str
    decided_by: str | None
    requested_at_ms: int

    @classmethod
    def of(cls, row: Sweep) -> "SweepView":
        """The view of a row."""
        mask = mask_phone if row.kind == "phone" else mask_account
        plain = {name: getattr(row, name) for name in cls.model_fields if name != "peer"}
        return cls(**plain, peer=mask(row.peer))


@router.get("/sweeps", responses=READ)
def held(services: Service, who: ReadLists) -> list[SweepView]:
    """Sweeps that wait for a decision, oldest first."""
    return [SweepView.of(row) for row in services.sweeps.held(who.scope)]


@router.post("/sweeps/{sweep_id}/approve", responses=CHANGE)
def approve(services: Service, who: Approve, sweep_id: TokenPath) -> SweepView:
    """Let a held sweep go ahead: the people in contact with the number are warned, and it is blocked."""
    return SweepView.of(services.sweeps.approve(sweep_id, who))


@router.post("/sweeps/{sweep_id}/reject", responses=CHANGE)
def reject(services: Service, who: Approve, sweep_id: TokenPath) -> SweepView:
    """Drop a held sweep, for example when swindlers only showed the number."""
    return SweepView.of(services.sweeps.reject(sweep_id, who))
