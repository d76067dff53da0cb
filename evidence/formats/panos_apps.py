"""What a port filter can say of the applications in PAN-OS rules.

An application that is told by its protocol or ICMP type alone is decided. Every other one is told by the content of a
connection: whether a rule about it matches is not known of a first packet, nor are its standard ports, which come with
the signatures of the vendor and not with the configuration. Groups and filters of applications may be about any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compliance.traffic.boxes import FAMILIES, PROTO_TOP, Family
from evidence.formats import entries
from evidence.formats.entries import ANY_PORT, Service
from evidence.formats.panos_known import OBJECT
from evidence.formats.panos_objects import PROTOCOLS, ports
from evidence.formats.panos_sections import Scope
from evidence.formats.panos_tree import Node

Services = dict[Family, list[Service]]
# By their protocol, whatever is in them
BY_PROTOCOL = {
    "gre": 47, "ipsec-esp": 50, "ipsec-ah": 51, "igmp": 2, "ospfigp": 89, "eigrp": 88, "vrrp": 112, "pim": 103,
    "rsvp": 46, "sctp": 132, "etherip": 97, "egp": 8, "igp": 9,
}  # fmt: skip
ECHO: dict[Family, int] = {4: 8, 6: 128}
IDENTIFIED = frozenset({"ident-by-ip-protocol", "ident-by-icmp-type", "ident-by-icmp6-type"})
DEEPEST = 64


@dataclass(slots=True)
class Meant:
    """What the applications of a rule are. `exact`: services that are one for certain; `unsure`: which are by content.

    `standard`: the ports of those in `unsure` that the file gives; None where it does not give them. `bound`: services
    of which it is not certain whether they are one, with the reasons in `bound_by`.
    """

    exact: Services = field(default_factory=lambda: {family: [] for family in FAMILIES})
    bound: Services = field(default_factory=lambda: {family: [] for family in FAMILIES})
    bound_by: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    standard: list[Service] | None = field(default_factory=list)

    def doubt(self, name: str, standard: Sequence[Service] | None) -> None:
        """An application that only the content of a connection tells."""
        if name not in self.unsure:
            self.unsure.append(name)
        if standard is None:
            self.standard = None
        elif self.standard is not None:
            self.standard += standard

    def bind(self, name: str, family: Family) -> None:
        """An echo request of which it is not certain that the application is about it."""
        self.bound[family].append(entries.icmp_of(ECHO[family], None, family))
        self.bound_by.append(name)


class Applications:
    """The applications that rules of one place can name: those of the file, then those of the vendor."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._objects: dict[str, tuple[str, Node]] = {}
        self._twice: set[str] = set()
        for scope in reversed(scopes):
            here: set[str] = set()
            for kind in ("application", "application-group", "application-filter"):
                for entry in scope.objects.get(kind, []):
                    self._twice |= {entry.word} & here
                    here.add(entry.word)
                    self._objects[entry.word] = (kind, entry)

    def meant(self, names: Iterable[str]) -> Meant:
        """What a list of applications is about."""
        found = Meant()
        for name in names:
            self._add(found, name, ())
        return found

    def _add(self, found: Meant, name: str, above: tuple[str, ...]) -> None:
        way = " > ".join((*above, name))
        kind, node = self._objects.get(name, ("", None))
        if name in self._twice:
            found.doubt(f"application {way}, which is defined twice", None)
        elif name in above or len(above) > DEEPEST:
            found.doubt(f"application {way}, which leads back to itself", None)
        elif node is None:
            _predefined(found, name, way)
        elif kind == "application":
            _custom(found, node, way)
        elif kind == "application-filter":
            found.doubt(f"application filter {way}", None)
        else:
            for child in node.children:
                values = child.values() if child.word in {"members", "member"} and child.children else [child.word]
                for value in values if child.word not in OBJECT else ():
                    self._add(found, value, (*above, name))


def _predefined(found: Meant, name: str, way: str) -> None:
    proto = BY_PROTOCOL.get(name)
    if proto is not None:
        for family in FAMILIES:
            found.exact[family].append(Service((proto, proto)))
    elif name == "ping6":
        found.exact[6].append(entries.icmp_of(ECHO[6], None, 6))
    elif name == "ping":
        found.exact[4].append(entries.icmp_of(ECHO[4], None, 4))
        found.bind(f"application {way} of IPv6", 6)
    elif name in {"icmp", "ipv6-icmp"}:
        of: Family = 4 if name == "icmp" else 6
        whole, echo = entries.icmp_of(None, None, of), ECHO[of]
        found.exact[of] += [whole._replace(sport=(0, echo - 1)), whole._replace(sport=(echo + 1, whole.sport[1]))]
        found.bind(f"application {way}, of an echo request", of)
    else:
        found.doubt(f"application {way}", None)


def _custom(found: Meant, node: Node, way: str) -> None:
    """An application of the file: decided where it is told by protocol or ICMP type, and by no signature."""
    node.use()
    words = {child.word for child in node.children}
    default = next((child for child in node.children if child.word == "default"), None)
    told = default.children if default is not None else []
    try:
        services = [one for child in told for one in _default(child)]
    except (ValueError, IndexError):
        found.doubt(f"application {way}", None)
        return
    exact = told and all(child.word in IDENTIFIED for child in told) and "signature" not in words
    if not exact:
        found.doubt(f"application {way}", [service for _, service in services] if services else None)
        return
    for family, service in services:
        found.exact[family].append(service)


def _default(node: Node) -> list[tuple[Family, Service]]:
    """What stands below `default` of an application. Raises ValueError, IndexError."""
    if node.word == "ident-by-ip-protocol":
        proto = int(node.text())
        if proto > PROTO_TOP:
            raise ValueError(proto)
        return [(family, Service((proto, proto))) for family in FAMILIES]
    if node.word in {"ident-by-icmp-type", "ident-by-icmp6-type"}:
        family: Family = 4 if node.word == "ident-by-icmp-type" else 6
        kind = next(child for child in [*node.children, Node("", "tag", 0)] if child.word in {"type", ""})
        code = next((child.text() for child in node.children if child.word == "code"), "")
        return [(family, entries.icmp_of(int(kind.text()), int(code) if code else None, family))]
    if node.word != "port":
        raise ValueError(node.word)
    found: list[tuple[Family, Service]] = []
    for value in node.values():
        name, _, port = value.partition("/")
        proto = PROTOCOLS.get(name, -1)
        if proto < 0:
            raise ValueError(value)
        spans = [ANY_PORT] if port == "dynamic" else ports(port)
        found += [(family, Service((proto, proto), ANY_PORT, span)) for family in FAMILIES for span in spans]
    return found
