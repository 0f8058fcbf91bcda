"""Channels whose addresses are in the routing file: chat and webhooks of teams.

Such addresses hold tokens, so the row of a delivery names only the place in the file
(``receiver#number``). The address is looked up when the message is sent.
"""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import apprise
import httpx

from alerting.notify.channels.channel import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
    Receipt,
)
from alerting.notify.channels.chat_robots import Robot, Service, robot_of, send_text
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
    """Sends a chat message: to the four services that hide refusals itself, to others through apprise.

    Args:
        routing: holds the addresses.
        client: with its time-out set.
        origins: of each service with robots, such as ``https://qyapi.weixin.qq.com``.
        clock: UTC milliseconds.
        timeout_seconds: of apprise's requests.
    """

    def __init__(
        self,
        routing: RoutingSource,
        client: httpx.Client,
        origins: Mapping[Service, str],
        clock: Clock,
        *,
        timeout_seconds: float,
    ) -> None:
        self._routing = routing
        self._client = client
        self._origins = origins
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def gateway(self, message: Message) -> str:
        """The place in the routing file, since a part of the address may be a token."""
        return f"chat:{message.address}"

    def send(self, message: Message) -> Receipt:
        """Send the text; see ``Channel.send``."""
        url = address_of(self._routing, message.address)
        robot: Robot | None = robot_of(url)
        if robot is None:
            self._send_with_apprise(url, message.text)
        else:
            origin = self._origins[robot.service]
            send_text(self._client, origin, robot, message.text, self._clock())
        return Receipt()

    def _send_with_apprise(self, url: str, text: str) -> None:
        target = apprise.Apprise()
        if not target.add(url):
            raise ChannelRefusedError("The chat's address is not one that apprise knows.")
        for service in target:  # also where the address asks for other times, or for none
            service.socket_connect_timeout = service.socket_read_timeout = self._timeout_seconds
        if not target.notify(body=text):
            raise ChannelUnavailableError("The chat service did not accept the message.")
