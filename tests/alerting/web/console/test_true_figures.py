"""Figures that say what is: one row a currency, money that is gone, and who would be paged now."""

import csv
import io
import re
from collections.abc import Callable

import pytest

from alerting.access import Principal, Scope
from alerting.access.responder_names import decide_responder
from alerting.cases.closure_service import Closure
from alerting.cases.severity import recall_chance, urgency
from alerting.web.console.queries.queue_query import QueueFilter, choices, load_queue
from alerting.web.console.queries.supervision_query import load_supervision
from alerting.web.service_container import Services
from forewarn.platform import money
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.web.console.conftest import Browser, RaiseCase, case_of

MakeBrowser = Callable[..., Browser]
MINUTE_MS = 60_000


@pytest.fixture
def closed_in_two_currencies(
    raise_case: RaiseCase, services: Services, li: Principal
) -> dict[str, str]:
    """One dissuaded case of 5,000,000 minor units in each currency."""
    ids = {}
    for number, currency in enumerate(("CNY", "JPY")):
        phone = f"+861380000{number:04d}"
        ids[currency] = raise_case(
            warning(f"w-{number}", subscriber=phone, subject_id=f"t-{number}", currency=currency)
        )
        services.case_service.claim(ids[currency], li)
        services.case_service.contact(ids[currency], li, method="phone", reached=True)
        services.closures.close(ids[currency], li, Closure("dissuaded"))
    return ids


def test_report_csv_and_districts_have_a_row_for_each_currency(
    make_browser: MakeBrowser, closed_in_two_currencies: dict[str, str]
) -> None:
    boss = make_browser("boss")
    page = boss.get("/console/report").text
    for amount in ("¥50,000.00", "JP¥5,000,000"):
        assert amount in page or amount.replace("JP¥", "¥") in page
    assert "In JPY" in page
    rows = list(csv.DictReader(io.StringIO(boss.get("/console/report.csv").text)))
    last = {row["currency"]: row["confirmed"] for row in rows}
    assert last == {"CNY": "50000.00", "JPY": "5000000"}
    districts = boss.get("/console/districts").text
    assert "¥50,000.00" in districts
    assert "5,000,000" in districts


def test_a_workload_has_a_sum_for_each_currency(
    raise_case: RaiseCase, services: Services, li: Principal, boss: Principal
) -> None:
    for number, currency in enumerate(("CNY", "KRW", "CNY")):
        phone = f"+861380000{number:04d}"
        case_id = raise_case(
            warning(f"w-{number}", subscriber=phone, currency=currency, expected_loss_minor=100)
        )
        services.case_service.claim(case_id, li)
    with services.db.read() as session:
        (load,) = load_supervision(session, boss.scope, NOW_MS).loads
    assert load.cases == 3
    assert load.expected_loss_minor == {"CNY": 200, "KRW": 100}


