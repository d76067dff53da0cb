// The inbox by keyboard: J and K move, X selects, A and R open the confirmation pages.
// No key decides anything: approving and rejecting happen on those pages, with a note.
const list = document.querySelector("[data-inbox]");

function rows() {
  return [...list.querySelectorAll(":scope > li")];
}

function move(step) {
  const all = rows();
  const now = all.findIndex((row) => row.classList.contains("chosen"));
  const next = all[Math.min(Math.max(now + step, 0), all.length - 1)];
  const link = next?.querySelector("a");
  if (!link || next === all[now]) return;
  link.focus();
  link.click();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => list.querySelector("li.chosen input[type=checkbox]")?.click(),
  a: () => document.querySelector("[data-approve]")?.click(),
  r: () => document.querySelector("[data-reject]")?.click(),
};

function typing(element) {
  return element instanceof HTMLElement && element.matches("input:not([type=checkbox]), select, textarea");
}

if (list) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = KEYS[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // htmx exchanges the decision beside the list; the list's mark follows. A narrow screen shows one of the two.
  list.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (!row || !event.target.closest("a")) return;
    for (const other of rows()) {
      other.classList.toggle("chosen", other === row);
      const link = other.querySelector("a");
      if (other === row) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    row.scrollIntoView({ block: "nearest" });
    list.closest(".inbox").classList.add("chosen");
    if (row.offsetParent === null) scrollTo(0, 0);
  });
}
