"""The console as people use it, in a real Chromium."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import AuditRecord
from alerting.web.service_container import Services
from tests.alerting.factory import VICTIM, Clock, warning
from tests.alerting.web.console import live
from tests.alerting.web.console.conftest import ON_SQLITE, Open, RaiseCase, case_of, fill_in_sign_in

pytestmark = [pytest.mark.system, ON_SQLITE]

PAGES = {
    "li": ["queue", "patrol", "lists"],
    "boss": ["queue", "supervision", "districts", "report", "lists", "routing"],
    "auditor": ["audit"],
    "admin": ["keys"],
}


def test_a_warning_appears_is_claimed_and_closed_without_a_mouse(
    open_as: Open, raise_case: RaiseCase, services: Services
) -> None:
    page = open_as("li")
    expect(page.get_by_text("No case is waiting")).to_be_visible()
    case_id = raise_case(warning())
    expect(page.locator(f"#case-{case_id}")).to_be_visible()  # by itself, without a reload
    expect(page.locator("#announcer")).to_have_text("New cases in the queue: 1")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_url(f"**/console/cases/{case_id}")
    expect(page.locator("#casehead")).to_contain_text("assigned to Li")
    page.keyboard.press("t")
    expect(page.locator("#casehead")).to_contain_text("In contact")
    # No person types in the 20 ms that htmx takes to settle; before it the form is a plain one.
    expect(
        page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
    ).to_have_count(0)
    page.keyboard.press("x")
    page.keyboard.press("Space")  # the first outcome: dissuaded
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Case closed")
    expect(page.locator("#outcome strong")).to_have_text("Dissuaded")
    closed = case_of(services, case_id)
    assert (closed.state, closed.disposition, closed.closed_by) == (
        "closed",
        "dissuaded",
        "local:li",
    )
    assert closed.prevented_minor == 5_000_000
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_text("No case is waiting")).to_be_visible()


def test_two_responders_do_not_both_get_a_case(
    open_as: Open, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    li, wang = open_as("li"), open_as("wang")
    claim = f"#case-{case_id} button"
    wang.route("**/queue/rows*", lambda route: route.abort())  # so that wang's page grows old
    li.locator(claim).click()
    li.wait_for_url(f"**/cases/{case_id}")
    wang.locator(claim).click()
    expect(wang.locator(".toast")).to_contain_text("Assigned to Li since 23:06:40")
    assert case_of(services, case_id).holder == "local:li"


def test_a_number_is_shown_for_a_minute_once_that_is_logged(
    open_as: Open, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    page = open_as("li", f"/console/cases/{case_id}")
    expect(page.get_by_text("Claim the case to see numbers")).to_be_visible()
    page.clock.install()
    page.keyboard.press("c")
    expect(page.locator("#casehead")).to_contain_text("assigned to Li")
    expect(page.locator("#shown-subscriber")).to_have_text("+86 138****1111")
    page.keyboard.press("u")
    expect(page.locator("#shown-subscriber")).to_have_text(VICTIM)
    with services.db.read() as session:
        record = session.scalars(
            select(AuditRecord).where(AuditRecord.action == "personal.unmasked")
        ).one()
    assert (record.actor, record.subject) == ("local:li", case_id)
    page.clock.fast_forward(61_000)
    expect(page.locator("#shown-subscriber")).to_have_text("+86 138****1111")


def test_the_countdown_runs_by_the_servers_clock(
    open_as: Open, raise_case: RaiseCase, clock: Clock
) -> None:
    case_id = raise_case(warning())  # one minute to respond, by a server of the year 2025
    page = open_as("li")
    page.clock.install()
    page.reload()
    countdown = page.locator(f"#case-{case_id} .countdown")
    expect(countdown).to_have_text("1:00")
    page.clock.run_for(15_000)
    expect(countdown).to_have_text("0:45")
    page.clock.run_for(50_000)
    expect(countdown).to_have_text("-0:05")
    expect(countdown).to_have_attribute("data-tone", "late")


def test_language_and_theme_are_switched_and_kept(open_as: Open, town: list[str]) -> None:
    page = open_as("li", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    bright = page.evaluate(background)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(background)
    assert dark != bright
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("实时队列")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.goto(f"/console/cases/{town[0]}")
    expect(page.get_by_text("24 小时内与可疑来电通话 43 分")).to_be_visible()
    assert page.evaluate(background) == dark
    page.get_by_role("button", name="跟随系统").click()
    assert page.evaluate(background) == bright
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_and_named(
    open_as: Open, town: list[str], services: Services, scheme: str
) -> None:
    """Contrast of all text, names of all controls, structure, and no sideways scroll on a phone."""
    for name, names in PAGES.items():
        page = open_as(name, color_scheme=scheme)
        own = [*names, f"cases/{town[0]}"] if name in ("li", "boss") else names
        for path in own:
            page.set_viewport_size({"width": 1280, "height": 800})
            page.goto(f"/console/{path}")
            if path.startswith("cases") and name == "boss":
                page.keyboard.press("c")
                expect(page.locator("#outcome")).to_be_visible()
            assert page.evaluate(live.FAINT) == [], path
            if scheme == "dark":  # the rest does not depend on the colours
                continue
            assert page.evaluate(live.NAMELESS) == [], path
            structure = page.evaluate(live.STRUCTURE)
            assert structure == {
                "twice": [], "h1": 1, "skipped": False, "main": 1, "language": "en", "headless": 0,
            }, path  # fmt: skip
            for width in (390, 320):
                page.set_viewport_size({"width": width, "height": 700})
                assert live.overflow(page) <= 0, (path, width)
            page.context.add_cookies(
                [{"name": "forewarn_language", "value": "zh", "url": page.url}]
            )
            page.reload()
            assert live.overflow(page) <= 0, (path, "zh")
            page.context.clear_cookies(name="forewarn_language")


def test_a_patrol_answers_on_a_phone(open_as: Open, town: list[str], services: Services) -> None:
    page = open_as("wang", viewport={"width": 390, "height": 800}, has_touch=True)
    page.goto("/console/patrol")
    page.get_by_role("button", name="On my way").tap()
    expect(page.locator("#visits")).to_contain_text("The patrol is on its way.")
    page.get_by_role("button", name="No one there").tap()
    expect(page.get_by_text("No visits to make")).to_be_visible()
    with services.db.read() as session:
        assert session.get_one(Delivery, "d-1").state == "unanswered"


def test_the_keys_are_explained_and_focus_is_seen(open_as: Open, town: list[str]) -> None:
    page = open_as("li")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("c")  # keys do nothing behind the dialog
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    assert page.url.endswith("/console/queue")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("fault", ["offline", "error"])
def test_a_page_that_lost_its_server_says_so_until_it_is_back(
    open_as: Open, raise_case: RaiseCase, fault: str
) -> None:
    page = open_as("li")
    expect(page.locator("#queue")).to_be_visible()
    if fault == "offline":
        page.context.set_offline(True)
    else:
        page.route("**/queue/rows*", lambda route: route.fulfill(status=503, body="no database"))
    page.clock.install()
    expect(page.get_by_role("alert")).to_contain_text("The server does not respond")
    page.clock.run_for(65_000)
    expect(page.get_by_role("alert")).to_contain_text("1:0")  # it says how old what is seen is
    expect(page.locator(".toast")).to_have_count(0)
    page.context.set_offline(False)
    page.unroute("**/queue/rows*")
    case_id = raise_case(warning())
    page.clock.resume()
    expect(page.locator(f"#case-{case_id}")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()


def test_a_server_that_takes_requests_and_never_answers_is_noticed(open_as: Open) -> None:
    page = open_as("li")
    page.route("**/queue/rows*", lambda _route: None)
    page.clock.install()
    page.clock.run_for(20_000)
    expect(page.locator("#stale")).to_be_visible()


def test_a_session_that_ended_leads_to_the_form_and_back(
    open_as: Open, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    page = open_as("li", f"/console/cases/{case_id}")
    page.context.clear_cookies(name="forewarn")
    page.wait_for_url("**/console/sign-in?next=*")  # the page's own refresh finds out
    fill_in_sign_in(page, "li")
    page.wait_for_url(f"**/console/cases/{case_id}")
