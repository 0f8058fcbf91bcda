"""Emergency contacts: relatives to call when the victim of a case cannot be reached.

A relative's phone rings while a suspect holds the victim's line, so adding one is a power over the
victim: only the holder of a case may do it, their number is bounded, and each is recorded.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.case_steps import lock_case
from alerting.cases.history import AuditEntry, CaseHistory
from alerting.cases.party_numbers import party_fault
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, EmergencyContact
from alerting.db.database import Database
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex

MAX_RELATIVES = 8
"""Emergency contacts of one person; there is no time to call more."""


class EmergencyContactService:
    """Registers the emergency contacts of victims of open cases."""

    def __init__(self, db: Database, clock: Clock, pseudonymiser: Pseudonymiser) -> None:
        self._db = db
        self._clock = clock
        self._pseudonyms = pseudonymiser

    def add(self, who: Principal, case_id: str, *, phone: str, name: str) -> Case:
        """Register a relative; a repeated call may correct the name.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: the case is closed, another person holds it, or the limit is reached.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who)
            fault = self._fault(session, case, who, phone)
            if fault:
                raise StepRefusedError(
                    f"Case {case_id} takes no emergency contact: {fault.replace('_', ' ')}.",
                    code=fault,
                )
            row = session.get(EmergencyContact, (case.tenant, case.subscriber, phone))
            if row is None:
                row = EmergencyContact(
                    tenant=case.tenant,
                    subscriber=case.subscriber,
                    phone=phone,
                    added_at_ms=now_ms,
                )
                session.add(row)
            row.name = name
            case.version += 1
            timer_schedule.set_timer(
                session, case, timer_schedule.DISPATCH, now_ms
            )  # perhaps to call them
            detail = {"relative": to_hex(self._pseudonyms.phone(phone))}
            entry = AuditEntry(now_ms, who.subject, "relative_added", case_id, detail)
            history.append(session, [entry])
        return case

    def correct(self, who: Principal, case_id: str, *, relative: str, phone: str) -> Case:
        """Replace a wrong number of a relative; the history names both by their keyed hashes.

        Args:
            who: the holder of the case, or a supervisor.
            case_id: an open case of the person.
            relative: the keyed hash of the number that is wrong, see ``key_of``.
            phone: the right number.

        Raises:
            NotFoundError: no such case in the caller's scope, or no such relative.
            StepRefusedError: as for ``add``; ``relative_exists`` if the number is registered already.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who)
            fault = self._fault(session, case, who, phone, correcting=True)
            rows = session.scalars(
                select(EmergencyContact).where(
                    EmergencyContact.tenant == case.tenant,
                    EmergencyContact.subscriber == case.subscriber,
                )
            ).all()
            if not fault and any(row.phone == phone for row in rows):
                fault = "relative_exists"
            if fault:
                raise StepRefusedError(
                    f"Case {case_id} takes no emergency contact: {fault.replace('_', ' ')}.",
                    code=fault,
                )
            wrong = next((row for row in rows if self.key_of(row.phone) == relative), None)
            if wrong is None:
                raise NotFoundError("relative", relative)
            session.add(
                EmergencyContact(
                    tenant=case.tenant,
                    subscriber=case.subscriber,
                    phone=phone,
                    name=wrong.name,
                    added_at_ms=now_ms,
                )
            )
            session.delete(wrong)
            case.version += 1
            timer_schedule.set_timer(session, case, timer_schedule.DISPATCH, now_ms)
            detail = {"relative": self.key_of(phone), "previous": relative}
            CaseHistory(session, who.subject, now_ms).record(case_id, "relative_corrected", detail)
        return case

    def phone_of(self, who: Principal, case_id: str, relative: str) -> str:
        """The number of a relative of a case's person, named by its keyed hash; raises NotFoundError."""
        with self._db.read() as session:
            case = session.scalar(
                select(Case).where(
                    Case.case_id == case_id, who.scope.condition(Case.tenant, Case.district)
                )
            )
            if case is None:
                raise NotFoundError("case", case_id)
            phones = session.scalars(
                select(EmergencyContact.phone).where(
                    EmergencyContact.tenant == case.tenant,
                    EmergencyContact.subscriber == case.subscriber,
                )
            )
            found = next((phone for phone in phones if self.key_of(phone) == relative), None)
        if found is None:
            raise NotFoundError("relative", relative)
        return found

    def key_of(self, phone: str) -> str:
        """The keyed hash by which the audit log and pages name a relative's number."""
        return to_hex(self._pseudonyms.phone(phone))

    def _fault(
        self,
        session: Session,
        case: Case,
        who: Principal,
        phone: str,
        *,
        correcting: bool = False,
    ) -> str | None:
        if case.state == "closed":
            return "case_closed"
        if case.holder != who.subject and not who.may("case.assign"):
            return "not_the_holder"
        self._db.lock(session, [f"{case.tenant}/{case.subscriber}"])
        fault = party_fault(session, case, phone)
        if fault or correcting:  # of a correction the number of relatives stays
            return fault
        others = select(func.count()).where(
            EmergencyContact.tenant == case.tenant,
            EmergencyContact.subscriber == case.subscriber,
            EmergencyContact.phone != phone,
        )
        return "enough_relatives" if (session.scalar(others) or 0) >= MAX_RELATIVES else None
