"""Which acts of a person an order allows: pure deciders with named reasons."""

from alerting.linkage.lists.peer_numbers import decide_peer, is_service_number
from alerting.orders.order_rows import OrderRequest
from alerting.orders.order_states import HOLDING

HINTS = {
    "order_not_yours": "The holder of the case or a supervisor orders.",
    "already_stopped": "Extend the order that there is, if its time runs out.",
    "needs_a_target": "Give the transfer, the account or the number.",
    "service_number": "This is the number of a bank, operator or authority.",
    "extended_twice": "Hand it over to a freeze, or release it.",
    "order_is_over": "Place another order.",
    "objection_is_open": "Decide on the objection first.",
    "objection_needs_another_person": "Another supervisor has to decide on the objection.",
    "nothing_to_confirm": "Only an order or a release that waits for its confirmation has a result.",
    "case_was_erased": "",
    "went_over_to_another": "Use the case that it was merged into.",
}
"""What to do next after a refusal."""


def decide_placement(
    request: OrderRequest, *, erased: bool, merged: bool, holds: bool, supervises: bool, known: bool
) -> str | None:
    """The reason why a person may not place an order, or None.

    Args:
        request: completed by what the case knows.
        erased: whether the case lost its personal data.
        merged: whether it was merged into another one.
        holds: whether the person holds the case.
        supervises: whether the person supervises it.
        known: whether the case names the target (see ``alerting.orders.known_targets``).
    """
    if erased or merged:
        return "case_was_erased" if erased else "went_over_to_another"
    if not holds and not supervises:
        return "order_not_yours"
    fault = _fault_of_target(request)
    return fault or (None if known or supervises else "target_of_no_warning")


def _fault_of_target(request: OrderRequest) -> str | None:
    """The reason why nothing of this name can be stopped, or None."""
    if not request.target:
        return "needs_a_target"
    if request.kind == "stop_account":
        return decide_peer("account", request.payee_account)
    if request.kind == "suspend_line" and is_service_number("phone", request.number):
        return "service_number"
    return decide_peer("phone", request.number) if request.kind == "suspend_line" else None


def decide_extension(state: str, extensions: int, most: int) -> str | None:
    """The reason why an order may not be extended, or None."""
    if state not in HOLDING:
        return "order_is_over"
    return "extended_twice" if extensions >= most else None


def decide_end(state: str, *, objected: bool = False) -> str | None:
    """The reason why an order may neither be handed over nor released, or None.

    Args:
        state: of the order.
        objected: an objection is open that a freeze would leave without a decision.
    """
    if state not in HOLDING:
        return "order_is_over"
    return "objection_is_open" if objected else None


def decide_release(state: str, *, own_objection: bool) -> str | None:
    """The reason why a person may not release an order by hand, or None.

    Args:
        state: of the order.
        own_objection: an objection is open in which the person has a part; to release the order would
            decide it.
    """
    return decide_end(state) or ("objection_needs_another_person" if own_objection else None)


def decide_result(state: str) -> str | None:
    """The reason why a person may not record what a bank or operator said, or None."""
    return None if state in ("ordered", "release_ordered") else "nothing_to_confirm"
