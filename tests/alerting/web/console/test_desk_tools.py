"""Bulk actions, filters, clues and one-time links, in a browser and within role and scope."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import AuditRecord
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, warning
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open, RaiseCase, case_of
from tests.alerting.web.console.test_accessibility import faults

CLUES = "kind,number,reason,days\nphone,+8617000001111,=cmd,30\nphone,1,bad,30\n"


@pytest.mark.system
@ON_SQLITE
@pytest.mark.usefixtures("town")
def test_a_supervisor_closes_many_cases_with_one_note_in_the_browser(
    open_as: Open, services: Services, town: list[str]
) -> None:
    page = open_as("boss", "/console/queue")
    page.get_by_role("link", name="Bulk actions and filters").click()
    assert faults(page) == []
    boxes = page.locator("#bulk input[type=checkbox]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator("#bulk select[name=action]").select_option("false_alarm")
    page.get_by_label("Note").fill("A test of the bank")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Done: 2 of 2")).to_be_visible()
    assert sum(case_of(services, one).disposition == "false_alarm" for one in town) == 2
    page.set_viewport_size({"width": 390, "height": 800})
    assert faults(page) == []


@pytest.mark.system
@ON_SQLITE
def test_clues_are_previewed_proposed_and_approved_by_another_person_in_the_browser(
    open_as: Open, services: Services
) -> None:
    li = open_as("li", "/console/clues", locale="zh-CN")
    li.locator("input[type=file]").set_input_files(
        {"name": "clues.csv", "mimeType": "text/csv", "buffer": CLUES.encode()}
    )
    li.get_by_role("button", name="预览").click()
    expect(li.locator("#preview tbody tr")).to_have_count(2)
    assert faults(li) == []
    li.locator("input[type=file]").set_input_files(
        {"name": "clues.csv", "mimeType": "text/csv", "buffer": CLUES.encode()}
    )
    li.get_by_role("button", name="提交可用的行").click()
    expect(li.get_by_text("待审批")).to_be_visible()
    boss = open_as("boss", "/console/clues")
    boss.get_by_role("button", name="Approve").click()
    expect(boss.get_by_text("In force")).to_be_visible()
    boss.get_by_role("button", name="Undo").click()
    expect(boss.get_by_text("Undone")).to_be_visible()
    assert faults(boss) == []


@pytest.mark.usefixtures("town")
def test_a_filter_is_kept_for_its_person_alone(
    make_browser: Callable[..., Browser], services: Services
) -> None:
    li, wang = make_browser("li"), make_browser("wang")
    assert li.post("/console/filters", name="Mine <b>", holding="mine").status_code == 204
    page = li.get("/console/bulk").text
    assert "/console/queue?holding=mine" in page
    assert "<b>" not in page
    assert "holding=mine" not in wang.get("/console/bulk").text
    assert wang.post("/console/filters/remove", name="Mine <b>").status_code == 404
    assert li.post("/console/filters/remove", name="Mine <b>").status_code == 204
    with services.db.read() as session:
        written = session.execute(
            select(AuditRecord.actor, AuditRecord.action, AuditRecord.detail)
            .where(AuditRecord.action.startswith("filter_"))
            .order_by(AuditRecord.record_no)
        ).all()
    assert [(actor, action) for actor, action, _ in written] == [
        ("local:li", "filter_kept"), ("local:li", "filter_removed"),
    ]  # fmt: skip
    assert "Mine" not in str(written)  # a name is free text, which the log could never erase


def test_roles_and_scopes_hold_for_many_cases_and_clues(
    make_browser: Callable[..., Browser], raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    step = {"action": "claim", "case_id": [case_id]}
    assert make_browser("analyst").post("/console/bulk", **step).status_code == 403
    assign = {"action": "assign", "case_id": [case_id], "to": "local:wang"}
    assert make_browser("li").post("/console/bulk", **assign).status_code == 403
    assert make_browser("li").post("/console/clues/i-1/approve").status_code == 403
    assert make_browser("auditor").get("/console/clues").status_code == 200


@pytest.fixture
def link(services: Services, raise_case: RaiseCase) -> tuple[str, str]:
    """A case, and the path of the link in its page to li."""
    case_id = raise_case(warning())
    with services.db.write() as session:
        session.add(
            Delivery(
                delivery_id="d-page", case_id=case_id, tenant="default", district="430405",
                subscriber="", channel="sms", purpose="page", recipient="local:li", address="+86",
                template="page", language="en", content={}, reason="paged", state="sent",
                not_before_ms=NOW_MS, created_at_ms=NOW_MS,
            )
        )  # fmt: skip
    address = services.page_answers.address("http://testserver", "d-page")
    return case_id, address.removeprefix("http://testserver")


@pytest.mark.system
@ON_SQLITE
def test_a_page_is_acknowledged_from_its_link_without_a_sign_in(
    open_as: Open, services: Services, link: tuple[str, str]
) -> None:
    case_id, path = link
    page = open_as("", path)
    expect(page.get_by_text("This link is for Li")).to_be_visible()
    assert faults(page) == []
    assert case_of(services, case_id).holder is None
    page.get_by_role("button", name="I will take it").click()
    expect(page.get_by_role("heading", name="The case is assigned to you")).to_be_visible()
    assert faults(page) == []
    assert case_of(services, case_id).holder == "local:li"
    page.goto(path)
    expect(page.get_by_text("This link was already used")).to_be_visible()


def test_a_link_shows_no_number_and_a_guess_is_refused_and_slowed_down(
    make_browser: Callable[..., Browser], link: tuple[str, str], services: Services
) -> None:
    case_id, path = link
    browser = make_browser()
    text = browser.get(path).text
    with services.db.read() as session:
        subscriber = session.scalar(select(Delivery.address))
    assert subscriber is not None
    assert "138" not in text
    assert browser.get(f"/console/cases/{case_id}").status_code == 303  # to sign in
    other = {"Sec-Fetch-Site": "cross-site"}
    assert browser.client.post(path, headers=other).status_code == 403
    answers = [browser.get(f"{path[:-1]}{number % 10}x").status_code for number in range(120)]
    assert set(answers) == {409, 429}


def test_passing_a_case_on_needs_a_sign_in_and_pages_the_next_step(
    make_browser: Callable[..., Browser], link: tuple[str, str], services: Services
) -> None:
    case_id, _ = link
    path = f"/console/cases/{case_id}/pass-on"
    assert make_browser().get(path).status_code == 303
    assert make_browser("analyst").post(path).status_code == 403
    assert make_browser("stranger").post(path).status_code == 404
    li = make_browser("li")
    assert li.get(path).status_code == 200
    assert li.post(path).status_code == 204
    assert case_of(services, case_id).deadline_ms == services.clock()
