"""Routes of return visits."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.cases.visits.return_visits import VisitResult
from alerting.db.visit_tables import ReturnVisit
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["return visits"])

Read = Annotated[Principal, Depends(require("case.read"))]
Work = Annotated[Principal, Depends(require("case.work"))]
Report = Annotated[Principal, Depends(require("report.read"))]
Key = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Hours = Annotated[int, Path(ge=1, le=2_160)]


class VisitView(BaseModel):
    """A return visit without the person's number."""

    case_id: str
    hours: int
    district: str
    holder: str
    due_ms: int
    state: str
    result: str

    @classmethod
    def of(cls, row: ReturnVisit) -> "VisitView":
        """The view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class VisitBody(BaseModel):
    """How the person was met."""

    model_config = ConfigDict(extra="forbid")

    result: VisitResult
    note: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class RevictimisedView(BaseModel):
    """People dissuaded in the last days, and those of them with a later case."""

    days: int
    dissuaded: int
    again: int


@router.get("/return-visits", responses=responses(401, 403, 422, 429, 503))
def visits(services: Service, who: Read) -> list[VisitView]:
    """Planned visits that are due or come within a day."""
    return [VisitView.of(row) for row in services.visits.open_visits(who.scope)]


@router.post(
    "/return-visits/{case_id}/{hours}", responses=responses(401, 403, 404, 409, 422, 429, 503)
)
def note_visit(
    services: Service, who: Work, case_id: Key, hours: Hours, body: VisitBody
) -> VisitView:
    """Note how a visit went."""
    row = services.visits.note(case_id, hours, who, result=body.result, note=body.note)
    return VisitView.of(row)


@router.get("/reports/re-victimisation", responses=responses(401, 403, 422, 429, 503))
def revictimised(
    services: Service, who: Report, days: Annotated[int, Query(ge=1, le=366)] = 90
) -> RevictimisedView:
    """How many people who were dissuaded had another case afterwards."""
    found = services.visits.revictimised(who.scope, days=days)
    return RevictimisedView(days=days, dissuaded=found.dissuaded, again=found.again)
