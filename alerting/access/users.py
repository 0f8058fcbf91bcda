"""People who sign in with a password: a local file, the default where there is no OIDC provider.

The file is JSON, readable by its owner only, and is read again when it changes, so that removing
a person or changing a role works at once, on sessions that are open too. Passwords are hashed with
argon2id (RFC 9106, the library's low-memory profile of 64 MiB).
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from alerting.access.access_errors import RateLimitedError
from alerting.access.grants import Grants
from alerting.access.scope import unmatchable
from forewarn.errors import ConfigurationError

NAME_PATTERN = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
MIN_PASSWORD_CHARACTERS = 12  # NIST SP 800-63B rev. 4 asks 15 without and 8 with a second factor
QUEUE_SECONDS = 2.0  # in which a full queue of checks has emptied
MAX_PASSWORD_CHARACTERS = 256  # bounds the work of hashing what a stranger sends


@dataclass(frozen=True, slots=True)
class User:
    """One person in the file; ``name`` signs in, ``display_name`` is shown to colleagues."""

    name: str
    display_name: str
    password_hash: str
    grants: Grants
    disabled: bool = False

    @property
    def subject(self) -> str:
        """The stable id that cases and the audit log use."""
        return f"local:{self.name}"

    @property
    def credential(self) -> str:
        """Fingerprint of the password hash: sessions end when the password changes."""
        return hashlib.sha256(self.password_hash.encode()).hexdigest()


class UserFile:
    """The users of one file, checked by password.

    Args:
        path: the JSON file; it need not exist yet, then signing in by password is impossible.
        hasher: argon2id with its parameters; tests give a cheap one.
        concurrent_checks: how many passwords are checked at a time, since each takes 64 MiB.
        waiting_checks: how many may wait for their turn; each holds one of the service's threads.
    """

    def __init__(
        self,
        path: Path,
        *,
        hasher: PasswordHasher | None = None,
        concurrent_checks: int = 2,
        waiting_checks: int = 8,
    ) -> None:
        self._path = path
        self._hasher = hasher or PasswordHasher()
        self._gate = threading.BoundedSemaphore(concurrent_checks)
        self._queue = threading.BoundedSemaphore(concurrent_checks + waiting_checks)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        # Checked in place of a missing user's hash, so that both answers take equally long.
        self._decoy = self._hasher.hash("no such person")

    def get(self, name: str) -> User | None:
        """The user of that name, unless disabled."""
        user = self.known(name)
        return None if user is None or user.disabled else user

    def known(self, name: str) -> User | None:
        """The user of that name, disabled or not."""
        return self._current().get(name)

    def all(self) -> list[User]:
        """All who may sign in, by name."""
        return sorted(
            (user for user in self._current().values() if not user.disabled),
            key=lambda user: user.name,
        )

    def by_subject(self, subject: str) -> User | None:
        """The user whose ``subject`` this is."""
        prefix, _, name = subject.partition(":")
        return self.get(name) if prefix == "local" else None

    def check(self, name: str, password: str) -> User | None:
        """The user if the password is theirs; takes equally long whether or not they exist.

        Raises:
            RateLimitedError: so many wait that this one would hold up the rest of the service.
        """
        user = self.get(name)
        candidate = user.password_hash if user else self._decoy
        if not self._queue.acquire(blocking=False):
            raise RateLimitedError(QUEUE_SECONDS)
        try:
            with self._gate:
                self._hasher.verify(candidate, password[:MAX_PASSWORD_CHARACTERS])
        except (VerificationError, InvalidHashError):
            return None
        finally:
            self._queue.release()
        return user

    def save(
        self,
        name: str,
        password: str,
        *,
        display_name: str = "",
        roles: Sequence[str],
        tenants: Sequence[str] = ("*",),
        districts: Sequence[str] = ("*",),
    ) -> User:
        """Add a user or replace one; the file is swapped in whole.

        Raises:
            ConfigurationError: the name, the password, a role, a tenant or a district is not valid.
        """
        if not NAME_PATTERN.match(name):
            raise ConfigurationError(
                f"{name!r} is not a sign-in name",
                hint="Use small letters, digits, dots, dashes; at most 64 characters.",
            )
        if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
            raise ConfigurationError(
                f"the password has {len(password)} characters",
                hint=f"Use {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS}.",
            )
        faults = unmatchable(tenants, districts)
        if faults:
            raise ConfigurationError(
                f"No tenant or district can match {', '.join(map(repr, faults))}.",
                hint="Use codes such as 430405, prefixes such as 4304*, or * for all.",
            )
        user = User(
            name=name,
            display_name=display_name or name,
            password_hash=self._hasher.hash(password),
            grants=Grants.of(roles, tenants, districts),
        )
        with self._lock:
            self._write(self._read() | {name: user})
            self._stamp = None
        return user

    def remove(self, name: str) -> bool:
        """Remove a user; False if there is none of that name."""
        with self._lock:
            users = self._read()
            if users.pop(name, None) is None:
                return False
            self._write(users)
            self._stamp = None
        return True

    def _current(self) -> dict[str, User]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            if stamp != self._stamp:
                self._users, self._stamp = self._read(), stamp
            return self._users

    def _read(self) -> dict[str, User]:
        if not self._path.exists():
            return {}
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))["users"]
            users = [
                User(
                    name=entry["name"],
                    display_name=entry.get("display_name", entry["name"]),
                    password_hash=entry["password_hash"],
                    grants=Grants.of(entry["roles"], entry["tenants"], entry["districts"]),
                    disabled=bool(entry.get("disabled", False)),
                )
                for entry in entries
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"the user file {self._path.name} cannot be read: {error!r}",
                hint="Write it with `forewarn alerting user add`.",
            ) from None
        return {user.name: user for user in users}

    def _write(self, users: dict[str, User]) -> None:
        entries = []
        for user in sorted(users.values(), key=lambda user: user.name):
            tenants, districts = user.grants.scope.lists()
            entries.append(
                {
                    "name": user.name,
                    "display_name": user.display_name,
                    "password_hash": user.password_hash,
                    "roles": sorted(user.grants.roles),
                    "tenants": tenants,
                    "districts": districts,
                    "disabled": user.disabled,
                }
            )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"users": entries}, file, ensure_ascii=False, indent=2)
        draft.replace(self._path)
