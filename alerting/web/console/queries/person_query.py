"""Everything known about the person of a case, within the reader's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.db.case_tables import Case, CaseEvent, EmergencyContact, Warning_
from alerting.db.contact_tables import Activity, Contact
from alerting.db.dispatch_tables import Delivery

LIMIT = 100
ORDER_CHANNELS = ("bank", "operator", "patrol")
ATTEMPTS = ("contact_made", "contact_failed")
RETURNED = ("blocked", "reversed")


@dataclass(frozen=True, slots=True)
class Person:
    """The person of a case: each list newest first, at most ``LIMIT`` rows.

    ``returned`` are payments that a bank stopped or gave back.
    """

    cases: Sequence[Case]
    warnings: Sequence[Warning_]
    attempts: Sequence[CaseEvent]
    peers: Sequence[Contact]
    relatives: Sequence[EmergencyContact]
    orders: Sequence[Delivery]
    returned: Sequence[Activity]


def load_person(session: Session, case: Case, who: Principal) -> Person:
    """Read what concerns the person of a case that is in scope."""
    visible = (
        Case.tenant == case.tenant,
        Case.subscriber == case.subscriber,
        who.scope.condition(Case.tenant, Case.district),
    )
    ids = select(Case.case_id).where(*visible)

    of_person = (Activity.tenant == case.tenant, Activity.subscriber == case.subscriber)
    statements: dict[str, Select[Any]] = {
        "cases": select(Case).where(*visible).order_by(Case.opened_at_ms.desc()),
        "warnings": select(Warning_)
        .where(Warning_.case_id.in_(ids))
        .order_by(Warning_.event_time_ms.desc()),
        "attempts": select(CaseEvent)
        .where(CaseEvent.case_id.in_(ids), CaseEvent.kind.in_(ATTEMPTS))
        .order_by(CaseEvent.event_no.desc()),
        "peers": select(Contact)
        .where(Contact.tenant == case.tenant, Contact.subscriber == case.subscriber)
        .order_by(Contact.last_event_ms.desc()),
        "relatives": select(EmergencyContact)
        .where(
            EmergencyContact.tenant == case.tenant, EmergencyContact.subscriber == case.subscriber
        )
        .order_by(EmergencyContact.added_at_ms.desc()),
        "orders": select(Delivery)
        .where(Delivery.case_id.in_(ids), Delivery.channel.in_(ORDER_CHANNELS))
        .order_by(Delivery.created_at_ms.desc()),
        "returned": select(Activity)
        .where(*of_person, Activity.kind == "transfer", Activity.status.in_(RETURNED))
        .order_by(Activity.at_ms.desc()),
    }
    found: dict[str, Sequence[Any]] = {
        name: session.scalars(statement.limit(LIMIT)).all()
        for name, statement in statements.items()
    }
    return Person(**found)
