/* The live queue: the server sends the rows that changed; rows stay where they are while they are
   pointed at or focused, and new ones wait behind a button. */
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  if (!$("#queue")) return;

  const parse = (html) => new DOMParser().parseFromString(`<body>${html}</body>`, "text/html").body;
  const rowsOf = (root) => $$("tr[data-case]", root);

  /* Every row as the server last sent it; a row of an answer that did not change has no cells. */
  const sentRows = new Map();
  const learn = (root) => {
    for (const row of rowsOf(root)) {
      const known = sentRows.get(row.id);
      if (row.dataset.same === undefined) sentRows.set(row.id, row.outerHTML);
      else if (known) row.outerHTML = known;
    }
    const present = new Set(rowsOf(root).map((row) => row.id));
    for (const id of sentRows.keys()) if (!present.has(id)) sentRows.delete(id);
    return root;
  };
  learn($("#queue"));

  /* The newest answer, whole. What is shown may be older while a row is pointed at. */
  let newest = null;
  let pointed = false;
  const focused = () => Boolean(document.activeElement?.closest("#queue tr[data-case]"));
  const held = () => pointed || focused();
  const button = $("#arrived");
  const waiting = () => {
    const shown = new Set(rowsOf($("#queue")).map((row) => row.id));
    return newest ? rowsOf(newest).filter((row) => !shown.has(row.id)).length : 0;
  };
  const offer = () => {
    const count = newest ? waiting() : 0;
    button.hidden = !count;
    if (count) button.textContent = button.dataset.text.replace("#", count);
  };

  /* The answer in the order that is on the screen: known rows renewed in place, gone ones marked. */
  const inOldOrder = (answer) => {
    const old = $("#queue");
    const copy = parse(old.outerHTML).firstElementChild;
    for (const name of answer.firstElementChild.getAttributeNames()) {
      copy.setAttribute(name, answer.firstElementChild.getAttribute(name));
    }
    for (const row of rowsOf(copy)) {
      const fresh = answer.ownerDocument.getElementById(row.id);
      if (fresh) row.outerHTML = fresh.outerHTML;
      else { row.classList.add("gone"); $$("button, a.button", row).forEach((one) => one.remove()); }
    }
    return copy.outerHTML;
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "queue" || !event.detail.xhr.responseText.trim() || event.detail.isError) return;
    const answer = learn(parse(event.detail.xhr.responseText));
    if (rowsOf(answer).some((row) => row.dataset.same !== undefined)) { // never seen: ask for all
      event.detail.shouldSwap = false;
      htmx.ajax("GET", $("#queue").getAttribute("hx-get").replace(/seen=[^&]*/, "seen="), { target: "#queue", swap: "morph:outerHTML" });
      return;
    }
    newest = held() ? answer : null;
    event.detail.serverResponse = held() ? inOldOrder(answer) : answer.innerHTML;
  });
  document.addEventListener("htmx:afterSettle", offer);

  const release = () => {
    if (!newest) return;
    const html = newest.innerHTML;
    newest = null;
    htmx.swap("#queue", html, { swapStyle: "morph:outerHTML" });
    offer();
  };
  const later = () => setTimeout(() => { if (!held()) release(); }, 50);
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const over = Boolean(event.target.closest("#queue table, .arrived"));
    if (pointed && !over) later();
    pointed = over;
  });
  document.documentElement.addEventListener("pointerleave", () => { pointed = false; later(); });
  document.addEventListener("focusout", later);
  button.addEventListener("click", () => {
    const shown = new Set(rowsOf($("#queue")).map((row) => row.id));
    release();
    const first = rowsOf($("#queue")).find((row) => !shown.has(row.id));
    $("a.open", first || $("#queue"))?.focus();
  });
})();
