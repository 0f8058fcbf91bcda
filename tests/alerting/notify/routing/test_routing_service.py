"""Silences and shifts stay within the districts of the person who makes or ends them."""

import pytest

from alerting.access import Principal, Scope
from alerting.db.dispatch_tables import Silence
from alerting.service_errors import (
    AlertingError,
    InvalidRequestError,
    NotFoundError,
    StepRefusedError,
)
from alerting.web.service_container import Services
from tests.alerting.conftest import SECOND
from tests.alerting.factory import NOW_MS

HOUR_MS = 3_600_000


@pytest.fixture
def chief() -> Principal:
    """A supervisor of Hengyang."""
    scope = Scope.of(["default"], ["4304*"])
    return Principal("local:chief", "Chief", frozenset({"supervisor"}), scope, "session")


def silence(services: Services, who: Principal, tenant: str = "default", **matchers: str) -> str:
    row = services.routing_service.silence(
        who, tenant=tenant, matchers=matchers, reason="exercise", expires_at_ms=NOW_MS + HOUR_MS
    )
    if row.state == "proposed":
        services.routing_service.approve_silence(row.silence_id, SECOND)
    return row.silence_id


def shift(services: Services, who: Principal, district: str, tenant: str = "default") -> str:
    row = services.routing_service.add_shift(
        who, tenant=tenant, district=district, team="desk", responder="local:li", channel="sms",
        address="+8613900000000", starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + HOUR_MS,
    )  # fmt: skip
    return row.shift_id


def test_a_silence_within_ones_own_districts_is_taken(services: Services, chief: Principal) -> None:
    for district in ("430405", "4304*", "43040*"):
        silence(services, chief, district=district)


@pytest.mark.parametrize(
    ("matchers", "error"),
    [
        ({"severity": "critical"}, InvalidRequestError),
        ({"district": "43*"}, NotFoundError),
        ({"district": "110105"}, NotFoundError),
    ],
)
def test_a_silence_of_other_districts_is_refused(
    services: Services, chief: Principal, matchers: dict[str, str], error: type[AlertingError]
) -> None:
    with pytest.raises(error):
        silence(services, chief, **matchers)
    assert services.routing_service.silences(chief.scope) == []


def test_another_tenant_does_not_exist(services: Services, chief: Principal) -> None:
    with pytest.raises(NotFoundError):
        silence(services, chief, tenant="changsha", district="430405")
    with pytest.raises(NotFoundError):
        shift(services, chief, "4304", tenant="changsha")


@pytest.mark.parametrize("label", ["tenant", "district", "typology", "severity"])
def test_a_silence_of_everything_is_refused_even_from_those_who_see_everything(
    services: Services, boss: Principal, label: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        silence(services, boss, **{label: "*"})
    assert refused.value.code == "matches_everything"


def test_a_silence_of_a_whole_tenant_is_seen_and_ended_by_those_permitted(
    services: Services, chief: Principal, boss: Principal
) -> None:
    silence_id = silence(services, boss, severity="medium")
    assert [row.silence_id for row in services.routing_service.silences(chief.scope)] == [
        silence_id
    ]
    with pytest.raises(NotFoundError):
        services.routing_service.end_silence(silence_id, chief)
    services.routing_service.end_silence(silence_id, boss)


@pytest.mark.parametrize(
    ("district", "error"),
    [("", InvalidRequestError), ("43", NotFoundError), ("1101", NotFoundError)],
)
def test_a_shift_in_other_districts_is_refused(
    services: Services, chief: Principal, boss: Principal, district: str, error: type[AlertingError]
) -> None:
    with pytest.raises(error):
        shift(services, chief, district)
    theirs = shift(services, boss, district)
    with pytest.raises(NotFoundError):
        services.routing_service.end_shift(theirs, chief)
    own = shift(services, chief, "430405")
    services.routing_service.end_shift(own, chief)


@pytest.mark.parametrize(
    ("matchers", "hours", "allowed"),
    [
        ({"severity": "critical"}, 8, True),
        ({"severity": "critical"}, 9, False),
        ({"severity": "c*"}, 9, False),
        ({"typology": "task_scam"}, 9, False),  # critical ones too
        ({"severity": "medium"}, 168, True),
    ],
)
def test_critical_cases_are_silenced_for_one_shift_at_most(
    services: Services, boss: Principal, matchers: dict[str, str], hours: int, *, allowed: bool
) -> None:
    def ask() -> None:
        services.routing_service.silence(
            boss, tenant="default", matchers=matchers, reason="exercise",
            expires_at_ms=NOW_MS + hours * HOUR_MS,
        )  # fmt: skip

    if allowed:
        ask()
        return
    with pytest.raises(InvalidRequestError) as refused:
        ask()
    assert refused.value.code == "critical_silence_too_long"


def test_a_silence_of_critical_pages_needs_a_second_person(
    services: Services, boss: Principal
) -> None:
    def ask(**matchers: str) -> Silence:
        return services.routing_service.silence(
            boss, tenant="default", matchers=matchers, reason="exercise",
            expires_at_ms=NOW_MS + HOUR_MS,
        )  # fmt: skip

    assert ask(severity="high").state == "active"
    row = ask(typology="task_scam")
    assert row.state == "proposed"
    with pytest.raises(StepRefusedError) as refused:
        services.routing_service.approve_silence(row.silence_id, boss)
    assert refused.value.code == "needs_a_second_person"
    assert (
        services.routing_service.approve_silence(row.silence_id, SECOND).approver == SECOND.subject
    )
    with pytest.raises(StepRefusedError):
        services.routing_service.approve_silence(row.silence_id, SECOND)
