"""Slack and Microsoft Teams by apprise: what really arrives, where the child may go, and which addresses are taken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real

from compliance.errors import Refused
from compliance.models import Delivery
from evidence.actions import receivers
from evidence.actions.receivers import Wanted
from evidence.collectors import chat
from tests.evidence.hooks import Hook, send
from tests.factories import asked, servers
from tests.people import People, everybody


@pytest.fixture
def people(db: None) -> People:
    made = everybody()
    servers(made)
    return made


def test_teams_gets_the_same_by_apprise(people: People, program: Hook) -> None:
    """A workflow's address may name a host of one's own: what apprise sends arrives at a real server here."""
    wanted = Wanted(
        "Channel", "teams", ["change.submitted"], secret=f"workflow://127.0.0.1:{program.port}/abc123/s3cr3tsignature"
    )
    row, made = receivers.add_receiver(wanted, by=people.alex)
    assert made == ""
    change = asked(people, title="<b> [x](https://evil.example)")
    message = send(Delivery.objects.get())
    assert (message.state, message.status) == ("sent", 200), message.problem
    [came] = program.came
    assert "sig=s3cr3tsignature" in came.path
    shown = "".join(block["text"] for block in json.loads(came.body)["attachments"][0]["content"]["body"])
    assert f"[Open in Eastwest]({real.SITE_URL}/changes/{change.ref}/)" in shown
    assert "\\<b\\> \\[x\\]\\(https://evil\\.example\\)" in shown  # words stay words
    program.mood = "redirects"
    receivers.try_out(row, by=people.alex)
    led = send(Delivery.objects.get(event="test"))
    assert (led.status, led.state) == (307, "waiting")
    assert len(program.came) == 2  # nobody went to where it led
    assert "s3cr3tsignature" not in f"{led.problem}{led.answer}"


def test_chats_reach_one_judged_address_and_check_its_certificate(
    people: People, program: Hook, settings: Any, pems: tuple[Path, Path]
) -> None:
    def problem(address: str, kind: str = "teams") -> str:
        wanted = Wanted("Channel", kind, ["change.submitted"], secret=address)
        row, _ = receivers.add_receiver(wanted, by=people.alex)
        receivers.try_out(row, by=people.alex)
        return send(Delivery.objects.get(receiver=row)).problem

    settings.RECEIVERS_CA_FILE = None
    assert "not to be trusted" in problem(f"workflow://127.0.0.1:{program.port}/abc/def")
    settings.MAY_REACH = []
    assert "Eastwest does not go there" in problem(f"workflow://127.0.0.1:{program.port}/abc/def")
    assert "Eastwest does not go there" in problem("workflow://169.254.169.254/abc/def")
    assert program.came == []
    for kind, address in (
        ("slack", "mailto://user:pw@example.org"), ("teams", "json://example.org/"), ("slack", "https://example.org/"),
        ("teams", "slack://T1/A1/x"),
        ("teams", "workflow://example.org/a/b?template=/etc/passwd"),
        ("slack", ""), ("teams", "https://x.logic.azure.com.example.org/"),
    ):  # fmt: skip
        with pytest.raises(Refused):
            receivers.add_receiver(Wanted("Channel", kind, ["pack.ready"], secret=address), by=people.alex)


def test_slack_goes_to_its_own_host_only() -> None:
    """The plug-in knows one host; here nobody answers for it, so this holds where it would go, not that it arrives."""
    assert chat.goes_to("slack", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ") == ("hooks.slack.com", 443)
    asked_for = {
        "url": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "title": "t",
        "text": "x", "format": "text", "host": "hooks.slack.com", "ip": "127.0.0.1",
        "seconds": 2, "most": 10, "schemes": ["slack"],
        "authority": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "evidence.collectors.chat_child"], input=json.dumps(asked_for),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["code"] == "unreachable"  # 443 of this machine, where the look-up was sent
