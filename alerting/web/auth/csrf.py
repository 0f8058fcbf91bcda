"""Cross-site request forgery: two checks that each suffice.

Browsers say where a request comes from (``Sec-Fetch-Site``, ``Origin``), and a change made with a
session cookie has to bring that session's token, which another site cannot read. Keys in a header
need neither, since a browser never adds them by itself.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from alerting.access.access_errors import CsrfError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
FIELD = "csrf_token"

_HINT = "Reload the page and try again."


def check_site(headers: Mapping[str, str], public_url: str) -> None:
    """Refuse a request that the browser marks as made by another site.

    Raises:
        CsrfError: if it was.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise CsrfError("The request was made by another site.", hint=_HINT)
    origin = headers.get("origin")
    if origin is None or headers.get("sec-fetch-site") == "same-origin":
        return  # the browser reports the same origin, whatever name a proxy uses
    own = {urlsplit(public_url).netloc, headers.get("host", "")}
    if urlsplit(origin).netloc not in own:
        raise CsrfError("The request was made by another site.", hint=_HINT)


def check_token(given: str | None, expected: str) -> None:
    """Refuse a change without the expected token.

    Raises:
        CsrfError: if it is missing or another one.
    """
    if not given or not hmac.compare_digest(given.encode(), expected.encode()):
        raise CsrfError("The request lacks this session's token.", hint=_HINT)
