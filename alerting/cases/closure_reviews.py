"""Reviews of closures: a random share of them is checked by a second person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.case_steps import lock_case
from alerting.cases.history import CaseHistory
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.review_tables import ClosureReview
from alerting.service_errors import StepRefusedError
from forewarn.platform.clock import Clock

LIMIT = 100
FIGURES_DAYS = 30
DAY_MS = 86_400_000
_DICE = SystemRandom().random
ReviewVerdict = Literal["agreed", "disagreed"]


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """Reviews of the last 30 days by their verdict, and all that are due."""

    due: int
    agreed: int
    disagreed: int

    @property
    def share_agreed(self) -> float | None:
        """0 to 1; None without a review."""
        reviewed = self.agreed + self.disagreed
        return self.agreed / reviewed if reviewed else None


class ReviewSample:
    """Chooses closures for review.

    Args:
        share: of closures, 0 to 1.
        dice: a number from 0 to below 1; the default's cannot be foreseen.
    """

    def __init__(self, share: float, dice: Callable[[], float] = _DICE) -> None:
        self._share = share
        self._dice = dice

    def choose(self, session: Session, case: Case, now_ms: int) -> bool:
        """Choose the closure of a case or not; a duplicate is reviewed with the other case.

        Returns:
            Whether the closure is reviewed.
        """
        if case.duplicate_of is not None or case.closed_by is None:
            return False
        waiting = session.scalar(
            select(ClosureReview).where(
                ClosureReview.case_id == case.case_id, ClosureReview.state == "due"
            )
        )
        if waiting is None and self._dice() >= self._share:
            return False
        if waiting is None:
            waiting = ClosureReview(
                case_id=case.case_id, tenant=case.tenant, district=case.district
            )
            session.add(waiting)
        waiting.chosen_at_ms = now_ms
        waiting.closed_by = case.closed_by
        waiting.disposition = case.disposition or ""
        return True


class ClosureReviews:
    """Lists what is due, and records verdicts."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def due(self, scope: Scope) -> Sequence[ClosureReview]:
        """Closures that wait for a review, oldest first."""
        statement = select(ClosureReview).where(*_due(scope)).order_by(ClosureReview.chosen_at_ms)
        with self._db.read() as session:
            return session.scalars(statement.limit(LIMIT)).all()

    def waits_for(self, case: Case, who: Principal) -> bool:
        """Whether the closure of a case waits for a review that this person may make."""
        if case.state != "closed" or case.closed_by == who.subject:
            return False
        statement = select(ClosureReview.review_no).where(
            ClosureReview.case_id == case.case_id, ClosureReview.state == "due"
        )
        with self._db.read() as session:
            return session.scalar(statement) is not None

    def figures(self, scope: Scope) -> ReviewFigures:
        """The counts of a scope."""
        since_ms = self._clock() - FIGURES_DAYS * DAY_MS
        number = func.count()
        with self._db.read() as session:
            due = session.scalar(select(number).select_from(ClosureReview).where(*_due(scope)))
            verdicts = session.execute(
                select(ClosureReview.state, number)
                .where(_visible(scope), ClosureReview.reviewed_at_ms >= since_ms)
                .group_by(ClosureReview.state)
            )
            counts = {row[0]: row[1] for row in verdicts}
        return ReviewFigures(due or 0, counts.get("agreed", 0), counts.get("disagreed", 0))

    def review(
        self, case_id: str, who: Principal, *, verdict: ReviewVerdict, note: str = ""
    ) -> ClosureReview:
        """Record what a second person found. A case that was closed wrongly is reopened separately.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: no review is due, the caller closed the case, or a disagreement lacks
                its reason.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who)
            review: ClosureReview | None = session.scalar(
                select(ClosureReview).where(
                    ClosureReview.case_id == case_id, ClosureReview.state == "due"
                )
            )
            if review is None or case.state != "closed":
                raise StepRefusedError(f"Case {case_id} waits for no review.", code="no_review_due")
            if review.closed_by == who.subject:
                raise StepRefusedError(
                    f"You closed case {case_id}.",
                    code="needs_a_second_person",
                    hint="Another supervisor has to review it.",
                )
            if verdict == "disagreed" and not note.strip():
                raise StepRefusedError(
                    "A disagreement needs its reason.",
                    code="review_needs_a_reason",
                    hint="Say what should have been done.",
                )
            review.state, review.reviewer, review.reviewed_at_ms = verdict, who.subject, now_ms
            detail = {"verdict": verdict, "disposition": review.disposition}
            CaseHistory(session, who.subject, now_ms).record(
                case_id, "closure_reviewed", detail, free_text={"note": note} if note else None
            )
        return review


def _visible(scope: Scope) -> ColumnElement[bool]:
    return scope.condition(ClosureReview.tenant, ClosureReview.district)


def _due(scope: Scope) -> list[ColumnElement[bool]]:
    closed = select(Case.case_id).where(
        Case.case_id == ClosureReview.case_id, Case.state == "closed"
    )
    return [_visible(scope), ClosureReview.state == "due", closed.exists()]
