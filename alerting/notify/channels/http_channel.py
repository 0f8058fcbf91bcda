"""Gateways over HTTP: SMS, voice call-back, bank, operator, webhooks.

Each message is one signed POST of JSON with the delivery's id as ``Idempotency-Key``. 2xx means
accepted, and ``{"status": "confirmed"}`` that the order was carried out. 4xx means refused, except
for 408, 409, 425 and 429; after any other answer the message is sent again. Some gateways answer
2xx to everything, so a fault in the body counts, too (see ``body_fault``).
"""

import json
from collections.abc import Callable, Mapping

import httpx

from alerting.notify.channels.channel import (
    ChannelRefusedError,
    ChannelUnavailableError,
    Message,
    Receipt,
)
from forewarn.platform.clock import Clock
from forewarn.platform.request_signature import KEY, Signed, sign

TRY_AGAIN = frozenset({408, 409, 425, 429})
REFERENCE_LENGTH = 200


class HttpChannel:
    """A channel with one fixed address.

    Args:
        gateway: name in metrics.
        url: where to post.
        secret: signs the request; with an empty one it is not signed.
        client: with its time-out set.
        clock: UTC milliseconds.
        body: makes the gateway's fields from a message.
    """

    def __init__(
        self,
        gateway: str,
        url: str,
        secret: str,
        client: httpx.Client,
        clock: Clock,
        body: Callable[[Message], dict[str, object]],
    ) -> None:
        self._gateway = gateway
        self._url = url
        self._secret = secret
        self._client = client
        self._clock = clock
        self._body = body

    def gateway(self, _message: Message) -> str:
        """The name of the channel's only gateway."""
        return self._gateway

    def send(self, message: Message) -> Receipt:
        """Post the message; see ``Channel.send``."""
        fields = {"delivery_id": message.delivery_id, **self._body(message)}
        return post(
            self._client, self._url, self._secret, fields, message.delivery_id, self._clock()
        )


def post(
    client: httpx.Client, url: str, secret: str, fields: dict[str, object], key: str, now_ms: int
) -> Receipt:
    """Send one signed request.

    Raises:
        ChannelUnavailableError, ChannelRefusedError: as every channel.
    """
    body = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        KEY: key,
        **sign(secret, Signed("request", key, key, body), now_ms),
    }
    try:
        response = client.post(url, content=body, headers=headers)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise ChannelRefusedError("The gateway's address is not a URL.") from None
    except httpx.HTTPError as error:
        raise ChannelUnavailableError(
            f"The gateway did not answer: {type(error).__name__}."
        ) from None
    status = response.status_code
    if status >= 500 or status in TRY_AGAIN or 300 <= status < 400:
        raise ChannelUnavailableError(f"The gateway answered {status}.")
    if status >= 400:
        raise ChannelRefusedError(f"The gateway refused with {status}.")
    try:
        answer = response.json()
    except ValueError:
        return Receipt()
    if not isinstance(answer, dict):
        return Receipt()
    if answer.get("status") == "refused":
        raise ChannelRefusedError("The gateway refused in its answer's body.")
    fault = body_fault(answer)
    if fault:
        raise ChannelUnavailableError(f"The gateway answered {status} with {fault}.")
    return Receipt(
        # PostgreSQL refuses NUL, and a gateway's reference must not fail the delivery.
        reference=str(answer.get("reference", "")).replace("\0", "")[:REFERENCE_LENGTH],
        confirmed=answer.get("status") == "confirmed",
    )


def body_fault(answer: Mapping[str, object]) -> str:
    """The fault that a 2xx answer names in its body, empty without one.

    Faults are ``status`` = ``failed``, ``errcode`` other than 0, and ``ok`` or ``success`` = false.
    A bare ``code`` is no fault, since services disagree on which code means success.
    """
    if answer.get("status") == "failed":
        return "status failed"
    if answer.get("errcode", 0) not in (0, "0"):
        return "an error code"
    if answer.get("ok") is False or answer.get("success") is False:
        return "no success"
    return ""


def sms_body(message: Message) -> dict[str, object]:
    """Fields of the SMS gateway: ``to``, or ``recipients`` who all get the same text."""
    if "recipients" in message.order:
        return {**message.order, "text": message.text, "language": message.language}
    return {"to": message.address, "text": message.text, "language": message.language}


def voice_body(message: Message) -> dict[str, object]:
    """Fields of the voice gateway, which calls and reads the script out."""
    fields = {"to": message.address, "script": message.text, "language": message.language}
    return fields | ({"keys": message.order["keys"]} if "keys" in message.order else {})


def three_way_body(message: Message) -> dict[str, object]:
    """Fields of a three-way call: the voice gateway calls both, reads the script out and connects them."""
    fields = {"to": message.address, "script": message.text, "language": message.language}
    return fields | {"with": message.order["with"]}


def order_body(message: Message) -> dict[str, object]:
    """Fields of an order to a bank or an operator."""
    return message.order
