"""The configuration of a Cisco ASA (`show running-config`, `more system:running-config`), or a part of it.

Lists are attached to interfaces by `access-group`, or to all of them (`global`); that one is asked after the
interface's own. Where an interface has no list, what goes to a lower security level is let through. From version 8.3 on
lists name real addresses, whatever is translated; before, they name translated ones, and nothing is certain where
anything is translated. From version 9.0 on a list is about IPv4 and IPv6 alike. What says nothing about traffic is
named in asa_known.py; what is named nowhere is unread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from compliance.traffic.boxes import Family
from evidence.formats import asa_device, cisco_names, entries
from evidence.formats.asa_device import Firewall, Interface
from evidence.formats.asa_groups import Members
from evidence.formats.asa_known import FIRST, INTERFACE, IPV6, LISTS
from evidence.formats.cisco_entry import BadEntry, Dialect, anything, extended, standard
from evidence.formats.cisco_kind import kind
from evidence.formats.cursor import Account, Line, lines_of
from evidence.formats.device import AccessList, Attachment
from evidence.formats.entries import Named, Side, rules_of
from evidence.formats.object_groups import Expanded, Group, Member
from evidence.formats.sections import Accounted, Section, in_words, sections
from evidence.rules import Artefact, FormatError, Reading

NAME = "cisco-asa"
VERSION = re.compile(r"(?::? ?(?:ASA|PIX|FWSM)|NGFW) Version ([0-9]{1,3})\.([0-9]{1,3})")
PROMPT = re.compile(r"[\w./-]{1,64}[#>] ?(?:(?:sh|show|term|terminal|more|exit|wr|write)\b.*)?")
KINDS = frozenset({"network", "service", "protocol", "icmp-type"})
ADDRESSED = frozenset({"host", "subnet", "range", "fqdn", "service"})
NEWEST = (9, 99)
AGAIN = "Take the configuration again and give the whole output."


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    return 0.9 if kind(head) == "asa" else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device. Raises FormatError when a configuration is cut off."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    file = _File(artefacts[0])
    return asa_device.reading(NAME, file.firewall, file.account)


class _File(Accounted):
    """One configuration: every line goes somewhere, then the lists are made of their entries."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        lines = lines_of(artefact)
        self.account = Account(artefact, len(lines))
        self.firewall = Firewall()
        self._names: dict[str, str] = {}
        self._groups: dict[str, Group] = {}
        self._version = NEWEST
        self._entries: list[tuple[AccessList, Line, list[str], int, list[str]]] = []
        self._places: dict[str, int] = {}
        self._remarks: dict[str, list[str]] = {}
        self._check_end(lines)
        for section in sections(self._statements(lines), _keeps):
            self._section(section)
        self._make_lists()

    def _statements(self, lines: Sequence[Line]) -> list[Line]:
        found: list[Line] = []
        for line in lines:
            text = line.text.strip()
            version = VERSION.match(text)
            if version is not None:
                self._version = (int(version[1]), int(version[2]))
                self.account.consume(line.number)
            elif (
                not text
                or text.startswith(("!", ":", "Cryptochecksum:"))
                or text in {"end", "[OK]"}
                or (not line.text[0].isspace() and PROMPT.fullmatch(text))
            ):
                self.account.ignore(line.number)
            else:
                found.append(line)
        return found

    def _check_end(self, lines: Sequence[Line]) -> None:
        """A whole configuration ends with `: end`: without it rules may be missing."""
        said = [line.text.strip() for line in lines]
        ends = any(text == ": end" or text.startswith("Cryptochecksum:") for text in said)
        if not ends and (": Saved" in said[:40] or self.artefact.command.startswith(("show ", "more "))):
            raise FormatError(f"{self.artefact.name} is cut off", "it does not close with `: end`", AGAIN)

    def _section(self, section: Section) -> None:
        read = READERS.get(section.words[0])
        if read is not None:
            try:
                read(self, section)
            except (IndexError, ValueError):
                self._unread(section, "it ends too early, or is not of the form that is known")
        elif section.words[0] in FIRST:
            self._ignore(section)
        else:
            self._unread(section, "it is not known what this statement does")

    def _no(self, section: Section) -> None:
        words = section.words[1:]
        if words[:1] in (["access-list"], ["object-group"], ["object"], ["access-group"]):
            self._unread(section, "a part of what was configured is taken away")
            return
        if words == ["sysopt", "connection", "permit-vpn"]:
            self.firewall.tunnels_pass = False
        self._ignore(section)

    def _name(self, section: Section) -> None:
        words = section.words
        if len(words) < 3:
            self._unread(section, "it is no address with a name")
            return
        self._names[words[2]] = words[1]
        self._consume(section)

    def _interface(self, section: Section) -> None:
        held = Interface(section.words[-1], section.head.line)
        self.account.consume(section.head.line.number)
        for said in section.body:
            try:
                understood = asa_device.interface_line(held, said, self._names)
            except (ValueError, IndexError) as problem:
                self.account.fail(said.line.number, said.line.text, in_words(problem))
                continue
            if understood:
                self.account.consume(said.line.number)
            elif said.words[0] in INTERFACE:
                self.account.ignore(said.line.number)
            else:
                self.account.fail(said.line.number, said.line.text, "it is not known what this does at an interface")
        self.firewall.has_interfaces = True
        if held.nameif:
            self.firewall.interfaces[held.nameif] = held

    def _object(self, section: Section) -> None:
        words = (
            [word for word in section.words if word != "group"] if section.words[1:2] == ["group"] else section.words
        )
        if len(words) < 3 or words[1] not in {*KINDS, "network-service", "user", "security"}:
            self._unread(section, "it is not known what this kind of object holds")
            return
        if words[1] not in KINDS:
            self._ignore(section)  # of users or names of applications: a rule that names it says so
            return
        group = self._groups.get(words[2])
        body = [said for said in section.body if said.words[0] not in {"description", "nat"}]
        if group is None:
            group = self._groups[words[2]] = Group(words[2], words[1], section.head.line.number, " ".join(words[3:4]))
        elif words[0] == "object-group" or (body and group.members):
            group.again.append(section.head.line.number)
        group.members += [Member(said.words, said.line.number) for said in body]
        for said in section.body:
            if said.words[0] == "nat":
                self.firewall.translations.append((said, group.name))
        self._consume(section)

    def _list(self, section: Section) -> None:
        words, line = section.words, section.head.line
        if len(words) < 3 or words[1] in LISTS:
            self._ignore(section)
            return
        name, left = words[1], words[2:]
        held = self.firewall.lists.get(name)
        if held is None:
            families: tuple[Family, ...] = (4, 6) if self._version >= (9, 0) else (4,)
            held = self.firewall.lists[name] = AccessList(name, f"asa:acl/{name}", families, line)
        self._places[name] = self._places.get(name, 0) + 1
        for said in section.body:
            held.bad.append((said.line, "nothing stands below such an entry"))
        if left[0] == "line" and len(left) > 2:
            if left[1] != str(self._places[name]):  # as a command it puts the entry between others
                held.bad.append((line, f"it belongs at place {left[1][:10]} of its list, and does not stand there"))
                return
            left = left[2:]
        if left[0] == "remark":
            self._remarks.setdefault(name, []).append(" ".join(left[1:]))
            self.account.consume(line.number)
        elif left[0] in {"ethertype", "webtype"}:
            self.firewall.lists.pop(name) if held.is_empty() else None
            self.account.ignore(line.number)
        elif (
            line.damaged
            or left[0] not in {"extended", "standard", "permit", "deny"}
            or len(left) < 2
            or (left[0] in {"extended", "standard"} and left[1] not in {"permit", "deny"})
        ):
            held.bad.append((line, "it is no entry that permits or denies"))
        else:
            self._entries.append((held, line, left, self._places[name], self._remarks.pop(name, [])))
            self.account.consume(line.number)

    def _make_lists(self) -> None:
        families: tuple[Family, ...] = (4, 6) if self._version >= (9, 0) else (4,)
        self.firewall.real_addresses = self._version >= (8, 3)
        groups = Expanded(self._groups, Members(self._names).read)
        self.firewall.groups, self.firewall.names = groups, self._names
        own = {name: _own(held) for name, held in self.firewall.interfaces.items()}
        tables: dict[Family, cisco_names.Icmp] = {4: cisco_names.ASA_ICMP4, 6: cisco_names.ASA_ICMP6}
        dialect = Dialect(families, "ip", False, tables, True, self._names, own)
        for held, line, words, place, remarks in self._entries:
            is_standard = words[0] == "standard"
            left = words[1:] if words[0] in {"extended", "standard"} else words
            try:
                entry = (standard if is_standard else extended)(left, dialect, groups, line.number)
            except BadEntry as problem:
                entry = anything(left, families, str(problem), line.number)
            origin = entries.commented(self.account.origin(line), remarks, groups.take_used())
            found = rules_of(entry, Named(f"{held.chain}#{place}", held.chain, place, origin))
            held.rules.extend(found)

    def _attach(self, section: Section) -> None:
        words, line = section.words, section.head.line
        if words[2:] == ["global"]:
            self.firewall.attachments.append(Attachment("", "in", None, words[1], line))
        elif len(words) >= 5 and words[2] in {"in", "out"} and words[3] == "interface":
            if words[5:] == ["control-plane"]:
                self._consume(section)
                return
            self.firewall.attachments.append(Attachment(words[4], words[2], None, words[1], line))
            if words[5:]:
                self.firewall.overridden.append(section.head)
        else:
            self._unread(section, "it is not known how this list is attached")
            return
        self._consume(section)

    def _same_security(self, section: Section) -> None:
        self.firewall.same.update(section.words[2:])
        self._consume(section)

    def _route(self, section: Section) -> None:
        """`route outside 0.0.0.0 0.0.0.0 192.0.2.1 1`; `ipv6 route outside ::/0 …`."""
        words = section.words[1:] if section.words[0] == "ipv6" else section.words
        if section.words[0] == "ipv6" and words[0] != "route":
            if words[0] in IPV6:
                self._ignore(section)
            else:
                self._unread(section, "it is not known what this does")
            return
        if "track" in words or "tunneled" in words:
            self.firewall.statics.unsure = True
        elif section.words[0] == "ipv6":
            self.firewall.statics.add(words[2:3], words[1:2])
        else:
            self.firewall.statics.add([self._names.get(word, word) for word in words[2:4]], words[1:2])
        self._consume(section)

    def _learns(self, section: Section) -> None:
        self.firewall.statics.unsure = True
        self._ignore(section)

    def _nat(self, section: Section) -> None:
        self.firewall.translations.append((section.head, ""))
        self._consume(section)

    def _crypto(self, section: Section) -> None:
        words = section.words
        if words[1:2] == ["map"] and words[3:4] == ["interface"]:
            self.firewall.tunnels.append((words[4], section.head))
        self._consume(section)

    def _webvpn(self, section: Section) -> None:
        for said in section.body:
            if said.words[0] == "enable" and len(said.words) > 1:
                self.firewall.tunnels.append((said.words[1], said))
        self._consume(section)

    def _filter(self, section: Section) -> None:
        self.firewall.filters.append(section.head)
        self._consume(section)


