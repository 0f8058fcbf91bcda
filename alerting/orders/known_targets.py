"""Whether the case knows what an order is about to stop.

A responder may stop alone what the warnings and the person's own calls and payments name. Any other
account or line belongs to a person whom nothing connects with the case, so a supervisor decides.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.party_numbers import national
from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import Activity
from alerting.orders.order_rows import OrderRequest


def is_known_target(
    session: Session, case: Case, rows: Sequence[Warning_], request: OrderRequest
) -> bool:
    """Whether a warning, a call or a payment of the case's person names the target.

    The accounts of a money trail are those of the person's own payments and what followed.
    """
    if request.source != "person":
        return True
    target = request.target
    if request.kind == "suspend_line":
        named = {case.subscriber, *(row.caller for row in rows)}
        known = national(target) in {national(number) for number in named if number}
    elif request.kind == "stop_account":
        known = target in {account for row in rows for account in (row.payee, row.payer)}
    else:
        known = target in {row.subject_id for row in rows}
    if known or not case.subscriber:
        return known
    column = Activity.subject_id if request.kind == "hold_transfer" else Activity.peer
    seen = select(Activity.subject_id).where(
        Activity.tenant == case.tenant, Activity.subscriber == case.subscriber, column == target
    )
    return session.scalar(seen.limit(1)) is not None
