"""Playbooks in the console: read and ticked in a browser, and seen by supervision where left out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.web.service_container import Services
from tests.alerting.factory import warning
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open, RaiseCase
from tests.alerting.web.console.test_accessibility import faults


@pytest.mark.system
@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "title", "tick", "done"),
    [
        ("en-GB", "Playbook", "Mark as done: Check payer", "Done"),
        ("zh-CN", "处置手册", "完成：核对付款方", "已完成"),
    ],
)
def test_a_responder_reads_the_playbook_and_ticks_a_task(
    open_as: Open, raise_case: RaiseCase, locale: str, title: str, tick: str, done: str
) -> None:
    case_id = raise_case(warning())
    page = open_as("li", f"/console/cases/{case_id}", locale=locale)
    part = page.locator("#playbook")
    expect(part.get_by_role("heading", name=title)).to_be_visible()
    part.get_by_role("button", name=tick).click()
    expect(part.get_by_text(done, exact=True)).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert faults(page) == []
    page.reload()
    expect(page.locator("#playbook").get_by_text(done, exact=True)).to_be_visible()


@pytest.mark.system
@ON_SQLITE
def test_a_supervisor_sees_the_tasks_that_were_left_out(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    page = open_as("boss", "/console/supervision")
    page.get_by_role("link", name="Missed tasks").click()
    expect(page.get_by_role("row")).to_have_count(6)  # five required tasks under the titles
    assert faults(page) == []


def test_a_playbook_is_shown_and_ticked_within_scope_and_role_only(
    make_browser: Callable[..., Browser], raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    path = f"/console/cases/{case_id}"
    assert make_browser("li").post(f"{path}/tasks/hold", done="true").status_code == 200
    assert make_browser("li").post(f"{path}/tasks/hold", done="true").status_code == 409
    assert make_browser("stranger").get(f"{path}/playbook").status_code == 404
    assert make_browser("stranger").post(f"{path}/tasks/hold", done="false").status_code == 404
    assert make_browser("analyst").get(f"{path}/playbook").status_code == 200
    assert make_browser("analyst").post(f"{path}/tasks/hold", done="false").status_code == 403
    assert make_browser("li").get("/console/skipped-tasks").status_code == 403
