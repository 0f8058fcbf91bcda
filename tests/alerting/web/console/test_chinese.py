"""Every page in Chinese, in a browser, over a desk where everything has happened: no English word is left."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page

from alerting.access import Principal
from alerting.bootstrap.background_tasks import timer_worker
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.person_access import record_access
from alerting.db.dispatch_tables import Delivery
from alerting.evidence.evidence_service import EvidenceRequest
from alerting.notify.rota.rota_plan import Member, Stint
from alerting.orders.order_rows import OrderRequest
from alerting.web.console.detail_texts import DetailWords, detail_text
from alerting.web.console.evidence_words import evidence_words
from alerting.web.console.translations import translator
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import Reason
from forewarn.platform.settings import AlertingSettings
from tests.alerting.conftest import SECOND, SHANGHAI
from tests.alerting.factory import CALLER, NOW_MS, VICTIM, warning
from tests.alerting.options import with_options
from tests.alerting.web.console.conftest import (
    ON_SQLITE,
    PEOPLE,
    Browser,
    Open,
    RaiseCase,
)
from tests.alerting.web.console.test_attacks import routes_of
from tests.alerting.web.console.test_rotas import add_rota

HOUR_MS = 3_600_000
NAMES = "|".join(name.title() for name in PEOPLE) + "|Second"
ALLOWED = re.compile(
    r"\b(c|d|o|a|s|w|n|r|p|e|silence|shift|entry|import|transfer-of-w|call-of-w|line)-[0-9a-z-]+\b"  # ids
    r"|\b(local|key|system|oidc|cli):[\w.-]+|\blocal:li\.na\b"  # who acts
    r"|\b[0-9a-f]{12,}\b|\bm-1\b"  # keys, checksums, a version of the model
    r"|\b(CNY|CSV|KB|UTF|GB|QQ|APP|API|SMS|ID|A4|PDF|HTML|testclient|Shanghai|Asia|English|Forewarn)\b"
    r"|\b(desk|duty|default|tickets)\b"  # teams, tenants and targets of this installation
    rf"|\b({NAMES})\b"
    r"|\b(Enter|Esc|g)\b|\b[a-z]\b(?=[^a-z]|$)"  # keys to press
    r"|\bHTTP \d{3}\b"  # what another system answered
    r"|\bforewarn evidence verify FILE\b"
    r"|\broute(\.routes\[\d+\])*"  # a place in the routing file
)
COLLECT = """() => {
  // All words of a page: shown, hidden for now, and read out.
  const found = new Set();
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (e && !e.closest('script, style, noscript') && /[A-Za-z]/.test(node.textContent))
      found.add(node.textContent.trim().replace(/\\s+/g, ' '));
  }
  for (const e of document.querySelectorAll('*'))
    for (const name of ['aria-label', 'aria-description', 'title', 'placeholder', 'alt', 'data-arrived', 'data-text', 'label'])
      if (/[A-Za-z]/.test(e.getAttribute(name) || '')) found.add(e.getAttribute(name));
  return [...found];
}"""
FRAGMENTS = (".csv", "/rows", "/live", "/visits", "/playbook", "/oidc/start", "/sign-in")
"""Ends of paths that are parts of other pages, files, or pages that the test opens on its way."""

WHO = {"/console/audit": "auditor", "/console/keys": "admin"}
"""Who opens a page that a supervisor may not."""


def english(page: Page) -> list[str]:
    """The words of the page that are not Chinese and not on the list."""
    return [text for text in page.evaluate(COLLECT) if re.search("[A-Za-z]", ALLOWED.sub("", text))]


@pytest.fixture
def settings(settings: AlertingSettings) -> AlertingSettings:
    """With every gateway, and a webhook of cases."""
    return with_options(
        settings,
        gateways={
            "sms_url": "http://sms.invalid",
            "voice_url": "http://voice.invalid",
            "bank_url": "http://bank.invalid",
            "operator_url": "http://operator.invalid",
        },
    ).model_copy(
        update={
            name: type(settings.bank_secret)(name) for name in ("bank_secret", "operator_secret")
        }
    )


@pytest.fixture
def busy_desk(
    raise_case: RaiseCase, services: Services, settings: AlertingSettings, boss: Principal, li: Principal
) -> dict[str, str]:  # fmt: skip
    """A desk where everything has happened; ids of cases and orders by what they show."""
    _on_call(services, boss)
    reasons = (Reason("suspect_talk_24h", 2580.0, 1.9), Reason("pair_is_new", 1.0, 1.2))
    ids = {
        "held": raise_case(warning(kind="call", reasons=reasons, severity="extreme")),
        "waiting": raise_case(warning("w-2", subscriber="+8613900002222", severity="high")),
        "low": raise_case(warning("w-3", subscriber="+8613700003333", severity="low")),
        "gone": raise_case(
            warning("w-4", subscriber="+8613600004444", subject_status="completed", payer="6217001")
        ),
    }
    for number, outcome in enumerate(("dissuaded", "loss_occurred", "false_alarm"), 5):
        ids[outcome] = raise_case(warning(f"w-{number}", subscriber=f"+86135000{number:05d}"))
    timers = timer_worker(settings, services)
    timers.run_due()
    _worked(services, ids, boss, li)
    _listed(services, ids, boss, li)
    ids["order"] = _ordered(services, ids, boss)
    services.clock.advance(seconds=1200)  # type: ignore[attr-defined]  # deadlines and follow-ups pass
    timers.run_due()
    timers.close()
    return ids


def _on_call(services: Services, boss: Principal) -> None:
    services.routing_service.add_shift(
        boss, tenant="default", district="", team="desk", responder="local:li", channel="sms",
        address="+8613900000001", starts_at_ms=NOW_MS - HOUR_MS, ends_at_ms=NOW_MS + HOUR_MS,
    )  # fmt: skip
    for matchers in ({"severity": "critical", "district": "4304*"}, {"typology": "task_scam"}):
        services.routing_service.silence(
            boss, tenant="default", matchers=matchers, reason="演练",
            expires_at_ms=NOW_MS + HOUR_MS, starts_at_ms=NOW_MS + HOUR_MS // 2,
        )  # fmt: skip
    rota_id = add_rota(services, name="白班", ends="20:00", first_day=date(2025, 6, 14))
    services.rotas.override(
        rota_id, SECOND,
        Stint(Member("local:li", "sms", "+8613900000001"), NOW_MS + 20 * HOUR_MS, NOW_MS + 21 * HOUR_MS),
        "换人",
    )  # fmt: skip


def _worked(services: Services, ids: dict[str, str], boss: Principal, li: Principal) -> None:
    cases = services.case_service
    cases.claim(ids["held"], li)
    services.emergency_contacts.add(li, ids["held"], phone="+8613900001234", name="马某")
    cases.contact(ids["held"], li, method="phone", reached=False)
    cases.note(ids["held"], li, text="稍后再打")
    playbook = services.playbooks.current.of("police_impersonation")
    services.tasks.tick(ids["held"], li, playbook.tasks[0].key, done=True)
    cases.claim(ids["waiting"], li)
    services.three_way_calls.call(ids["waiting"], li, other="officer", phone="+8613900007777")
    record_access(services.db, ids["held"], boss, reason="投诉", now_ms=NOW_MS)
    cases.assign(ids["gone"], boss, to="local:wang")
    for outcome in ("dissuaded", "loss_occurred", "false_alarm"):
        cases.claim(ids[outcome], li)
        cases.contact(ids[outcome], li, method="visit", reached=True)
        lost = 1_000 if outcome == "loss_occurred" else 0
        services.closures.close(ids[outcome], li, Closure(outcome, lost_minor=lost))
    services.late_losses.report_loss(ids["dissuaded"], boss, LateLoss(lost_minor=500))
    services.closures.reopen(ids["false_alarm"], boss, reason="来电再现")


def _listed(services: Services, ids: dict[str, str], boss: Principal, li: Principal) -> None:
    proposed = services.lists.propose(
        li, tenant="default", name="watch", kind="phone", peer="+8617000001111", reason="举报",
        expires_at_ms=NOW_MS + 30 * 24 * HOUR_MS,
    )  # fmt: skip
    services.lists.approve(proposed.entry_id, boss)
    with services.db.write() as session:
        for name, peer in (("block", "+8617000002222"), ("watch", "+8617000003333")):
            services.lists.add_confirmed(
                session, "default", name, [("phone", peer)], case_id=ids["held"],
                reason=f"confirmed in {ids['held']}", expires_at_ms=None, now_ms=NOW_MS,
            )  # fmt: skip
        session.add(
            Delivery(
                delivery_id="d-1", case_id=ids["held"], tenant="default", district="430405",
                subscriber=VICTIM, channel="patrol", purpose="protect", recipient="patrol",
                address="", template="patrol_visit", language="zh", content={"case_id": ids["held"], "typology": "冒充公检法", "district": "430405", "url": ""},
                reason="line_is_busy", state="sent", not_before_ms=NOW_MS, created_at_ms=NOW_MS,
            )
        )  # fmt: skip
    clues = "kind,number,reason,days\nphone,+8617000004444,举报,30\n".encode()
    made = services.clue_imports.propose(li, tenant="default", name="watch", data=clues, reason="")
    services.clue_imports.decide(made.import_id, boss, approve=True)


def _ordered(services: Services, ids: dict[str, str], boss: Principal) -> str:
    placed = services.orders.order(
        ids["gone"], boss, OrderRequest("stop_account", "刚收到款", payee_name="陈某")
    )
    services.orders.record_result(placed.order_id, boss, done=True)
    services.orders.extend(placed.order_id, boss, reason="仍在核查")
    services.orders.order(ids["held"], boss, OrderRequest("suspend_line", "占线", number=CALLER))
    return placed.order_id


def evidence_of(services: Services, case_id: str, who: Principal) -> bytes:
    """The evidence pack of a case in Chinese."""
    words = evidence_words(translator("zh"), SHANGHAI, services.playbooks.current)
    return services.evidence.export(case_id, who, EvidenceRequest("移送", clear=True), words)


def addresses(app: FastAPI, ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every page of the console and who opens it; a new page is walked without a change here."""
    for route in routes_of(app.router):
        if "GET" not in route.methods:
            continue
        if not route.path.startswith("/console/") or route.path.endswith(FRAGMENTS):
            continue
        who = WHO.get(route.path, "boss")
        path = route.path.replace("{order_id}", ids["order"])
        shown = (
            ("held", "waiting", "gone", "dissuaded", "low")
            if path.endswith("{case_id}")
            else ("held",)
        )
        for name in shown if "{case_id}" in path else ("",):
            yield who, path.replace("{case_id}", ids.get(name, ""))
    for more in ("figures?by=typology&period=quarter", "figures?by=channel", "cases/none",
                 "routing?severity=high&district=430405&typology=task_scam"):  # fmt: skip
        yield "boss", f"/console/{more}"


