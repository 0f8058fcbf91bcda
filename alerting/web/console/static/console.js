/* What the server cannot do: tick the countdowns, keys, messages over the page.
   Text reaches the page through textContent only. */
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* The server's clock decides: a terminal that runs a minute late must not show a minute more. */
  const skewMs = Number(document.body.dataset.now || Date.now()) - Date.now();
  const nowMs = () => Date.now() + skewMs;

  const written = (leftMs) => {
    const seconds = leftMs < 0 ? Math.floor(-leftMs / 1000) : Math.ceil(leftMs / 1000);
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
    const two = (n) => String(n).padStart(2, "0");
    return (leftMs < 0 ? "-" : "") + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
  };

  const tick = () => {
    for (const element of $$("[data-deadline]")) {
      const leftMs = Number(element.dataset.deadline) - nowMs();
      const totalMs = Number(element.dataset.total) * 1000;
      element.textContent = written(leftMs);
      element.dataset.tone = leftMs < 0 ? "late" : leftMs * 3 < totalMs ? "soon" : "calm";
      const bar = element.nextElementSibling;
      if (bar && bar.tagName === "PROGRESS") bar.value = Math.max(0, leftMs / 1000);
    }
    for (const element of $$("[data-since]")) element.textContent = written(nowMs() - Number(element.dataset.since));
    for (const element of $$("[data-until]")) {
      if (Number(element.dataset.until) <= nowMs()) element.replaceWith(element.dataset.masked);
    }
  };

  /* Whether a request was the page's own refresh. The event's element may be the parent of what was
     swapped out, so the request says who asked. */
  const polls = (event) => (event.detail.requestConfig?.elt || event.detail.elt).matches('[hx-trigger*="every"]');

  /* A page that refreshes itself looks live when its server is gone: it says so until it is not. */
  const PATIENCE_MS = 15_000; // a server that takes a request and never answers
  let freshMs = Date.now();
  let failed = false;
  const age = () => {
    const stale = $("#stale");
    if (!stale || !$('[hx-trigger*="every"]')) return;
    const old = failed || Date.now() - freshMs > PATIENCE_MS;
    if (stale.hidden === old) stale.hidden = !old;
    if (old) $("[data-age]", stale).textContent = written(Date.now() - freshMs);
  };
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!polls(event)) return;
    failed = !event.detail.successful;
    if (!failed) freshMs = Date.now();
    age();
  });
  setInterval(age, 500);

  tick();
  setInterval(tick, 500);

  /* What scrolls sideways can be scrolled by keyboard; what fits is no stop of the Tab key. */
  const reach = () => {
    for (const element of $$(".scroll")) {
      if (element.scrollWidth > element.clientWidth) element.setAttribute("tabindex", "0");
      else element.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  document.addEventListener("htmx:afterSettle", reach);
  reach();

  /* Filters fold away on a phone only. */
  const wide = matchMedia("(min-width: 48.01rem)");
  const fold = () => $$("details[data-wide-open]").forEach((details) => { details.open = wide.matches; });
  wide.addEventListener("change", fold);
  fold();

  /* Messages */
  const UNDO_MS = 20_000;
  const toast = (text, { bad = false, undo = null } = {}) => {
    const element = document.createElement("div");
    element.className = bad ? "toast bad" : "toast";
    element.textContent = text.trim();
    if (undo) element.append(undoButton(undo, element));
    $("#toasts")?.append(element);
    setTimeout(() => element.remove(), undo ? UNDO_MS : bad ? 9000 : 4000);
  };
  const undoButton = ({ path, label }, element) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "compact";
    button.dataset.key = "z";
    button.textContent = label;
    button.addEventListener("click", () => {
      element.remove();
      htmx.ajax("POST", path, { source: "#case", target: "#case", swap: "morph:innerHTML" });
    });
    return button;
  };
  document.addEventListener("toast", (event) => toast(event.detail.value, { undo: event.detail.undo }));
  document.addEventListener("htmx:responseError", (event) => {
    if (polls(event)) return; // the page is old: that is said for as long as it lasts
    const xhr = event.detail.xhr;
    const form = event.detail.requestConfig?.elt;
    if (!window.forewarnFaults(form, xhr.getResponseHeader("X-Form-Faults"))) toast(xhr.responseText, { bad: true });
    if (xhr.status === 409) htmx.trigger(document.body, "refresh"); // show what changed
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!polls(event)) toast($("#stale strong").textContent, { bad: true });
  });

  /* The selected row of a list lives over refreshes by its id. */
  let selected = null;
  const rows = () => $$("tr[data-case]");
  const select = (row, scroll = true) => {
    $$('tr[aria-selected="true"]').forEach((other) => other.removeAttribute("aria-selected"));
    if (!row) return;
    selected = row.id;
    row.setAttribute("aria-selected", "true");
    if (scroll) row.scrollIntoView({ block: "nearest" });
  };
  const current = () => $('tr[aria-selected="true"]');
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    select(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))]);
  };

  /* New cases are read out, never more than a sentence. */
  let known = new Set(rows().map((row) => row.id));
  document.addEventListener("htmx:afterSettle", () => {
    tick();
    if (selected) select(document.getElementById(selected), false);
    const arrived = rows().filter((row) => !known.has(row.id));
    if (arrived.length) $("#announcer").textContent = $("#announcer").dataset.arrived.replace("#", arrived.length);
    known = new Set(rows().map((row) => row.id));
  });

  /* A feed of the server refreshes what listens for it; the browser reconnects by itself. */
  const feed = $("[data-feed]");
  if (feed) {
    const source = new EventSource(feed.dataset.feed);
    source.addEventListener(feed.dataset.feedEvent, () => htmx.trigger(document.body, "refresh"));
    addEventListener("pagehide", () => source.close());
  }

  /* Keys */
  const pages = { q: "queue", o: "orders", s: "supervision", p: "patrol", d: "districts", r: "report", l: "lists", t: "routing", w: "rotas", a: "audit" };
  let leader = 0;
  const typing = (element) => element.closest("input:not([type=radio]):not([type=checkbox]), select, textarea, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") { document.activeElement?.blur?.(); $$("details[data-panel][open]").forEach((d) => { d.open = false; }); return; }
    if (typing(event.target) || $("dialog[open]") || document.body.dataset.keys === "off") return;
    const press = (element) => { if (element) { event.preventDefault(); element.click(); } };
    if (Date.now() - leader < 1200 && pages[event.key]) {
      leader = 0;
      return press($(`nav a[href="/console/${pages[event.key]}"]`));
    }
    switch (event.key) {
      case "g": leader = Date.now(); return;
      case "?": event.preventDefault(); $("#help")?.showModal(); return;
      case "j": event.preventDefault(); return move(1);
      case "k": event.preventDefault(); return move(-1);
      case "/": event.preventDefault(); $("[data-filter-first]")?.focus(); return;
      case "Enter": if (current() && event.target === document.body) press($("a.open", current())); return;
      default: {
        const key = CSS.escape(event.key);
        const target = $(`#toasts [data-key="${key}"]`) || (current() && $(`[data-key="${key}"]`, current())) || $(`main [data-key="${key}"]:not(tr *)`);
        press(target);
      }
    }
  });

  /* Clicks that need no server */
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open)?.showModal();
    const toggler = event.target.closest("[data-toggle]");
    if (toggler) {
      const open = document.getElementById(toggler.dataset.toggle).classList.toggle("open");
      toggler.setAttribute("aria-expanded", String(open));
    }
    const focuser = event.target.closest("[data-focus]");
    if (focuser) {
      const panel = document.getElementById(focuser.dataset.focus);
      if (panel) {
        event.preventDefault();
        panel.scrollIntoView({ block: "nearest" });
        $("input:not([type=hidden])", panel)?.focus();
      }
    }
    const row = event.target.closest("tr[data-case]");
    if (row) select(row, false);
  });
  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());
})();
