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

// Print buttons.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

function typing(element) {
  return element instanceof HTMLElement && (element.isContentEditable || element.matches("input, select, textarea"));
}
