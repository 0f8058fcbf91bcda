"""Return visits in the console: listed, noted in a browser, and within role and scope."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.web.service_container import Services
from tests.alerting.factory import warning
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open, RaiseCase
from tests.alerting.web.console.test_accessibility import faults


@pytest.fixture
def case_id(raise_case: RaiseCase, services: Services, li: Principal) -> str:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    return case_id


@pytest.mark.system
@ON_SQLITE
@pytest.mark.usefixtures("case_id")
def test_a_responder_notes_a_return_visit_in_the_browser(open_as: Open) -> None:
    page = open_as("wang", "/console/return-visits", locale="zh-CN")
    expect(page.get_by_text("结案后 24 小时")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("结果").select_option("well")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_text("暂无应回访的当事人")).to_be_visible()
    assert faults(page) == []


def test_visits_are_noted_within_role_and_scope_only(
    make_browser: Callable[..., Browser], case_id: str
) -> None:
    path = f"/console/return-visits/{case_id}/24"
    assert make_browser("stranger").post(path, result="well").status_code == 404
    assert make_browser("analyst").post(path, result="well").status_code == 403
    assert make_browser("li").post(path, result="fine").status_code == 422
    assert make_browser("li").post(path, result="well").status_code == 204
    assert make_browser("li").post(path, result="well").status_code == 409