@pytest.mark.system
@ON_SQLITE
def test_no_page_in_chinese_holds_an_english_word(
    open_as: Open, make_browser: Callable[..., Browser], busy_desk: dict[str, str], services: Services, boss: Principal, tmp_path: Path,
) -> None:  # fmt: skip
    walk = list(addresses(make_browser().client.app, busy_desk))
    assert len(walk) > 25
    left: dict[str, list[str]] = {}
    for who in sorted({name for name, _ in walk}):
        page = open_as("", "/console/sign-in", locale="zh-CN")
        left["sign-in"] = english(page)
        page = open_as(who, locale="zh-CN")
        for path in [path for name, path in walk if name == who]:
            page.goto(path)
            left[path] = english(page)
    pack = tmp_path / "pack.html"
    pack.write_bytes(evidence_of(services, busy_desk["held"], boss))
    page.goto(pack.as_uri())
    left["evidence"] = english(page)
    assert {path: found for path, found in left.items() if found} == {}


def test_a_person_on_call_is_named_in_words_and_details_have_their_units() -> None:
    words = DetailWords(translator("zh"), SHANGHAI, {"local:li": "李娜"}, currency="JPY")
    detail = {
        "amount_minor": 52_000,
        "holds_until_ms": NOW_MS,
        "to": "local:li",
        "deliveries": [["sms", "local:li", "paged"]],
        "empty": [],
        "a_newer_detail": "new_code",
    }
    assert detail_text(detail, words) == (
        "金额：JP¥52,000 · 有效至：2025-06-15 23:06 · 转给：李娜"
        " · 消息：短信→李娜（值班通知） · a newer detail：new_code"
    )
