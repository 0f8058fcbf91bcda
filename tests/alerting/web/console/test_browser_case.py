"""The page of a case while others change the case, in a real Chromium."""

import pytest
from playwright.sync_api import expect

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.web.service_container import Services
from tests.alerting.factory import warning
from tests.alerting.web.console.conftest import ON_SQLITE, Open, RaiseCase, case_of

pytestmark = [pytest.mark.system, ON_SQLITE]

LIVE = "**/live?*"


def test_a_half_written_note_outlives_what_happens_to_the_case(
    open_as: Open, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    case_id = raise_case(warning())
    page = open_as("li", f"/console/cases/{case_id}")
    page.keyboard.press("c")
    expect(page.locator("#casehead")).to_contain_text("assigned to Li")
    page.locator("#note").fill("She says that the")
    services.case_service.note(case_id, boss, text="The bank was informed.")
    expect(page.locator("#story")).to_contain_text("The bank was informed.")
    page.get_by_role("button", name="Reached").click()
    expect(page.locator("#casehead")).to_contain_text("In contact")
    expect(page.locator("#note")).to_have_value("She says that the")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#story")).to_contain_text("She says that the")
    expect(page.locator("#note")).to_have_value("")


def test_what_a_gateway_confirms_appears_by_itself(
    open_as: Open, town: list[str], services: Services
) -> None:
    page = open_as("li", f"/console/cases/{town[0]}")
    version = case_of(services, town[0]).version
    services.gateway_reports.take("d-1", "confirmed", channels=("patrol",))
    assert case_of(services, town[0]).version == version
    expect(page.locator("#story li.step").first).to_contain_text("Confirmed")


def test_the_outcome_and_the_person_follow_the_holder_and_the_warnings(
    open_as: Open, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    case_id = raise_case(warning("w-1"))
    page = open_as("li", f"/console/cases/{case_id}")
    expect(page.locator("#casehead")).to_be_visible()
    expect(page.locator("#outcome")).to_be_hidden()
    services.case_service.assign(case_id, boss, to="local:li")
    expect(page.locator("#closing")).to_be_visible()
    expect(page.locator("#person")).to_contain_text(
        "The audit log records each number that is shown"
    )
    page.locator("#closing textarea").fill("half written")
    services.ingestor.ingest([warning("w-2", kind="call")], "test")
    expect(page.locator("#person")).to_contain_text("The line is busy with the suspect")
    expect(page.locator("#closing textarea")).to_have_value("half written")
    services.case_service.assign(case_id, boss, to="local:wang")
    expect(page.locator("#outcome")).to_be_hidden()


def test_a_case_does_not_close_over_a_transfer_that_the_page_does_not_show(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning("w-1"))
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    page = open_as("li", f"/console/cases/{case_id}")
    expect(page.locator("#closing")).to_be_visible()
    page.route(LIVE, lambda route: route.abort())  # so that the page grows old
    services.ingestor.ingest([warning("w-2", amount_at_risk_minor=9_900_000)], "test")
    page.get_by_label("Dissuaded").check()
    page.locator("#closing textarea").fill("informed her")
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator(".toast")).to_contain_text("The case has changed in the meantime")
    assert case_of(services, case_id).state == "in_contact"
    page.unroute(LIVE)
    expect(page.locator("#casehead")).to_contain_text("¥149,000.00 at risk")
    expect(page.locator("#closing textarea")).to_have_value("informed her")
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator("#outcome strong")).to_have_text("Dissuaded")


def test_a_relative_is_added_and_a_late_loss_reported_on_the_page(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning(subject_id="t-1"))
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.get_by_text("Add a relative").click()
    page.get_by_label("Phone number").fill("+8613900001234")
    page.get_by_label("Name").fill("Ma")
    page.keyboard.press("Enter")
    expect(page.locator("#shown-relatives")).to_have_text("Ma +86 139****1234")
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    boss = open_as("boss", f"/console/cases/{case_id}")
    boss.get_by_text("Report a loss discovered after closure").click()
    boss.get_by_label("Money lost").fill("12,000")
    boss.get_by_label("Affected transfer").select_option("t-1")
    boss.get_by_role("button", name="Report the loss").click()
    expect(boss.locator("#outcome strong")).to_have_text("Loss occurred")
    expect(boss.locator("#outcome")).to_contain_text("¥12,000.00")


def test_a_supervisor_is_led_from_the_alarm_to_the_shift_that_ends_it(
    open_as: Open, town: list[str]
) -> None:
    page = open_as("boss", "/console/supervision")
    alarm = page.get_by_text("No one is on call")
    expect(alarm).to_be_visible()
    page.get_by_role("alert").get_by_role("link").click()
    page.locator("#shift-form").get_by_label("Responder").fill("local:li")
    page.locator("#shift-form").get_by_label("District").fill("4304")
    page.get_by_label("Number or address").fill("+8613900000001")
    page.get_by_role("button", name="Add a shift").click()
    expect(page.locator("#shifts th[scope=row]")).to_have_text("Li")
    page.goto("/console/supervision")
    expect(page.get_by_role("heading", name="On call now")).to_be_visible()
    expect(alarm).to_have_count(0)
