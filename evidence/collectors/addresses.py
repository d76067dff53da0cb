"""Addresses that people give: looked up once, judged, and then gone to by number. The guard against SSRF.

A name is looked up here and nowhere else, and the connection goes to the very address that was judged: whoever runs
the name cannot answer differently a moment later. If any of a name's addresses is forbidden, all of it is.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\.?")
LOOKUP_S: Final = 10.0
# Clouds answer there with the machine's own credentials; what ipaddress calls link-local, loopback or private does
# not hold all of them.
METADATA: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::/32")
)
EMBEDDED: Final = ipaddress.ip_network("64:ff9b::/96")  # NAT64: an IPv4 address in its last four bytes


class Address(NamedTuple):
    """Where to connect: the name as it was given (for TLS and for people), the judged number, the port."""

    name: str
    ip: str
    port: int
    family: socket.AddressFamily


def resolve(host: str, port: int) -> Address:
    """The one address that may be connected to. Raises PullError: not a name, unknown, or where nobody may lead us."""
    said = host.strip().removeprefix("[").removesuffix("]")
    if not (NAME.fullmatch(said) or is_ip(said)):
        raise PullError(
            ErrorCode.CONFIG, f"{host[:100]!r} is no host name and no address.", "Write the host's name or its address."
        )
    if not 1 <= port <= 65535:
        raise PullError(ErrorCode.CONFIG, f"{port} is no port.", "Write a number from 1 to 65535.")
    found = looked_up(said, port)
    for _, ip in found:
        why = forbidden(ipaddress.ip_address(ip.partition("%")[0]))
        if why:
            raise PullError(
                ErrorCode.CONFIG,
                f"{said} leads to {ip}, {why}: Eastwest does not go there.",
                "Correct the address. If this is meant, an administrator lists the network in EASTWEST_MAY_REACH.",
            )
    family, ip = found[0]
    return Address(said, ip, port, family)


def is_ip(text: str) -> bool:
    """Whether it is an address written out."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def looked_up(name: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """All addresses of a name. Raises PullError when nobody knows it, or nobody answers in time."""
    waiter = ThreadPoolExecutor(1, thread_name_prefix="lookup")
    try:
        rows = waiter.submit(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM).result(LOOKUP_S)
    except (OSError, UnicodeError) as error:
        raise PullError(
            ErrorCode.UNREACHABLE, f"Nobody knows an address for {name}.", "Check the name and the name servers."
        ) from error
    except TookTooLong as error:
        what = f"Looking up {name} took longer than {LOOKUP_S:g} seconds."
        raise PullError(ErrorCode.TIMEOUT, what, "Check the name servers.") from error
    finally:
        waiter.shutdown(wait=False)
    return [(family, str(where[0])) for family, _, _, _, where in rows if family in (socket.AF_INET, socket.AF_INET6)]


def forbidden(ip: IP) -> str:
    """Why nobody may lead us there, as the end of a sentence; "" when they may."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in EMBEDDED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not allowed(ip):
            return forbidden(inner)
    if allowed(ip):
        return ""
    if any(ip.version == network.version and ip in network for network in METADATA):
        return "which a cloud keeps for its own answers"
    for is_so, why in (
        (ip.is_unspecified, "which is no host"),
        (ip.is_loopback, "which is this machine itself"),
        (ip.is_link_local, "which is only on the same cable"),
        (ip.is_multicast, "which is many hosts at once"),
        (ip.is_reserved, "which nobody has"),
        (str(ip) == "255.255.255.255" or (ip.version == 4 and int(ip) >> 24 == 0), "which is no host"),
    ):
        if is_so:
            return why
    return ""


def allowed(ip: IP) -> bool:
    """Whether an administrator listed its network."""
    return any(ip.version == network.version and ip in network for network in settings.MAY_REACH)


def connect(address: Address, deadline: float) -> socket.socket:
    """A connection to the judged address. Raises PullError that tells no answer, refusal and no way apart."""
    where = f"{address.name}{'' if address.ip == address.name else f' ({address.ip})'}, port {address.port}"
    made = socket.socket(address.family, socket.SOCK_STREAM)
    made.settimeout(max(0.1, deadline - time.monotonic()))
    try:
        made.connect((address.ip, address.port))
    except TimeoutError as error:
        made.close()
        raise PullError(
            ErrorCode.TIMEOUT,
            f"No answer from {where}: it is off, unplugged, or something on the way drops what is sent.",
            "See whether the host runs and whether this machine may reach that port.",
        ) from error
    except ConnectionRefusedError as error:
        made.close()
        raise PullError(
            ErrorCode.UNREACHABLE,
            f"{where} answers, but nothing listens there: the host is starting, or the service was stopped.",
            "Wait for it to start, or start the service on the host.",
        ) from error
    except OSError as error:
        made.close()
        raise PullError(
            ErrorCode.UNREACHABLE,
            f"There is no way to {where}: {error.strerror or 'the network refused'}.",
            "See whether the host is on, plugged in, and in the network it should be in.",
        ) from error
    return made


def https_parts(url: str) -> tuple[str, int, str]:
    """(host, port, path with query) of an address. Raises PullError for any other scheme, or a name and password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        parts, port = urlsplit(""), 443
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise PullError(
            ErrorCode.CONFIG,
            "The address does not begin with https:// and a host name.",
            "Write it as https://host/path; names and passwords do not belong into it.",
        )
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
