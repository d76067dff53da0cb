"""A Linux host over SSH: one session, one command, one moment. The host is known by a key that two people confirmed.

The order is the point: the address is judged, the host proves that it is the pinned one, and only then is anything of
ours shown to it. There is one try to sign in; what did not go well has its code, and nothing is tried a second way.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import io
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import paramiko

from evidence.collectors.addresses import Address, connect, resolve
from evidence.collectors.collected import HOST_KEY, Collected, PullError, Step
from evidence.collectors.keys import Shown, as_openssh, fingerprint, private_key
from evidence.collectors.linux import FIRST, NOT_FOUND, PROGRAM, REFUSED, cut, heard, not_ours, shown, understood
from evidence.models.sources import ErrorCode

PORT: Final = 22
MOST: Final = 128 * 2**20  # bytes a host may say
SHAKE_S: Final = 20.0  # longest wait for the host's side of the greeting
USER: Final = re.compile(r"[a-z_][a-z0-9_.-]{0,31}\$?")
# It writes tracebacks of its own threads, with what a host said in them; what went wrong is said by the pull.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
# The kinds of host keys, the best first: those that a pin of one kind may be proven with. No SHA-1, no DSA.
HOST_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
NO_SHA1: Final = {"pubkeys": ["ssh-rsa"], "keys": ["ssh-rsa"]}


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """Everything of the list in linux.py from `config["host"]`, as `config["user"]`, known by `config["pin"]`.

    Raises PullError: every way in which it can fail has its code, a sentence and what to do.
    """
    with signed_in(config, secret, deadline) as session:
        status, stream = ran(session, PROGRAM, deadline)
    refuse_status(status, stream)
    return understood(heard(stream), datetime.now(UTC), {HOST_KEY: fingerprint(str(config["pin"]).split()[1])})


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Reach it, know it, sign in, ask it for its addresses: each step with its outcome. Nothing is kept."""
    wanted = ["Reach it and know it by its key", "Sign in", "Ask eastwest-pull for something small"]
    done: list[Step] = []
    try:
        with greeted(config, deadline) as session:
            done.append(Step(wanted[0], "ok", "It shows the key that was confirmed."))
            sign_in(session, config, secret, deadline)
            done.append(Step(wanted[1], "ok", f"As {config.get('user')}."))
            status, stream = ran(session, "ip -j addr", deadline)
            refuse_status(status, stream)
            done.append(Step(wanted[2], "ok", f"{len(heard(stream).frames)} answer."))
    except PullError as error:
        done.append(Step(wanted[len(done)], "failed", error.what, error.next_step))
    return (*done, *(Step(each, "skipped") for each in wanted[len(done) :]))


def look(config: Mapping[str, Any], *, deadline: float) -> Shown:
    """The key that the host shows now, for people to compare. Nobody signs in, and nothing is believed."""
    with session_with(address_of(config), None, deadline) as session:
        algorithm, public = key_of(session)
    return Shown("ssh", where(config), algorithm, public, fingerprint(public))


def where(config: Mapping[str, Any]) -> str:
    """Host and port as people write them."""
    return f"{config.get('host', '')}:{config.get('port') or PORT}"


def address_of(config: Mapping[str, Any]) -> Address:
    """The judged address of a source."""
    return resolve(str(config.get("host", "")), int(config.get("port") or PORT))


