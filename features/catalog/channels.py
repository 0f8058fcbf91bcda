"""Channels that the tiles of a record count: those of every entity, in the order of their storage.

A channel is declared by its name here and counted by one line of the kernel; its place, the width of a
tile and the program of the vector derive from the declaration. Channels named ``max_...`` are maxima and
come last, all others are sums.
"""

from typing import Final, NamedTuple

import numpy as np


class SubscriberChannels(NamedTuple):
    """The subscriber's own calls and transfers."""

    calls_in: int
    calls_out: int
    calls_new_number: int
    calls_unanswered: int
    talk_seconds: int
    suspect_talk_seconds: int
    night_events: int
    transfers_out: int
    out_amount: int
    out_young_payee_amount: int
    transfers_in: int
    in_amount: int
    funding_amount: int
    refused: int
    max_out: int


class NumberChannels(NamedTuple):
    """Calls to and from a number, over all subscribers; ``back`` means placed by the subscriber."""

    started: int
    ended: int
    unanswered: int
    short: int
    talk_seconds: int
    started_back: int
    ended_back: int
    confirmed: int


class AccountChannels(NamedTuple):
    """Payments to (attempts, received) and from (paid) an account, over all subscribers."""

    attempts: int
    attempt_amount: int
    received: int
    received_amount: int
    paid: int
    paid_amount: int
    refused: int
    confirmed: int
    max_attempt: int


class DeviceChannels(NamedTuple):
    """Events that came from a device.

    ``confirmed`` of numbers, accounts and devices counts the cases that were closed as fraud, at the time
    when they were: a confirmation is known only from then on.
    """

    transfers: int
    amount: int
    calls: int
    confirmed: int


class ContactChannels(NamedTuple):
    """Second degree: what the subscribers' records say of contacts with a number, account or device."""

    new: int
    tainted: int
    pressed: int


SUBSCRIBER_TILE: Final = SubscriberChannels(*range(len(SubscriberChannels._fields)))
NUMBER_TILE: Final = NumberChannels(*range(len(NumberChannels._fields)))
ACCOUNT_TILE: Final = AccountChannels(*range(len(AccountChannels._fields)))
DEVICE_TILE: Final = DeviceChannels(*range(len(DeviceChannels._fields)))
CONTACT_TILE: Final = ContactChannels(*range(len(ContactChannels._fields)))

_SERIES: Final[tuple[tuple[tuple[str, ...], ...], ...]] = (
    (SUBSCRIBER_TILE._fields, ()),
    (NUMBER_TILE._fields, CONTACT_TILE._fields),
    (ACCOUNT_TILE._fields, CONTACT_TILE._fields),
    (DEVICE_TILE._fields, CONTACT_TILE._fields),
)
"""The two tile series of each entity, in the order of ``features.entity_keys.Entity``."""


def _is_sum(channel: str) -> bool:
    return not channel.startswith("max_")


CHANNELS: Final = np.array([[len(part) for part in parts] for parts in _SERIES], dtype=np.int64)
"""Channels of each entity and series; int64 [entities, 2]."""
SUM_CHANNELS: Final = np.array(
    [[sum(map(_is_sum, part)) for part in parts] for parts in _SERIES], dtype=np.int64
)
"""How many of them, from the first on, are sums; the rest are maxima."""
MAX_CHANNELS: Final = int(CHANNELS.max())

NUMBERS, ACCOUNTS = 0, 1
"""The two tables of counterparties of a subscriber."""
