"""The `config.xml` of a pfSense or OPNsense firewall.

A packet in transit is judged where it comes in and where it leaves: rules of interfaces are asked on the way in,
floating ones on either. What no rule speaks of is blocked on the way in and let out. Translated destinations are
translated first: rules see the inner address. What the firewall adds by itself (private networks blocked, the lock-out
guard, IPv6 switched off) are rules with ids of their own. Sections that say nothing about traffic are named in
pf_known.py; of any other nothing is known, and it makes every point unverifiable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, FULL, PORT_TOP, Box, Family, box_of
from compliance.traffic.shares import Origin, Residue
from evidence.formats import device, entries, pf_rules
from evidence.formats.cursor import Account, Line, lines_of
from evidence.formats.device import FORWARD, INPUT
from evidence.formats.entries import Named, made
from evidence.formats.pf_known import SECTIONS
from evidence.formats.pf_rules import Alias, Draft, Estate, truth
from evidence.formats.pf_translation import translations
from evidence.formats.pf_xml import Element, parsed
from evidence.rules import Action, Artefact, Chain, FormatError, Reading, Rule

NAME = "pf-config"
ROOT = re.compile(rb"<(pfsense|opnsense)>", re.IGNORECASE)
TRANSLATE, COMING, GOING, OWN = ("pf:device/translate", "pf:device/in", "pf:device/out", "pf:device/input")
RULES = "pf:rules/in"
STAGES = {FORWARD: (TRANSLATE, COMING, GOING), INPUT: (TRANSLATE, OWN)}
READ = frozenset({"interfaces", "filter", "aliases", "nat", "ifgroups", "virtualip", "OPNsense"})
FIREWALL, FILTERED = "Firewall", "Filter"  # OPNsense's own section
PRIVATE: tuple[str, ...] = ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
PRIVATE6: tuple[str, ...] = ("fc00::/7",)
# Networks that nobody may send from, as far as they are fixed; the list is fetched and may hold more of IPv6
BOGONS = ("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
          "203.0.113.0/24", "240.0.0.0/4")  # fmt: skip
GIVEN = frozenset({"dhcp", "dhcp6", "pppoe", "pptp", "l2tp", "ppp", "slaac", "track6", "6rd", "6to4", "idassoc6"})
ITSELF = "what it lets in for itself (DHCP, neighbour discovery, VPN) is not read"


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    return 0.95 if ROOT.search(head[:4096]) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One firewall. Raises FormatError when the file is cut off or is no XML."""
    if len(artefacts) != 1:
        why = "a firewall has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each firewall.")
    artefact = artefacts[0]
    root = parsed(artefact)
    if root.tag.lower() not in {"pfsense", "opnsense"}:
        raise FormatError(f"{artefact.name} is not read", f"it is a <{root.tag}>", "Give config.xml of the firewall.")
    return _File(artefact, root).reading()


@dataclass(slots=True)
class Port:
    """One interface: what the rules call it, its addresses, and what it blocks by itself."""

    name: str
    element: Element
    addresses: list[tuple[Family, int, int]] = field(default_factory=list)


