"""`eastwest plan` and `eastwest apply`: a register file against the register of a running Eastwest, by its API.

The token comes from the environment (EASTWEST_TOKEN), never from the command line, where others on the machine see it.
"""

from __future__ import annotations

import argparse
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from evidence.commands.answer import CLEAN, FINDINGS, UNPROVEN, Answer, Refusal

TOKEN: Final = "EASTWEST_TOKEN"  # noqa: S105 (the name of a variable)
NEAR: Final = ("localhost", "127.0.0.1", "::1")
SECONDS: Final = 120
LARGEST: Final = 32 * 1024 * 1024
MARKS: Final = {"place": "@", "new": "+", "change": "~", "remove": "-"}


class _Stays(urllib.request.HTTPRedirectHandler):
    """A token is for one server: it follows no redirect."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is an error."""


def run(asked: argparse.Namespace) -> Answer:
    """Plans; and with `apply` asks for exactly what was planned. Exit: 0 nothing to change, or all of it asked for;
    1 a plan with steps; 3 something is kept as a draft because the policy does not permit it."""
    said = {
        "register": _text(asked.register), "name": Path(asked.register).name, "system": asked.system,
        "remove": asked.remove,
    }  # fmt: skip
    plan = _call(asked.server, "plan", said)
    if plan["faults"]:
        raise Refusal("\n".join(f"line {one['line']}: {one['problem']}" for one in plan["faults"]))
    if asked.command == "plan" or not plan["steps"]:
        return Answer(_status(plan, FINDINGS), plan, _told(plan, "would be asked for"))
    if asked.digest and asked.digest != plan["digest"]:
        raise Refusal(f"this is not the plan {asked.digest[:12]}… any more: plan again, read it, and apply that")
    done = _call(asked.server, "apply", said | {"digest": plan["digest"]})
    return Answer(_status(done, CLEAN), done, _told(done, "asked for"))


def _status(plan: Mapping[str, Any], steps: int) -> int:
    if any(step["stopped"] for step in plan["steps"]):
        return UNPROVEN
    return steps if plan["steps"] else CLEAN


def _told(plan: Mapping[str, Any], done: str) -> str:
    lines = []
    for step in plan["steps"]:
        ref = f"{step['change']} " if step["change"] else ""
        lines.append(f"{MARKS[step['what']]} {ref}{step['ref']} {step['text']}")
        lines += [f"    {one['field']}: {one['before']} -> {one['after']}" for one in step["differs"]]
        lines += [f"    policy: {hit['what']}" for hit in step["policy"]]
        lines += [f"    draft: {step['stopped']}"] if step["stopped"] else []
        lines += [f"    waits for {', '.join(step['needs'])}"] if step["needs"] else []
    count = len(plan["steps"])
    lines.append(f"{count} {'step' if count == 1 else 'steps'} {done}, {plan['same']} as they are. {plan['digest']}")
    return "\n".join(lines)


def _text(path: str) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise Refusal(f"{path} is larger than {LARGEST >> 20} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8 text (byte {error.start})") from error


def _call(server: str, verb: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """One call of the API. Raises Refusal with what the server says."""
    parts = urlsplit(server)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in NEAR):
        raise Refusal(f"{server} is no address of a server: write https://… (http only for this machine)")
    token = os.environ.get(TOKEN, "")
    if not token:
        raise Refusal(f"no token: set {TOKEN} to one that an administrator made (Set-up, Service tokens)")
    request = urllib.request.Request(  # noqa: S310 (the scheme was looked at)
        f"{server.rstrip('/')}/api/v1/register/{verb}/",
        data=json.dumps(said).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.build_opener(_Stays).open(request, timeout=SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise Refusal(_why(error)) from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise Refusal(f"{server} did not answer: {getattr(error, 'reason', error)}") from error
    except ValueError as error:
        raise Refusal(f"{server} answered with something else than JSON: is it an Eastwest?") from error


def _why(error: urllib.error.HTTPError) -> str:
    """What a refusal says, in its own words."""
    try:
        errors = json.load(error)["errors"]
        return "\n".join(f"{one['detail']}" for one in errors)
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code} {error.reason}"
