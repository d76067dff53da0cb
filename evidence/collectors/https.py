"""HTTPS by the standard library: to a judged address, certificate checked by authority or by pin, no redirects."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

from evidence.collectors.addresses import connect, https_parts, resolve
from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

LARGEST = 64 * 2**20  # bytes of one answer
PIN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class Answer(NamedTuple):
    """Status and body of an answer, and for how many seconds it asks to be left alone."""

    status: int
    body: bytes
    retry_after: float | None = None


class Certificate(NamedTuple):
    """What a server shows: DER, and the fingerprint people compare."""

    der: bytes
    fingerprint: str


def fingerprint(der: bytes) -> str:
    """SHA256:… over the whole certificate, in the manner of ssh-keygen."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def get(
    url: str, *, headers: Mapping[str, str], deadline: float, ca: Path | None = None, pin: str = "",
    largest: int = LARGEST, context: ssl.SSLContext | None = None,
) -> Answer:  # fmt: skip
    """One GET. The certificate must be signed by `ca` (else one of the system's authorities), or be the pinned one.

    `context`: of `by_authority`, for whoever asks many times and loads the authorities once.
    Nothing is sent before that is sure; redirects are answers like others and followed by nobody. Raises PullError.
    """
    host, port, path = https_parts(url)
    with opened(host, port, deadline, ca=ca, pin=pin, context=context) as channel, cut_off_at(channel, deadline):
        asking = http.client.HTTPConnection(host, port)
        asking.sock = channel
        try:
            asking.request("GET", path, headers={"Accept": "application/json", "Connection": "close", **headers})
            answer = asking.getresponse()
            body = read(answer, host, largest, deadline)
            return Answer(answer.status, body, asked_to_wait(answer.headers.get("Retry-After", ""), datetime.now(UTC)))
        except TimeoutError as error:
            raise PullError(ErrorCode.TIMEOUT, f"{host} did not finish its answer.", "Look at its load.") from error
        except http.client.IncompleteRead as error:
            if time.monotonic() >= deadline:
                raise PullError(ErrorCode.TIMEOUT, f"{host} did not finish its answer.", "Look at its load.") from error
            raise cut(host) from error
        except (http.client.HTTPException, OSError) as error:
            if time.monotonic() >= deadline:  # it is we who broke off
                raise PullError(ErrorCode.TIMEOUT, f"{host} did not finish its answer.", "Look at its load.") from error
            what = f"{host} broke off: {type(error).__name__}."
            raise PullError(ErrorCode.TRUNCATED, what, "Read it again; look at the server's log.") from error


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], deadline: float, ca: Path | None = None, pin: str = "",
    most: int,
) -> Answer:  # fmt: skip
    """One POST, and the first `most` bytes of what is answered; the rest is not read. The address is judged and the
    certificate sure before anything is sent; nobody follows a redirect. Raises PullError.

    Who answers a byte at a time is cut off at the deadline.
    """
    host, port, path = https_parts(url)
    with opened(host, port, deadline, ca=ca, pin=pin) as channel, cut_off_at(channel, deadline):
        asking = http.client.HTTPConnection(host, port)
        asking.sock = channel
        try:
            asking.request("POST", path, body=body, headers={"Connection": "close", **headers})
            answer = asking.getresponse()
            head = b""
            while len(head) < most and (part := answer.read1(most - len(head))):
                head += part
        except (http.client.HTTPException, OSError) as error:
            if time.monotonic() >= deadline or isinstance(error, TimeoutError):
                what = f"{host} did not answer in time."
                raise PullError(ErrorCode.TIMEOUT, what, "Look at its load.") from error
            what = f"{host} broke off: {type(error).__name__}."
            raise PullError(ErrorCode.TRUNCATED, what, "Look at the receiver's log.") from error
        return Answer(answer.status, head, asked_to_wait(answer.headers.get("Retry-After", ""), datetime.now(UTC)))


@contextmanager
def cut_off_at(channel: socket.socket, deadline: float) -> Iterator[None]:
    """Ends the connection at the deadline, whatever still trickles through it."""

    def end() -> None:
        with suppress(OSError):
            socket.socket.shutdown(channel, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def asked_to_wait(text: str, now: datetime) -> float | None:
    """The seconds of a Retry-After: a number, or a date; None for neither."""
    if re.fullmatch(r"[ \t]*[0-9]{1,9}[ \t]*", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def read(answer: http.client.HTTPResponse, host: str, largest: int, deadline: float) -> bytes:
    """The body whole, or an error: never a part of it."""
    parts, size = [], 0
    while part := answer.read(65536):
        parts.append(part)
        size += len(part)
        if size > largest:
            raise PullError(ErrorCode.TRUNCATED, f"{host} sends more than {largest} bytes.", "Look what answers there.")
        if time.monotonic() > deadline:
            raise PullError(ErrorCode.TIMEOUT, f"{host} did not finish its answer.", "Look at its load.")
    if answer.length:
        raise cut(host)
    return b"".join(parts)


def cut(host: str) -> PullError:
    """An answer that ends too early."""
    return PullError(ErrorCode.TRUNCATED, f"The answer of {host} was cut short.", "Read it again.")


def opened(
    host: str, port: int, deadline: float, *, ca: Path | None = None, pin: str = "",
    context: ssl.SSLContext | None = None,
) -> ssl.SSLSocket:  # fmt: skip
    """A channel whose other end is known. Raises PullError."""
    trust = unchecked() if pin else context or by_authority(ca)
    channel = wrapped(connect(resolve(host, port), deadline), trust, host)
    if pin and not hmac.compare_digest(fingerprint(shown(channel)), pin):
        found = fingerprint(shown(channel))
        channel.close()
        raise PullError(
            ErrorCode.TLS,
            f"{host} shows another certificate than the one that was confirmed: {found}.",
            "Find out why it changed. If it is right, let two people confirm the new one.",
        )
    return channel


def certificate(host: str, port: int, deadline: float) -> Certificate:
    """What the server shows, for people to compare. Nothing is sent to it."""
    with wrapped(connect(resolve(host, port), deadline), unchecked(), host) as channel:
        der = shown(channel)
    return Certificate(der, fingerprint(der))


def by_authority(ca: Path | None) -> ssl.SSLContext:
    """Certificates of one authority, or of the system's."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        what = f"The certificates of {ca} cannot be read."
        raise PullError(ErrorCode.CONFIG, what, "Give a file with the authority's certificate (PEM).") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def unchecked() -> ssl.SSLContext:
    """For a certificate that is compared with its pin, before anything is sent, or only looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the system's authorities are not loaded: nobody asks them
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def wrapped(plain: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """TLS over the connection."""
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        what = f"The certificate of {host} is not to be trusted: {error.verify_message}."
        raise PullError(ErrorCode.TLS, what, "Give the right authority, or put the certificate right.") from error
    except TimeoutError as error:
        plain.close()
        raise PullError(ErrorCode.TIMEOUT, f"{host} does not answer TLS.", "Check the port.") from error
    except OSError as error:
        plain.close()
        raise PullError(ErrorCode.TLS, f"{host} does not speak TLS there.", "Check the port.") from error


def shown(channel: ssl.SSLSocket) -> bytes:
    """The certificate of the other end, as DER."""
    return channel.getpeercert(binary_form=True) or b""