def test_money_that_is_gone_is_shown_with_its_age_and_ranked_by_the_chance_of_a_recall(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    def case(number: int, **more: object) -> str:
        phone = f"+861380000{number:04d}"
        return raise_case(
            warning(f"w-{number}", subscriber=phone, subject_id=f"t-{number}", **more)
        )

    gone = {"subject_status": "completed", "amount_at_risk_minor": 19_374_200}
    fresh = case(1, event_time_ms=NOW_MS - 5 * MINUTE_MS, **gone)
    stale = case(2, event_time_ms=NOW_MS - 49 * 60 * MINUTE_MS, **gone)
    small = case(3, expected_loss_minor=1_000)
    row = case_of(services, fresh)
    assert (row.expected_loss_minor, row.gone_minor) == (0, 19_374_200)
    with services.db.read() as session:
        order = [row.case.case_id for row in load_queue(session, li, QueueFilter(), NOW_MS).rows]
    assert order == [fresh, small, stale]
    page = make_browser("li").get("/console/queue").text
    assert "¥194K gone for" in page
    assert f'data-since="{NOW_MS - 5 * MINUTE_MS}"' in page


def test_the_filters_offer_the_values_of_open_cases_in_scope(
    raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    def case(number: int, **more: object) -> str:
        phone = f"+861380000{number:04d}"
        return raise_case(
            warning(f"w-{number}", subscriber=phone, subject_id=f"t-{number}", **more)
        )

    services.case_service.claim(case(1, district="430407"), li)
    case(2, district="430405", typology="credit_loan")
    case(3, district="110101", typology="task_scam")
    done = case(4, district="430408", typology="boss_acquaintance")
    services.case_service.claim(done, li)
    services.closures.close(done, li, Closure("false_alarm"))
    with services.db.read() as session:
        found = choices(session, Scope.of(["*"], ["4304*"]))
    assert found.districts == ["430405", "430407"]
    assert found.typologies == ["credit_loan", "police_impersonation"]
    assert found.holders == [li.subject]


def test_the_queue_and_the_api_rank_money_that_is_gone_alike() -> None:
    assert recall_chance(None, NOW_MS) == 0
    chances = [
        recall_chance(NOW_MS - minutes * MINUTE_MS, NOW_MS) for minutes in (1, 60, 600, 9000)
    ]
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] == 0
    assert urgency(0, NOW_MS, NOW_MS, gone_minor=100, gone_at_ms=NOW_MS) > urgency(
        40, NOW_MS, NOW_MS
    )


KNOWN = {"local:li": "Li Na", "local:wang.wei": "王伟"}


@pytest.mark.parametrize(
    ("typed", "complete", "meant"),
    [
        ("local:li", True, None),
        ("li", True, "local:li"),
        ("Local:Li", True, "local:li"),
        ("local:1i", True, "local:li"),
        ("1ocal:lі", True, "local:li"),  # a Cyrillic letter
        ("local:wang_wei", False, "local:wang.wei"),
        ("王伟", False, "local:wang.wei"),
        ("local:someone.else", True, ""),
        ("oidc:7c1f", False, None),  # may sign in for the first time
    ],
)
def test_a_responder_is_a_person_who_signs_in(
    typed: str, complete: bool, meant: str | None
) -> None:
    assert decide_responder(typed, KNOWN, complete=complete) == meant


def test_a_shift_of_a_name_that_looks_alike_is_refused_and_the_zone_is_named(
    make_browser: MakeBrowser,
) -> None:
    boss = make_browser("boss")
    shift = {
        "district": "4304", "team": "desk", "responder": "li", "channel": "sms",
        "address": "+8613900000001", "starts": "2025-06-15T23:00", "ends": "2025-06-16T07:00",
    }  # fmt: skip
    refused = boss.post("/console/routing/shifts", **shift)
    assert refused.status_code == 422
    assert "responder" in refused.headers["X-Form-Faults"]
    assert boss.post("/console/routing/shifts", **(shift | {"responder": "local:li"})).is_success
    assert "Times in Asia/Shanghai" in boss.get("/console/routing").text


def test_a_trial_says_who_would_be_paged_now(
    make_browser: MakeBrowser, services: Services, boss: Principal, clock: Clock
) -> None:
    browser = make_browser("boss")
    question = {"severity": "high", "district": "430405", "typology": "task_scam"}

    def answer() -> str:
        page = browser.get("/console/routing", params=question).text
        return page.split("Paged now</dt><dd>")[1].split("</dd>")[0]

    assert "No page: no responder is on call" in answer()
    services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="desk", responder="local:li", channel="sms",
        address="+8613900000001", starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + 3_600_000,
    )  # fmt: skip
    assert "No page: no responder is on call" in answer()  # there is no gateway for texts
    services.notices.available |= {"sms"}
    assert answer() == "Li (Text message)"
    services.routing_service.silence(
        boss, tenant="default", matchers={"typology": "task_scam", "severity": "high"},
        reason="an exercise", expires_at_ms=NOW_MS + 600_000,
    )  # fmt: skip
    assert "No page: silenced" in answer()
    assert "until 2025-06-15 23:16" in answer()


def test_pages_are_compressed_and_an_update_of_a_full_page_is_small(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, boss: Principal
) -> None:
    ids = [
        raise_case(warning(f"w-{number}", subscriber=f"+861380000{number:04d}"))
        for number in range(100)
    ]
    li = make_browser("li")
    page = li.get("/console/queue")
    assert page.headers["content-encoding"] == "gzip"
    assert len(page.content) > 5 * int(page.headers["content-length"])
    path = re.findall(r'hx-get="(/console/queue/rows[^"]*)"', page.text)[0].replace("&amp;", "&")
    assert li.get(path).status_code == 204
    services.case_service.assign(ids[0], boss, to="local:wang")
    update = li.get(path)
    assert update.text.count("data-same") == 99
    assert int(update.headers["content-length"]) < 4_096


def test_a_case_of_another_currency_shows_its_own_amount_and_what_the_order_counts(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    raise_case(warning(currency="KRW", expected_loss_minor=900_000, amount_at_risk_minor=900_000))
    page = make_browser("li").get("/console/queue").text
    assert money.compact(900_000, "KRW", "en") in page
    assert "ranked as about ¥4,680" in page
    raise_case(warning("w-2", subscriber="+8613800002222"))
    assert page.count("ranked as about") == 1
