"""Ticks in the history of a case, what a closure left out, and texts by kind of fraud."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import CaseEvent
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from tests.alerting.conftest import responder
from tests.alerting.factory import NOW_MS, warning


@pytest.fixture
def case_id(services: Services) -> str:
    return services.ingestor.ingest([warning()], "test").results[0][1]


def states(services: Services, case_id: str, li: Principal) -> dict[str, str | None]:
    case = services.case_queries.get(li.scope, case_id)
    with services.db.read() as session:
        return {one.task.key: one.by for one in services.tasks.of_case(session, case).tasks}


def test_a_tick_is_in_the_history_with_the_version_of_the_playbook(
    services: Services, case_id: str, li: Principal
) -> None:
    services.tasks.tick(case_id, li, "separate", done=True)
    assert states(services, case_id, li)["separate"] == "local:li"
    with services.db.read() as session:
        [row] = session.scalars(select(CaseEvent).where(CaseEvent.kind == "task_done"))
    assert row.detail == {"task": "separate", "typology": "police_impersonation", "playbook": 1}
    services.tasks.tick(case_id, li, "separate", done=False)
    assert states(services, case_id, li)["separate"] is None


def test_a_tick_that_changes_nothing_or_names_no_task_is_refused(
    services: Services, case_id: str, li: Principal
) -> None:
    services.tasks.tick(case_id, li, "separate", done=True)
    with pytest.raises(StepRefusedError):
        services.tasks.tick(case_id, li, "separate", done=True)
    with pytest.raises(StepRefusedError):
        services.tasks.tick(case_id, li, "hold", done=False)
    with pytest.raises(NotFoundError):
        services.tasks.tick(case_id, li, "receipts", done=True)  # of another typology
    with pytest.raises(NotFoundError):
        services.tasks.tick(case_id, responder("local:far", "1101*"), "hold", done=True)


def test_supervision_sees_the_required_tasks_that_a_closed_case_left_out(
    services: Services, case_id: str, li: Principal, boss: Principal
) -> None:
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.tasks.tick(case_id, li, "separate", done=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    with services.db.read() as session:
        rows = services.tasks.skipped(session, boss.scope, NOW_MS - 1)
        far = services.tasks.skipped(session, responder("local:far", "1101*").scope, NOW_MS - 1)
    required = {"hold", "remote_off", "confirm", "evidence"}
    assert {row.task for row in rows} == required
    assert {row.holder for row in rows} == {"local:li"}
    assert far == []
    with pytest.raises(StepRefusedError):
        services.tasks.tick(case_id, li, "hold", done=True)