@contextmanager
def signed_in(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Iterator[Any]:
    """A session in which we are known to the host and the host to us."""
    with greeted(config, deadline) as session:
        sign_in(session, config, secret, deadline)
        yield session


@contextmanager
def greeted(config: Mapping[str, Any], deadline: float) -> Iterator[Any]:
    """A session with the pinned host. Nothing of ours was shown to it yet."""
    pin = str(config.get("pin") or "")
    if not pin:
        raise PullError(
            ErrorCode.CONFIG,
            f"Nobody has confirmed the host key of {where(config)} yet, so nothing is sent to it.",
            "Look at the host's key on the page of the source; a second person compares and confirms it.",
        )
    algorithm, public = pin.split()[:2]
    with session_with(address_of(config), algorithm, deadline) as session:
        found = key_of(session)
        if not hmac.compare_digest(f"{found[0]} {found[1]}".encode(), f"{algorithm} {public}".encode()):
            raise changed(config, fingerprint(found[1]))
        yield session


def changed(config: Mapping[str, Any], said: str) -> PullError:
    """Another key than the confirmed one. Never tried again by itself."""
    return PullError(
        ErrorCode.HOSTKEY_CHANGED,
        f"{where(config)} shows another host key than the one that was confirmed: {said}. It was set up anew, or"
        " it is not that host. Nothing was sent to it.",
        "Ask whoever runs the host. Two people confirm the new key if it is right; if not, somebody is in between.",
    )


@contextmanager
def session_with(address: Address, algorithm: str | None, deadline: float) -> Iterator[Any]:
    """An SSH session up to the host's proof of its key, which must be of the pinned kind. Raises PullError."""
    plain = connect(address, min(deadline, time.monotonic() + SHAKE_S))
    session = None
    try:
        session = paramiko.Transport(plain, disabled_algorithms=NO_SHA1)
        session.banner_timeout = session.handshake_timeout = session.auth_timeout = left(deadline, SHAKE_S)
        kinds = [kind for pinned, used in HOST_KEYS.items() for kind in used if algorithm in (None, pinned)]
        session.get_security_options().key_types = kinds
        shake(session, address, algorithm, deadline)
        yield session
    finally:
        with contextlib.suppress(EOFError, OSError):
            if session is not None:
                session.close()
            plain.close()


def shake(session: Any, address: Address, algorithm: str | None, deadline: float) -> None:
    """The greeting, and what can go wrong with it."""
    place = f"{address.name}:{address.port}"
    try:
        session.start_client(timeout=left(deadline, SHAKE_S))
    except paramiko.ssh_exception.IncompatiblePeer as error:
        if algorithm and "key" in str(error).lower() and "kex" not in str(error).lower():
            raise changed({"host": address.name, "port": address.port}, f"none of the kind {algorithm}") from error
        what = f"{place} and Eastwest have no method of encryption in common that is still sound."
        raise PullError(ErrorCode.CONFIG, what, "Bring the host's SSH service up to date.") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise no_greeting(place, session, error) from error
    if not session.initial_kex_done:
        raise no_greeting(place, session, None)


def no_greeting(place: str, session: Any, error: Exception | None) -> PullError:
    """The line was there, and no SSH came over it."""
    late = isinstance(error, TimeoutError) or isinstance(getattr(error, "__context__", None), TimeoutError)
    if error is None or late or "timeout" in str(error).lower():
        what = f"{place} took the connection and then said nothing."
        return PullError(ErrorCode.TIMEOUT, what, "Look at the host's load, and at what really listens on that port.")
    if isinstance(error, EOFError) or "banner" not in str(error).lower() or not session.remote_version:
        return PullError(
            ErrorCode.UNREACHABLE,
            f"{place} took the connection and closed it before the greeting was over.",
            "Look at the host's SSH service: it may be overloaded, limited to others, or no SSH service at all.",
        )
    return PullError(ErrorCode.UNREACHABLE, f"What answers at {place} does not speak SSH.", "Correct the port.")


def key_of(session: Any) -> tuple[str, str]:
    """Kind and base64 of the key the host proved to have."""
    key = session.get_remote_server_key()
    return str(key.get_name()), base64.b64encode(key.asbytes()).decode()


def sign_in(session: Any, config: Mapping[str, Any], secret: bytes | None, deadline: float) -> None:
    """One try, by the one way that was set up. Raises PullError in words that hold nothing of the secret."""
    user = str(config.get("user", ""))
    if not USER.fullmatch(user):
        raise PullError(ErrorCode.CONFIG, f"{user[:40]!r} is no name of an account.", "Correct the source.")
    if not secret:
        what = f"Nothing is set that {user} could sign in with."
        raise PullError(ErrorCode.CONFIG, what, "Set a key or a password on the page of the source.")
    session.auth_timeout = left(deadline, SHAKE_S)
    try:
        if config.get("use") == "password":
            rest = session.auth_password(user, password_in(secret), fallback=True)
        else:
            rest = session.auth_publickey(user, key_in(secret))
    except paramiko.BadAuthenticationType as error:
        ways = ", ".join(shown(way.encode()) for way in error.allowed_types)
        what = f"The host does not take that way of signing in from {user}; it offers {ways}."
        raise PullError(ErrorCode.AUTH, what, "Let the host take it, or set the other one.") from None
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            what = f"The host did not answer when {user} signed in."
            raise PullError(ErrorCode.TIMEOUT, what, "Look at the host's load.") from None
        what = f"The host does not let {user} in: the key or password is not (or no longer) the right one."
        mend = "Run the command on the page of the source again, or set the secret anew; then resume the source."
        raise PullError(ErrorCode.AUTH, what, mend) from None
    except (paramiko.SSHException, EOFError, OSError):
        what = f"The host closed the connection while {user} signed in."
        raise PullError(ErrorCode.UNREACHABLE, what, "Look at the log of the host's SSH service.") from None
    if rest:
        what = f"The host asks {user} for more than one proof: {', '.join(shown(way.encode()) for way in rest)}."
        raise PullError(ErrorCode.AUTH, what, "Let the key alone be enough for this account.")


def password_in(secret: bytes) -> str:
    """The password as text."""
    try:
        return secret.decode("utf-8")
    except UnicodeDecodeError:
        raise PullError(ErrorCode.CONFIG, "The password is no text.", "Set it again.") from None


def key_in(secret: bytes) -> Any:
    """The private key as paramiko takes it."""
    text = as_openssh(private_key(secret))
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException):
            return kind.from_private_key(io.StringIO(text))
    raise PullError(ErrorCode.CONFIG, "The private key is of a kind that is not used.", "Set another one.")


