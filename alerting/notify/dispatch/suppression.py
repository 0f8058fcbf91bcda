"""Whether a delivery is still due at the moment of sending: a pure decider with named reasons.

Queues, retries and failing gateways lie between the decision and the sending. Meanwhile a responder
may have taken the case, or the suspect may hold the line.
"""

from alerting.cases.lifecycle import WAITING_STATES
from alerting.cases.timers.timer_schedule import PAGE
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.channel_selection import THREE_WAY, obstacle_to_calls
from alerting.notify.dispatch.delivery_rows import OUTLIVES_CASE


def suppression_reason(row: Delivery, case: Case | None) -> str | None:
    """The reason why a delivery must not be sent any more, or None.

    Args:
        row: the delivery.
        case: its case as it stands now; None for a text of a sweep.
    """
    if case is None or row.purpose in OUTLIVES_CASE:
        return None
    if case.state == "closed" or case.withdrawn:
        return "case_is_over"
    if row.purpose == PAGE and case.state not in WAITING_STATES:
        return "case_was_taken"
    if (row.recipient, row.channel) in (("victim", "voice"), ("victim", THREE_WAY)):
        # Who talks to them may bring in another one.
        if case.state == "in_contact" and row.channel != THREE_WAY:
            return "responder_is_talking_to_them"
        return obstacle_to_calls(case.on_call, case.forwarding_on)
    return None
