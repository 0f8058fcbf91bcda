"""Supervision: what is late, who holds it, and that all pages count it alike."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import delete, update

from alerting.access import Principal
from alerting.cases.closure_reviews import ReviewSample
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case
from alerting.db.review_tables import ClosureReview
from alerting.service_metrics import DatabaseCollector
from alerting.web.console.queries import supervision_query
from alerting.web.console.queries.queue_query import QueueFilter, load_queue
from alerting.web.console.queries.supervision_query import load_supervision
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.web.console.conftest import Browser

RaiseCase = Callable[[FraudWarning], str]
MakeBrowser = Callable[..., Browser]
HOUR_SECONDS = 3_600


@pytest.fixture
def late(raise_case: RaiseCase, services: Services, li: Principal, clock: Clock) -> list[str]:
    """An hour later: two cases that no responder took and two that li holds; of each kind the second was
    withdrawn."""
    ids = [
        raise_case(warning(f"w-{number}", subscriber=f"+861380000000{number}"))
        for number in range(4)
    ]
    for case_id in ids[2:]:
        services.case_service.claim(case_id, li)
    with services.db.write() as session:
        session.execute(update(Case).where(Case.case_id.in_(ids[1::2])).values(withdrawn=True))
    clock.advance(seconds=HOUR_SECONDS)
    return ids


def metric(services: Services, name: str) -> float:
    families = DatabaseCollector(services.db, services.clock, services.zone).collect()
    return sum(
        sample.value for family in families for sample in family.samples if family.name == name
    )


def test_console_api_and_metric_agree_on_what_is_late_where_warnings_were_withdrawn(
    services: Services, boss: Principal, clock: Clock, make_browser: MakeBrowser, late: list[str]
) -> None:
    with services.db.read() as session:
        desk = load_supervision(session, boss.scope, clock())
        queue = load_queue(session, boss, QueueFilter(), clock())
    browser = make_browser("boss")
    api = {
        kind: browser.get("/v1/cases", params={kind: True}).json()
        for kind in ("overdue", "neglected")
    }
    assert [case.case_id for case in desk.late] == [late[0]]
    assert [case["case_id"] for case in api["overdue"]["cases"]] == [late[0]]
    assert desk.overdue == queue.overdue == api["overdue"]["total"] == 1
    assert metric(services, "forewarn_alerting_overdue_cases") == 1
    assert [case.case_id for case in desk.owed] == [late[2]]
    assert desk.neglected == api["neglected"]["total"] == 1
    assert metric(services, "forewarn_alerting_neglected_cases") == 1
    districts = browser.get("/console/districts").text
    assert '<strong class="badge critical">1</strong>' in districts
    tones = {row.case.case_id: row.countdown.tone for row in queue.waiting}
    assert tones == {late[0]: "late", late[1]: "void"}


def test_the_holder_of_a_late_case_is_named_with_the_holding_time(
    make_browser: MakeBrowser, late: list[str]
) -> None:
    page = make_browser("boss").get("/console/supervision").text
    row = page.split(f'id="owed-{late[2]}"')[1].split("</tr>")[0]
    assert 'href="/console/queue?holding=local%3Ali">Li</a>' in row
    assert "for 1 h" in row
    assert "no attempt to reach the person" in row


def test_figures_are_counted_although_lists_are_cut(
    services: Services, boss: Principal, clock: Clock, late: list[str], raise_case: RaiseCase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    raise_case(warning("w-9", subscriber="+8613800000009"))
    monkeypatch.setattr(supervision_query, "LIMIT", 1)
    with services.db.read() as session:
        desk = load_supervision(session, boss.scope, clock())
    assert (desk.overdue, len(desk.late)) == (2, 1)


def test_a_supervisor_lists_the_cases_of_one_colleague(
    make_browser: MakeBrowser, late: list[str]
) -> None:
    boss = make_browser("boss")
    page = boss.get("/console/queue", params={"holding": "local:li"}).text
    assert [f'id="case-{case_id}"' in page for case_id in late] == [False, False, True, True]
    assert '<option value="local:li" selected>Li</option>' in page
    assert "holding=local%3Ali&amp;seen=" in page  # and so does the refresh of the page
    empty = boss.get("/console/queue", params={"holding": "local:wang"}).text
    assert '<option value="local:wang" selected>' in empty
    assert "case-" not in empty.split('id="queue"')[1]


def test_a_district_without_a_shift_is_shown_as_paging_no_one(
    services: Services, boss: Principal, make_browser: MakeBrowser, late: list[str]
) -> None:
    browser = make_browser("boss")
    alarm = "Cases there page no one"
    before = browser.get("/console/supervision").text
    assert alarm in before
    shown = [part for part in before.split('role="alert"') if alarm in part]
    assert ["430405." in part for part in shown] == [True]
    services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="desk", responder="local:li", channel="sms",
        address="+8613900000001", starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + 86_400_000,
    )  # fmt: skip
    assert alarm not in browser.get("/console/supervision").text


def test_a_closure_chosen_for_review_leads_to_a_form_for_another_supervisor(
    services: Services, make_browser: MakeBrowser, raise_case: RaiseCase, li: Principal
) -> None:
    case_id = raise_case(warning("w-1"))
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure(disposition="false_alarm"))
    with services.db.write() as session:  # as if the dice had chosen it
        session.execute(delete(ClosureReview))
        ReviewSample(1.0).choose(session, session.get_one(Case, case_id), NOW_MS)
    browser = make_browser("boss")
    assert f'id="review-{case_id}"' in browser.get("/console/supervision").text
    assert 'id="reviewing"' in browser.get(f"/console/cases/{case_id}").text
    browser.post(f"/console/cases/{case_id}/review", verdict="agreed")
    assert 'id="reviewing"' not in browser.get(f"/console/cases/{case_id}").text
    page = browser.get("/console/supervision").text
    assert f'id="review-{case_id}"' not in page
    assert "1 agreed, 0 disagreed" in page


def test_supervision_counts_the_numbers_that_each_person_saw_in_clear(
    services: Services, make_browser: MakeBrowser, raise_case: RaiseCase, li: Principal
) -> None:
    own, other = raise_case(warning("w-1")), raise_case(warning("w-2", subscriber="+8613800000002"))
    services.case_service.claim(own, li)
    responder = make_browser("li")
    for case_id in (own, own, other):
        responder.post(f"/console/cases/{case_id}/unmask", what="subscriber")
    page = make_browser("boss").get("/console/supervision").text
    table = page.split('id="unmaskings-title"')[1]
    assert re.findall(r'<td class="end">(\d+)</td>', table) == ["2", "1", "2"]
