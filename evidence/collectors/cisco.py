"""A Cisco router or firewall over SSH: one session, a terminal without a pager, its running configuration to its end.

The way in is that of a Linux host (ssh.py): a judged address, the key that two people confirmed, one try to sign in.
What follows is a conversation with a command line: a command is over when the device shows its prompt again, and a
configuration is whole when it closes with `end`. A library for that opens its connections itself, to any address, and
asks about keys in its own way; so only the conversation is ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import paramiko

from evidence.collectors.collected import HOST_KEY, Collected, PullError, Step
from evidence.collectors.keys import fingerprint
from evidence.collectors.linux import shown
from evidence.collectors.ssh import MOST, greeted, left, password_in, sign_in
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

CONFIGURATION: Final = "show running-config"
COUNTERS: Final = ("show access-lists", "show access-list")  # of IOS, of an ASA: beside the rules, and no part of them
NO_PAGER: Final = ("terminal length 0", "terminal pager 0")  # of IOS, of an ASA: each refuses the other's
PROMPT: Final = re.compile(rb"(?:^|[\r\n])([\w.:/@()~-]{1,64}[>#]) ?$")
PASSWORD: Final = re.compile(rb"(?i)(?:^|[\r\n])[^\r\n]{0,40}password: ?$")
PAGER: Final = re.compile(rb"(?:--More--|<--- More --->|-- More --)[ \x08]*$")
REFUSED: Final = re.compile(rb"^(?:ERROR: )?% ?(?:Invalid|Incomplete|Ambiguous|Unknown|Bad|Authorization|Access|Error)|"
                            rb"^Command authorization failed|^Permission denied", re.MULTILINE)  # fmt: skip
NOT_PLAIN: Final = re.compile(rb"\x1b\[[0-9;?]{0,20}[A-Za-z]|[\x07\x00]")
ENDS: Final = (b"end", b": end")
ANSWER_S: Final = 60.0  # longest silence while a device writes; building a configuration takes its time
GOODBYE_S: Final = 2.0
ROLE: Final = "Give the account the one command of docs/sources/cisco.md."


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """The running configuration of `config["host"]`, known by `config["pin"]`; the counters of its lists beside it.

    `secret`: the password, and in a second line the one for `enable` where it is another. Raises PullError.
    """
    observed = datetime.now(UTC)
    with talked_to(config, secret, deadline) as session:
        text = configuration(session)
        counted, command = counters(session)
    name = f"{str(config.get('host', 'device')).strip().lower()}.cfg"
    beside = (Artefact("hits.txt", counted, command, observed),) if counted else ()
    return Collected(
        (Artefact(name, text, CONFIGURATION, observed),), cursor="", complete=True, whole=True, beside=beside,
        device={HOST_KEY: fingerprint(str(config["pin"]).split()[1])},
    )  # fmt: skip


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Reach it, know it, sign in, find its prompt, ask for its configuration: each step with its outcome."""
    wanted = ["Reach it and know it by its key", "Sign in", "Find its prompt", "Ask for its configuration"]
    done: list[Step] = []
    try:
        with greeted(config, deadline) as line:
            done.append(Step(wanted[0], "ok", "It shows the key that was confirmed."))
            sign_in(line, config, first_line(secret), deadline)
            done.append(Step(wanted[1], "ok", f"As {config.get('user')}."))
            session = Session(line, deadline)
            session.begin(secret)
            done.append(Step(wanted[2], "ok", f"It is {shown(session.prompt)}"))
            size = len(configuration(session).splitlines())
            done.append(Step(wanted[3], "ok", f"{size} lines, to its end."))
    except PullError as error:
        done.append(Step(wanted[len(done)], "failed", error.what, error.next_step))
    return (*done, *(Step(each, "skipped") for each in wanted[len(done) :]))


def first_line(secret: bytes | None) -> bytes | None:
    """The password to sign in with; a private key is the whole secret."""
    if secret is None or b"PRIVATE KEY" in secret:
        return secret
    return secret.split(b"\n")[0].rstrip(b"\r")


