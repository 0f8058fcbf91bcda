"""Search for cases by a case's id, or by a number or account.

Numbers are masked on every page, so a search must not help to guess one: a whole number finds its
cases, and so do the four last digits, which every page shows anyway.
"""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case

LIMIT = 50
_SPACES = re.compile(r"[\s().-]")
_LAST_DIGITS = re.compile(r"[0-9]{4}")
_NUMBER = re.compile(r"\+?[0-9]{5,20}")
_ACCOUNT = re.compile(r"[0-9A-Za-z-]{8,64}")


def find_cases(session: Session, scope: Scope, text: str) -> Sequence[Case]:
    """Cases in scope that match, open ones first, newest first."""
    condition = _condition(text.strip())
    if condition is None:
        return []
    return session.scalars(
        select(Case)
        .where(scope.condition(Case.tenant, Case.district), condition)
        .order_by(Case.state == "closed", Case.opened_at_ms.desc(), Case.case_id)
        .limit(LIMIT)
    ).all()


def _condition(text: str) -> ColumnElement[bool] | None:
    digits = _SPACES.sub("", text)
    if _LAST_DIGITS.fullmatch(digits):
        return Case.subscriber.endswith(digits) & Case.state.in_(OPEN_STATES)
    matching: list[ColumnElement[bool]] = []
    if _NUMBER.fullmatch(digits):
        bare = digits.removeprefix("+").removeprefix("0086")
        spellings = [digits, bare, f"+{bare}", f"+86{bare}"]
        matching += [Case.subscriber.in_(spellings), Case.caller.in_(spellings)]
    if _ACCOUNT.fullmatch(text):
        matching += [Case.case_id == text, Case.payee == text]
    return or_(*matching) if matching else None
