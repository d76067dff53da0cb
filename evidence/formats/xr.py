"""The configuration of a Cisco router with IOS XR (`show running-config`), or a part of it.

Its statements are those of IOS in other words: `ipv4` for `ip`, `ingress` and `egress`, `net-group` and `port-group`,
static routes in a section of their own. They are turned into the words of IOS and read as such. What a list does that
is attached and has no entry is in doubt. `show running-config formal` says of each line where it belongs: lists and
interfaces are read from it as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from compliance.traffic.boxes import Family
from evidence.formats import cisco_names, ios_configuration, ios_device
from evidence.formats.cisco_entry import Dialect
from evidence.formats.cisco_ids import renamed
from evidence.formats.cisco_kind import kind
from evidence.formats.cursor import Line
from evidence.formats.entries import is_number
from evidence.formats.ios_configuration import AGAIN
from evidence.formats.ios_device import Interface
from evidence.formats.sections import Said, Section
from evidence.formats.xr_known import AT_INTERFACE, AT_INTERFACE_IP, AT_INTERFACE_IPV6, FIRST, IP, IPV6, TEXTS
from evidence.rules import Artefact, FormatError, Reading

NAME = "cisco-xr"
# What the terminal printed around the configuration
AROUND = re.compile(
    r"RP/\d[\w/]{0,40}:[\w.-]{1,64}#.*"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d{1,2} \d\d:\d\d:\d\d[.\d]* [\w:+-]{1,10}"
)
GROUPS: Mapping[tuple[str, ...], list[str]] = {
    ("network", "ipv4"): ["network", "ipv4"], ("network", "ipv6"): ["network", "ipv6"], ("port",): ["ip", "port"],
}  # fmt: skip
WAYS = {"ingress": "in", "egress": "out"}
# What an entry does beside: what it counts, and where it sends what it lets through
ASIDE = {"counter": 1, "icmp-off": 0, "icmp-on": 0}


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    return 0.9 if kind(head) == "xr" else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device. Raises FormatError when a configuration is cut off."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    file = Configuration(artefacts[0])
    return renamed(ios_device.reading(NAME, file.router, file.account), "xr:")


class Configuration(ios_configuration.Configuration):
    """A configuration whose words become those of IOS as they are read."""

    dialects: ClassVar[Mapping[Family, Dialect]] = {
        4: Dialect((4,), "ipv4", True, {4: cisco_names.IOS_ICMP4}),
        6: Dialect((6,), "ipv6", True, {6: cisco_names.IOS_ICMP6}),
    }
    first = ios_configuration.Configuration.first | FIRST
    ip = ios_configuration.Configuration.ip | IP
    ipv6 = ios_configuration.Configuration.ipv6 | IPV6
    at_interface = ios_configuration.Configuration.at_interface | AT_INTERFACE
    at_interface_ip = ios_configuration.Configuration.at_interface_ip | AT_INTERFACE_IP
    at_interface_ipv6 = ios_configuration.Configuration.at_interface_ipv6 | AT_INTERFACE_IPV6

    def _statements(self, lines: Sequence[Line]) -> list[Line]:
        """Without the texts of policies and sets, which have an end of their own."""
        left: list[Line] = []
        end = ""
        printed = {line.number for line in lines if AROUND.fullmatch(line.text.strip())}
        for number in printed:
            self.account.ignore(number)
        for line in super()._statements([line for line in lines if line.number not in printed]):
            words = line.text.split()
            if end:
                self.account.ignore(line.number)
                end = "" if words == [end] else end
            elif words[0] in TEXTS and not line.text[0].isspace():
                end = TEXTS[words[0]]
                self.account.ignore(line.number)
            else:
                left.append(line)
        if end:
            last = lines[-1]
            self.account.fail(last.number, last.text, f"a text does not close with `{end}`")
        return left

    def _check_end(self, lines: Sequence[Line]) -> None:
        """A whole configuration ends with `end`: without it rules may be missing."""
        self.router.routes.add(6)
        said = [line.text.strip() for line in lines]
        begun = any(text.startswith(("Building configuration", "!! IOS XR Configuration")) for text in said[:40])
        if "end" not in said and (begun or self.artefact.command.startswith("show ")):
            raise FormatError(f"{self.artefact.name} is cut off", "it does not close with `end`", AGAIN)

    def _section(self, section: Section) -> None:
        words = list(section.words)
        is_formal = words[1:2] == ["access-list"] and len(words) > 3 and _is_entry(words[3])
        if words[0] == "no" and words[1:2] == ["ipv4"]:
            words[1] = "ip"
        if words[0] == "ipv4":
            words[0] = "ip"
        if words[:2] == ["ip", "access-list"] and len(words) == 3:
            words = ["ip", "access-list", "extended", words[2]]
        elif words[0] == "object-group" and tuple(words[1:-1]) in GROUPS:
            words = [words[0], *GROUPS[tuple(words[1:-1])], words[-1]]
            for said in section.body:
                left = [word for word in said.words if word != "ipv4"] or said.words
                said.words = ["group-object", *left[1:]] if left[0] == "object-group" else left
        elif words[0] == "interface" and words[1:2] == ["preconfigure"]:
            words = [words[0], *words[2:]]
        if words[0] == "interface" and words[-1] == "l2transport":
            words = words[:-1]
        section.head.words = words
        if words[0] in {"ip", "ipv6"} and is_formal:
            held = self._list(words[2], 4 if words[0] == "ip" else 6, section.head.line, is_standard=False)
            self._entry(held, section.head.line, words[3:])
            for said in section.body:
                self._bad(held, said.line, "nothing stands below such an entry")
        elif words[0] == "interface" and len(words) > 2 and words[1] != "range" and not words[2][0].isdecimal():
            self._at(section, words[1], words[2:])
        elif words[:2] == ["router", "static"]:
            self._static(section)
        elif words[:1] == ["control-plane"]:
            self._guard(section)
        else:
            super()._section(section)

    def _at(self, section: Section, name: str, words: list[str]) -> None:
        """What `show running-config formal` says of an interface in one line."""
        held = self.router.interfaces.setdefault(name, Interface(name, section.head.line))
        for said in (Said(section.head.line, words, 1), *section.body):
            self._interface_line(held, said, nested=False)

    def _entry(self, held: ios_configuration.Listed, line: Line, words: list[str]) -> None:
        made: list[str] = []
        place = 0
        while place < len(words):
            skip = ASIDE.get(words[place]) if place > 2 else None
            if skip is not None:
                place += 1 + skip
            else:
                made.append(words[place])
                place += 1
        super()._entry(held, line, made)

    def _interface_line(self, held: Interface, said: Said, *, nested: bool) -> None:
        words = list(said.words)
        if words[0] == "ipv4":
            words[0] = "ip"
        if words[:1] == ["vrf"] and len(words) == 2:
            words = ["vrf", "forwarding", words[1]]
        if words[1:2] == ["access-group"] and words[0] in {"ip", "ipv6"}:
            ways = [WAYS[word] for word in words[3:] if word in WAYS]
            rest = [
                word
                for word in words[3:]
                if word not in WAYS and word not in {"hardware-count", "interface-statistics"}
            ]
            kept = "access-group" if words[0] == "ip" else "traffic-filter"
            if ways and not rest:
                words = [words[0], kept, words[2], ways[0]]
            else:
                self.account.fail(said.line.number, said.line.text, "it is not known how this list is attached")
                return
        if words[0] == "l2transport":
            held.switched = True
        said.words = words
        super()._interface_line(held, said, nested=nested)

    def _static(self, section: Section) -> None:
        """`router static`, below it `address-family ipv4 unicast`, below that `10.0.0.0/8 192.0.2.1`."""
        self.router.statics.unsure |= len(section.words) > 2
        for said in section.body:
            words = said.words
            if words[0] in {"address-family", "exit-address-family"}:
                continue
            if "/" not in words[0] or len(words) < 2 or words[0] == "vrf":
                self.router.statics.unsure = True
            else:
                hops = [word for word in words[1:] if "." in word or ":" in word or word.lower() == "null0"]
                self.router.statics.add(words[:1], hops[:1] or words[1:2])
        self._consume(section)

    def _guard(self, section: Section) -> None:
        """`control-plane management-plane inband interface X allow SSH`: who may reach the router itself."""
        guards = [said for said in section.body if said.words[0] in {"allow", "interface", "inband"}]
        self.router.control += (guards or [section.head][: len(section.words) > 1])[:1]
        self._consume(section)


def _is_entry(word: str) -> bool:
    """Whether a word behind the name of a list begins an entry of it."""
    return word in {"permit", "deny", "remark"} or is_number(word)
