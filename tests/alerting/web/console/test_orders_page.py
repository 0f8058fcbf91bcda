"""The pages of orders: who sees and does what, and what an order looks like to a person."""

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from alerting.db.journal_tables import AuditRecord
from alerting.db.order_tables import Appeal, Order
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import NOW_MS, PAYEE, warning
from tests.alerting.orders.test_money_stops import MULE, flow
from tests.alerting.web.console.conftest import ON_SQLITE, Browser

pytestmark = ON_SQLITE
MakeBrowser = Callable[..., Browser]
RaiseCase = Callable[[FraudWarning], str]
FORM = {"kind": "stop_account", "reason": "paid an hour ago", "payee_account": PAYEE}
STEPS = {
    "extend": {"reason": "more time"},
    "hand-over": {"reference": "No. 17"},
    "release": {"reason": "cleared"},
    "result": {"done": "true"},
    "appeals": {"objector": "Zhao", "statement": "It is mine."},
    "unmask": {"why": "complaint"},
}


def placed(browser: Browser, case_id: str, **changes: str) -> str:
    """The id of an order that was placed on the page of its case."""
    answer = browser.post(f"/console/cases/{case_id}/orders", **(FORM | changes))
    assert answer.status_code == 204, answer.text
    return answer.headers["HX-Redirect"].rpartition("/")[2]


def order(services: Services, order_id: str) -> Order:
    with services.db.read() as session:
        return session.get_one(Order, order_id)


