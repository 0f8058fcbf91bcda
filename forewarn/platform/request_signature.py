"""Signatures of requests to gateways, and of the reports that gateways send back.

The signature is HMAC-SHA-256 with the secret shared with one gateway, over the direction of the
request, its delivery, its idempotency key, its time and its body. An attacker who captured a
request can therefore neither change it, nor replay it after ``MAX_AGE_SECONDS``, nor reverse its
direction, nor pass it off as a request about another delivery.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SIGNATURE = "Forewarn-Signature"
TIMESTAMP = "Forewarn-Timestamp"
KEY = "Idempotency-Key"
MAX_AGE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Signed:
    """The fields that a signature covers besides the time. The first three hold no line break.

    ``direction`` is ``request`` for requests to a gateway and ``report`` for its reports.
    """

    direction: Literal["request", "report"]
    delivery_id: str
    key: str
    body: bytes


def sign(secret: str, what: Signed, now_ms: int) -> dict[str, str]:
    """The headers that sign a request or report; none without a secret."""
    if not secret:
        return {}
    timestamp = str(now_ms // 1000)
    return {TIMESTAMP: timestamp, SIGNATURE: _signature(secret, what, timestamp)}


def is_signed(secret: str, headers: Mapping[str, str], what: Signed, now_ms: int) -> bool:
    """Whether a recent request was signed with the secret; False without a secret."""
    timestamp = headers.get(TIMESTAMP, headers.get(TIMESTAMP.lower(), ""))
    signature = headers.get(SIGNATURE, headers.get(SIGNATURE.lower(), ""))
    if not secret or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now_ms // 1000 - int(timestamp)) > MAX_AGE_SECONDS:
        return False
    return hmac.compare_digest(_signature(secret, what, timestamp).encode(), signature.encode())


def _signature(secret: str, what: Signed, timestamp: str) -> str:
    lines = (what.direction, what.delivery_id, what.key, timestamp, "")
    signed = "\n".join(lines).encode() + what.body
    return f"v2={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