def ran(
    session: Any,
    command: str,
    deadline: float,
    *,
    told: bytes = b"",
    refuse: Callable[[bytearray], None] | None = None,
) -> tuple[int, bytes]:
    """Exit status and everything the command said. Raises PullError when it says too much, or not all in time.

    `told`: what it reads on its stdin. `refuse`: what breaks off an answer that is none (by default: no reading).
    """
    stream = bytearray()
    try:
        channel = session.open_session(timeout=left(deadline, SHAKE_S))
        channel.set_combine_stderr(False)
        channel.settimeout(left(deadline))
        channel.exec_command(command)
        channel.sendall(told)
        channel.shutdown_write()
        while part := channel.recv(65536):
            stream += part
            (refuse or refuse_flood)(stream)
            channel.settimeout(left(deadline))
        if not channel.status_event.wait(left(deadline, SHAKE_S)) or channel.exit_status < 0:
            raise cut()
        return int(channel.exit_status), bytes(stream)
    except TimeoutError as error:
        what = f"The host was not through in time; {len(stream)} bytes had come."
        raise PullError(
            ErrorCode.TIMEOUT, what, "Look at the host's load, and whether one of the commands hangs."
        ) from error
    except paramiko.ChannelException as error:
        what = "The host let us in, and refused to run anything."
        raise PullError(ErrorCode.PERMISSION, what, "Look at what the account's key may run.") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise cut() from error


def refuse_flood(stream: bytearray) -> None:
    """Breaks off as soon as it is plain that this is no answer of ours, or none that ends."""
    if len(stream) > MOST:
        what = f"The host says more than {MOST // 2**20} MB; it was broken off, and nothing of it counts."
        raise PullError(ErrorCode.TRUNCATED, what, "Look at what the host runs as eastwest-pull.")
    if len(stream) > 1000:
        line = bytes(stream[:1000]).partition(b"\n")[0]
        if not FIRST.fullmatch(line):
            raise not_ours(line)


def refuse_status(status: int, stream: bytes) -> None:
    """What the host's shell or our own program said by its exit status."""
    if status == NOT_FOUND:
        what = "eastwest-pull is not installed on the host."
        raise PullError(ErrorCode.DEPENDENCY, what, "Run the command on the page of the source on that host.")
    if status == REFUSED:
        what = "The host's own list does not allow this key to ask."
        raise PullError(
            ErrorCode.PERMISSION, what, "Run the command on the page of the source again: it renews the list."
        )
    if status and not stream:
        what = f"The host ended with {status} and said nothing."
        raise PullError(ErrorCode.PERMISSION, what, "Run eastwest-pull on the host by hand, as the account.")


def left(deadline: float, most: float = 3600.0) -> float:
    """Seconds until the deadline, and no more than `most`. Raises PullError when it is over."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise PullError(ErrorCode.TIMEOUT, "The host was not through in time.", "Look at the host's load.")
    return min(seconds, most)
