"""Channels whose addresses are in the routing file: chat and webhooks of teams.

Such addresses hold tokens, so the row of a delivery names only the place in the file
(``receiver#number``). The address is looked up when the message is sent.
"""

import logging
from urllib.parse import urlsplit

import apprise
import httpx

from alerting.notify.channels.channel import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
    Receipt,
)
from alerting.notify.channels.http_channel import post
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.platform.clock import Clock

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs URLs, tokens included


def address_of(routing: RoutingSource, reference: str) -> str:
    """Look up the address of a reference.

    Raises:
        ChannelRefusedError: the routing no longer has this page.
    """
    name, _, number = reference.partition("#")
    for receiver in routing.current.receivers:
        if receiver.name == name and number.isdigit() and int(number) < len(receiver.pages):
            return receiver.pages[int(number)].address
    raise ChannelRefusedError("The routing no longer has this receiver.")


class WebhookChannel:
    """Sends a signed event to a team's own system."""

    def __init__(
        self, routing: RoutingSource, secret: str, client: httpx.Client, clock: Clock
    ) -> None:
        self._routing = routing
        self._secret = secret
        self._client = client
        self._clock = clock

    def gateway(self, message: Message) -> str:
        """The host, so that one team's failing system does not stop the pages of others."""
        try:
            return f"webhook:{urlsplit(address_of(self._routing, message.address)).hostname}"
        except (ChannelRefusedError, ValueError):  # ``send`` reports the fault
            return "webhook"

    def send(self, message: Message) -> Receipt:
        """Post the event; see ``Channel.send``."""
        url = address_of(self._routing, message.address)
        if urlsplit(url).scheme not in ("http", "https"):
            raise ChannelRefusedError("A webhook's address must be http or https.")
        fields = {"delivery_id": message.delivery_id, "text": message.text, **message.order}
        return post(self._client, url, self._secret, fields, message.delivery_id, self._clock())


class ChatChannel:
    """Sends a chat message through apprise, which supports many services by their URLs."""

    def __init__(self, routing: RoutingSource, *, timeout_seconds: float) -> None:
        self._routing = routing
        self._timeout_seconds = timeout_seconds

    def gateway(self, message: Message) -> str:
        """The place in the routing file, since a part of the address may be a token."""
        return f"chat:{message.address}"

    def send(self, message: Message) -> Receipt:
        """Send the text; see ``Channel.send``."""
        url = address_of(self._routing, message.address)
        joint = "&" if "?" in url else "?"
        bounded = f"{url}{joint}rto={self._timeout_seconds}&cto={self._timeout_seconds}"
        target = apprise.Apprise()
        if not target.add(bounded):
            raise ChannelRefusedError("The chat's address is not one that apprise knows.")
        if not target.notify(body=message.text):
            raise ChannelUnavailableError("The chat service did not accept the message.")
        return Receipt()
