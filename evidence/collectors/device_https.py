"""A network device that answers over HTTPS: where it is, how it is known, and what its refusals mean.

It is known by the authorities of this machine, or by the one certificate that two people confirmed; nothing is sent to
another. A token goes in a header and never in an address, for addresses stand in logs.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from evidence.collectors import https
from evidence.collectors.addresses import is_ip
from evidence.collectors.collected import PullError, Step
from evidence.collectors.https import Answer
from evidence.collectors.keys import Shown, shown_certificate
from evidence.models.sources import ErrorCode

PORT: Final = 443
TOKEN: Final = re.compile(rb"[\x21-\x7e]{1,4096}")
SIGN_IN: Final = "Sign in"
KNOW: Final = "Reach it and know it by its certificate"
MAY_READ: Final = "They may be read."


class Device(NamedTuple):
    """Where to ask and with what. `headers`: those that sign in; no repr of ours shows them."""

    host: str
    port: int
    pin: str
    headers: Mapping[str, str]
    deadline: float
    role: str  # what helps where it refuses something
    authorities: ssl.SSLContext | None  # None: the pin tells

    def __repr__(self) -> str:
        return f"Device({self.host}:{self.port})"

    def get(self, path: str) -> Answer:
        """The answer to one question, whatever its status. Raises PullError where none came whole."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        url = f"https://{host}:{self.port}{path}"
        try:
            return https.get(
                url, headers=self.headers, deadline=self.deadline, pin=self.pin, context=self.authorities
            )  # fmt: skip
        except PullError as error:
            raise self.stranger(error) from error

    def stranger(self, error: PullError) -> PullError:
        """The same error; of a certificate that no authority vouches for with how two people do."""
        if error.code != ErrorCode.TLS or self.pin:
            return error
        return PullError(
            error.code, error.what, "Test the connection: it shows the certificate, for two people to compare."
        )

    def known(self) -> str:
        """Looks whether it shows the certificate it should; nothing is sent. Says how it is known. Raises PullError."""
        try:
            https.opened(self.host, self.port, self.deadline, pin=self.pin, context=self.authorities).close()
        except PullError as error:
            raise self.stranger(error) from error
        return "It shows the certificate that was confirmed." if self.pin else "An authority knows it."


def device(
    config: Mapping[str, Any], secret: bytes | None, *, header: str, before: str = "", deadline: float, role: str
) -> Device:
    """The device of `config` (host, port, `trusted`: the confirmed certificate, PEM). Raises PullError.

    `header`: the one its token goes in, `before`: what stands before the token there.
    """
    token = (secret or b"").strip()
    if not token:
        raise PullError(ErrorCode.CONFIG, "The source has no token to sign in with.", "Set its secret on its page.")
    if not TOKEN.fullmatch(token):
        what = "What was set as the token is none: it holds spaces or other signs."
        raise PullError(ErrorCode.CONFIG, what, "Set the token alone, as the device gave it.")
    host, port = place(config)
    pin = https.fingerprint(ssl.PEM_cert_to_DER_cert(str(config["trusted"]))) if config.get("trusted") else ""
    signs_in = {header: f"{before}{token.decode('ascii')}"}
    return Device(host, port, pin, signs_in, deadline, role, None if pin else https.by_authority(None))


def place(config: Mapping[str, Any]) -> tuple[str, int]:
    """Host and port as the settings say. Raises PullError for what is no port."""
    host, port = str(config.get("host", "")).strip().lower(), config.get("port") or PORT
    if not isinstance(port, int) or not 1 <= port <= 65535:
        raise PullError(ErrorCode.CONFIG, f"{str(port)[:20]} is no port.", "Write a number from 1 to 65535.")
    return host.removeprefix("[").removesuffix("]"), port


def where(config: Mapping[str, Any]) -> str:
    """Host and port in one, as a certificate is kept with; "" where there is none."""
    try:
        host, port = place(config)
    except PullError:
        return ""
    if not host:
        return ""
    return f"[{host}]:{port}" if ":" in host and is_ip(host) else f"{host}:{port}"


def look(config: Mapping[str, Any], *, deadline: float) -> Shown:
    """The certificate that the device shows now, for people to compare. Nothing is sent to it. Raises PullError."""
    host, port = place(config)
    return shown_certificate(https.certificate(host, port, deadline).der, host, where(config))


def refuse(answer: Answer, asked: Device, what: str) -> None:
    """Raises PullError for every status but 200. `what`: what was asked for, in a sentence."""
    status = answer.status
    if status == 200:
        return
    if status == 401:
        look = "Look whether the token is still valid, and whether it may be used from this machine's address."
        raise PullError(ErrorCode.AUTH, f"{asked.host} does not take the token (401).", look)
    if status == 403:
        raise PullError(ErrorCode.PERMISSION, f"{asked.host} does not let the token read {what} (403).", asked.role)
    if status == 429:
        said = f"{asked.host} was asked too often."
        raise PullError(ErrorCode.RATE_LIMITED, said, "It is left alone for a time.", retry_after=answer.retry_after)
    if status in (301, 302, 303, 307, 308):
        said = f"{asked.host} leads elsewhere ({status}): nobody follows."
        raise PullError(ErrorCode.CONFIG, said, "Give the address and port at which it answers itself.")
    if status >= 500:
        said = f"{asked.host} answers {status} when it is asked for {what}."
        raise PullError(ErrorCode.UNREACHABLE, said, "Look at its load.", retry_after=answer.retry_after)
    said = f"{asked.host} answers {status} when it is asked for {what}."
    raise PullError(ErrorCode.PARSE, said, "Look whether it is such a device, and its interface switched on.")


def tried(wanted: Sequence[str], saying: Iterable[str]) -> tuple[Step, ...]:
    """What was tried, what failed, and what was not tried any more. `saying`: does one step after the other and says
    what came of it, up to the one that raises PullError.
    """
    done: list[Step] = []
    try:
        for said in saying:
            done.append(Step(wanted[len(done)], "ok", said))
    except PullError as error:
        done.append(Step(wanted[len(done)], "failed", error.what, error.next_step))
    return (*done, *(Step(each, "skipped") for each in wanted[len(done) :]))


def of_counters(found: bool, rule: str) -> str:
    """What a test says of counters. `rule`: what they are called there that are counted."""
    return MAY_READ if found else f"They may not be read: when a {rule} was met last will not be known."
