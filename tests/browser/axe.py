"""What axe objects to on a page as it stands; what was looked at already at this look is not looked at again.

Most of axe's time goes to the contrast of each single text. The third and every later row of a table, made of the same
elements with the same classes and attributes as two before it, can show nothing that those did not; nor can the menu,
which stands on every page. Left out is only what is the same in all of this: what an element is called, its attributes
(of words and addresses whether they are empty, of what names another element whether it is there, of an id whether it
is the first), where it has text, and all of that within it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

RUN: Final = r"""
async seen => {
  const words = new Set(
    ["href", "name", "value", "title", "alt", "placeholder", "aria-label", "datetime", "action", "src"]);
  const leads = new Set(["for", "headers", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns"]);
  const tells = (element, {name, value}) => {
    if (name === "id") return `id ${document.getElementById(value) === element}`;  // false: of two with the same
    if (leads.has(name)) return name + value.split(/\s+/).map(id => document.getElementById(id) !== null).join(" ");
    return words.has(name) && value.trim() ? name : `${name}=${value}`;
  };
  const shapes = new Map();
  const digest = (text, seed) => {  // FNV-1a, in 32 bits
    for (let at = 0; at < text.length; at++) seed = Math.imul(seed ^ text.charCodeAt(at), 16777619);
    return (seed >>> 0).toString(36);
  };
  const shape = element => {
    const own = [...element.attributes].map(one => tells(element, one)).sort();
    const within = [...element.childNodes].map(
      one => one.nodeType === 1 ? shape(one) : one.nodeType === 3 && one.data.trim() ? "t" : "");
    const text = `${element.localName} ${own.join(" ")}>${within.join(" ")}`;
    shapes.set(element, digest(text, 2166136261) + digest(text, 84696351));
    return shapes.get(element);
  };
  shape(document.body);
  const left = new Set();
  const known = new Set(seen);
  const menu = document.querySelectorAll(".app > :not(div), .app > div > :not(main)");
  for (const part of menu) if (known.has(shapes.get(part))) left.add(part);
  const parts = [...menu].map(part => shapes.get(part));
  const look = element => {
    const times = new Map();
    for (const child of element.children) {
      const one = shapes.get(child), now = times.get(one) ?? 0;  // of two, one lies on the other colour of stripes
      times.set(one, now + 1);
      if (now >= 2) left.add(child); else if (!left.has(child)) look(child);
    }
  };
  look(document.body);
  const context = left.size ? {include: [document], exclude: [...left]} : document;
  const found = await axe.run(context, {resultTypes: ["violations"], preload: false});
  return [found.violations, parts];
}
"""


class Axe:
    """Looks at pages one after the other; knows what it saw at each look."""

    def __init__(self) -> None:
        self.seen: dict[object, set[str]] = {}

    @staticmethod
    def ready(context: BrowserContext) -> None:
        """Every page of this context brings axe with it."""
        context.add_init_script(AXE_SCRIPT)

    def objections(self, page: Page, look: object) -> list[dict[str, Any]]:
        """Its violations, as axe writes them. `look`: the width and colours the page is seen in."""
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(AXE_SCRIPT)
        seen = self.seen.setdefault(look, set())
        violations, parts = page.evaluate(RUN, list(seen))
        seen.update(parts)
        return list(violations)
