"""The evidence pack of a case, and figures of cases, over the API."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.cases.figures.case_figures import (
    FigureDimension,
    Period,
    TooManyCasesError,
    figures_of,
)
from alerting.evidence.evidence_service import EvidenceRequest
from alerting.service_errors import InvalidRequestError
from alerting.web.api.operation_routes import CHANGE, READ, Word
from alerting.web.api.route_parameters import CaseId, Service
from alerting.web.auth.route_access import require
from alerting.web.console.evidence_words import evidence_words
from alerting.web.console.translations import translator

router = APIRouter(prefix="/v1", tags=["reports"])

LONGEST_DAYS = 800
DayOf = Annotated[date, Query(description="local day")]


class EvidenceBody(BaseModel):
    """Why the pack is made; ``clear`` for numbers, accounts and names in clear."""

    model_config = ConfigDict(extra="forbid")

    reason: Word
    clear: bool = False
    language: Literal["zh", "en"] = "zh"


class FigureView(BaseModel):
    """The figures of a period and value; counts of cases, amounts in minor units."""

    period: str
    value: str
    currency: str
    warned: int
    reached: int
    visited: int
    in_time: int = Field(description="a first response within the deadline")
    dissuaded: int
    lost: int
    false_alarms: int
    released: int = Field(description="orders that were released")
    again: int = Field(description="about people dissuaded within the watch period before")
    prevented_minor: int
    lost_minor: int


@router.post("/cases/{case_id}/evidence", responses=CHANGE, response_class=Response)
def evidence_pack(
    services: Service,
    who: Annotated[Principal, Depends(require("evidence.export"))],
    case_id: CaseId,
    body: EvidenceBody,
) -> Response:
    """The file of a case with its proof; check it with `forewarn evidence verify FILE`."""
    words = evidence_words(translator(body.language), services.zone, services.playbooks.current)
    content = services.evidence.export(
        case_id, who, EvidenceRequest(body.reason, body.clear), words
    )
    return Response(content, media_type="text/html; charset=utf-8")


@router.get("/reports/figures", responses=READ)
def figures(
    services: Service,
    who: Annotated[Principal, Depends(require("report.read"))],
    from_day: DayOf,
    to_day: DayOf,
    by: FigureDimension = "severity",
    period: Period = "month",
) -> list[FigureView]:
    """Figures of the cases that were opened from one day to another, both included."""
    if (
        not 0 <= (to_day - from_day).days < LONGEST_DAYS
        or to_day.year > 2200
        or from_day.year < 1970
    ):
        raise InvalidRequestError("This is not a span of days.", code="not_a_period")
    first = datetime.combine(from_day, time(), services.zone)
    last = datetime.combine(to_day + timedelta(days=1), time(), services.zone)
    try:
        with services.db.snapshot() as session:
            rows = figures_of(
                session,
                who.scope,
                from_ms=int(first.timestamp() * 1000),
                to_ms=int(last.timestamp() * 1000),
                by=by,
                period=period,
                zone=services.zone,
            )
    except TooManyCasesError:
        raise InvalidRequestError("Too many cases in this span.", code="span_too_long") from None
    return [
        FigureView(
            period=row.period,
            value=row.value,
            currency=row.currency,
            **{name: getattr(row.figures, name) for name in COUNTED},
        )
        for row in rows
    ]


COUNTED = tuple(FigureView.model_fields)[3:]
