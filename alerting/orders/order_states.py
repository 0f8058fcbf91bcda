"""The vocabulary of orders: kinds, states, and what a gateway is asked for."""

from typing import Literal, get_args

OrderKind = Literal["hold_transfer", "stop_account", "suspend_line"]
ReleaseKind = Literal["release_transfer", "release_account", "restore_line"]
OrderSource = Literal["dispatch", "person", "money_trail"]
"""Who placed it: the service by itself, a person, or a person from the trail of the money."""

OrderState = Literal[
    "ordered",  # sent, or placed by telephone; not confirmed
    "in_force",  # confirmed
    "refused",  # the gateway refused it
    "cancelled",  # it never left
    "release_ordered",  # it ran out or was lifted; the gateway has not confirmed the release
    "released",
    "handed_over",  # a freeze with a reference of its own has taken its place
]
ReleaseReason = Literal["false_alarm", "cleared", "appeal", "by_hand", "time_ran_out"]
ReleaseByHand = Literal["cleared", "by_hand"]

KINDS: tuple[OrderKind, ...] = get_args(OrderKind)
STATES: tuple[OrderState, ...] = get_args(OrderState)
HOLDING: tuple[OrderState, ...] = ("ordered", "in_force")
"""States in which an order stops something, or may do so."""

OPEN: tuple[OrderState, ...] = (*HOLDING, "release_ordered")
"""States that still need an act, of a person or of the clock."""

CHANNELS: dict[OrderKind, str] = {
    "hold_transfer": "bank",
    "stop_account": "bank",
    "suspend_line": "operator",
}
RELEASES: dict[OrderKind, ReleaseKind] = {
    "hold_transfer": "release_transfer",
    "stop_account": "release_account",
    "suspend_line": "restore_line",
}
HONEST: frozenset[ReleaseReason] = frozenset({"false_alarm", "cleared", "appeal"})
"""Reasons for a release that say that the order hit an honest person."""
