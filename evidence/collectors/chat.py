"""Chats by apprise, in a child process that can reach one judged address and nothing else.

Apprise knows how each service wants its message; it resolves names and follows redirects by itself. So the child is
told which host it may speak to and at which number that stands, and every other look-up fails in it. The address of a
channel is a secret: it comes in by stdin and goes into no message.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from evidence.collectors.addresses import resolve
from evidence.collectors.collected import PullError
from evidence.collectors.https import Answer
from evidence.models.sources import ErrorCode

# kind → the services by apprise's schemes, and the hosts of the addresses that those give out themselves
SCHEMES: Final[Mapping[str, tuple[str, ...]]] = {"slack": ("slack",), "teams": ("workflow", "workflows")}
NATIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "slack": ("hooks.slack.com",),
    "teams": (".logic.azure.com", ".api.powerplatform.com"),
}
# All that may follow a question mark: apprise would take wishes there, such as a file of this machine as template
WORKFLOW_SIGNS: Final = frozenset({"api-version", "sp", "sv", "sig"})
MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~])")  # what a card of Teams would take for formatting
FIXED: Final = {"slack": ("hooks.slack.com", 443)}  # the plug-in goes there, whatever the address says
START_S: Final = 10.0  # for the child to begin
MEND: Final = "Set the receiver up anew with the address from the channel's own settings."


def wrong_address(kind: str, text: str) -> str:
    """Why this is no address of such a channel, in a sentence that does not repeat it; "" when it is one."""
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "The channel's address cannot be read."
    if set(parse_qs(parts.query)) - WORKFLOW_SIGNS or parts.fragment:
        return "The channel's address holds more than a channel's address does."
    if parts.scheme == "https" and any(host == one or (one[0] == "." and host.endswith(one)) for one in NATIVE[kind]):
        return ""
    if parts.scheme in SCHEMES[kind] and host:
        return ""
    given = " or ".join(f"https://…{one}/" if one[0] == "." else f"https://{one}/" for one in NATIVE[kind])
    return f"The channel's address begins with {given} (or {SCHEMES[kind][0]}:// as apprise writes it)."


def goes_to(kind: str, url: str) -> tuple[str, int]:
    """(host, port) that the plug-in will speak to."""
    parts = urlsplit(url)
    return FIXED.get(kind) or (parts.hostname or "", parts.port or 443)


def composed(kind: str, title: str, text: str, link: str) -> dict[str, str]:
    """The message as the service takes it: whatever the words hold, they are words; only the link is a link."""
    if kind != "teams":
        return {"title": title, "text": "\n".join(part for part in (text, link) if part), "format": "text"}
    said = MARKS.sub(r"\\\1", text)
    opens = f"[Open in Eastwest]({link})" if link else ""
    return {
        "title": MARKS.sub(r"\\\1", title),
        "text": "\n\n".join(part for part in (said, opens) if part),
        "format": "markdown",
    }


def say(kind: str, url: str, title: str, text: str, link: str, *, deadline: float, most: int) -> Answer:
    """One message into the channel. Raises PullError: an address that is none, or nobody may lead us to, no answer."""
    url = url.strip()
    why = wrong_address(kind, url)
    if why:
        raise PullError(ErrorCode.CONFIG, why, MEND)
    host, port = goes_to(kind, url)
    place = resolve(host, port)
    left = max(1.0, deadline - time.monotonic())
    asked: dict[str, Any] = {"url": url, "host": host, "ip": place.ip, **composed(kind, title, text, link)}
    asked |= {"seconds": left, "most": most}
    asked |= {"schemes": list(SCHEMES[kind]), "authority": str(settings.RECEIVERS_CA_FILE or "")}
    try:
        done = subprocess.run(
            [sys.executable, "-E", "-s", "-m", "evidence.collectors.chat_child"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},  # nothing of the worker's own, such as other secrets
            timeout=left + START_S,
            check=False,
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise PullError(ErrorCode.TIMEOUT, f"{host} did not answer in time.", "Look whether it runs.") from None
    except ValueError:
        what = "The part that speaks to chats broke down."
        raise PullError(ErrorCode.DEPENDENCY, what, "Run ./run doctor.") from None
    if said["problem"]:
        raise PullError(ErrorCode(said["code"]), said["problem"].replace("{host}", host), said["next_step"])
    return Answer(said["status"], base64.b64decode(said["body"]), said["retry_after"])
