"""Who is asking: the value that access control hands to the service layer."""

from dataclasses import dataclass
from typing import Literal

from alerting.access.roles import Permission, Role, permissions_of
from alerting.access.scope import EVERYTHING, Scope

Means = Literal["session", "api_key", "internal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or service that was authenticated.

    ``subject`` is stable and unique over the ways of signing in (``local:li.na``,
    ``oidc:0f3c...``, ``key:9a1b...``): it is what cases are held by and the audit log names.
    """

    subject: str
    name: str
    roles: frozenset[Role]
    scope: Scope
    means: Means

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything that the roles allow."""
        return permissions_of(self.roles)

    def may(self, permission: Permission) -> bool:
        """Whether any role allows the action; the scope is a question of its own."""
        return permission in self.permissions


SYSTEM = Principal(
    subject="system",
    name="Forewarn",
    roles=frozenset({"service"}),
    scope=EVERYTHING,
    means="internal",
)
"""The service acting on its own: timers, ingest, sweeps, retention."""