def test_the_holder_orders_and_a_supervisor_ends_it(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    holder, boss = make_browser("li"), make_browser("boss")
    refused = holder.post(f"/console/cases/{case_id}/orders", **FORM)
    assert refused.status_code == 409  # not claimed yet
    holder.post(f"/console/cases/{case_id}/claim")
    order_id = placed(holder, case_id, amount="50,000", payee_name="王某")
    found = order(services, order_id)
    assert (found.amount_minor, found.payee_name, found.ordered_by) == (
        5_000_000, "王某", "local:li",
    )  # fmt: skip
    assert found.expires_at_ms == NOW_MS + 48 * 3_600_000
    page = boss.get(f"/console/orders/{order_id}").text
    assert PAYEE not in page
    assert "王某" not in page
    assert "王**" in page
    assert f'data-deadline="{found.expires_at_ms}"' in page
    assert "Stop an account" in boss.get("/console/orders").text
    assert "Stop an account" in boss.get(f"/console/cases/{case_id}").text
    for step in ("extend", "hand-over", "release"):
        assert holder.post(f"/console/orders/{order_id}/{step}", **STEPS[step]).status_code == 403
    assert boss.post(f"/console/orders/{order_id}/result", done="true").status_code == 204
    assert boss.post(f"/console/orders/{order_id}/extend", reason="more time").status_code == 204
    assert boss.post(f"/console/orders/{order_id}/release", reason="cleared").status_code == 204
    assert order(services, order_id).state == "release_ordered"
    assert order_id in boss.get("/console/orders?show=late").text
    assert boss.post(f"/console/orders/{order_id}/result", done="true").status_code == 204
    assert order_id not in boss.get("/console/orders").text
    assert order_id in boss.get("/console/orders?show=all").text


@pytest.mark.parametrize("name", ["stranger", "elsewhere"])
def test_an_order_of_another_district_or_tenant_does_not_exist(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, name: str
) -> None:
    case_id = raise_case(warning())
    order_id = placed(make_browser("boss"), case_id)
    browser = make_browser(name)
    answers = [browser.get(f"/console/orders/{order_id}")]
    answers += [browser.post(f"/console/orders/{order_id}/{s}", **f) for s, f in STEPS.items()]
    answers += [browser.get(f"/console/cases/{case_id}/orders")]
    answers += [browser.post(f"/console/cases/{case_id}/orders", **FORM)]
    assert {answer.status_code for answer in answers} == {404}
    assert order_id not in browser.get("/console/orders?show=all").text
    assert order(services, order_id).state == "ordered"


def test_names_and_accounts_of_an_order_are_shown_once_the_audit_log_has_the_reason(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    boss = make_browser("boss")
    order_id = placed(boss, case_id)
    assert boss.post(f"/console/orders/{order_id}/unmask").status_code == 422
    shown = boss.post(f"/console/orders/{order_id}/unmask", why="help_holder")
    assert PAYEE in shown.text
    with services.db.read() as session:
        logged = session.scalars(
            select(AuditRecord.detail).where(AuditRecord.action == "personal.unmasked")
        ).all()
    assert [json.loads(detail)["why"] for detail in logged] == ["help_holder"]
    assert make_browser("wang").post(f"/console/orders/{order_id}/unmask").status_code == 403


def test_an_objection_is_taken_down_by_one_person_and_decided_by_another(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    boss, zhao = make_browser("boss"), make_browser("zhao")
    order_id = placed(boss, case_id)
    form = {"objector": "Zhao Lei", "statement": "I paid my landlord.", "phone": "+8613900007777"}
    assert boss.post(f"/console/orders/{order_id}/appeals", **form).status_code == 204
    with services.db.read() as session:
        appeal_id = session.scalars(select(Appeal.appeal_id)).one()
    assert order_id in zhao.get("/console/orders").text
    page = boss.get(f"/console/orders/{order_id}").text
    assert "Zhao Lei" not in page
    assert "+8613900007777" not in page
    assert "Another supervisor must decide: not one who placed" in page
    for verdict in ("uphold", "refuse"):
        assert f"{appeal_id}/{verdict}" not in page
        refused = boss.post(f"/console/appeals/{appeal_id}/{verdict}", reason="no")
        assert refused.status_code == 409
    assert 'id="release"' not in page
    assert boss.post(f"/console/orders/{order_id}/release", reason="cleared").status_code == 409
    assert make_browser("wang").post(f"/console/appeals/{appeal_id}/uphold").status_code == 403
    assert make_browser("stranger").post(f"/console/appeals/{appeal_id}/uphold").status_code == 404
    assert zhao.post(f"/console/appeals/{appeal_id}/refuse").status_code == 409  # without a reason
    assert zhao.post(f"/console/appeals/{appeal_id}/uphold").status_code == 204
    assert order(services, order_id).release_reason == "appeal"


def test_who_took_an_objection_down_does_not_decide_it(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    order_id = placed(make_browser("boss"), case_id)
    zhao = make_browser("zhao")
    form = {"objector": "Li Lei", "statement": "It is mine.", "way": "console"}
    assert zhao.post(f"/console/orders/{order_id}/appeals", **form).status_code == 204
    with services.db.read() as session:
        appeal_id = session.scalars(select(Appeal.appeal_id)).one()
    page = zhao.get(f"/console/orders/{order_id}").text
    assert f"{appeal_id}/uphold" not in page
    assert 'id="release"' not in page
    for verdict in ("uphold", "refuse"):
        refused = zhao.post(f"/console/appeals/{appeal_id}/{verdict}", reason="no")
        assert refused.status_code == 409
    assert zhao.post(f"/console/orders/{order_id}/release", reason="cleared").status_code == 409
    assert order(services, order_id).state == "ordered"


def test_the_trail_of_the_money_names_accounts_by_keys_and_stops_the_chosen_ones(
    make_browser: MakeBrowser, services: Services
) -> None:
    case_id = flow(services)
    boss = make_browser("boss")
    page = boss.get(f"/console/cases/{case_id}/money").text
    assert MULE not in page
    keys = re.findall(r'name="account" value="([0-9a-f]{16})"[^>]* checked', page)
    assert len(keys) == 3
    path = f"/console/cases/{case_id}/money/stops"
    assert make_browser("li").post(path, account=keys, reason="passed on").status_code == 409
    assert make_browser("analyst").post(path, account=keys, reason="passed on").status_code == 403
    assert make_browser("stranger").post(path, account=keys, reason="passed on").status_code == 404
    assert make_browser("stranger").get(f"/console/cases/{case_id}/money").status_code == 404
    assert boss.post(path, account=keys[:2], reason="passed on").status_code == 204
    with services.db.read() as session:
        assert len(session.scalars(select(Order.order_id)).all()) == 2
    assert boss.post(path, reason="passed on").status_code == 422


def test_an_analyst_reads_orders_and_changes_none(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    order_id = placed(make_browser("boss"), case_id)
    analyst = make_browser("analyst")
    assert analyst.get(f"/console/orders/{order_id}").status_code == 200
    page = analyst.get(f"/console/orders/{order_id}").text
    assert "<form" not in page.split("<main")[1].split("</main>")[0]
    steps = {s: f for s, f in STEPS.items() if s != "unmask"}
    for step, form in steps.items():
        assert analyst.post(f"/console/orders/{order_id}/{step}", **form).status_code == 403
    assert analyst.post(f"/console/cases/{case_id}/orders", **FORM).status_code == 403
