"""The scope as SQL and the scope as a predicate are the same test."""

import pytest
from sqlalchemy import literal, select

from alerting.access import EVERYTHING, Scope
from alerting.db import Database

SCOPES = [
    EVERYTHING,
    Scope.of(["*"], ["4304*"]),
    Scope.of(["hengyang"], ["430405", "430406"]),
    Scope.of(["hengyang"], ["*"]),
    Scope.of(["hengyang", "changsha"], ["4304*", "430101"]),
    Scope.of([], ["*"]),
    Scope.of(["*"], []),
    Scope.of(["*"], ["%", "4304_5", "a*"]),
]
PLACES = [
    ("hengyang", "430405"),
    ("hengyang", "430101"),
    ("changsha", "430405"),
    ("changsha", "430101"),
    ("hengyang", ""),
    ("beijing", "110101"),
    ("hengyang", "A1"),
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_the_sql_condition_admits_what_the_predicate_admits(db: Database, scope: Scope) -> None:
    with db.read() as session:
        for tenant, district in PLACES:
            condition = scope.condition(literal(tenant), literal(district))
            found = session.execute(select(literal(1)).where(condition)).first() is not None
            assert found == scope.admits(tenant, district), (tenant, district)


def test_nobody_without_districts_sees_a_case() -> None:
    nothing = Scope.of(["*"], [])
    assert not any(nothing.admits(tenant, district) for tenant, district in PLACES)


def test_a_case_of_an_unknown_district_is_seen_by_those_who_see_all_districts_only() -> None:
    assert Scope.of(["*"], ["*"]).admits("hengyang", "")
    assert not Scope.of(["*"], ["430405"]).admits("hengyang", "")


def test_a_scope_survives_being_written_down() -> None:
    for scope in SCOPES:
        assert Scope.of(*scope.lists()) == scope
