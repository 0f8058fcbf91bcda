"""Pseudonyms: the only form in which a number or account leaves the two ends of the pipeline.

A pseudonym is the first 64 bits of BLAKE2b keyed with a secret (RFC 7693). Without the key it can
be neither reversed nor recomputed over the small space of telephone numbers, which an unkeyed hash
could. At 50 million subscribers the chance of any collision is about n**2 / 2**65 = 0.007 %.
Kinds are separated by personalisation, so that a phone and an account with the same digits differ.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from forewarn.errors import ConfigurationError

Kind = Literal["phone", "account", "device", "subject"]

MIN_KEY_BYTES = 16


class Pseudonymiser:
    """Maps identifiers to unsigned 64-bit pseudonyms, never to 0 (which means "none").

    Args:
        key: the secret, 16 to 64 bytes; the same in every worker and in offline jobs.
        cache_entries: how many recent identifiers to remember per kind.

    Raises:
        ConfigurationError: if the key is too short or too long.
    """

    def __init__(self, key: bytes, *, cache_entries: int = 200_000) -> None:
        if not MIN_KEY_BYTES <= len(key) <= 64:
            raise ConfigurationError(
                f"the pseudonym key has {len(key)} bytes",
                hint="Give a random one of 16 to 64 bytes, for example from `openssl rand -hex 32`.",
            )
        self._key = key
        self.phone = lru_cache(cache_entries)(self._maker("phone"))
        self.account = lru_cache(cache_entries)(self._maker("account"))
        self.device = lru_cache(cache_entries)(self._maker("device"))
        self.subject = self._maker("subject")  # calls and transfers do not repeat: no cache

    @property
    def mark(self) -> str:
        """A fingerprint of the key that does not reveal it: eight hexadecimal digits, the same for equal keys."""
        digest = hashlib.blake2b(b"forewarn", digest_size=4, key=self._key, person=b"mark")
        return digest.hexdigest()

    def derived_key(self, purpose: str) -> bytes:
        """A key for another purpose, from which this one does not follow."""
        return hmac.digest(self._key, f"forewarn/{purpose}".encode(), hashlib.sha256)

    def _maker(self, kind: Kind) -> Callable[[str], int]:
        base = hashlib.blake2b(digest_size=8, key=self._key, person=kind.encode())

        def pseudonym(identifier: str) -> int:
            if not identifier:
                return 0
            digest = base.copy()
            digest.update(identifier.encode())
            return int.from_bytes(digest.digest(), "little") or 1

        return pseudonym


def to_hex(pseudonym: int) -> str:
    """Write a pseudonym as 16 hexadecimal digits, as in logs and the scores topic."""
    return f"{pseudonym:016x}"
