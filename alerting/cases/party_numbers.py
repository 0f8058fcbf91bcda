"""Numbers that must not be called in as help: the person's own, and those of suspects.

A relative gets a text that reveals the warning, and a three-way call joins the person with the other
line. One responder must not be able to lead either of them to the swindler.
"""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import ListItem

_COUNTRY_CODE = re.compile(r"^(?:\+|00)86")
MOBILE_DIGITS = 11


def national(number: str) -> str:
    """A number as it is dialled within the country, however its country code is written."""
    digits = _COUNTRY_CODE.sub("", number).lstrip("+")
    return digits.removeprefix("86") if len(digits) == MOBILE_DIGITS + 2 else digits


def party_fault(session: Session, case: Case, phone: str) -> str | None:
    """The reason why a number is no help to the person of a case, or None.

    Args:
        session: reads the warnings of the case and the tenant's lists.
        case: of the person.
        phone: as a person typed it.
    """
    wanted = national(phone)
    if wanted == national(case.subscriber):
        return "number_of_the_person"
    callers = session.scalars(
        select(Warning_.caller).where(
            Warning_.case_id == case.case_id, Warning_.caller.is_not(None)
        )
    )
    if wanted in {national(caller) for caller in callers if caller}:
        return "number_of_a_suspect"
    listed = session.scalar(
        select(ListItem.entry_id)
        .where(
            ListItem.tenant == case.tenant,
            ListItem.kind == "phone",
            ListItem.list.in_(("block", "watch")),
            ListItem.state == "active",
            ListItem.peer.in_({phone, wanted, f"+{wanted}", f"86{wanted}", f"+86{wanted}"}),
        )
        .limit(1)
    )
    return "number_of_a_suspect" if listed is not None else None
