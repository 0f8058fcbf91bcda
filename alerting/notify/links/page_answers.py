"""Answers to pages: by a one-time link, and by a key pressed during a call."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.case_service import CaseService
from alerting.cases.history import CaseHistory
from alerting.cases.lifecycle import WAITING_STATES
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.desk_tables import PageLinkUse
from alerting.db.dispatch_tables import Delivery
from alerting.notify.links.page_links import PageLinkCode
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

Digit = Literal["1", "2"]
ACKNOWLEDGE: Digit = "1"
"""The other digit passes the case on."""

TEAM = "team"


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page that can be answered: the case, who it went to, and when its link ends, UTC ms."""

    case: Case
    responder: str
    ends_at_ms: int


class PageAnswers:
    """Answers pages for the person whom they went to.

    Args:
        db: the database.
        clock: UTC milliseconds.
        cases: takes the step.
        code: of the links.
    """

    def __init__(self, db: Database, clock: Clock, cases: CaseService, code: PageLinkCode) -> None:
        self._db = db
        self._clock = clock
        self._cases = cases
        self._code = code

    def address(self, public_url: str, delivery_id: str) -> str:
        """The one-time link of a delivery, for an hour from now."""
        return f"{public_url.rstrip('/')}/answer/{self._code.token(delivery_id, self._clock())}"

    def open_page(self, token: str, may_sign_in: Callable[[str], bool]) -> OpenPage:
        """The page of a link; nothing changes, since chat services open links by themselves.

        Raises:
            NotFoundError: the link is not ours, has ended, or its person is gone.
            StepRefusedError: it was used, or its case waits no more.
        """
        link = self._code.read(token, self._clock())
        if link is None:
            raise StepRefusedError("The link is over.", code="link_expired")
        with self._db.read() as session:
            row, case = _page(session, link.delivery_id)
            used = session.get(PageLinkUse, link.delivery_id)
        if not may_sign_in(row.recipient):
            raise StepRefusedError("The link is over.", code="link_expired")
        if used is not None:
            raise StepRefusedError("The link was used.", code="link_used")
        if case.state not in WAITING_STATES or case.withdrawn:
            raise StepRefusedError("The case waits no more.", code="case_is_taken")
        return OpenPage(case, row.recipient, link.ends_at_seconds * 1000)

    def acknowledge(self, token: str, may_sign_in: Callable[[str], bool]) -> Case:
        """Take the case for the person of the link, once; raises as ``open_page``."""
        page = self.open_page(token, may_sign_in)
        link = self._code.read(token, self._clock())
        if link is None:
            raise StepRefusedError("The link is over.", code="link_expired")
        self._use(link.delivery_id, page.case.case_id, "acknowledge")
        return self._take(page.case, page.responder)

    def by_key(self, delivery_id: str, digit: Digit) -> None:
        """Act on the key that the person pressed in a call: 1 takes the case, 2 passes it on.

        In a call to the victim 1 asks for an officer. A key that comes too late changes nothing.
        """
        with self._db.read() as session:
            found = session.get(Delivery, delivery_id)
            case = session.get(Case, found.case_id) if found and found.case_id else None
        if found is None or case is None or case.state == "closed":
            return
        if found.recipient == "victim":
            if digit == ACKNOWLEDGE:
                self._ask_for_officer(case)
        elif found.recipient != TEAM and found.purpose == timer_schedule.PAGE:
            with suppress(StepRefusedError, NotFoundError):  # a colleague was quicker
                if digit == ACKNOWLEDGE:
                    self._take(case, found.recipient)
                else:
                    self.pass_on(case.case_id, found.recipient)

    def pass_on(self, case_id: str, responder: str, scope: Scope | None = None) -> None:
        """Have the next step of the escalation go out now, as this person cannot take the case.

        Raises:
            NotFoundError: the scope holds no such case.
            StepRefusedError: it waits for no responder.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = session.get(Case, case_id, with_for_update=True)
            if case is None or (scope and not scope.admits(case.tenant, case.district)):
                raise NotFoundError("case", case_id)
            if case.state not in WAITING_STATES or case.withdrawn:
                raise StepRefusedError("The case waits no more.", code="case_is_taken")
            case.version += 1
            case.deadline_ms = min(case.deadline_ms, now_ms)
            timer_schedule.hasten(session, case, now_ms)
            CaseHistory(session, responder, now_ms).record(case_id, "passed_on", {})

    def _take(self, case: Case, responder: str) -> Case:
        scope = Scope(frozenset({case.tenant}), frozenset({case.district}))
        if not case.district:
            scope = Scope(frozenset({case.tenant}), None)
        who = Principal(responder, responder, frozenset({"responder"}), scope, "internal")
        return self._cases.acknowledge(case.case_id, who)

    def _use(self, delivery_id: str, case_id: str, action: str) -> None:
        try:
            with self._db.write() as session:
                session.add(
                    PageLinkUse(
                        delivery_id=delivery_id,
                        case_id=case_id,
                        action=action,
                        used_at_ms=self._clock(),
                    )
                )
        except IntegrityError:
            raise StepRefusedError("The link was used.", code="link_used") from None

    def _ask_for_officer(self, case: Case) -> None:
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(Case, case.case_id, with_for_update=True)
            if row is None or row.state == "closed":
                return
            row.version += 1
            if row.state in WAITING_STATES:
                timer_schedule.hasten(session, row, now_ms)
            CaseHistory(session, "gateway", now_ms).record(row.case_id, "asked_for_officer", {})


def _page(session: Session, delivery_id: str) -> tuple[Delivery, Case]:
    found = session.execute(
        select(Delivery, Case)
        .join(Case, Case.case_id == Delivery.case_id)
        .where(
            Delivery.delivery_id == delivery_id,
            Delivery.purpose == timer_schedule.PAGE,
            Delivery.recipient != TEAM,
            Delivery.round == Case.round,
        )
    ).first()
    if found is None:
        raise StepRefusedError("The link is over.", code="link_expired")
    return found[0], found[1]
