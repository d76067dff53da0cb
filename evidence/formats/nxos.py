"""The configuration of a Cisco switch with NX-OS (`show running-config`), or a part of it.

Its statements are those of IOS in other words: addresses as prefixes or with wildcards, groups with numbered lines,
lists without a kind. They are turned into the words of IOS and read as such. What judges what a port switches is in
doubt, and so is what a list does that is attached and has no entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from evidence.formats import cisco_names, ios_configuration, ios_device
from evidence.formats.cisco_entry import Dialect
from evidence.formats.cisco_ids import renamed
from evidence.formats.cisco_kind import kind
from evidence.formats.cursor import Line
from evidence.formats.entries import is_number
from evidence.formats.ios_device import Interface
from evidence.formats.nxos_known import AT_INTERFACE, AT_INTERFACE_IP, AT_INTERFACE_IPV6, FIRST, IP, IPV6
from evidence.formats.sections import Said, Section
from evidence.rules import Artefact, FormatError, Reading

NAME = "cisco-nxos"
# What every IPv6 list lets through before its implicit end
DISCOVERY = (("nd-na", 136), ("nd-ns", 135), ("router-advertisement", 134), ("router-solicitation", 133))
GROUPS: Mapping[tuple[str, str], list[str]] = {
    ("ip", "address"): ["ip", "address"], ("ipv6", "address"): ["network", "ipv6"], ("ip", "port"): ["ip", "port"],
}  # fmt: skip
ASIDE = frozenset({"statistics", "fragments", "ignore"})  # of a list: what it counts, and of later fragments


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    return 0.9 if kind(head) == "nxos" else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    file = Configuration(artefacts[0])
    return renamed(ios_device.reading(NAME, file.router, file.account), "nxos:")


class Configuration(ios_configuration.Configuration):
    """A configuration whose words become those of IOS as they are read."""

    dialects: ClassVar[Mapping[Family, Dialect]] = {
        4: Dialect((4,), "ip", True, {4: cisco_names.IOS_ICMP4}),
        6: Dialect((6,), "ipv6", True, {6: cisco_names.IOS_ICMP6}),
    }
    first = ios_configuration.Configuration.first | FIRST
    ip = ios_configuration.Configuration.ip | IP
    ipv6 = ios_configuration.Configuration.ipv6 | IPV6
    at_interface = ios_configuration.Configuration.at_interface | AT_INTERFACE
    at_interface_ip = ios_configuration.Configuration.at_interface_ip | AT_INTERFACE_IP
    at_interface_ipv6 = ios_configuration.Configuration.at_interface_ipv6 | AT_INTERFACE_IPV6

    def __init__(self, artefact: Artefact) -> None:
        self._shared = False  # whether the lines below belong to an address of several switches (hsrp, vrrp)
        super().__init__(artefact)

    def _check_end(self, lines: Sequence[Line]) -> None:
        """Nothing closes such a configuration: whether it is whole the last good one tells."""
        self.router.routes.add(6)
        self.router.discovery = DISCOVERY

    def _section(self, section: Section) -> None:
        words = section.words
        if words[:1] == ["object-group"] and len(words) == 4 and tuple(words[1:3]) in GROUPS:
            section.head.words = [words[0], *GROUPS[words[1], words[2]], words[3]]
            for said in section.body:
                said.words = _member(said.words)
        elif words[:2] == ["ip", "access-list"] and len(words) == 3:
            section.head.words = ["ip", "access-list", "extended", words[2]]
        elif words[:1] == ["port-profile"]:
            if any("access-group" in said.words or "traffic-filter" in said.words for said in section.body):
                self._unread(section, "it may attach lists to the ports that inherit it")
            else:
                self._ignore(section)
            return
        elif words[:1] == ["interface"] and len(words) == 2:
            self._shared = False
        super()._section(section)

    def _entry(self, held: ios_configuration.Listed, line: Line, words: list[str]) -> None:
        if words[:1] and words[0] in ASIDE:
            self.account.ignore(line.number)
        else:
            super()._entry(held, line, words)

    def _interface_line(self, held: Interface, said: Said, *, nested: bool) -> None:
        words = said.words
        if not nested:
            self._shared = words[0] in {"hsrp", "vrrp", "vrrpv3"}
        if words[:2] == ["vrf", "member"]:
            said.words = ["vrf", "forwarding", *words[2:]]
        elif words[:3] == ["ip", "port", "access-group"] or words[:3] == ["ipv6", "port", "traffic-filter"]:
            what = f"list {words[3] if len(words) > 3 else ''} judges what this port switches"
            held.doubts.append(("in", what, said.line))
            self.account.consume(said.line.number)
            return
        elif nested and self._shared and words[0] in {"ip", "ipv6", "address"} and len(words) > 1:
            text = words[1]
            try:
                family, value = addresses.parse_host(text)
            except ValueError:
                self.account.fail(said.line.number, said.line.text, f"{text} is no address")
                return
            held.addresses.append((family, value, addresses.BITS[family]))
            self.account.consume(said.line.number)
            return
        super()._interface_line(held, said, nested=nested)

    def _route(self, section: Section) -> None:
        words = section.words
        if "vrf" in words or "track" in words or len(words) < 4:
            self.router.statics.unsure = True
        else:
            self.router.statics.add(words[2:3], words[3:4])
        self._consume(section)


def _member(words: list[str]) -> list[str]:
    """A line of a group without its number; an address with a wildcard becomes one with a mask."""
    if words and is_number(words[0]) and len(words) > 1:
        words = words[1:]
    if len(words) == 2 and "." in words[0] and "." in words[1] and "/" not in words[0]:
        try:
            family, bits = addresses.parse_host(words[1])
        except ValueError:
            return words
        if family == 4:
            return [words[0], addresses.to_text(4, bits ^ 0xFFFFFFFF)]
    return words
