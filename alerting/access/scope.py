"""The cases that a person or service may see: a value that every query takes.

A scope is a set of tenants and a set of districts, either of which may be "all". A district entry
that ends in ``*`` stands for every district whose code begins so: GB/T 2260 codes are hierarchical,
so ``4304*`` is the whole of Hengyang. A case whose district is unknown is seen only by those who
see all districts, never by no person.

The service layer adds ``scope.condition(Case.tenant, Case.district)`` to every statement that reads
or changes cases or what belongs to them. What lies outside the scope does not exist for the caller:
"not found", not "forbidden", so that ids cannot be probed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, false, func, or_, true

ALL = "*"

_TENANT = re.compile(r"[a-z0-9-]{1,32}")
_DISTRICT = re.compile(r"[0-9A-Za-z-]{1,12}|[0-9A-Za-z-]{1,11}\*")


@dataclass(frozen=True, slots=True)
class Scope:
    """Tenants and districts that may be seen; ``None`` means all of them.

    An empty set admits nothing: a person without districts sees no case, rather than every case.
    """

    tenants: frozenset[str] | None
    districts: frozenset[str] | None

    @classmethod
    def of(cls, tenants: Iterable[str], districts: Iterable[str]) -> Self:
        """Build from lists as written in files and claims, where ``*`` alone means all."""
        tenant_set, district_set = frozenset(tenants), frozenset(districts)
        return cls(
            tenants=None if ALL in tenant_set else tenant_set,
            districts=None if ALL in district_set else district_set,
        )

    def lists(self) -> tuple[list[str], list[str]]:
        """The inverse of ``of``: tenants and districts as sorted lists, ``["*"]`` for all."""
        return (
            [ALL] if self.tenants is None else sorted(self.tenants),
            [ALL] if self.districts is None else sorted(self.districts),
        )

    def admits(self, tenant: str, district: str) -> bool:
        """Whether something of this tenant and district may be seen; the twin of ``condition``."""
        if self.tenants is not None and tenant not in self.tenants:
            return False
        if self.districts is None:
            return True
        return district in self.districts or any(
            entry.endswith(ALL) and district.startswith(entry[:-1]) for entry in self.districts
        )

    def covers(self, other: "Scope") -> bool:
        """Whether everything that ``other`` admits is admitted here too: no person gives away, ends
        or silences more than they see."""
        if self.tenants is not None and (other.tenants is None or other.tenants - self.tenants):
            return False
        if self.districts is None:
            return True
        return other.districts is not None and all(
            any(_within(entry, own) for own in self.districts) for entry in other.districts
        )

    def condition(
        self, tenant: ColumnElement[str] | Any, district: ColumnElement[str] | Any
    ) -> ColumnElement[bool]:
        """The same test as SQL over a tenant and a district column.

        A prefix is compared by ``substr`` rather than LIKE, which on SQLite ignores case.
        """
        parts: list[ColumnElement[bool]] = []
        if self.tenants is not None:
            parts.append(tenant.in_(sorted(self.tenants)) if self.tenants else false())
        if self.districts is not None:
            parts.append(_district_condition(self.districts, district))
        return and_(*parts) if parts else true()


def unmatchable(tenants: Iterable[str], districts: Iterable[str]) -> list[str]:
    """The entries that can match no tenant and no district, as typing errors do."""
    faults = [name for name in tenants if name != ALL and not _TENANT.fullmatch(name)]
    return faults + [code for code in districts if code != ALL and not _DISTRICT.fullmatch(code)]


def _within(entry: str, own: str) -> bool:
    """Whether a district or prefix lies within another one."""
    return entry.startswith(own[:-1]) if own.endswith(ALL) else entry == own


def _district_condition(districts: frozenset[str], column: Any) -> ColumnElement[bool]:
    exact = sorted(entry for entry in districts if not entry.endswith(ALL))
    prefixes = sorted(entry[:-1] for entry in districts if entry.endswith(ALL))
    choices: list[ColumnElement[bool]] = [column.in_(exact)] if exact else []
    choices += [func.substr(column, 1, len(prefix)) == prefix for prefix in prefixes]
    return or_(*choices) if choices else false()


EVERYTHING = Scope(tenants=None, districts=None)
"""For the service's own work (timers, sweeps, retention), which no person's scope bounds."""
