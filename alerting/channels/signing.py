"""Signatures of requests to gateways, and of what gateways report back.

HMAC-SHA-256 with the shared secret over the time and the body, so that a captured request can
neither be changed nor replayed after ``MAX_AGE_SECONDS``.
"""

import hashlib
import hmac
from collections.abc import Mapping

SIGNATURE = "Forewarn-Signature"
TIMESTAMP = "Forewarn-Timestamp"
MAX_AGE_SECONDS = 300


def sign(secret: str, body: bytes, now_ms: int) -> dict[str, str]:
    """The headers that sign a body; none without a secret."""
    if not secret:
        return {}
    timestamp = str(now_ms // 1000)
    return {TIMESTAMP: timestamp, SIGNATURE: f"v1={_digest(secret, timestamp, body)}"}


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> bool:
    """Whether a body was signed with the secret, recently; never true without a secret."""
    timestamp = headers.get(TIMESTAMP, headers.get(TIMESTAMP.lower(), ""))
    signature = headers.get(SIGNATURE, headers.get(SIGNATURE.lower(), ""))
    if not secret or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now_ms // 1000 - int(timestamp)) > MAX_AGE_SECONDS:
        return False
    expected = f"v1={_digest(secret, timestamp, body)}"
    return hmac.compare_digest(expected.encode(), signature.encode())


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
