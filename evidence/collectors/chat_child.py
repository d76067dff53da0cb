"""The child that speaks to one chat: one JSON line in by stdin, one out by stdout. No Django, no database, no log.

Names are not looked up here: the parent judged one address, and only that one can be reached. Redirects are answers
like others.
"""

from __future__ import annotations

import base64
import json
import logging
import socket
import sys
from typing import Any

import apprise
import requests

AddrInfo = list[tuple[Any, ...]]


def pinned(host: str, ip: str) -> Any:
    """A look-up that knows one name, and gives the one address that was judged."""

    def look_up(name: Any, port: Any, *args: Any, **kinds: Any) -> AddrInfo:
        said = name.decode() if isinstance(name, bytes) else str(name)
        if said.strip("[]").lower() != host.lower():
            raise socket.gaierror(socket.EAI_NONAME, "only the judged address is reached")
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        where = (ip, int(port), 0, 0) if family == socket.AF_INET6 else (ip, int(port))
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]

    return look_up


class Noted:
    """What requests is asked for while this stands in its place: no redirect, no proxy, a bounded answer."""

    def __init__(self, seconds: float, most: int, authority: str) -> None:
        self.seconds, self.most, self.authority = seconds, most, authority
        self.status, self.body, self.retry_after, self.trouble = 0, b"", "", ""
        self.whole = requests.Session.request

    def __call__(self, session: requests.Session, method: str, url: str, **said: Any) -> requests.Response:
        """One request."""
        session.trust_env = False
        said |= {"allow_redirects": False, "timeout": self.seconds, "stream": True, "proxies": {}}
        said["verify"] = self.authority or True  # whatever the channel's address says of it
        try:
            answer = self.whole(session, method, url, **said)
            self.body = answer.raw.read(self.most, decode_content=True) or b""
        except requests.exceptions.SSLError:
            self.trouble = "tls"
            raise
        except requests.exceptions.Timeout:
            self.trouble = "timeout"
            raise
        except requests.exceptions.RequestException:
            self.trouble = "unreachable"
            raise
        answer._content = self.body
        self.status, self.retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        return answer


TROUBLE = {
    "tls": ("tls", "The certificate of {host} is not to be trusted.", "Put the certificate right."),
    "timeout": ("timeout", "{host} did not answer in time.", "Look whether it runs."),
    "unreachable": ("unreachable", "There is no way to {host}.", "Look whether it runs and may be reached."),
    "": ("config", "The channel's address was not understood.", "Set it up anew with the channel's own address."),
}


def say(asked: dict[str, Any]) -> dict[str, Any]:
    """One message by apprise; what came back."""
    noted = Noted(asked["seconds"], asked["most"], asked["authority"])
    requests.Session.request = lambda session, method, url, **said: noted(session, method, url, **said)  # type: ignore[method-assign]
    socket.getaddrinfo = pinned(asked["host"], asked["ip"])
    plugin = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if plugin is not None and allowed(plugin, asked["schemes"]):
        if hasattr(plugin, "include_image"):
            plugin.include_image = False  # else whoever reads it fetches a picture from somewhere
        plugin.notify(body=asked["text"], title=asked["title"], body_format=asked["format"])
    if noted.status:
        wait = float(noted.retry_after) if noted.retry_after.isdigit() else None
        body = base64.b64encode(noted.body).decode()
        return {"problem": "", "status": noted.status, "body": body, "retry_after": wait}
    code, problem, next_step = TROUBLE[noted.trouble]
    return {"problem": problem, "code": code, "next_step": next_step}


def allowed(plugin: Any, schemes: list[str]) -> bool:
    """Whether it is one of the services that were meant."""
    names = {*_names(plugin.protocol), *_names(plugin.secure_protocol)}
    return bool(names & set(schemes))


def _names(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def main() -> None:
    """Reads, says, answers."""
    logging.disable(logging.CRITICAL)
    print(json.dumps(say(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
