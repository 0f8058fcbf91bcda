"""Routes of the closures that a second person checks."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.cases.closure_reviews import ReviewVerdict
from alerting.db.review_tables import ClosureReview
from alerting.web.api.case_routes import STEP
from alerting.web.api.operation_routes import READ
from alerting.web.api.route_parameters import CaseId, Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["desk"])

Reviewer = Annotated[Principal, Depends(require("case.reopen"))]


class ReviewBody(BaseModel):
    """A verdict; a disagreement says in the note what should have been done."""

    model_config = ConfigDict(extra="forbid")

    verdict: ReviewVerdict
    note: Annotated[str, Field(max_length=2000)] = ""


class ReviewView(BaseModel):
    """A closure that was chosen for review; times in UTC milliseconds."""

    case_id: str
    state: str
    chosen_at_ms: int
    closed_by: str
    disposition: str
    reviewer: str | None
    reviewed_at_ms: int | None

    @classmethod
    def of(cls, row: ClosureReview) -> "ReviewView":
        """The view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


@router.get("/reviews", responses=READ)
def due(services: Service, who: Reviewer) -> list[ReviewView]:
    """Closures that wait for a review, oldest first, a hundred at most."""
    return [ReviewView.of(row) for row in services.reviews.due(who.scope)]


@router.post("/cases/{case_id}/review", responses=STEP)
def review(services: Service, who: Reviewer, case_id: CaseId, body: ReviewBody) -> ReviewView:
    """Record the verdict of a second person on a closure."""
    row = services.reviews.review(case_id, who, verdict=body.verdict, note=body.note)
    return ReviewView.of(row)
