"""One step on many cases: one refusal stops no other, and no one does more than on one case."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.access.access_errors import PermissionDeniedError
from alerting.db.case_tables import CaseEvent
from alerting.service_errors import InvalidRequestError
from alerting.web.service_container import Services
from tests.alerting.factory import warning


@pytest.fixture
def ids(services: Services) -> list[str]:
    warnings = [
        warning(f"w-{number}", subscriber=f"+86138000000{number:02}") for number in range(4)
    ]
    return [row[1] for row in services.ingestor.ingest(warnings, "test").results]


def test_many_cases_are_claimed_with_one_note_and_a_held_one_is_refused(
    services: Services, ids: list[str], li: Principal, wang: Principal
) -> None:
    services.case_service.claim(ids[1], wang)
    results = services.bulk.take("claim", [*ids, ids[0], "c-none"], li, note="One wave")
    assert [one.result for one in results] == [
        "done", "held_by_another", "done", "done", "not_found",
    ]  # fmt: skip
    with services.db.read() as session:
        notes = session.scalars(select(CaseEvent).where(CaseEvent.kind == "noted")).all()
    assert [row.detail["note"] for row in notes] == ["One wave"] * 3


def test_many_cases_are_closed_as_false_alarms(
    services: Services, ids: list[str], li: Principal
) -> None:
    results = services.bulk.take("false_alarm", ids, li, note="A test of the bank")
    assert all(one.done for one in results)
    for case_id in ids:
        case = services.case_queries.get(li.scope, case_id)
        assert (case.state, case.disposition) == ("closed", "false_alarm")


def test_duplicates_of_another_person_are_refused_one_by_one(
    services: Services, ids: list[str], li: Principal
) -> None:
    results = services.bulk.take("duplicate", ids[1:], li, note="", duplicate_of=ids[0])
    assert {one.result for one in results} == {"duplicate_of_another_person"}


def test_a_responder_assigns_no_case_and_a_supervisor_many(
    services: Services, ids: list[str], li: Principal, boss: Principal
) -> None:
    with pytest.raises(PermissionDeniedError):
        services.bulk.take("assign", ids, li, note="", to="local:wang")
    results = services.bulk.take("assign", ids, boss, note="", to="local:wang")
    assert all(one.done for one in results)
    assert services.case_queries.get(boss.scope, ids[0]).holder == "local:wang"


def test_a_request_without_cases_or_colleague_is_refused(
    services: Services, ids: list[str], boss: Principal
) -> None:
    for action, chosen in (("claim", []), ("claim", [str(n) for n in range(101)]), ("assign", ids), ("duplicate", ids)):  # fmt: skip
        with pytest.raises(InvalidRequestError):
            services.bulk.take(action, chosen, boss, note="")
