"""A running console and a real Chromium."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Where the system's Chromium is, if there is one."""
    return (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )


@contextmanager
def chromium(path: str) -> Iterator[Chromium]:
    """A browser that requests only the pages that it is sent to."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application on a free port; yields its address."""
    config = uvicorn.Config(
        app, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


NAMELESS = """() => {
  // What a screen reader could not announce: controls without a name.
  const named = (e) => {
    const label = e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ')
      .map((id) => document.getElementById(id)?.textContent || '').join('');
    const own = e.innerText || e.textContent || e.getAttribute('alt') || e.getAttribute('title') || '';
    const labels = e.labels ? [...e.labels].map((l) => l.textContent).join('') : '';
    return (label + labels + (e.matches('input, select, textarea') ? '' : own)).trim();
  };
  return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, svg[role], section, dialog, nav')]
    .filter((e) => !e.closest('noscript') && !named(e)).map((e) => e.outerHTML.slice(0, 120));
}"""

STRUCTURE = """() => {
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  const levels = [...document.querySelectorAll('h1, h2, h3')].filter((h) => h.checkVisibility() && h.closest('main')).map((h) => +h.tagName[1]);
  return {
    twice: ids.filter((id, at) => ids.indexOf(id) !== at),
    h1: levels.filter((level) => level === 1).length,
    skipped: levels.some((level, at) => at && level > levels[at - 1] + 1),
    main: document.querySelectorAll('main').length,
    language: document.documentElement.lang,
    headless: [...document.querySelectorAll('table')].filter((t) => !t.querySelector('th[scope]')).length,
  };
}"""

FAINT = """() => {
  // Text whose contrast is under WCAG AA: 4.5, or 3 where it is large.
  const rgba = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (c) => { const l = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const ground = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !e.checkVisibility() || e.closest('.visually-hidden, .skip, noscript, title')) continue;
    const style = getComputedStyle(e);
    const svg = e.closest('svg');
    let alpha = 1; for (let p = e; p; p = p.parentElement) alpha *= +getComputedStyle(p).opacity;
    const below = e.closest('.peer') ? rgba(getComputedStyle(e.previousElementSibling).fill) : ground(e);
    const ink = rgba(svg ? style.fill : style.color); ink[3] *= alpha;
    const [a, b] = [light(over(ink, below)), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className} ${node.textContent.trim().slice(0, 30)}`);
  }
  return [...new Set(found)];
}"""


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
