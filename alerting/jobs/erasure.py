"""Erase personal data from cases, and everything about a person on request (PIPL, article 47).

Cases lose numbers, accounts, names and remarks. They keep what the ledger and the reports need:
amounts, districts and times. The audit log and the ledger hold ids and amounts only and stay whole.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.case_tables import Case, CaseEvent, EmergencyContact, Warning_
from alerting.db.contact_tables import Activity, Contact, Sweep, SweepTarget
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import OutboxMessage
from alerting.db.order_tables import Appeal, Order
from alerting.db.visit_tables import ReturnVisit
from alerting.linkage.lists.list_service import ListService
from alerting.orders.order_states import OPEN

ERASED = ""
FREE_TEXT = ("note", "reason")
OF_ORDERS = (
    "payer_name", "payer_account", "payee_name", "payee_account", "number", "caller",
    "reason", "release_note", "reference", "freeze_reference", "notify_phone",
)  # fmt: skip
"""Columns of an order that name a person, or that a person wrote."""
OF_APPEALS = ("objector", "phone", "statement", "decision_note")


def erase_person(
    db: Database, lists: ListService, tenant: str, subscriber: str, actor: str, now_ms: int
) -> int:
    """Erase a person on request: closed cases and all data besides cases.

    Open cases stay until they are closed, since the person is in danger (PIPL, article 13), and so do
    closed ones with an order that still stops something: it could not be released without its account. The
    number stays in timelines of other people until retention removes those.

    Returns:
        The number of cases erased.
    """
    with db.write() as session:
        db.lock(session, [f"{tenant}/{subscriber}", "contacts"])
        mine = (Case.tenant == tenant, Case.subscriber == subscriber)
        closed = session.scalars(
            db.for_update(
                select(Case)
                .where(*mine, Case.state == "closed", *without_open_orders())
                .order_by(Case.case_id)
            )
        ).all()
        _forget(session, tenant, subscriber)
        lists.forget(session, tenant, subscriber, now_ms)
        erase_cases(session, closed, actor, now_ms)
        # Written even if nothing was found: the log has to show that the request was carried out.
        entry = AuditEntry(now_ms, actor, "person_erased", tenant, {"cases": len(closed)})
        history.append(session, [entry])
    return len(closed)


def without_open_orders() -> list[ColumnElement[bool]]:
    """Conditions on cases none of whose orders still stops something."""
    return [~exists().where(Order.case_id == Case.case_id, Order.state.in_(OPEN))]


def erase_cases(session: Session, cases: Sequence[Case], actor: str, now_ms: int) -> None:
    """Empty the columns of these cases that name a person."""
    if not cases:
        return
    ids = [case.case_id for case in cases]
    for case in cases:
        case.subscriber, case.caller, case.payee = ERASED, None, None
        case.erased_at_ms = now_ms
        case.version += 1
    session.execute(
        update(Warning_)
        .where(Warning_.case_id.in_(ids))
        .values(subscriber=ERASED, caller=None, payee=None, payer=None)
    )
    session.execute(
        update(Order).where(Order.case_id.in_(ids)).values(dict.fromkeys(OF_ORDERS, ERASED))
    )
    session.execute(
        update(Appeal).where(Appeal.case_id.in_(ids)).values(dict.fromkeys(OF_APPEALS, ERASED))
    )
    session.execute(
        update(Delivery)
        .where(Delivery.case_id.in_(ids))
        .values(
            subscriber=ERASED,
            address=ERASED,
            # The text of a gateway's answer is not ours and may name a person.
            last_error=ERASED,
            provider_reference=ERASED,
            group_key=ERASED,
            content={},
        )
    )
    session.execute(delete(ReturnVisit).where(ReturnVisit.case_id.in_(ids)))
    for event in session.scalars(select(CaseEvent).where(CaseEvent.case_id.in_(ids))):
        if any(name in event.detail for name in FREE_TEXT):
            event.detail = {
                name: ERASED if name in FREE_TEXT else value for name, value in event.detail.items()
            }
    entries = [AuditEntry(now_ms, actor, "erased", case_id) for case_id in ids]
    history.append(session, entries)


def _forget(session: Session, tenant: str, subscriber: str) -> None:
    """Delete the data about a person that belongs to no case."""
    for table in (Activity, Contact):
        session.execute(delete(table).where(table.tenant == tenant, table.subscriber == subscriber))
    session.execute(
        delete(EmergencyContact).where(
            EmergencyContact.tenant == tenant,
            or_(EmergencyContact.subscriber == subscriber, EmergencyContact.phone == subscriber),
        )
    )
    sweeps = select(Sweep.sweep_id).where(Sweep.tenant == tenant)
    session.execute(
        delete(SweepTarget).where(
            SweepTarget.subscriber == subscriber, SweepTarget.sweep_id.in_(sweeps)
        )
    )
    session.execute(
        delete(Delivery).where(
            Delivery.tenant == tenant,
            Delivery.subscriber == subscriber,
            Delivery.case_id.is_(None),
        )
    )
    # Unsent messages are still due to the workers; retention removes them once they are sent.
    session.execute(
        delete(OutboxMessage).where(
            OutboxMessage.key == subscriber.encode(), OutboxMessage.sent_at_ms.is_not(None)
        )
    )
