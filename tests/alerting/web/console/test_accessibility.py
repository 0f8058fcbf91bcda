"""Every page passes axe, in both languages and themes, on a desk and on a phone; no word breaks inside."""

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from alerting.access import Principal
from alerting.cases.person_access import record_access
from alerting.web.service_container import Services
from tests.alerting.web.console import live
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open
from tests.alerting.web.console.test_attacks import routes_of
from tests.alerting.web.console.test_chinese import FRAGMENTS
from tests.alerting.web.console.test_rotas import add_rota

pytestmark = [pytest.mark.system, ON_SQLITE]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    # Experimental, so that no tag turns it on: voice control needs the visible words in the name.
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}
PAGES = {
    "li": [
        "queue",
        "patrol",
        "rotas",
        "cases/{case}",
        "cases/{case}/person",
        "cases/{case}/pass-on",
        "orders",
        "bulk",
        "return-visits",
        "nothing-here",
    ],
    "boss": [
        "supervision",
        "districts",
        "report",
        "figures?by=channel&period=day",
        "lists",
        "routing",
        "webhooks",
        "clues",
        "skipped-tasks",
        "rotas",
        "cases/{held}",
        "cases/{held}/orders",
        "cases/{held}/money",
        "orders/o-1",
    ],
    "auditor": ["audit"],
    "admin": ["keys"],
    "zhao": ["orders/o-1"],
    "": ["sign-in"],
}
HOME = "/console/"
"""Leads to the page that a person's role begins with."""

BROKEN = """() => {
  // Words whose letters stand on more than one line, but for ids, which may.
  const found = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!e.checkVisibility() || e.closest('.mono, .visually-hidden, td.detail, noscript, svg, option')) continue;
    for (const match of node.textContent.matchAll(/[A-Za-z]{3,}/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const tops = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
      if (tops.size > 1) found.push(match[0]);
    }
  }
  return found;
}"""


def faults(page: Page) -> list[str]:
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]}" for fault in found for node in fault["nodes"][:3]
    ]


def addresses(name: str, town: list[str]) -> Iterator[str]:
    for path in PAGES[name]:
        yield f"/console/{path.format(case=town[0], held=town[3])}"


def test_every_page_of_the_console_is_on_the_list(make_browser: Callable[..., Browser]) -> None:
    def nameless(path: str) -> str:
        return re.sub(r"{\w+}|o-1", "{}", path.partition("?")[0])

    pages = {
        route.path
        for route in routes_of(make_browser().client.app.router)
        if "GET" in route.methods
        and route.path.startswith(HOME)
        and not route.path.endswith(FRAGMENTS)
    }
    listed = {nameless(f"{HOME}{path}") for paths in PAGES.values() for path in paths}
    assert {nameless(path) for path in pages} - listed == {HOME, f"{HOME}oidc/callback"}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_passes_axe(
    open_as: Open, town: list[str], services: Services, li: Principal, boss: Principal,
    language: str, scheme: str, name: str,
) -> None:  # fmt: skip
    record_access(services.db, town[0], li, reason="a test", now_ms=services.clock())
    services.case_service.claim(town[3], boss)
    add_rota(services, handover="02:30", ends="20:00", timezone="Europe/Berlin")
    locale = "en-GB" if language == "en" else "zh-CN"
    page = open_as(name, color_scheme=scheme, locale=locale)
    for path in addresses(name, town):
        page.goto(path)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert faults(page) == [], (path, width)


@pytest.mark.parametrize("width", [1024, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_word_breaks_inside(open_as: Open, town: list[str], name: str, width: int) -> None:
    page = open_as(name, viewport={"width": width, "height": 800})
    for path in addresses(name, town):
        page.goto(path)
        assert page.evaluate(BROKEN) == [], path
        assert live.overflow(page) <= 0, path


def test_the_keys_of_the_page_are_in_the_dialog_and_can_be_reached(open_as: Open) -> None:
    page = open_as("li")
    page.get_by_role("button", name="Shortcuts").click()
    expect(page.get_by_role("button", name="Turn off")).to_be_visible()
    assert faults(page) == []
