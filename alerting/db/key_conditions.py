"""Conditions on many keys at once, in a form for which both databases use the index.

SQLite reads the whole table for ``(a, b) IN ((1, 2), ...)``.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_


def among(tenant: Any, key: Any, pairs: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    """Rows whose tenant and key are among the given pairs; tenants are few."""
    by_tenant: dict[str, set[str]] = {}
    for of_tenant, value in pairs:
        by_tenant.setdefault(of_tenant, set()).add(value)
    return or_(
        false(),
        *(
            and_(tenant == of_tenant, key.in_(sorted(values)))
            for of_tenant, values in sorted(by_tenant.items())
        ),
    )
