"""Work at the desk that is never lost, in a real Chromium."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete

from alerting.access import Principal
from alerting.cases.closure_reviews import ReviewSample
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case
from alerting.db.review_tables import ClosureReview
from alerting.web.console.queries import queue_query
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, VICTIM, Clock, warning
from tests.alerting.web.console.conftest import ON_SQLITE, Open, RaiseCase, case_of, fill_in_sign_in

pytestmark = [pytest.mark.system, ON_SQLITE]


@pytest.mark.parametrize(("name", "path"), [("wang", "patrol"), ("boss", "supervision")])
def test_a_page_whose_refreshes_succeed_never_says_that_the_server_is_gone(
    open_as: Open, town: list[str], name: str, path: str
) -> None:
    page = open_as(name)
    page.clock.install()
    page.goto(f"/console/{path}")
    for _ in range(4):
        with page.expect_response(lambda answer: "/rows" in answer.url or "/visits" in answer.url):
            page.clock.run_for(11_000)
        expect(page.locator("#stale")).to_be_hidden()
    page.route(re.compile("/(rows|visits)"), lambda route: route.fulfill(status=503, body=""))
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_be_visible()
    page.unroute_all()
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_be_hidden()


def test_a_half_written_outcome_outlives_every_other_action(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.get_by_label("Dissuaded").check()
    page.locator("input[name=prevented]").fill("12,000")
    page.locator("#closing textarea").fill("She will not")
    page.locator("#note").fill("Her son called.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#story")).to_contain_text("Her son called.")
    page.get_by_role("button", name="Reached").click()
    expect(page.locator("#casehead")).to_contain_text("In contact")
    page.reload()
    expect(page.locator("#closing textarea")).to_have_value("She will not")
    expect(page.locator("input[name=prevented]")).to_have_value("12,000")
    expect(page.get_by_label("Dissuaded")).to_be_checked()
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator("#outcome strong")).to_have_text("Dissuaded")
    assert case_of(services, case_id).prevented_minor == 1_200_000
    assert page.evaluate("Object.keys(sessionStorage).filter((k) => k.startsWith('draft/'))") == []


def test_a_refused_form_keeps_its_input_and_says_beside_the_field_what_is_wrong(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.get_by_label("Loss occurred").check()
    lost = page.locator("#closing input[name=lost]")
    lost.fill("much")
    page.locator("#closing textarea").fill("Paid twice")
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator(".field-error")).to_contain_text("This is not an amount of money")
    expect(lost).to_be_focused()
    expect(lost).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#closing textarea")).to_have_value("Paid twice")
    lost.fill("100")
    expect(page.locator(".field-error")).to_have_count(0)
    page.goto("/console/lists")
    page.get_by_text("Propose an entry").click()
    page.locator("#proposal input[name=peer]").fill("95588")
    page.locator("#proposal input[name=reason]").fill("shown to a victim")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.locator(".field-error")).to_contain_text("Numbers of banks")
    expect(page.locator("#proposal input[name=reason]")).to_have_value("shown to a victim")


def test_a_review_without_its_reason_is_refused_beside_the_field_and_kept(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    services.closures.close(case_id, li, Closure("false_alarm"))
    with services.db.write() as session:  # as if the dice had chosen it
        session.execute(delete(ClosureReview))
        ReviewSample(1.0).choose(session, session.get_one(Case, case_id), NOW_MS)
    page = open_as("boss", f"/console/cases/{case_id}")
    page.get_by_role("button", name="Disagree").click()
    expect(page.locator("#reviewing .field-error")).to_contain_text("what should have been done")
    page.locator("#reviewing input[name=note]").fill("She was not called")
    page.reload()
    expect(page.locator("#reviewing input[name=note]")).to_have_value("She was not called")
    page.get_by_role("button", name="Disagree").click()
    expect(page.locator("#reviewing")).to_have_count(0)


def test_an_expired_session_keeps_the_note(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.locator("#note").fill("She is on the way to the bank")
    page.context.clear_cookies(name="forewarn")
    page.get_by_role("button", name="Add note").click()
    page.wait_for_url("**/console/sign-in?next=*")
    fill_in_sign_in(page, "li")
    page.wait_for_url(lambda url: "sign-in" not in url)
    expect(page.locator("#note")).to_have_value("She is on the way to the bank")
    page.context.clear_cookies(name="forewarn")
    page.wait_for_url("**/console/sign-in?next=*")
    fill_in_sign_in(page, "wang")  # another person on the same screen
    page.wait_for_url(f"**/console/cases/{case_id}")
    expect(page.locator("#note")).to_have_value("")


def test_own_cases_come_first_and_all_are_counted_and_reached_by_pages(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(queue_query, "PAGE_SIZE", 3)
    small = raise_case(warning("w-own", subscriber="+8613700000000", expected_loss_minor=1))
    services.case_service.claim(small, li)
    for number in range(7):
        raise_case(warning(f"w-{number}", subscriber=f"+861380000{number:04d}"))
    page = open_as("li")
    expect(page.locator("tr[data-case]").first).to_have_id(f"case-{small}")
    expect(page.locator("#queue")).to_contain_text("Assigned to you: 1 case")
    expect(page.locator("#queue")).to_contain_text("Waiting for a first response: 7")
    expect(page.locator("#queue")).to_contain_text("Page 1 of 3, 8 cases")
    seen = set(page.locator("tr[data-case]").evaluate_all("rows => rows.map((row) => row.id)"))
    for _ in range(2):
        page.get_by_role("link", name="Next page").click()
        page.wait_for_load_state()
        seen |= set(page.locator("tr[data-case]").evaluate_all("rows => rows.map((r) => r.id)"))
    assert len(seen) == 8
    page.locator("#search").fill("0004")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("1 case found")).to_be_visible()
    assert "0004" not in page.url


def test_rows_stay_under_the_pointer_and_new_ones_wait_behind_a_button(
    open_as: Open, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    first = raise_case(warning("w-1", expected_loss_minor=1_000))
    gone = raise_case(warning("w-2", subscriber="+8613700000001", expected_loss_minor=500))
    page = open_as("li", "/console/queue?holding=free")
    row = page.locator(f"#case-{first}")
    row.hover()
    place = row.bounding_box()
    new = [
        raise_case(
            warning(f"w-9{n}", subscriber=f"+861390000000{n}", expected_loss_minor=9_000_000)
        )
        for n in range(3)
    ]
    services.case_service.claim(gone, boss)
    expect(page.locator("#arrived")).to_have_text("3 new")
    expect(page.locator(f"#case-{gone}")).to_have_class(re.compile("gone"))
    assert row.bounding_box() == place or row.bounding_box()["y"] - place["y"] < 60
    page.locator("#arrived").click()
    expect(page.locator("tr[data-case]")).to_have_count(4)
    expect(page.locator("#arrived")).to_be_hidden()
    assert page.locator("tr[data-case]").first.get_attribute("id") in {f"case-{i}" for i in new}
    expect(page.locator(f"#case-{gone}")).to_have_count(0)


def test_an_update_sends_the_rows_that_changed(
    open_as: Open, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    ids = [
        raise_case(warning(f"w-{number}", subscriber=f"+861380000{number:04d}"))
        for number in range(12)
    ]
    page = open_as("li")
    with page.expect_response(
        lambda answer: "/queue/rows" in answer.url and answer.status == 200
    ) as found:
        services.case_service.assign(ids[3], boss, to="local:wang")
    body = found.value.text()
    assert body.count("data-same") == 11
    expect(page.locator(f"#case-{ids[3]}")).to_contain_text("Wang")
    expect(page.locator("tr[data-case]")).to_have_count(12)
    assert page.locator("tr[data-case] td").count() == 12 * 7


def test_a_recorded_contact_is_taken_back_and_single_keys_are_switched_off(
    open_as: Open, raise_case: RaiseCase, services: Services, li: Principal, clock: Clock
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    page = open_as("li", f"/console/cases/{case_id}")
    page.keyboard.press("t")
    expect(page.locator("#casehead")).to_contain_text("In contact")
    page.keyboard.press("z")
    expect(page.locator("#casehead")).to_contain_text("Claimed")
    expect(page.locator("#story")).to_contain_text("Recorded contact undone")
    case = case_of(services, case_id)
    assert (case.state, case.contact_attempts) == ("acknowledged", 0)
    page.get_by_label("Dissuaded").check()
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator(".field-error")).to_contain_text("Record the contact")
    page.get_by_role("button", name="Shortcuts").click()
    page.get_by_role("button", name="Turn off").click()
    page.wait_for_load_state()
    page.keyboard.press("t")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    assert case_of(services, case_id).state == "acknowledged"


def test_an_unknown_page_is_a_page_for_a_browser(open_as: Open) -> None:
    page = open_as("li")
    answer = page.goto("/console/nothing-here")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("This page or case does not exist")
    api = page.request.get("/v1/nothing-here", headers={"Accept": "*/*"})
    assert api.headers["content-type"] == "application/problem+json"


def test_a_person_is_seen_whole_after_a_reason_that_is_logged(
    open_as: Open, town: list[str], services: Services
) -> None:
    page = open_as("li", f"/console/cases/{town[0]}")
    page.get_by_role("link", name="All cases, contacts and orders").click()
    expect(page.get_by_label("Reason")).to_be_visible()
    assert page.locator("#cases-title").count() == 0
    page.get_by_label("Reason").fill("Her daughter asks for her")
    page.get_by_role("button", name="Open").click()
    for title in ("Cases", "Warnings", "Relatives", "Orders", "Stopped and returned payments"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text("+86 139****1234")
    expect(page.locator("main")).to_contain_text("Patrol task")
    assert VICTIM not in page.content()
    page.goto(f"/console/cases/{town[0]}")
    expect(page.locator("#story")).to_contain_text("Page of the person opened")
