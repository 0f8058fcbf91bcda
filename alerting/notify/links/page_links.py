"""Signed links of pages: a pure code, which needs no row until it is used.

A token names a delivery and an end and is signed with a key of the installation, so it can be
neither guessed nor changed. It goes to one person's phone or mailbox; who has it can acknowledge
that one page for that person and see no more than the page says.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from forewarn.platform.pseudonyms import Pseudonymiser

LIFE_SECONDS = 3_600
_LABEL = b"page-link/"
_BYTES = 18


@dataclass(frozen=True, slots=True)
class PageLink:
    """The delivery whose page is answered, and when the link ends, UTC seconds."""

    delivery_id: str
    ends_at_seconds: int


class PageLinkCode:
    """Makes and reads tokens.

    Args:
        secrets: of the installation; the links' key is derived from its key.
    """

    def __init__(self, secrets: Pseudonymiser) -> None:
        self._key = secrets.derived_key("page-links")

    def token(self, delivery_id: str, now_ms: int) -> str:
        """The token of a delivery, for an hour from now."""
        ends = now_ms // 1000 + LIFE_SECONDS
        return f"{delivery_id}.{ends}.{self._mac(delivery_id, ends)}"

    def read(self, token: str, now_ms: int) -> PageLink | None:
        """The link of a token, None for one that is not ours or has ended."""
        delivery_id, _, rest = token.partition(".")
        ends, _, mac = rest.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) <= 12 and mac.isascii()):
            return None
        if not hmac.compare_digest(self._mac(delivery_id, int(ends)), mac):
            return None
        if int(ends) * 1000 <= now_ms:
            return None
        return PageLink(delivery_id, int(ends))

    def _mac(self, delivery_id: str, ends: int) -> str:
        text = f"{delivery_id}.{ends}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, _LABEL + text, hashlib.sha256)[:_BYTES]
        return base64.urlsafe_b64encode(digest).decode()
