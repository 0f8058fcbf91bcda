"""Whether a person may arrange silences, shifts and rotas for a tenant and a district."""

from typing import Any

from sqlalchemy import ColumnElement

from alerting.access import Scope
from alerting.service_errors import InvalidRequestError, NotFoundError


def covers(scope: Scope, tenant: str, district: str) -> bool:
    """Whether the scope holds a whole district; an empty code stands for all districts."""
    return scope.covers(Scope.of([tenant], [district or "*"]))


def require(scope: Scope, tenant: str, district: str) -> None:
    """Refuse a tenant or district outside the scope.

    Raises:
        InvalidRequestError: all districts are meant, and the scope holds some of the tenant's only.
        NotFoundError: the scope does not hold them.
    """
    if not district and not covers(scope, tenant, "") and scope.covers(Scope.of([tenant], [])):
        raise InvalidRequestError("Enter one of your own districts.", code="needs_a_district")
    if not covers(scope, tenant, district):
        raise NotFoundError("tenant or district", f"{tenant} {district}".strip())


def of_tenants(scope: Scope, column: Any) -> ColumnElement[bool]:
    """The rows of the tenants in scope, whatever their district."""
    return Scope(scope.tenants, None).condition(column, column)
