"""Roles and scope as they are written in files, claims and the database."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, cast

from alerting.access.roles import ROLES, Role
from alerting.access.scope import Scope
from forewarn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Grants:
    """What a person or key is given: roles, and the scope in which they hold."""

    roles: frozenset[Role]
    scope: Scope

    @classmethod
    def of(cls, roles: Iterable[str], tenants: Iterable[str], districts: Iterable[str]) -> Self:
        """Check the names of roles and build.

        Raises:
            ConfigurationError: if a role does not exist.
        """
        names = frozenset(roles)
        unknown = sorted(names - frozenset(ROLES))
        if unknown:
            raise ConfigurationError(
                f"unknown role: {', '.join(unknown)}", hint=f"Roles are {', '.join(ROLES)}."
            )
        return cls(cast("frozenset[Role]", names), Scope.of(tenants, districts))

    def to_json(self) -> str:
        """As stored with a session or key."""
        tenants, districts = self.scope.lists()
        return json.dumps({"roles": sorted(self.roles), "tenants": tenants, "districts": districts})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of ``to_json``."""
        data = json.loads(text)
        return cls.of(data["roles"], data["tenants"], data["districts"])
