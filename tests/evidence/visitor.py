"""Somebody at a browser: goes only where a page has a link or a button, and what it takes is counted."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

from django.test import Client


class Page(HTMLParser):
    """The links, and the forms with their fields and buttons, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.forms: list[dict[str, object]] = []
        self.buttons: dict[str, int] = {}
        self.areas: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str], str]] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({"action": said.get("action", ""), "fields": {}})
        elif tag in ("a", "button", "textarea"):
            self._open.append((tag, said, ""))
        elif tag == "select":
            self._select = said.get("name", "")
        elif tag == "option" and "selected" in said:
            self.field(self._select, said.get("value", ""))
        elif tag == "input" and said.get("type") not in ("submit", "checkbox", "radio"):
            self.field(said.get("name", ""), said.get("value", ""))
        elif tag == "input" and "checked" in said:
            self.field(said.get("name", ""), said.get("value", "on"))

    def field(self, name: str, value: str) -> None:
        """A field of the form that is open."""
        if self.forms and name:
            fields = self.forms[-1]["fields"]
            assert isinstance(fields, dict)
            fields[name] = value

    def handle_data(self, data: str) -> None:
        self._open = [(tag, said, text + data) for tag, said, text in self._open]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            return
        _, said, text = self._open.pop()
        word = " ".join(text.split())
        if tag == "a":
            self.links[word] = said.get("href", "")
        elif tag == "button" and self.forms:
            self.buttons[word] = len(self.forms) - 1
        elif tag == "textarea":
            self.areas[said.get("aria-label", said.get("name", ""))] = text


class Visitor:
    """One person. `followed`: the links, `pressed`: the buttons, each by its word, in their order."""

    def __init__(self, client: Client, at: str) -> None:
        self.client, self.at = client, at
        self.followed: list[str] = []
        self.pressed: list[str] = []
        self.page = self.look(at)

    def look(self, address: str) -> Page:
        """Where they are now; redirects are followed as a browser does."""
        answer = self.client.get(address, follow=True)
        assert answer.status_code == 200, address
        self.at = answer.redirect_chain[-1][0] if answer.redirect_chain else address
        self.page = Page(answer.content.decode())
        return self.page

    def again(self) -> Page:
        """The page reloads itself while a job runs; nobody clicks."""
        return self.look(self.at)

    def follow(self, word: str) -> Page:
        """A link."""
        self.followed.append(word)
        return self.look(urljoin(self.at, self.page.links[word]))

    def press(self, word: str, **typed: str) -> Page:
        """A button, after typing and choosing in its form."""
        self.pressed.append(word)
        form = self.page.forms[self.page.buttons[word]]
        fields = form["fields"]
        assert isinstance(fields, dict)
        answer = self.client.post(urljoin(self.at, str(form["action"])), {**fields, **typed})
        assert answer.status_code == 302, answer.content.decode()[:3000]
        return self.look(answer["Location"])
