/* What people type: it outlives every refresh, is kept in this tab until it was sent, and a refused
   form keeps it and says beside the field what is wrong. */
(() => {
  "use strict";
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const PREFIX = "draft/";
  const own = `${PREFIX}${document.body.dataset.who || ""}/`;
  const SIGN_IN = "/console/sign-in";

  /* Fields that a person changed. A refresh leaves them as they are. */
  const changed = new WeakSet();
  const keptFields = ["value", "checked", "selected"];
  const keptState = ["aria-selected", "aria-invalid", "aria-describedby"];
  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated(name, node) {
      if (name === "open" && node.tagName === "DETAILS") return false;
      if (name === "tabindex" && node.classList?.contains("scroll")) return false;
      if (keptState.includes(name)) return false;
      const field = node.tagName === "OPTION" ? node.closest("select") : node;
      return !(keptFields.includes(name) && changed.has(field));
    },
    beforeNodeRemoved(node) {
      return !node.classList?.contains("field-error");
    },
    /* A number shown in clear stays until its minute is over. */
    beforeNodeMorphed(old) {
      return !(old.id?.startsWith("shown-") && old.querySelector("[data-until]"));
    },
  });

  /* Drafts: sessionStorage ends with the tab, and another person's drafts are removed. */
  const stored = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  const forget = (keep) => stored().filter((key) => !keep(key)).forEach((key) => sessionStorage.removeItem(key));
  if (document.body.dataset.who) forget((key) => key.startsWith(own));
  const keyOf = (form) => own + form.dataset.draft;
  const typed = (form) => [...form.elements].filter((field) => field.name && !["hidden", "password", "submit"].includes(field.type));
  const save = (form) => {
    const values = typed(form)
      .filter((field) => field.type !== "radio" && field.type !== "checkbox" ? field.value : field.checked)
      .map((field) => [field.name, field.value]);
    try { sessionStorage.setItem(keyOf(form), JSON.stringify(values)); } catch { /* storage is full or off */ }
  };
  const restore = (root = document) => {
    for (const form of $$("form[data-draft]", root)) {
      const text = sessionStorage.getItem(keyOf(form));
      if (!text) continue;
      for (const [name, value] of JSON.parse(text)) {
        for (const field of typed(form).filter((one) => one.name === name && !changed.has(one))) {
          const choice = field.type === "radio" || field.type === "checkbox";
          if (choice && field.value === value) field.checked = true;
          if (!choice) field.value = value;
          if (!choice || field.value === value) changed.add(field);
        }
      }
      const panel = form.closest("details");
      if (panel) panel.open = true;
    }
  };
  const sent = (form) => {
    sessionStorage.removeItem(keyOf(form));
    [...form.elements].forEach((field) => changed.delete(field));
    form.reset();
  };
  const note = (event) => {
    if (!event.target.matches?.("input, select, textarea")) return;
    changed.add(event.target);
    const form = event.target.form;
    if (event.target.type === "radio") $$(`input[name="${event.target.name}"]`, form || document).forEach((one) => changed.add(one));
    clear(event.target);
    if (form?.dataset.draft) save(form);
  };
  document.addEventListener("input", note);
  document.addEventListener("change", note);
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action")?.endsWith("/sign-out")) forget(() => false);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.requestConfig?.elt;
    if (!form?.matches("form[data-draft]") || !event.detail.successful) return;
    const goesTo = event.detail.xhr.getResponseHeader("HX-Redirect") || "";
    if (!goesTo.startsWith(SIGN_IN)) sent(form); // a session that ended took nothing
  });
  document.addEventListener("htmx:afterSettle", () => restore());
  restore();

  /* What is wrong with a field, beside it. */
  const clear = (field) => {
    const text = document.getElementById(field.getAttribute("aria-describedby") || "");
    if (!text?.classList.contains("field-error")) return;
    text.remove();
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  };
  let number = 0;
  const show = (field, text) => {
    clear(field);
    const element = document.createElement("span");
    element.className = "field-error";
    element.id = `field-error-${(number += 1)}`;
    element.textContent = text;
    const place = field.type === "radio" ? field.closest("fieldset") : field.closest("label");
    (place || field.parentElement).append(element);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", element.id);
  };
  /* Whether every fault of a refusal found its field; the first of them gets the focus. */
  window.forewarnFaults = (form, header) => {
    if (!header || !form?.elements) return false;
    const faults = Object.entries(JSON.parse(header));
    const fields = faults.map(([name]) => typed(form).find((field) => field.name === name && field.checkVisibility()));
    if (!faults.length || fields.some((field) => !field)) return false;
    faults.forEach(([, text], at) => show(fields[at], text));
    fields[0].focus();
    return true;
  };
})();
