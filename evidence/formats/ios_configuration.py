"""Every line of a Cisco configuration goes somewhere: in the words of IOS, into which NX-OS and IOS XR are turned.

A list has an effect only where it is attached to an interface; a list that is attached and not defined, or empty, lets
everything through. Inbound lists judge what comes in, also for the device itself; outbound ones what is passed on.
IPv6 is passed on only with `ipv6 unicast-routing`. What is translated, goes from zone to zone, or meets a policy with
`drop` is in doubt. What says nothing about traffic is named in ios_known.py; what is named nowhere is unread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from compliance.traffic.boxes import FULL, Family
from compliance.traffic.shares import Residue
from evidence.formats import cisco_names, entries, ios_device
from evidence.formats.cisco_entry import ANSWERS, BadEntry, Dialect, anything, extended, standard
from evidence.formats.cursor import Account, Line, lines_of
from evidence.formats.device import AccessList
from evidence.formats.entries import Named, made, rules_of
from evidence.formats.ios_device import Interface, Router
from evidence.formats.ios_groups import read_member
from evidence.formats.ios_known import AROUND, FIRST, INTERFACE, INTERFACE_IP, INTERFACE_IPV6, IP, IPV6
from evidence.formats.object_groups import Expanded, Group, Member
from evidence.formats.sections import Accounted, Said, Section, in_words, sections
from evidence.rules import Action, Artefact, FormatError

PROMPT = re.compile(r"[\w.-]{1,64}[#>] ?(?:(?:sh|show|term|terminal|more|exit|wr|write)\b.*)?")
BANNER = re.compile(r"(?:banner \S+|aaa authentication (?:banner|fail-message)|menu \S+ title) +(\^C|\S)(.*)")
DIALECTS: dict[Family, Dialect] = {
    4: Dialect((4,), "ip", True, {4: cisco_names.IOS_ICMP4}),
    6: Dialect((6,), "ipv6", True, {6: cisco_names.IOS_ICMP6}),
}
CHAINS: dict[Family, str] = {4: "ios:acl", 6: "ios:ipv6-acl"}
ENTRY = frozenset({"permit", "deny", "remark", "evaluate", "sequence", "dynamic", "no"})
MEMBER = frozenset(
    {"eq", "neq", "lt", "gt", "host", "range", "group-object", "tcp", "udp", "tcp-udp", "icmp", "description"}
)
ALONE = frozenset({"ip", "any"})  # members of a group when nothing follows them
OF_ANOTHER_KIND = ((200, 299), (300, 399), (400, 499), (500, 599), (600, 699), (700, 799), (800, 899), (900, 999),
                   (1000, 1099), (1100, 1199), (1200, 1299))  # fmt: skip
STANDARD = ((1, 99), (1300, 1999))
STEP = 10
BEHIND_NAME = frozenset({"point-to-point", "multipoint", "type", "l2transport", "module", "access", "transient"})
# How a group begins -> what it holds
GROUPS: dict[tuple[str, ...], str] = {
    ("network",): "network",
    ("service",): "service",
    ("ip", "address"): "network",
    ("ip", "port"): "ports",
    ("network", "ipv4"): "network",
    ("network", "ipv6"): "network",
    ("port",): "ports",
}
AGAIN = "Take the configuration again and give the whole output."


@dataclass(slots=True)
class Listed:
    """A list while it is read."""

    found: AccessList
    standard: bool
    family: Family
    entries: dict[int, tuple[Line, list[str], list[str]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    last: int = 0


class Configuration(Accounted):
    """One configuration: every line goes somewhere, then the lists are made of their entries.

    NX-OS and IOS XR are read by it as well (nxos.py, xr.py), whose words first become these.
    """

    dialects: ClassVar[Mapping[Family, Dialect]] = DIALECTS
    first: ClassVar[frozenset[str]] = FIRST
    ip: ClassVar[frozenset[str]] = IP
    ipv6: ClassVar[frozenset[str]] = IPV6
    at_interface: ClassVar[frozenset[str]] = INTERFACE
    at_interface_ip: ClassVar[frozenset[str]] = INTERFACE_IP
    at_interface_ipv6: ClassVar[frozenset[str]] = INTERFACE_IPV6

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        lines = lines_of(artefact)
        self.account = Account(artefact, len(lines))
        self.router = Router()
        self._lists: dict[tuple[str, Family], Listed] = {}
        self._groups: dict[str, Group] = {}
        for section in sections(self._statements(lines), _keeps):
            self._section(section)
        self._check_end(lines)
        self._make_lists()

    def _statements(self, lines: Sequence[Line]) -> list[Line]:
        """The lines without comments, what the terminal printed around them, and the texts of banners."""
        found: list[Line] = []
        end = 0
        closing = _Closing(lines)
        for line in lines:
            text = line.text.strip()
            if line.number <= end or not text or text.startswith("!") or text == "^":
                self.account.ignore(line.number)
                continue
            if not line.text[0].isspace():
                banner = BANNER.fullmatch(text)
                if banner is not None:
                    end = closing.after(line.number, banner[1], banner[2])
                    self._banner(line, end)
                    continue
                if text.startswith(AROUND) or PROMPT.fullmatch(text) or text in {"end", "exit", "quit"}:
                    self.account.ignore(line.number)
                    if text != "exit":
                        continue
            found.append(line)
        return found

    def _banner(self, line: Line, end: int) -> None:
        if end:
            self.account.ignore(line.number)
        else:
            self.account.fail(line.number, line.text, "its text does not end")

    def _check_end(self, lines: Sequence[Line]) -> None:
        """A whole configuration ends with `end`: without it rules may be missing."""
        said = [line.text.strip() for line in lines]
        if "end" in said:
            return
        announced = any(text.startswith(("Building configuration", "Current configuration")) for text in said[:40])
        if announced or self.artefact.command.startswith("show "):
            raise FormatError(f"{self.artefact.name} is cut off", "it does not close with `end`", AGAIN)
        if any(text.startswith("version ") for text in said[:60]):
            last = lines[-1]
            self.account.fail(last.number, last.text, "the configuration does not close with `end`: it may be cut off")

    def _section(self, section: Section) -> None:
        words = section.words
        first, second = words[0], words[1] if len(words) > 1 else ""
        read = READERS.get((first, second)) or READERS.get((first, ""))
        if read is not None:
            try:
                getattr(self, read.__name__)(section)  # what a dialect reads otherwise it has under the same name
            except (IndexError, ValueError):
                self._unread(section, "it ends too early, or is not of the form that is known")
        elif first in self.first or (first == "ip" and second in self.ip) or (first == "ipv6" and second in self.ipv6):
            self._ignore(section)
        else:
            self._unread(section, "it is not known what this statement does")

    def _no(self, section: Section) -> None:
        """What is switched off: of lists, nothing is left of them; the rest says that something is not there."""
        words = section.words[1:]
        if words[:2] == ["ip", "access-list"] or words[:2] == ["ipv6", "access-list"]:
            self._take_away(words[-1], 6 if words[0] == "ipv6" else 4)
        elif words[:1] == ["access-list"] and len(words) == 2:
            self._take_away(words[1], 4)
        elif words[:1] == ["object-group"] and tuple(words[1:-1]) in GROUPS:
            self._groups.pop(words[-1], None)
        elif words[:1] in (["access-list"], ["object-group"]):
            self._unread(section, "a part of a list or group is taken away")
            return
        if words == ["ip", "routing"]:
            self.router.routes.discard(4)
        self._ignore(section)

    def _take_away(self, name: str, family: Family) -> None:
        gone = self._lists.pop((name, family), None)
        for line, _ in gone.found.bad if gone is not None else ():
            self.account.ignore(line.number)

    def _ipv6_routing(self, section: Section) -> None:
        self.router.routes.add(6)
        self._consume(section)

    def _named_list(self, section: Section) -> None:
        words = section.words
        if words[0] == "ipv6" and len(words) == 3:
            self._entries_of(section, words[2], 6, is_standard=False)
        elif len(words) == 4 and words[2] in {"standard", "extended"}:
            self._entries_of(section, words[3], 4, is_standard=words[2] == "standard")
        elif words[2:3] in (["resequence"], ["log-update"], ["logging"], ["persistent"], ["match-local-traffic"]):
            self._ignore(section)
        else:
            self._unread(section, "it is not known what this kind of list does")

    def _entries_of(self, section: Section, name: str, family: Family, *, is_standard: bool) -> None:
        held = self._list(name, family, section.head.line, is_standard=is_standard)
        if held.found.head is not section.head.line:
            self._bad(held, section.head.line, f"list {name} is begun twice")
        else:
            self.account.consume(section.head.line.number)
        for said in section.body:
            self._entry(held, said.line, said.words)

    def _list(self, name: str, family: Family, line: Line, *, is_standard: bool) -> Listed:
        key = (name, family)
        if key not in self._lists:
            found = AccessList(name, f"{CHAINS[family]}/{name}", (family,), line)
            self._lists[key] = Listed(found, is_standard, family)
        return self._lists[key]

    def _numbered_list(self, section: Section) -> None:
        name, line = (section.words[1] if len(section.words) > 1 else ""), section.head.line
        if name in {"compiled", "hardware", "rate-limit", "dynamic-extended"} or (
            entries.is_number(name) and _within(name, OF_ANOTHER_KIND)
        ):
            self._ignore(section)
            return
        held = self._list(name, 4, line, is_standard=entries.is_number(name) and _within(name, STANDARD))
        rest = section.words[2:]
        if not entries.is_number(name) or not rest:
            self._bad(held, line, "only numbered lists are written so, each with an entry")
        else:
            self._entry(held, line, rest)
        for said in section.body:
            self._bad(held, said.line, "nothing stands below such an entry")

    def _bad(self, held: Listed, line: Line, why: str) -> None:
        """A line of a list that nobody understood. It is accounted for when it is known where the list is attached."""
        held.found.bad.append((line, why))

    def _entry(self, held: Listed, line: Line, words: list[str]) -> None:
        place = held.last + STEP
        if words[:1] == ["sequence"] and len(words) > 2:
            words = words[1:]
        if words and entries.is_number(words[0]):
            place, words = int(words[0]), words[1:]
        elif "sequence" in words[1:-1]:
            place = int(words[-1]) if entries.is_number(words[-1]) else place
        if words[:1] == ["remark"]:
            held.remarks.append(" ".join(words[1:]))
            self.account.consume(line.number)
        elif words[:1] == ["exit"] or words[:2] == ["exit-ipv6-access-list"]:
            self.account.ignore(line.number)
        elif not words or words[0] not in {"permit", "deny", "evaluate"} or line.damaged:
            self._bad(held, line, "it is no entry that permits or denies")
        elif place in held.entries:
            self._bad(held, line, f"number {place} comes twice")
        else:
            held.entries[place] = (line, words, held.remarks)
            held.remarks, held.last = [], max(held.last, place)
            self.account.consume(line.number)

    def _make_lists(self) -> None:
        groups = Expanded(self._groups, read_member)
        for held in self._lists.values():
            found = held.found
            for place in sorted(held.entries):
                line, words, remarks = held.entries[place]
                origin = self.account.origin(line)
                named = Named(f"{found.chain}#{place}", found.chain, place, origin)
                if words[0] == "evaluate":  # lets in answers of what a `reflect` saw: never the first packet
                    self.router.keeping.append(f"evaluate {' '.join(words[1:])} in list {found.name}")
                    doubt = (Residue("match", f"{' '.join(words)}: which answers these are", line.number),)
                    full = (FULL[held.family],)
                    found.rules.append(made(named, held.family, Action.PERMIT, full, states=ANSWERS, residue=doubt))
                    continue
                try:
                    reads = standard if held.standard else extended
                    entry = reads(words, self.dialects[held.family], groups, line.number)
                except BadEntry as problem:
                    entry = anything(words, (held.family,), str(problem), line.number)
                named = named._replace(origin=entries.commented(origin, remarks, groups.take_used()))
                found.rules.extend(rules_of(entry, named))
            self.router.lists[found.name, held.family] = found
        self.router.objects = groups.said(self.account)

    def _group(self, section: Section) -> None:
        words, line = section.words, section.head.line
        if tuple(words[1:-1]) not in GROUPS:
            self._ignore(section)  # of users, classes or names of hosts: a rule that names it says so
            return
        name = words[-1]
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group(name, GROUPS[tuple(words[1:-1])], line.number)
        else:
            group.again.append(line.number)
        self._consume(section)
        group.members += [
            Member(said.words, said.line.number) for said in section.body if said.words[0] != "description"
        ]

    def _interface(self, section: Section) -> None:
        words = section.words
        if len(words) < 2 or words[1] == "range":
            self._unread(section, "it is not one interface")
            return
        spaced = len(words) > 2 and words[2][0].isdecimal()  # `GigabitEthernet 0/0`, as a person types it
        name = words[1] + words[2] if spaced else words[1]
        held = self.router.interfaces.setdefault(name, Interface(name, section.head.line))
        more = words[3 if spaced else 2 :]
        why = "it is not known what stands behind the name of the interface"
        if more and more[0] not in BEHIND_NAME:
            self.account.fail(section.head.line.number, section.head.line.text, why)
        else:
            self.account.consume(section.head.line.number)
        margin = section.body[0].depth if section.body else 0
        for said in section.body:
            self._interface_line(held, said, nested=said.depth > margin)

    def _interface_line(self, held: Interface, said: Said, *, nested: bool) -> None:
        words, number = said.words, said.line.number
        try:
            understood = not nested and ios_device.interface_line(self.router, held, said)
        except (ValueError, IndexError) as problem:
            self.account.fail(number, said.line.text, in_words(problem))
            return
        second = words[1] if len(words) > 1 else ""
        if nested and {"access-group", "traffic-filter", "service-policy"} & set(words):
            self.account.fail(number, said.line.text, "it judges a part of this interface")
        elif understood:
            self.account.consume(number)
        elif (
            words[0] in self.at_interface
            or (words[0] == "ip" and second in self.at_interface_ip)
            or (words[0] == "ipv6" and second in self.at_interface_ipv6)
            or nested
        ):
            self.account.ignore(number)
        else:
            self.account.fail(number, said.line.text, "it is not known what this does at an interface")

    def _route(self, section: Section) -> None:
        """`ip route 10.0.0.0 255.0.0.0 [interface] router`, `ipv6 route 2001:db8::/32 …`."""
        words = section.words
        if "vrf" in words or "track" in words or "dhcp" in words:
            self.router.statics.unsure = True
        elif words[0] == "ip":
            self.router.statics.add(words[2:4], words[4:])
        else:
            self.router.statics.add(words[2:3], words[3:])
        self._consume(section)

    def _learns(self, section: Section) -> None:
        self.router.statics.unsure = True
        self._ignore(section)

    def _crypto(self, section: Section) -> None:
        self.router.statics.unsure |= any("reverse-route" in said.words for said in section.body)
        self._ignore(section)

    def _nat(self, section: Section) -> None:
        words = section.words
        if len(words) > 4 and words[2] in {"inside", "outside"}:
            self.router.translations.append(section.head)
        elif words[2:3] == ["source"]:  # between interfaces that are neither inside nor outside
            self.router.filters.append(section.head)
        self._consume(section)

    def _policy_map(self, section: Section) -> None:
        if any("drop" in said.words or "service-policy" in said.words for said in section.body):
            self.router.dropping.add(section.words[-1])
        self._consume(section)

    def _control_plane(self, section: Section) -> None:
        self.router.control += [said for said in section.body if said.words[0] == "service-policy"]
        self._consume(section)

    def _line(self, section: Section) -> None:
        if section.words[1:2] == ["vty"]:
            self.router.control += [said for said in section.body if "access-class" in said.words[:2]]
        self._consume(section)

    def _vlan(self, section: Section) -> None:
        if section.words[1:2] == ["filter"]:
            self.router.filters.append(section.head)
            self._consume(section)
        else:
            self._ignore(section)

    def _filter(self, section: Section) -> None:
        self.router.filters.append(section.head)
        self._consume(section)

    def _cts(self, section: Section) -> None:
        if section.words[1:2] == ["role-based"]:
            self._filter(section)
        else:
            self._ignore(section)


READERS = {
    ("no", ""): Configuration._no,
    ("interface", ""): Configuration._interface,
    ("object-group", ""): Configuration._group,
    ("ip", "access-list"): Configuration._named_list,
    ("ipv6", "access-list"): Configuration._named_list,
    ("access-list", ""): Configuration._numbered_list,
    ("ipv6", "unicast-routing"): Configuration._ipv6_routing,
    ("ip", "nat"): Configuration._nat,
    ("ip", "route"): Configuration._route,
    ("ipv6", "route"): Configuration._route,
    ("ip", "default-network"): Configuration._learns,
    ("router", ""): Configuration._learns,
    ("ipv6", "router"): Configuration._learns,
    ("crypto", ""): Configuration._crypto,
    ("policy-map", ""): Configuration._policy_map,
    ("control-plane", ""): Configuration._control_plane,
    ("line", ""): Configuration._line,
    ("vlan", ""): Configuration._vlan,
    ("cts", ""): Configuration._cts,
}


class _Closing:
    """Where the texts of banners end."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def after(self, number: int, mark: str, rest: str) -> int:
        """The number of the line in which a text that begins in line `number` ends; 0 when it does not."""
        if mark in rest:
            return number
        return next((line.number for line in self._lines[number:] if mark in line.text), 0)


def _keeps(section: Section, words: list[str]) -> bool:
    """Whether a line at the margin belongs to the open list or group: a person may have typed it so."""
    head = section.words
    if head[0] in {"ip", "ipv6"} and head[1:2] == ["access-list"]:
        return words[0] in ENTRY - {"no"} or entries.is_number(words[0])
    if head[0] == "object-group":
        if words[0] in ALONE:
            return len(words) == 1
        return words[0] in MEMBER or (words[0][0].isdigit() and "." in words[0])
    return False


def _within(name: str, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(low <= int(name) <= high for low, high in ranges)
