"""The page of webhooks in a browser: what was refused is seen and sent again, within role and scope."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from alerting.db.journal_tables import AuditRecord
from alerting.db.webhook_tables import WebhookCall
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open
from tests.alerting.web.console.test_accessibility import faults

PATH = "/console/webhooks"


@pytest.fixture
def calls(services: Services) -> None:
    with services.db.write() as session:
        for number, state in enumerate(("sent", "pending", "given_up", "refused", "dropped"), 1):
            session.add(
                WebhookCall(
                    target="tickets", event_no=number, case_id="c-1", tenant="default",
                    district="430405", event="opened", body={}, state=state, attempts=number,
                    next_at_ms=NOW_MS, created_at_ms=NOW_MS, last_error="HTTP 503",
                )
            )  # fmt: skip


@pytest.mark.system
@ON_SQLITE
@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_supervisor_sends_a_failed_call_again(
    open_as: Open, services: Services, scheme: str
) -> None:
    page = open_as("boss", PATH, locale="zh-CN", color_scheme=scheme)
    expect(page.locator("tbody tr")).to_have_count(5)
    expect(page.get_by_role("button", name="重新推送")).to_have_count(3)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page) == [], width
    page.get_by_label("状态").select_option("given_up")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="重新推送").click()
    expect(page.get_by_text("没有推送")).to_be_visible()
    with services.db.read() as session:
        assert session.get_one(WebhookCall, ("tickets", 3)).state == "pending"
        assert session.query(AuditRecord).filter_by(action="webhook_resent").count() == 1


@pytest.mark.usefixtures("calls")
def test_the_page_is_within_role_and_scope(make_browser: Callable[..., Browser]) -> None:
    assert "c-1" in make_browser("boss").get(PATH).text
    assert "c-1" not in make_browser("stranger").get(PATH).text
    assert make_browser("stranger").post(f"{PATH}/tickets/3/resend").status_code == 404
    assert make_browser("li").post(f"{PATH}/tickets/3/resend").status_code == 403
    assert make_browser("boss").post(f"{PATH}/tickets/1/resend").status_code == 409
    assert make_browser("boss").post(f"{PATH}/tickets/3/resend").status_code == 204
