"""What is fuzzed: each reader with its good files, and what it may do with a bad one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from compliance.register import RegisterError, wanted
from compliance.register_file import lines_of, read_text
from compliance.traffic.witness import Witness
from evidence import inventory_csv, reading_json
from evidence.formats import (
    asa,
    aws,
    aws_config,
    checkpoint,
    chrony,
    cloudtrail,
    conntrack,
    exportfs,
    exports,
    fortios,
    fortios_rest,
    ios,
    ip_addr,
    ip_neigh,
    ip_route,
    ipset,
    iptables,
    journal_upload,
    junos,
    mounts,
    nftables,
    nxos,
    packages,
    panos,
    pf_config,
    rmtab,
    rsyslog,
    ss,
    sshd,
    testparm,
    usershare,
    xr,
)
from evidence.formats.evaluate import decide
from evidence.formats.table import Format
from evidence.host import merge, read_host
from evidence.rules import Artefact, FormatError, Reading
from tests.bench.dumps import CORPUS

REGISTER: Final = Path(__file__).parents[2] / "reviews" / "sample" / "register.yaml"
PACKETS: Final = (
    Witness(4, 0x0A14041F, 0x0A141E1F, 6, 40_000, 5432, None, None),
    Witness(6, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1, 17, 40_000, 53, None, None),
)


class Parser(NamedTuple):
    """A reader: `ask` takes bytes and raises nothing, or what it found wrong with itself."""

    name: str
    ask: Callable[[bytes], None]
    files: tuple[bytes, ...]


def _host(content: bytes) -> None:
    """All the way of a dump: which format it is, joined with itself, over to the parent process, asked."""
    with suppress(FormatError):
        _hold(read_host([Artefact("dump", content)]))


def _format(format_: Format) -> Callable[[bytes], None]:
    def ask(content: bytes) -> None:
        try:
            reading = format_.read([Artefact("dump", content)])
        except FormatError as refused:
            if not (refused.what and refused.why and refused.next_step):
                raise ValueError(f"a refusal without its words: {refused}") from refused
            return
        _hold(merge([reading]))

    return ask


def _hold(reading: Reading) -> None:
    """A reading adds up (its Lines refuse to be made otherwise), survives its way to the parent, and can be asked."""
    unread = sum(lines.unread for lines in reading.lines.values())
    if unread and not reading.unread:
        raise ValueError(f"{unread} lines are unread and none is named")
    handed = reading_json.dump(reading)  # characters that are none become their escapes on the way
    if reading_json.dump(reading_json.load(handed)) != handed:
        raise ValueError("the reading is another one after its way to the parent process")
    for point in reading.points:
        for packet in PACKETS:
            if any(chain.hook for chain in reading.chains):
                decide(reading, point, packet)


def _register(content: bytes) -> None:
    with suppress(RegisterError):
        register = read_text(content)
        lines_of(content)
        wanted(register)


def _inventory(content: bytes) -> None:
    """A list adds up, and names what it did not understand."""
    with suppress(FormatError):
        listing = inventory_csv.read("list.csv", content)
        if listing.lines.unread and not listing.problems:
            raise ValueError(f"{listing.lines.unread} lines are unread and none is named")


LISTS: Final = (
    b'Name;IP;Status\nweb-01;10.20.4.11;In use\n\n"web-02";"10.20.4.12, 2001:db8::12";Retired\nweb-03;10.20.4.300;\n',
    b'#TYPE Selected\r\n"Name","DNSHostName","IPv4Address"\r\n"DC01","dc01","10.20.4.5"\r\n"a\nb","","fe80::5%3"\r\n',
)


def _files(name: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((CORPUS / name).glob("*/*")) if path.name != "expected.json")


FORMATS: Final[tuple[tuple[str, Format], ...]] = (
    ("iptables", iptables), ("nftables", nftables), ("ipset", ipset), ("ip_addr", ip_addr), ("ip_route", ip_route),
    ("ss", ss), ("exports", exports), ("exportfs", exportfs), ("testparm", testparm),
    ("mounts", mounts), ("rmtab", rmtab), ("sshd", sshd), ("chrony", chrony), ("rsyslog", rsyslog),
    ("journal_upload", journal_upload), ("packages", packages), ("conntrack", conntrack), ("usershare", usershare),
    ("ip_neigh", ip_neigh), ("aws", aws), ("aws_config", aws_config),
    ("cloudtrail", cloudtrail), ("ios", ios), ("asa", asa), ("panos", panos),
    ("fortios", fortios), ("fortios_rest", fortios_rest),
    ("junos", junos),
    ("nxos", nxos), ("xr", xr),
    ("checkpoint", checkpoint),
    ("pf_config", pf_config),
)  # fmt: skip
PARSERS: Final[tuple[Parser, ...]] = (
    *(Parser(name, _format(format_), _files(name)) for name, format_ in FORMATS),
    Parser("host", _host, tuple(one for name, _ in FORMATS for one in _files(name))),
    Parser("inventory", _inventory, LISTS),
    Parser("register", _register, (b"\n".join(REGISTER.read_bytes().splitlines()[:60]), REGISTER.read_bytes()[:8_000])),
)
