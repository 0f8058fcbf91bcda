"""What every channel has in common: a message goes in, a receipt or an error comes out."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from forewarn.errors import DependencyUnavailableError, ForewarnError


@dataclass(frozen=True, slots=True)
class Message:
    """What one delivery sends.

    ``delivery_id`` is the idempotency key: the same message may be sent again after a crash, and
    the receiving side tells by it. ``order`` holds the fields of an order to a bank or operator, or
    of a webhook's event.
    """

    delivery_id: str
    channel: str
    recipient: str
    address: str
    text: str
    language: str
    order: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The gateway took it; ``confirmed`` if what was ordered is done already."""

    reference: str = ""
    confirmed: bool = False


class ChannelUnavailableError(DependencyUnavailableError):
    """The gateway gave no definite answer; the delivery is tried again."""


class ChannelRefusedError(ForewarnError):
    """The gateway will not take this message, however often it is sent."""


class Channel(Protocol):
    """A way to send."""

    def gateway(self, message: Message) -> str:
        """What shares a circuit breaker with this message; also the label of its metric, so never
        a secret and never a person."""

    def send(self, message: Message) -> Receipt:
        """Send, and wait for the gateway's answer.

        Raises:
            ChannelUnavailableError: try again later.
            ChannelRefusedError: do not.
        """
