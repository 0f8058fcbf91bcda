"""Labels of a case and patterns over them."""

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import ColumnElement, false, func, or_

from alerting.db.case_tables import Case

Label = Literal["tenant", "district", "typology", "severity"]
Patterns = dict[str, str | list[str]]
"""Per label one pattern, or several of which one has to match; a pattern may end in ``*``."""

MATCHABLE = frozenset({"tenant", "district", "typology", "severity"})
COMPARABLE = MATCHABLE | {"subscriber", "caller", "payee"}


def labels_of(case: Case) -> dict[str, str]:
    """The labels of a case; numbers are compared but never shown."""
    return {
        "tenant": case.tenant,
        "district": case.district,
        "typology": case.typology,
        "severity": case.severity,
        "subscriber": case.subscriber,
        "caller": case.caller or "",
        "payee": case.payee or "",
    }


def matches(patterns: Mapping[str, str | list[str]], labels: Mapping[str, str]) -> bool:
    """Whether every label matches one of its patterns; an empty mapping matches every case.

    An extreme case is a critical one, too, so that files that know no ``extreme`` still fit it.
    """
    return all(
        any(_fits(name, pattern, labels.get(name, "")) for pattern in _as_list(expected))
        for name, expected in patterns.items()
    )


def matching_sql(patterns: Mapping[str, str | list[str]]) -> list[ColumnElement[bool]]:
    """``matches`` over the columns of a case."""
    return [
        or_(
            false(),
            *(
                _fits_sql(getattr(Case, name), one)
                for pattern in _as_list(expected)
                for one in _alternatives(name, pattern)
            ),
        )
        for name, expected in patterns.items()
    ]


def _fits_sql(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    if not pattern.endswith("*"):
        return column == pattern
    # Not LIKE, which ignores case on SQLite.
    return func.substr(column, 1, len(pattern) - 1) == pattern[:-1]


def _as_list(expected: str | list[str]) -> list[str]:
    return [expected] if isinstance(expected, str) else expected


def _alternatives(name: str, pattern: str) -> tuple[str, ...]:
    return (pattern, "extreme") if (name, pattern) == ("severity", "critical") else (pattern,)


def _fits(name: str, pattern: str, value: str) -> bool:
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value in _alternatives(name, pattern)
