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


def name_of(scope: Scope) -> str:
    """The same name in every process, whose sets have orders of their own."""
    return "/".join(",".join(part) or "none" for part in scope.lists())


@pytest.mark.parametrize("scope", SCOPES, ids=name_of)
def test_the_sql_condition_admits_what_the_predicate_admits(db: Database, scope: Scope) -> None:
    with db.read() as session:
        for tenant, district in PLACES:
            condition = scope.condition(literal(tenant), literal(district))
            found = session.execute(select(literal(1)).where(condition)).first() is not None
            assert found == scope.admits(tenant, district), (tenant, district)


def test_a_person_without_districts_sees_no_case() -> None:
    nothing = Scope.of(["*"], [])
    assert not any(nothing.admits(tenant, district) for tenant, district in PLACES)


def test_a_case_of_an_unknown_district_is_seen_by_those_who_see_all_districts_only() -> None:
    assert Scope.of(["*"], ["*"]).admits("hengyang", "")
    assert not Scope.of(["*"], ["430405"]).admits("hengyang", "")


def test_a_scope_survives_being_written_down() -> None:
    for scope in SCOPES:
        assert Scope.of(*scope.lists()) == scope


@pytest.mark.parametrize("own", SCOPES, ids=name_of)
@pytest.mark.parametrize("other", SCOPES, ids=name_of)
def test_a_scope_that_covers_another_admits_all_that_the_other_admits(
    own: Scope, other: Scope
) -> None:
    assert own.covers(own)
    if own.covers(other):
        assert all(own.admits(*place) for place in PLACES if other.admits(*place))


@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (Scope.of(["*"], ["4304*"]), Scope.of(["*"], ["430405"]), True),
        (Scope.of(["*"], ["4304*"]), Scope.of(["*"], ["43040*"]), True),
        (Scope.of(["*"], ["4304*"]), Scope.of(["*"], ["43*"]), False),
        (Scope.of(["*"], ["4304*"]), Scope.of(["*"], ["*"]), False),
        (Scope.of(["*"], ["430405"]), Scope.of(["*"], ["430405*"]), False),
        (Scope.of(["hengyang"], ["*"]), Scope.of(["*"], ["430405"]), False),
        (Scope.of(["hengyang"], ["*"]), Scope.of(["hengyang"], ["*"]), True),
    ],
)
def test_a_scope_covers_only_scopes_within_it(own: Scope, other: Scope, covered: bool) -> None:
    assert own.covers(other) is covered
