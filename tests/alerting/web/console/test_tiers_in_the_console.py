"""Tiers, the watch period and three-way calls as people see them, in a browser and in both languages."""

import pytest
from playwright.sync_api import expect

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.web.service_container import Services
from tests.alerting.factory import warning
from tests.alerting.web.console.conftest import ON_SQLITE, Open, RaiseCase
from tests.alerting.web.console.test_accessibility import faults

OTHER = "+8613800002222"


@pytest.mark.system
@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "extreme", "text_only"),
    [("en-GB", "Extreme", "Text only"), ("zh-CN", "极危", "仅短信")],
)
def test_an_extreme_case_leads_the_queue_and_a_low_warning_is_not_in_it(
    open_as: Open, raise_case: RaiseCase, locale: str, extreme: str, text_only: str
) -> None:
    raise_case(warning(severity="extreme"))
    low_id = raise_case(warning("w-2", severity="low", subscriber=OTHER))
    page = open_as("li", "/console/queue", locale=locale)
    expect(page.locator("tr[data-case]")).to_have_count(1)
    expect(page.locator("tr[data-case] .badge.extreme")).to_have_text(extreme)
    assert faults(page) == []
    page.goto(f"/console/cases/{low_id}")
    expect(page.locator("#casehead")).to_contain_text(text_only)
    assert faults(page) == []


@pytest.mark.system
@ON_SQLITE
def test_a_case_in_the_watch_period_says_so(
    open_as: Open, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    first = raise_case(warning())
    services.case_service.claim(first, boss)
    services.case_service.contact(first, boss, method="phone", reached=True)
    services.closures.close(first, boss, Closure("dissuaded"))
    again = raise_case(warning("w-2", offset=2, severity="medium", caller="+8617000001234"))
    page = open_as("li", f"/console/cases/{again}")
    expect(page.locator("#casehead")).to_contain_text("Dissuaded before")
    expect(page.locator("#casehead .badge.critical").first).to_have_text("Critical")


@pytest.mark.system
@ON_SQLITE
def test_the_holder_asks_for_a_three_way_call_and_is_refused_without_a_gateway(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.get_by_text("Three-way call", exact=True).click()
    page.locator("#three-way-form input[name=phone]").fill("+8613900007777")
    assert faults(page) == []
    page.get_by_role("button", name="Call both").click()
    expect(page.get_by_text("No voice gateway is set up")).to_be_visible()
