"""Labels of a case and patterns over them."""

from collections.abc import Mapping
from typing import Literal

from alerting.db.cases import Case

Label = Literal["tenant", "district", "typology", "severity"]
Patterns = dict[str, str | list[str]]
"""Per label one pattern or several of which one has to match; a pattern may end in ``*``."""

MATCHABLE = frozenset({"tenant", "district", "typology", "severity"})
COMPARABLE = MATCHABLE | {"subscriber", "caller", "payee"}


def labels_of(case: Case) -> dict[str, str]:
    """What routing knows of a case; numbers are compared but never shown."""
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
    """Whether every label fits one of its patterns; no patterns fit everything."""
    return all(
        any(_fits(pattern, labels.get(name, "")) for pattern in _several(wanted))
        for name, wanted in patterns.items()
    )


def _several(wanted: str | list[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else wanted


def _fits(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
