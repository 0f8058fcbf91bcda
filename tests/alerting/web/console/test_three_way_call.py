"""A three-way call from the page of a case: asked for in a browser, made by the gateway, seen in the story."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from alerting.access import Principal
from alerting.db.dispatch_tables import Delivery
from alerting.web.service_container import Services
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import VICTIM, Clock, warning
from tests.alerting.notify.dispatch.town import Town
from tests.alerting.options import with_options
from tests.alerting.web.console.conftest import ON_SQLITE, Open, RaiseCase
from tests.alerting.web.console.test_accessibility import faults
from tests.doubles.http_gateway import GatewayDouble

MOTHER = "+8613700000000"


@pytest.fixture
def gateways() -> Iterator[GatewayDouble]:
    with GatewayDouble() as double:
        yield double


@pytest.fixture
def settings(settings: AlertingSettings, gateways: GatewayDouble) -> AlertingSettings:
    return with_options(settings, gateways={"voice_url": gateways.url("voice")})


@pytest.mark.system
@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "title", "call", "event"),
    [
        ("en-GB", "Three-way call", "Call both", "Three-way call"),
        ("zh-CN", "三方通话", "呼叫双方", "请求三方通话"),
    ],
)
def test_the_holder_joins_the_person_with_a_relative(
    open_as: Open, raise_case: RaiseCase, services: Services, settings: AlertingSettings,
    gateways: GatewayDouble, clock: Clock, li: Principal, locale: str, title: str, call: str, event: str,
) -> None:  # fmt: skip
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    services.emergency_contacts.add(li, case_id, phone=MOTHER, name="马某")
    page = open_as("li", f"/console/cases/{case_id}", locale=locale)
    page.get_by_text(title, exact=True).first.click()
    assert faults(page) == []
    page.get_by_role("button", name=call).click()
    expect(page.locator("#story")).to_contain_text(event)
    dispatch = Town(services, settings, clock)
    dispatch.run()
    dispatch.courier.close()
    [request] = [one for one in gateways.received("voice") if "with" in one.body]
    assert request.body["to"] == VICTIM
    assert request.body["with"] == {"to": MOTHER, "role": "relative"}
    with services.db.read() as session:
        row = session.query(Delivery).filter_by(channel="three_way").one()
    services.gateway_reports.take(row.delivery_id, "answered", channels=["three_way"])
    page.reload()
    text = page.locator("#story").inner_text()
    assert {"en-GB": "Confirmed", "zh-CN": "已确认"}[locale] in text
    assert MOTHER.removeprefix("+86") not in page.content()
