"""Keys of banks: a file with hashes of their secrets, looked at again when it changes.

A key reads ``fwk_<id>_<secret>``, as those of the alerting service do: the id finds the entry and names the
key in logs, the prefix lets secret scanners recognise a leaked one.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forewarn.errors import ConfigurationError
from forewarn.platform.settings.toml_document import load_toml
from forewarn.platform.words import Language
from streams.decisions.decision_errors import RequestRefusedError

KeyPurpose = Literal["decide", "line_status", "what_if"]

PREFIX = "fwk_"


class BankKey(BaseModel):
    """One key of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .-]+$")]
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tenants: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]], Field(min_length=1)
    ]
    purposes: Annotated[list[KeyPurpose], Field(min_length=1)]
    expires: date
    per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 100.0
    signed: bool = False
    language: Language | None = None


class BankKeysDocument(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: list[BankKey] = []


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one version of the file, by id."""

    keys: Mapping[str, BankKey]

    def check(self, authorization: str, today: date) -> BankKey:
        """The key that a request carries.

        Args:
            authorization: the header of that name.
            today: in UTC.

        Raises:
            RequestRefusedError: there is none, or it is unknown or expired.
        """
        scheme, _, key = authorization.partition(" ")
        key_id, _, secret = key.strip().removeprefix(PREFIX).partition("_")
        found = self.keys.get(key_id)
        expected = found.secret_sha256 if found else "0" * 64
        right = hmac.compare_digest(secret_hash(secret), expected)
        if scheme.lower() != "bearer" or found is None or not right or today > found.expires:
            raise RequestRefusedError(
                401,
                "unauthenticated",
                "Not authenticated",
                "A valid key is needed: Authorization: Bearer fwk_...",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found


NO_KEYS = KeyRing({})


def secret_hash(secret: str) -> str:
    """SHA-256 of a secret, in hexadecimal digits: what the file holds, and the key of signatures."""
    return hashlib.sha256(secret.encode()).hexdigest()


def load_keys(path: Path) -> KeyRing:
    """Read a file of keys.

    Raises:
        ConfigurationError: it cannot be read or is not valid, or two keys have one id.
    """
    document = load_toml(path, BankKeysDocument)
    keys = {key.id: key for key in document.keys}
    if len(keys) != len(document.keys):
        raise ConfigurationError(f"{path.name} is not valid: two keys have the same id.")
    return KeyRing(keys)


def require(key: BankKey, purpose: KeyPurpose, tenant: str) -> None:
    """Check what a key is for.

    Raises:
        RequestRefusedError: its purposes or tenants do not include these.
    """
    if purpose not in key.purposes:
        raise RequestRefusedError(
            403, "wrong_purpose", "Not allowed", f"This key is not for the purpose {purpose}."
        )
    if tenant not in key.tenants:
        raise RequestRefusedError(
            403, "unknown_tenant", "Not allowed", "This key does not cover the tenant."
        )


def new_key(
    name: str,
    tenants: list[str],
    purposes: list[str],
    expires: date,
    per_second: float,
    language: Language | None = None,
) -> tuple[str, str]:
    """Make a key; returns it, which cannot be had again, and its entry for the file.

    Raises:
        ConfigurationError: a value is not valid.
    """
    key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    values = {
        "id": key_id,
        "name": name,
        "secret_sha256": secret_hash(secret),
        "tenants": tenants,
        "purposes": purposes,
        "expires": expires,
        "per_second": per_second,
        "language": language,
    }
    try:
        entry = BankKey.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError(f"the key is not valid: {faults}.") from None
    lines = [
        "[[keys]]",
        f'id = "{entry.id}"',
        f'name = "{entry.name}"',
        f'secret_sha256 = "{entry.secret_sha256}"',
        f"tenants = {entry.tenants}".replace("'", '"'),
        f"purposes = {entry.purposes}".replace("'", '"'),
        f"expires = {entry.expires.isoformat()}",
        f"per_second = {entry.per_second}",
        *([f'language = "{entry.language}"'] if entry.language else []),
        "",
    ]
    return f"{PREFIX}{key_id}_{secret}", "\n".join(lines)
