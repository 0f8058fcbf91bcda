"""Losses without a warning, as banks and the police report them: the labels of missed frauds.

A report names the victim, the amount and the time and nothing else: its outcome neither confirms
nor clears a caller or payee. A loss that followed a warning belongs to the case of that warning,
where it takes back prevented loss.
"""

import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.late_loss_service import LateLoss, LateLossService
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.messaging.outbox import put_outcome
from alerting.service_errors import InvalidRequestError, NotFoundError
from forewarn.contracts.outcome import Outcome
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex


@dataclass(frozen=True, slots=True)
class Loss:
    """A reported loss in minor units; ``transfer_id`` where it is known."""

    tenant: str
    district: str
    subscriber: str
    lost_minor: int
    currency: str
    lost_at_ms: int
    transfer_id: str | None = None


@dataclass(frozen=True, slots=True)
class LossTaken:
    """Where a report went: an outcome of its own, or the case that warned of the transfer."""

    event_id: str | None
    case_id: str | None


class LossService:
    """Takes reports of losses, within the scope of the reporter."""

    def __init__(
        self, db: Database, clock: Clock, late_losses: LateLossService, pseudonymiser: Pseudonymiser
    ) -> None:
        self._db = db
        self._clock = clock
        self._late_losses = late_losses
        self._pseudonyms = pseudonymiser

    def report(self, who: Principal, loss: Loss) -> LossTaken:
        """Publish a loss, or add it to the case that warned of it.

        Raises:
            NotFoundError: the person or the case lies outside the caller's scope.
            InvalidRequestError: no amount, or a loss in the future.
        """
        now_ms = self._clock()
        if loss.lost_minor <= 0:
            raise InvalidRequestError("A loss needs an amount.", code="loss_needs_an_amount")
        if loss.lost_at_ms > now_ms:
            raise InvalidRequestError("The loss lies in the future.", code="not_yet")
        with self._db.read() as session:
            district = self._district(session, who, loss)
            case_id = _case_that_warned(session, loss)
        if case_id is not None:
            late = LateLoss(loss.lost_minor, loss.transfer_id, known_at_ms=now_ms)
            self._late_losses.report_loss(case_id, who, late)
            return LossTaken(None, case_id)
        outcome = self._outcome(loss, district, now_ms)
        detail = {"lost_minor": loss.lost_minor, "transfer_id": loss.transfer_id}
        with self._db.write() as session:
            put_outcome(session, outcome, now_ms)
            entry = AuditEntry(now_ms, who.subject, "unwarned_loss", outcome.event_id, detail)
            history.append(session, [entry])
        return LossTaken(outcome.event_id, None)

    @staticmethod
    def _district(session: Session, who: Principal, loss: Loss) -> str:
        """The district of the loss, as reported or as known from the victim's cases.

        Both have to lie in the reporter's scope: a reporter must not reach a person of another
        district by naming their own.
        """
        known = session.scalar(
            select(Case.district)
            .where(Case.tenant == loss.tenant, Case.subscriber == loss.subscriber)
            .order_by(Case.opened_at_ms.desc(), Case.case_id)
            .limit(1)
        )
        said = loss.district or known or ""
        for district in (said, said if known is None else known):
            if not who.scope.admits(loss.tenant, district):
                raise NotFoundError("district", district)
        return said

    def _outcome(self, loss: Loss, district: str, now_ms: int) -> Outcome:
        return Outcome(
            event_id=self._event_id(loss),
            event_time_ms=now_ms,
            subscriber=loss.subscriber,
            tenant=loss.tenant,
            district=district,
            disposition="loss_occurred",
            label_time_ms=now_ms,
            transfer_id=loss.transfer_id,
            at_risk_minor=loss.lost_minor,
            lost_minor=loss.lost_minor,
            currency=loss.currency,
            fraud_began_ms=loss.lost_at_ms,
        )

    def _event_id(self, loss: Loss) -> str:
        """The same for a repeated report; keyed, since the audit log holds it."""
        when = None if loss.transfer_id else loss.lost_at_ms
        fact = [loss.tenant, loss.subscriber, loss.transfer_id, when, loss.lost_minor]
        return f"o-{to_hex(self._pseudonyms.subject(json.dumps(fact)))}"


def _case_that_warned(session: Session, loss: Loss) -> str | None:
    """The case that the transfer belongs to; another person's transfer does not exist here."""
    if loss.transfer_id is None:
        return None
    row = session.scalar(
        select(Warning_)
        .where(
            Warning_.tenant == loss.tenant,
            Warning_.subject_kind == "transfer",
            Warning_.subject_id == loss.transfer_id,
        )
        .order_by(Warning_.warning_id)
        .limit(1)
    )
    if row is None:
        return None
    if row.subscriber not in (loss.subscriber, ""):  # empty once it was erased
        raise NotFoundError("transfer", loss.transfer_id)
    return row.case_id
