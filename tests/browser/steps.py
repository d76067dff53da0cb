"""What is done on a page before it is looked at: each takes the opened page and gives the answer to its last click."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

PASSWORD = "a lantern on the harbour wall"
REGISTER = b"""connections:
  - {id: ours-1, source: batch-01, destination: hr-app-01, services: [tcp/9443], justification: "The night job hands the
     new staff numbers to the personnel application.", security_implications: "Two servers, one service, encrypted."}
"""
GOOD = b"Hostname,Application,IP addresses,Zone,Env\nwww-21,Citizen Services,10.99.1.21,,production\n"
ODD = b"Box,Belongs to,Number\nwww-21,Citizen Services,10.99.1.21\n"
BAD = b"Hostname,Application,IP addresses,Zone,Env\nwww-21,No such system,10.99.1.999,,somewhere\n"
ANSWERS = {
    "title": "The reports read the hours of all staff, from a server with a very-long-name-that-nobody-breaks-anywhere",
    "services": "tcp/5432",
    "business_need": "The pay run reads the hours of all staff each night.",
    "security_implications": "Read only, one service, from one server.",
    "review_by": (date.today() + timedelta(days=90)).isoformat(),
}


def clicked(page: Page, button: Locator) -> Response | None:
    """Presses it and waits for the page that comes of it."""
    with page.expect_response(lambda answer: answer.request.is_navigation_request() and answer.status != 302) as told:
        button.click()
    page.wait_for_load_state("load")
    return told.value


def named(page: Page, text: str) -> Locator:
    """The button of the page's own content with this text."""
    return page.locator("main").get_by_role("button", name=text, exact=True)


def send(page: Page) -> Response | None:
    """The form as it stands."""
    return clicked(page, page.locator("main form button.primary"))


def send_nothing(page: Page) -> Response | None:
    """The only form of the page, as it stands."""
    return clicked(page, page.locator("main form button[type=submit]"))


def send_without_token(page: Page) -> Response | None:
    """The form after the session's cookie was lost."""
    page.context.clear_cookies(name="csrftoken")
    return send(page)


def send_what_was_read_before(page: Page) -> Response | None:
    """The form from a page that was opened before the last edit."""
    page.locator("main form [name=seen]").evaluate("field => field.value = '0'")
    return send(page)


def wrong_password(page: Page) -> Response | None:
    """A wrong password: the errors beside the fields."""
    page.get_by_label("Email").fill("ines@sample.example")
    page.get_by_label("Password").fill("not this one")
    return clicked(page, named(page, "Sign in"))


def password_of_ines(page: Page) -> Response | None:
    """The right password of somebody who has a second factor."""
    page.get_by_label("Email").fill("ines@sample.example")
    page.get_by_label("Password").fill(PASSWORD)
    return clicked(page, named(page, "Sign in"))


def check_nothing(page: Page) -> Response | None:
    """An empty request: every error in the summary and beside its field."""
    return clicked(page, named(page, "Check your answers"))


def check_answers(page: Page) -> Response | None:
    """A whole request, up to the answers read back."""
    for name in ("system", "source", "destination"):
        choice = page.locator(f"main select[name={name}]")
        choice.select_option(index=2 if name == "destination" else 1)
    for name, text in ANSWERS.items():
        page.locator(f"main [name={name}]").fill(text)
    return clicked(page, named(page, "Check your answers"))


def reject_with_a_reason(page: Page) -> Response | None:
    """Several turned down with one click, and what became of each."""
    page.locator("main input[value=reject]").check()
    page.locator("main [name=because]").fill("Ask for it once the server has moved.")
    return clicked(page, named(page, "Do it for each"))


def see_what_it_opens(page: Page) -> Response | None:
    """A server that would join a group in use, up to what that opens."""
    page.locator("main select[name=server]").select_option(index=1)
    for name in ("business_need", "security_implications"):
        page.locator(f"main [name={name}]").fill(ANSWERS[name])
    return clicked(page, named(page, "See what it opens"))


def bring(page: Page, content: bytes) -> Response | None:
    """A spreadsheet of servers, brought to the import."""
    page.locator("main input[name=file]").set_input_files(
        {"name": "servers.csv", "mimeType": "text/csv", "buffer": content}
    )
    return clicked(page, named(page, "See what would happen"))


def match_columns(page: Page) -> Response | None:
    """A spreadsheet whose header says nothing to us: its columns are to be matched."""
    return bring(page, ODD)


def plan_a_register(page: Page) -> Response | None:
    """A register file that adds a connection and gives another one more port, read as a plan."""
    page.locator("main input[name=file]").set_input_files(
        {"name": "ours.yaml", "mimeType": "application/yaml", "buffer": REGISTER}
    )
    return clicked(page, named(page, "See what would change"))


def try_good_rows(page: Page) -> Response | None:
    """The dry run of rows that can all be imported."""
    return bring(page, GOOD)


def try_bad_rows(page: Page) -> Response | None:
    """The dry run of rows that cannot."""
    return bring(page, BAD)


def see_a_folder_of_hosts(page: Page) -> Response | None:
    """What would be added from a folder of folders: a server's, a stranger's, and a file."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("web-01.sample.example", "nobody-99"):
            (Path(place) / name).mkdir()
        (Path(place) / "README").write_text("of one host each")
        page.get_by_label("Folder", exact=True).fill(place)
        return clicked(page, named(page, "See what lies there"))


def add_a_person(page: Page) -> Response | None:
    """Somebody new, whose link is shown above the form for the next."""
    page.get_by_label("Name", exact=True).fill("Newton Newcomer")
    page.get_by_label("Mail address").fill("newton@sample.example")
    return clicked(page, named(page, "Add the person"))


def verify_a_changed_pack(page: Page) -> Response | None:
    """A pack that was built here, brought with a file more than it had."""
    built, brought = next(Path(settings.PACKS).glob("*.zip")), io.BytesIO()
    brought.write(built.read_bytes())
    with zipfile.ZipFile(brought, "a") as archive:
        archive.writestr("data/added.csv", "a,b\n")
    page.locator("main input[name=file]").set_input_files(
        {"name": built.name, "mimeType": "application/zip", "buffer": brought.getvalue()}
    )
    return clicked(page, named(page, "Verify"))