class _File:
    """One configuration: every line goes somewhere, then the chains are made."""

    def __init__(self, artefact: Artefact, root: Element) -> None:
        lines = lines_of(artefact)
        self.text = lines
        self.account = Account(artefact, len(lines))
        self.root = root
        self.estate = Estate()
        self.ports: dict[str, Port] = {}
        self.drafts: list[Draft] = []
        self._lines()
        for element in root.all("interfaces"):
            for one in element.inner:
                self._interface(one)
        for one in root.all("virtualip", "vip"):
            self._virtual(one)
        for one in root.all("ifgroups", "ifgroupentry"):
            members = re.split(r"[\s,]+", one.says("members"))
            self.estate.groups[one.says("ifname")] = tuple(member for member in members if member)
        self._aliases()
        self._filter()

    def _lines(self) -> None:
        """Every line by the section it stands in."""
        for number in range(1, len(self.text) + 1):
            self.account.consume(number)
        for section in self.root.inner:
            for number in range(section.first, section.last + 1) if section.tag not in READ else ():
                if _says_nothing(section):
                    self.account.ignore(number)
                else:
                    why = "it is not known what this section does"
                    self.account.fail(number, self.text[number - 1].text.strip(), why)

    def _interface(self, element: Element) -> None:
        if not element.has("enable") and element.says("if") not in {"lo0"}:
            self.estate.networks[element.tag] = self.estate.own[element.tag] = []
            return
        held = Port(element.tag, element)
        for family, key, bits in ((4, "ipaddr", "subnet"), (6, "ipaddrv6", "subnetv6")):
            word = element.says(key)
            if word.lower() in GIVEN:
                self.estate.given.add(element.tag)
            elif word:
                self._address(held, word, element.says(bits, "32" if family == 4 else "128"), element)
        if element.tag not in {"lo", "lo0"} and element.says("if") != "lo0":
            self.ports[element.tag] = held
        self._named(held)

    def _address(self, held: Port, word: str, bits: str, element: Element) -> None:
        try:
            family, value = addresses.parse_host(word)
            entries.prefix(f"{word}/{bits}")
            held.addresses.append((family, value, int(bits)))
        except ValueError:
            text = f"<{element.tag}> {word}/{bits}"
            self.account.fail(element.first, text, "its address is not of the form that is known")

    def _named(self, held: Port) -> None:
        self.estate.networks[held.name] = [
            (family, addresses.prefix_range(family, value, length)) for family, value, length in held.addresses
        ]
        self.estate.own[held.name] = [(family, (value, value)) for family, value, _ in held.addresses]

    def _virtual(self, element: Element) -> None:
        held = self.ports.get(element.says("interface"))
        if held is None or element.says("mode") not in {"carp", "ipalias"}:
            return
        self._address(held, element.says("subnet"), element.says("subnet_bits", "32"), element)
        self.estate.own[held.name] = [(family, (value, value)) for family, value, _ in held.addresses]

    def _aliases(self) -> None:
        own = self.root.all("OPNsense", FIREWALL, "Alias", "aliases", "alias")
        for element in [*self.root.all("aliases", "alias"), *own]:
            if element.says("enabled", "1") == "0":
                continue
            words = (element.says("address") or element.says("content")).split()
            name = element.says("name")
            if name in self.estate.aliases and self.estate.aliases[name].words != words:
                self.estate.twice.add(name)
            self.estate.aliases[name] = Alias(name, element.says("type"), words, element.first)

    def _filter(self) -> None:
        own = self.root.all("OPNsense", FIREWALL, FILTERED, "rules", "rule")
        listed = [(element, "pf:filter", False) for element in self.root.all("filter", "rule")]
        listed += [(element, "pf:rules", True) for element in sorted(own, key=_sequence)]
        for place, (element, prefix, mvc) in enumerate(listed, start=1):
            draft = pf_rules.read(element, self.estate, place, prefix, self._origin(element), mvc=mvc)
            self.drafts.append(draft)

    def _origin(self, element: Element) -> Origin:
        text = "\n".join(line.text.strip() for line in self.text[element.first - 1 : element.last])
        return Origin(self.account.digest, self.account.name, element.first, element.last, text)

    def reading(self) -> Reading:
        """The points, chains and addresses of the firewall."""
        unread = self.account.unread()
        nowhere = self.account.origin(Line(0, ""))
        bridged = bool(self.root.all("bridges", "bridged"))
        held = {} if bridged else {name: tuple(port.addresses) for name, port in self.ports.items()}
        chains = (
            Chain(TRANSLATE, "nat", "prerouting", 0, Action.PERMIT,
                  tuple(translations(self.root, self.estate, TRANSLATE, self._origin))),
            device.base(COMING, "forward", 0, _to_rules(COMING, nowhere)),
            device.base(GOING, "forward", 1, self._going()),
            device.base(OWN, "input", 0, self._own(nowhere)),
            Chain(RULES, "filter", "", 0, None, tuple(self._coming(nowhere))),
        )  # fmt: skip
        return Reading(
            format=NAME,
            points=device.points(STAGES, unread),
            chains=chains,
            addresses=held,
            unread=unread,
            lines={self.account.name: self.account.lines()},
            families=frozenset(FAMILIES),
        )

    def _coming(self, nowhere: Origin) -> Iterator[Rule]:
        """What is asked of a packet where it comes in."""
        yield from self._automatic(nowhere)
        for seq, draft in enumerate(pf_rules.ordered(self.drafts, "in"), start=1):
            yield from pf_rules.rules(draft, RULES, seq, outgoing=False)
        for number, element in enumerate(self.root.all("nat", "rule"), start=1):
            if element.says("associated-rule-id") == "pass" and not truth(element, "disabled"):
                named = Named(f"pf:nat#{number}", RULES, 0, self._origin(element))
                what = "a translation that lets through what it translates"
                for family in FAMILIES:
                    yield device.doubt(named, what, family, action=Action.PERMIT, iif=[element.says("interface")])
        end = Named("pf:default/block#implicit", RULES, 0, nowhere)
        for family in FAMILIES:
            yield made(end, family, Action.DENY, (FULL[family],))

    def _automatic(self, nowhere: Origin) -> Iterator[Rule]:
        """What the firewall adds in front of the rules that people wrote."""
        for system in self.root.all("system"):
            if not truth(system, "ipv6allow"):
                yield made(
                    Named("pf:default/ipv6#not-allowed", RULES, 0, self._origin(system)), 6, Action.DENY, (FULL[6],)
                )
        for name, port in self.ports.items():
            origin = self._origin(port.element)
            if truth(port.element, "blockpriv"):
                named = Named(f"pf:default/private#{name}", RULES, 0, origin)
                yield made(named, 4, Action.DENY, tuple(_from(4, text) for text in PRIVATE), iif=name)
                yield made(named, 6, Action.DENY, tuple(_from(6, text) for text in PRIVATE6), iif=name)
            if truth(port.element, "blockbogons"):
                named = Named(f"pf:default/bogons#{name}", RULES, 0, origin)
                what = "a list of networks that nobody may send from, which is fetched"
                yield device.doubt(named, what, 4, iif=[name], boxes=tuple(_from(4, text) for text in BOGONS))
                yield device.doubt(named, what, 6, iif=[name])
        yield from self._lockout(nowhere)
        for section in self.root.all("captiveportal"):
            for zone in section.inner:
                names = [one for one in zone.says("interface").split(",") if one]
                if truth(zone, "enable") and names:
                    named = Named(f"pf:captiveportal/{zone.tag}", RULES, 0, self._origin(zone))
                    for family in FAMILIES:
                        yield device.doubt(named, "a captive portal stops who has not signed in", family, iif=names)

    def _lockout(self, nowhere: Origin) -> Iterator[Rule]:
        """The guard that keeps the way to the firewall's own pages open."""
        guarded = "lan" if "lan" in self.ports else next(iter(self.ports), "")
        port = self.ports.get(guarded)
        if port is None:
            return
        for system in self.root.all("system"):
            gui = system.child("webgui") or Element("webgui", system.first, system.first)
            if truth(gui, "noantilockout"):
                continue
            word = gui.says("port")
            own = {int(word)} if word.isdecimal() and len(word) < 6 and 0 < int(word) <= PORT_TOP else {443}
            numbers = own | ({80} if not truth(gui, "disablehttpredirect") else set())
            ssh = system.child("ssh")
            if ssh is not None and (truth(ssh, "enable") or ssh.says("enabled") == "enabled"):
                said = ssh.says("port")
                numbers.add(int(said) if said.isdecimal() and len(said) < 6 and 0 < int(said) <= PORT_TOP else 22)
            named = Named(f"pf:default/anti-lockout#{guarded}", RULES, 0, self._origin(system))
            for family in FAMILIES:
                boxes = tuple(
                    box_of(family, dst=(value, value), proto=6, dport=number)
                    for one, value, _ in port.addresses if one == family for number in sorted(numbers)
                )  # fmt: skip
                if boxes:
                    yield made(named, family, Action.PERMIT, boxes, iif=guarded)

    def _going(self) -> Iterator[Rule]:
        """What is asked of a packet where it leaves; what no rule speaks of is let out."""
        translated = self.root.all("nat", "outbound", "mode")
        off = any(one.text.strip() == "disabled" for one in translated)
        for seq, draft in enumerate(pf_rules.ordered(self.drafts, "out"), start=1):
            whole = all(held.sure == [(0, FULL[family][1])] for family, held in draft.src.items())
            residue = (
                [] if off or whole else [Residue("match", "sources may be translated before it", draft.origin.first)]
            )
            yield from pf_rules.rules(draft, GOING, seq, outgoing=True, residue=residue)

    def _own(self, nowhere: Origin) -> Iterator[Rule]:
        """What reaches the firewall itself: the same rules, and what it lets in by itself."""
        named = Named("pf:default/itself", OWN, 0, nowhere)
        for family in FAMILIES:
            discovery = [box_of(family, proto=58)] if family == 6 else []
            boxes = (box_of(family, proto=17, dport=(67, 68)), box_of(family, proto=17, dport=(500, 500)),
                     box_of(family, proto=17, dport=(546, 547)), box_of(family, proto=17, dport=(4500, 4500)),
                     box_of(family, proto=(50, 51)), box_of(family, proto=112), *discovery)  # fmt: skip
            yield device.doubt(named, ITSELF, family, action=Action.PERMIT, boxes=boxes)
        yield from _to_rules(OWN, nowhere)


def _sequence(element: Element) -> int:
    """The place that a rule of OPNsense's own section says."""
    word = element.says("sequence")
    return int(word) if entries.is_number(word) else 0


def _says_nothing(section: Element) -> bool:
    """Whether a section says nothing about traffic: by its name, or as nothing of it is switched on."""
    if section.tag == "captiveportal":
        return True  # where it is switched on, its interfaces are in doubt
    unbridged = {"bridges": not section.all("bridged"), "bridge": not section.inner}  # as older versions write it
    return section.tag in SECTIONS or unbridged.get(section.tag, False)


def _to_rules(chain: str, nowhere: Origin) -> list[Rule]:
    named = Named(f"{RULES}#all", chain, 0, nowhere)
    return [made(named, family, Action.GOTO, (FULL[family],), target=RULES) for family in FAMILIES]


def _from(family: Family, text: str) -> Box:
    [(low, high)] = entries.prefix(text).ranges[family]
    return box_of(family, src=(low, high))