READERS = {
    "no": _File._no,
    "name": _File._name,
    "interface": _File._interface,
    "object": _File._object,
    "object-group": _File._object,
    "access-list": _File._list,
    "access-group": _File._attach,
    "same-security-traffic": _File._same_security,
    "route": _File._route,
    "ipv6": _File._route,
    "router": _File._learns,
    "nat": _File._nat,
    "static": _File._nat,
    "global": _File._nat,
    "crypto": _File._crypto,
    "webvpn": _File._webvpn,
    "filter": _File._filter,
    "shun": _File._filter,
    "established": _File._filter,
}


def _keeps(section: Section, words: list[str]) -> bool:
    """Whether a line at the margin belongs to the open object or group: a person may have typed it so."""
    if section.words[0] == "object-group":
        return words[0] in {"network-object", "service-object", "port-object", "group-object", "icmp-object",
                            "protocol-object"}  # fmt: skip
    return section.words[0] == "object" and words[0] in ADDRESSED and section.words[1:2] != ["service-policy"]


def _is_entry(words: list[str]) -> bool:
    """Whether an entry permits or denies something."""
    left = words[1:] if words[0] in {"extended", "standard"} else words
    return left[:1] in (["permit"], ["deny"])


def _own(held: Interface) -> Side:
    """The addresses of an interface, as `interface NAME` in an entry means them."""
    found = Side()
    for family, value, _ in held.addresses:
        found.ranges.setdefault(family, []).append((value, value))
    return found if found.ranges else entries.unknown(f"the address of {held.nameif}")
