"""Signing keys of an OpenID Connect provider: read again when it changes them."""

import threading
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from alerting.access.access_errors import NotAuthenticatedError

ALGORITHMS = ["RS256", "PS256", "ES256"]  # never "none", never a shared secret
KEYS_SECONDS = 3600
REREAD_SECONDS = 60


class SigningKeys:
    """The keys that identity tokens are checked with.

    Args:
        fetch: reads the provider's key set.
    """

    def __init__(self, fetch: Callable[[], dict[str, object]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._keys: list[Key] = []
        self._read_at_ms = 0

    def decode(self, token: str, now_ms: int) -> jwt.Token:
        """Check the signature of a token.

        Raises:
            NotAuthenticatedError: if the provider publishes no usable key.
            JoseError, ValueError: if no key of the provider's has signed it.
        """
        try:
            return self._decode(token, self._current(now_ms, KEYS_SECONDS))
        except (JoseError, ValueError):
            # The provider may have changed its keys: look again, at most once a minute.
            if now_ms - self._read_at_ms < REREAD_SECONDS * 1000:
                raise
            return self._decode(token, self._current(now_ms, REREAD_SECONDS))

    def _current(self, now_ms: int, age_seconds: int) -> list[Key]:
        with self._lock:
            if not self._keys or now_ms - self._read_at_ms >= age_seconds * 1000:
                self._keys, self._read_at_ms = usable_keys(self._fetch()), now_ms
            return self._keys

    def _decode(self, token: str, keys: list[Key]) -> jwt.Token:
        def fitting(unverified: Any) -> Key | KeySet:
            headers = unverified.headers()
            if headers.get("kid"):
                return KeySet(keys)
            # Without a key id the only key of the algorithm's type is meant.
            kind = "EC" if str(headers.get("alg", "")).startswith("ES") else "RSA"
            found = [key for key in keys if key.key_type == kind]
            if len(found) != 1:
                raise ValueError(f"the token names none of {len(found)} {kind} keys")
            return found[0]

        return jwt.decode(token, fitting, algorithms=ALGORITHMS)


def usable_keys(document: dict[str, object]) -> list[Key]:
    """The keys of a published set that can check signatures; unknown types and curves are skipped.

    Raises:
        NotAuthenticatedError: if there is none.
    """
    published = document.get("keys")
    keys: list[Key] = []
    for entry in published if isinstance(published, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if key.key_type in ("RSA", "EC"):
            keys.append(key)
    if not keys:
        raise NotAuthenticatedError(
            "The identity provider publishes no key of type RSA or EC.",
            hint="Let the provider sign identity tokens with RS256, PS256 or ES256.",
        )
    return keys
