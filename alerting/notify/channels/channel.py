"""The contract of every channel: it sends a message and returns a receipt, or raises an error."""

from dataclasses import dataclass, field
from typing import Protocol

from forewarn.errors import DependencyUnavailableError, ForewarnError


@dataclass(frozen=True, slots=True)
class Message:
    """The message of one delivery.

    ``delivery_id`` is the idempotency key: a message may be sent again after a crash, and the
    receiver recognises it by the key. ``order`` holds the fields of an order to a bank or operator,
    or of a webhook's event.
    """

    delivery_id: str
    channel: str
    recipient: str
    address: str
    text: str
    language: str
    order: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The gateway accepted the message; ``confirmed`` if it has carried out the order already."""

    reference: str = ""
    confirmed: bool = False


class ChannelUnavailableError(DependencyUnavailableError):
    """The gateway gave no definite answer; the delivery is tried again."""


class ChannelRefusedError(ForewarnError):
    """The gateway refuses this message for good; it is not sent again."""


class Channel(Protocol):
    """Sends messages over one kind of gateway."""

    def gateway(self, message: Message) -> str:
        """The name under which the message has its circuit breaker and its metric.

        It is a metric label, so it never holds a secret or names a person.
        """

    def send(self, message: Message) -> Receipt:
        """Send a message, and wait for the gateway's answer.

        Raises:
            ChannelUnavailableError: the message should be sent again later.
            ChannelRefusedError: the message must not be sent again.
        """
