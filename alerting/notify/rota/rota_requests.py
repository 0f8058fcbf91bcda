"""Take-overs and swaps: one colleague asks, the other agrees, and only then the rota changes."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.database import Database
from alerting.db.rota_tables import Rota, RotaChange
from alerting.notify.notices.notice_templates import CHANGE_KINDS
from alerting.notify.rota.rota_plan import Duty, Member, Stint
from alerting.notify.rota.rota_service import (
    RotaService,
    check_period,
    new_change,
    record,
    times_of,
)
from alerting.notify.rota.rota_store import duties_of, stint_of
from alerting.notify.routing.scope_checks import of_tenants
from alerting.service_errors import InvalidRequestError, NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

MAX_ASKED = 500
Answer = Literal["agree", "decline"]
Period = tuple[int, int]


class RotaRequests:
    """Asks and answers; both persons are members of the rota.

    Args:
        db: the database.
        clock: UTC milliseconds.
        rotas: makes the change and tells those concerned.
        language: of the notices.
    """

    def __init__(
        self, db: Database, clock: Clock, rotas: RotaService, language: Literal["zh", "en"]
    ) -> None:
        self._db = db
        self._clock = clock
        self._rotas = rotas
        self._language = language

    def take_over(
        self, rota_id: str, who: Principal, *, colleague: str, period: Period, reason: str
    ) -> RotaChange:
        """Ask a colleague to take over a duty of one's own, or to hand over one of theirs.

        Raises:
            InvalidRequestError: the period is not within one duty of the two, or one of them is
                not a member.
            NotFoundError: no such rota is in scope.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            row = self._rota(session, rota_id, who)
            mine, theirs = member_of(row, who.subject), member_of(row, colleague)
            duty = _duty_in(session, row, period)
            if duty.member.responder not in (who.subject, colleague):
                raise InvalidRequestError(
                    "Neither of the two is on call then.", code="not_their_duty", field="starts"
                )
            taker = theirs if duty.member.responder == who.subject else mine
            stints = [Stint(taker, *period)]
            return self._ask(
                session, row, "take_over", who, theirs, stints, [Stint(duty.member, *period)],
                reason, now_ms,
            )  # fmt: skip

    def swap(
        self,
        rota_id: str,
        who: Principal,
        *,
        colleague: str,
        mine: Period,
        theirs: Period,
        reason: str,
    ) -> RotaChange:
        """Ask a colleague to swap a duty of one's own for one of theirs; raises as ``take_over``."""
        now_ms = self._clock()
        with self._db.write() as session:
            row = self._rota(session, rota_id, who)
            own, other = member_of(row, who.subject), member_of(row, colleague)
            if max(mine[0], theirs[0]) < min(mine[1], theirs[1]):
                raise InvalidRequestError(
                    "The two periods overlap.", code="periods_overlap", field="starts"
                )
            for member, period in ((own, mine), (other, theirs)):
                if _duty_in(session, row, period).member.responder != member.responder:
                    raise InvalidRequestError(
                        "A duty belongs to another person.", code="not_their_duty", field="starts"
                    )
            stints = [Stint(other, *mine), Stint(own, *theirs)]
            expected = [Stint(own, *mine), Stint(other, *theirs)]
            return self._ask(
                session, row, "swap", who, other, stints, expected, reason, now_ms
            )  # fmt: skip

    def answer(self, change_id: str, who: Principal, answer: Answer) -> RotaChange:
        """Agree or decline, as the person who was asked.

        Raises:
            NotFoundError: this person is asked nothing of the kind.
            StepRefusedError: it was answered or is over, or the duties are others' by now.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            change, row = self._waiting(session, change_id, now_ms)
            if change.asked_of != who.subject:
                raise NotFoundError("change of a rota", change_id)
            change.decided_at_ms = now_ms
            stints = [stint_of(fields) for fields in change.stints]
            if answer == "decline":
                change.state = "declined"
                self._tell_declined(session, row, change, stints, now_ms)
            else:
                self._check_unchanged(session, row, change)
                change.state = "active"
                self._rotas.apply(session, row, change, stints, now_ms)
            action: AuditAction = (
                "rota_change_agreed" if answer == "agree" else "rota_change_declined"
            )
            record(session, who.subject, action, change_id, {"rota_id": row.rota_id}, now_ms)
        return change

    def withdraw(self, change_id: str, who: Principal) -> RotaChange:
        """Take back what one asked and was not answered yet; raises as ``answer``."""
        now_ms = self._clock()
        with self._db.write() as session:
            change, row = self._waiting(session, change_id, now_ms)
            if change.asked_by != who.subject:
                raise NotFoundError("change of a rota", change_id)
            change.state, change.decided_at_ms = "withdrawn", now_ms
            detail: dict[str, object] = {"rota_id": row.rota_id}
            record(session, who.subject, "rota_change_withdrawn", change_id, detail, now_ms)
        return change

    def open_requests(self, who: Principal) -> Sequence[RotaChange]:
        """What this person asked or is asked, and is not answered yet."""
        statement = (
            select(RotaChange)
            .where(
                RotaChange.state == "asked",
                RotaChange.ends_at_ms > self._clock(),
                of_tenants(who.scope, RotaChange.tenant),
                or_(RotaChange.asked_by == who.subject, RotaChange.asked_of == who.subject),
            )
            .order_by(RotaChange.starts_at_ms)
            .limit(MAX_ASKED)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def _ask(
        self,
        session: Session,
        row: Rota,
        kind: Literal["take_over", "swap"],
        who: Principal,
        asked: Member,
        stints: list[Stint],
        expected: list[Stint],
        reason: str,
        now_ms: int,
    ) -> RotaChange:
        for stint in stints:
            check_period(stint, now_ms)
        if asked.responder == who.subject:
            raise InvalidRequestError("Ask a colleague.", code="not_a_member", field="colleague")
        change = new_change(row, kind, stints, expected, reason, who.subject, now_ms)
        change.asked_of = asked.responder
        session.add(change)
        content: dict[str, object] = {
            "asked_by": who.subject,
            "kind": CHANGE_KINDS[self._language][kind],
            "rota": row.name,
            "times": times_of(row, stints),
            "url": self._rotas.url(),
        }
        self._rotas.tell(session, row, change, "rota_asked", content, [asked], now_ms)
        detail: dict[str, object] = {"rota_id": row.rota_id, "kind": kind, "of": asked.responder}
        record(session, who.subject, "rota_change_asked", change.change_id, detail, now_ms)
        return change

    def _tell_declined(
        self, session: Session, row: Rota, change: RotaChange, stints: list[Stint], now_ms: int
    ) -> None:
        content: dict[str, object] = {
            "asked_of": change.asked_of or "",
            "kind": CHANGE_KINDS[self._language][change.kind],
            "rota": row.name,
            "times": times_of(row, stints),
            "url": self._rotas.url(),
        }
        asker = [member_of(row, change.asked_by)]
        self._rotas.tell(session, row, change, "rota_declined", content, asker, now_ms)

    def _check_unchanged(self, session: Session, row: Rota, change: RotaChange) -> None:
        for expected in (stint_of(fields) for fields in change.expected):
            duty = _duty_in(session, row, (expected.starts_at_ms, expected.ends_at_ms))
            if duty.member.responder != expected.member.responder:
                raise StepRefusedError(
                    "The duty is another person's by now.", code="duty_changed_meanwhile"
                )

    def _rota(self, session: Session, rota_id: str, who: Principal) -> Rota:
        row = self._rotas.locked(session, rota_id)
        if who.scope.tenants is not None and row.tenant not in who.scope.tenants:
            raise NotFoundError("rota", rota_id)
        return row

    def _waiting(self, session: Session, change_id: str, now_ms: int) -> tuple[RotaChange, Rota]:
        change = session.get(RotaChange, change_id)
        if change is None:
            raise NotFoundError("change of a rota", change_id)
        row = self._rotas.locked(session, change.rota_id)
        session.refresh(change)  # as it is now that the rota is locked
        if change.state != "asked" or change.ends_at_ms <= now_ms:
            raise StepRefusedError("It waits for no answer.", code="not_in_force")
        return change, row


def member_of(row: Rota, responder: str) -> Member:
    """The member of a rota with this subject.

    Raises:
        InvalidRequestError: there is none.
    """
    for fields in row.members:
        if fields["responder"] == responder:
            return Member(**fields)
    raise InvalidRequestError(
        f"{responder!r} is not a member of the rota.", code="not_a_member", field="colleague"
    )


def _duty_in(session: Session, row: Rota, period: Period) -> Duty:
    """The one duty that holds the whole period."""
    starts_at_ms, ends_at_ms = period
    if starts_at_ms < ends_at_ms:
        for duty in duties_of(session, [row], starts_at_ms, ends_at_ms)[row.rota_id]:
            if duty.starts_at_ms <= starts_at_ms and ends_at_ms <= duty.ends_at_ms:
                return duty
    raise InvalidRequestError(
        "The period is not within one duty.", code="not_one_duty", field="starts"
    )