@contextmanager
def talked_to(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Iterator[Session]:
    """A conversation with the device, at its prompt, without a pager."""
    with greeted(config, deadline) as line:
        sign_in(line, config, first_line(secret), deadline)
        session = Session(line, deadline)
        session.begin(secret)
        yield session
        session.leave()


class Session:
    """A command line of a device: what is said is read until its prompt stands there again."""

    def __init__(self, line: Any, deadline: float) -> None:
        self._deadline, self.prompt = deadline, b""
        try:
            self._channel = line.open_session(timeout=left(deadline, ANSWER_S))
            self._channel.get_pty(term="dumb", width=511, height=1000)
            self._channel.invoke_shell()
        except (paramiko.SSHException, EOFError, OSError) as error:
            what = "The device let us in, and gives no command line."
            raise PullError(ErrorCode.PERMISSION, what, "Look at what the account may do there.") from error

    def begin(self, secret: bytes | None) -> None:
        """Finds the prompt, rises to privileged mode where it is not there and a password is known, ends the pager."""
        self._find_prompt()
        if self.prompt.endswith(b">") and secret is not None and b"PRIVATE KEY" not in secret:
            self._enable(secret)
        for command in NO_PAGER:
            self.say(command)

    def _find_prompt(self) -> None:
        """A banner may end like a prompt: it is one when an empty line brings the same again."""
        for _ in range(5):
            before = self._until(PROMPT)
            self._send(b"\r")
            again = self._until(PROMPT)
            if before == again:
                self.prompt = again
                return
        what = "The device shows no prompt that ends with # or >."
        raise PullError(ErrorCode.PARSE, what, "Sign in by hand as the account, and look at what it is asked first.")

    def _enable(self, secret: bytes) -> None:
        lines = [one.rstrip(b"\r") for one in secret.split(b"\n") if one.strip()]
        self._send(b"enable\r")
        found = self._read(re.compile(PASSWORD.pattern + rb"|" + PROMPT.pattern))
        if PASSWORD.search(found):
            password_in(lines[-1])
            self._send(lines[-1] + b"\r")
            found = self._read(re.compile(PASSWORD.pattern + rb"|" + PROMPT.pattern))
        if PASSWORD.search(found):
            what = "The device did not take the password for enable."
            raise PullError(ErrorCode.AUTH, what, f"Set it as the second line of the secret. {ROLE}")
        self.prompt = PROMPT.search(found)[1]  # type: ignore[index]

    def say(self, command: str) -> bytes:
        """What the device answers to a command, in lines, without the command's echo and the prompt."""
        self._send(command.encode("ascii") + b"\r")
        # The echo stands behind the old prompt, the answer is over when the prompt stands alone in the last line
        found = self._read(re.compile(rb"[\r\n]" + re.escape(self.prompt) + rb" ?$"))
        lines = NOT_PLAIN.sub(b"", found).replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        body = lines.split(b"\n")[:-1]
        if body and body[0].strip().endswith(command.encode("ascii")):
            body = body[1:]
        return b"\n".join(body) + b"\n" if body else b""

    def leave(self) -> None:
        """Says goodbye: a device has few places, and keeps one until it is told."""
        self._send(b"exit\r")
        with suppress(TimeoutError, paramiko.SSHException, EOFError, OSError):
            self._channel.settimeout(GOODBYE_S)
            while self._channel.recv(65536):
                continue

    def _send(self, said: bytes) -> None:
        try:
            self._channel.settimeout(left(self._deadline, ANSWER_S))
            self._channel.sendall(said)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise broken(error) from error

    def _until(self, mark: re.Pattern[bytes]) -> bytes:
        found = mark.search(self._read(mark))
        return found[1] if found else b""

    def _read(self, mark: re.Pattern[bytes]) -> bytes:
        """Everything up to a mark at its end. Raises PullError when it stops before, or never ends."""
        stream = bytearray()
        while True:
            try:
                self._channel.settimeout(left(self._deadline, ANSWER_S))
                part = self._channel.recv(65536)
            except TimeoutError as error:
                raise stopped(bytes(stream), late=time.monotonic() >= self._deadline) from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise broken(error) from error
            if not part:
                raise broken(None)
            stream += part
            tail = NOT_PLAIN.sub(b"", bytes(stream[-400:]))
            if PAGER.search(tail):
                what = "The device shows its configuration a page at a time and waits for a key."
                raise PullError(ErrorCode.TRUNCATED, what, f"Let the account switch the pager off. {ROLE}")
            if mark.search(tail) and not self._channel.recv_ready():
                return NOT_PLAIN.sub(b"", bytes(stream))
            if len(stream) > MOST:
                what = f"The device says more than {MOST // 2**20} MB; it was broken off, and nothing of it counts."
                raise PullError(ErrorCode.TRUNCATED, what, "Look at what answers there.")


def configuration(session: Session) -> bytes:
    """The running configuration, whole: it closes as such a configuration does. Raises PullError."""
    text = session.say(CONFIGURATION)
    refuse(text)
    lines = [line.strip() for line in text.split(b"\n") if line.strip()]
    if not lines:
        raise PullError(ErrorCode.EMPTY, "The device shows an empty configuration.", ROLE)
    if lines[-1] not in ENDS:
        what = f"The configuration does not close with end: its last line is “{shown(lines[-1][:80])}”."
        raise PullError(ErrorCode.TRUNCATED, what, f"Read it again. If it stays so: {ROLE[:1].lower()}{ROLE[1:]}")
    return text


def counters(session: Session) -> tuple[bytes, str]:
    """The counters of the lists and the command that showed them; b"" where the account may not see them."""
    for command in COUNTERS:
        said = session.say(command)
        if not REFUSED.search(said):
            return said, command
    return b"", ""


def refuse(text: bytes) -> None:
    """What the device says instead of a configuration."""
    said = REFUSED.search(text[:4000])
    if said:
        line = text[said.start() : said.start() + 200].split(b"\n")[0]
        what = f"The device does not show its configuration to this account: “{shown(line.strip())}”."
        raise PullError(ErrorCode.PERMISSION, what, ROLE)


def stopped(stream: bytes, *, late: bool) -> PullError:
    """It was answering and fell silent."""
    what = f"The device fell silent; {len(stream)} bytes had come, and no prompt behind them."
    return PullError(ErrorCode.TIMEOUT, what, "Look at its load." if late else "It is tried again; look at its load.")


def broken(error: Exception | None) -> PullError:
    """The line broke while it spoke."""
    why = f" ({type(error).__name__})" if error is not None else ""
    return PullError(
        ErrorCode.TRUNCATED, f"The device closed the line before it was through{why}.",
        "It is tried again; look at its sessions and at the line to it.",
    )  # fmt: skip


__all__ = ["CONFIGURATION", "collect", "probe"]
