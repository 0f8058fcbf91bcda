"""Signatures of requests to gateways, and of what gateways report back.

HMAC-SHA-256 with the secret that one gateway and we share, over what the request is: which way it
goes, which delivery it is about, its idempotency key, its time and its body. So a captured request
can neither be changed, nor replayed after ``MAX_AGE_SECONDS``, nor turned round, nor passed off as
one about another delivery.
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
    """What a signature covers besides the time. None of the first three holds a line break.

    ``direction`` is ``request`` for what we send and ``report`` for what a gateway sends.
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
    """Whether it was signed with the secret, recently; never true without a secret."""
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
