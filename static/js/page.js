// Small helps on every page; each works without this file too.

// The error summary takes the focus, so a screen reader starts there.
document.querySelector("[data-focus]")?.focus();

// "/" goes to the search.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
});

// A job that has ended while the page was watching: show the page as it is now.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches("#job[data-result]")) location.assign(event.target.dataset.result);
});

// Minutes are saved while people talk; when that fails, it is said where the time of saving stands.
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const said = event.detail.elt.querySelector?.(".saved");
    if (!said) return;
    said.textContent = "Not saved: the server did not take it. Your text is still here; press Save to try again.";
    said.classList.add("tone-bad");
  });
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What was typed before the session was over stands in its form again. Nothing is sent by it.
for (const panel of document.querySelectorAll("[data-kept]")) {
  const kept = JSON.parse(document.getElementById(panel.dataset.kept).textContent);
  const form = formFor(kept);
  if (form) giveBack(form, kept.typed);
  panel.querySelector(form ? "[data-back]" : "[data-not-back]").hidden = false;
  panel.querySelector("details").open = !form;
}

function formFor({ action, typed }) {
  const names = Object.keys(typed);
  const asked = (form) => names.filter((name) => visible(form).some((field) => field.name === name)).length;
  const there = [...document.forms].filter((form) => sentTo(form) === action && asked(form) > 0);
  return there.sort((one, other) => asked(other) - asked(one))[0];
}

function sentTo(form) {
  const said = form.getAttribute("hx-post") ?? (form.method === "post" ? (form.getAttribute("action") ?? "") : null);
  if (said === null) return null;
  const where = new URL(said || location.href, location.href);
  return where.pathname + where.search;
}

function visible(form) {
  const never = ["hidden", "file", "submit", "button", "password"];
  return [...form.elements].filter((field) => field.name && !never.includes(field.type));
}

function giveBack(form, typed) {
  const turns = {};
  for (const field of visible(form)) {
    const values = typed[field.name] ?? [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (field.multiple) for (const option of field.options) option.selected = values.includes(option.value);
    else if (field.name in typed) {
      const turn = (turns[field.name] = (turns[field.name] ?? -1) + 1);
      field.value = values[turn] ?? "";
    }
  }
}

// Print buttons.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

function typing(element) {
  return element instanceof HTMLElement && (element.isContentEditable || element.matches("input, select, textarea"));
}
