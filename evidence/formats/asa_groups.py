"""The lines within objects and object-groups of an ASA: addresses, services inline or by port, protocols, ICMP."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.traffic.boxes import FAMILIES, ICMP, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats import cisco_names, entries, names
from evidence.formats.entries import ANY_PORT, Service, Side
from evidence.formats.object_groups import Group, Meaning, Member

OPERATORS = frozenset({"eq", "neq", "lt", "gt", "range"})
TABLES: dict[Family, cisco_names.Icmp] = {4: cisco_names.ASA_ICMP4, 6: cisco_names.ASA_ICMP6}
BOTH = (6, 17)
PROTOCOLS = {"tcp": (6,), "udp": (17,), "sctp": (132,), "tcp-udp": BOTH}


class Members:
    """Reads the lines of groups. `names`: what `name` statements call addresses."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def read(self, group: Group, member: Member, made: Meaning) -> str:
        """Reads one line into the meaning of its group; gives the group it refers to. Raises ValueError, IndexError."""
        words = member.words
        if words[0] == "group-object" or words[1:2] == ["object"]:
            return words[-1]
        kind, left = words[0], words[1:]
        if kind in {"host", "subnet", "range", "fqdn", "network-object"}:
            made.side.add(self._network(left if kind == "network-object" else words))
        elif kind == "port-object":
            _ports_of(group, left, made)
        elif kind in {"service-object", "service"}:
            made.add_services(service(left))
        elif kind == "protocol-object":
            made.add_services(_protocol(left[0]))
        elif kind == "icmp-object":
            made.add_services(_icmp(left, FAMILIES))
        else:
            raise ValueError(" ".join(words))
        return ""

    def _network(self, words: list[str]) -> Side:
        first = words[0]
        if first == "fqdn":
            return entries.unknown(f"{words[-1]} is a name that the device looks up")
        if first == "range":
            return entries.between(self._named(words[1]), self._named(words[2]))
        if first == "host":
            return entries.host(self._named(words[1]))
        left = words[1:] if first == "subnet" else words
        address = self._named(left[0])
        return entries.prefix(address) if "/" in address else entries.masked(address, left[1], wildcard=False)

    def _named(self, word: str) -> str:
        return self._names.get(word, word)


def service(words: list[str]) -> dict[Family, list[Service]]:
    """`tcp source gt 1023 destination eq https`, `icmp echo 0`, `ip`, `17`. Raises ValueError or IndexError."""
    name, left = words[0].lower(), words[1:]
    if name == "ip":
        return {family: [Service()] for family in FAMILIES}
    if name in {"icmp", "icmp6"}:
        return _icmp(left, (4,) if name == "icmp" else (6,))
    protocols = PROTOCOLS.get(name) or (names.number(name, cisco_names.PROTOCOLS, PROTO_TOP),)
    source, target = [ANY_PORT], [ANY_PORT]
    while left:
        side = left[0] if left[0] in {"source", "destination"} else "destination"
        left = left[1:] if left[0] == side else left
        found, left = _ports(left, protocols)
        source, target = (found, target) if side == "source" else (source, found)
    services = [Service((one, one), low, high) for one in protocols for low in source for high in target]
    return dict.fromkeys(FAMILIES, services)


def _ports_of(group: Group, words: list[str], made: Meaning) -> None:
    protocols = PROTOCOLS.get(group.of, BOTH)
    found, left = _ports(words, protocols)
    if left:
        raise ValueError(" ".join(left))
    made.ports.extend(found)
    if group.of:
        services = [Service((one, one), ANY_PORT, port) for one in protocols for port in found]
        made.add_services(dict.fromkeys(FAMILIES, services))


def _ports(words: list[str], protocols: tuple[int, ...]) -> tuple[list[Interval], list[str]]:
    if words[0] not in OPERATORS:
        raise ValueError(f"{words[0]!r} is no known comparison of ports")
    count = 2 if words[0] == "range" else 1
    known: dict[str, int] = dict(cisco_names.ASA_ONLY)
    for one in protocols:
        known |= cisco_names.PORTS.get(one, {})
    values = [names.number(word, known, PORT_TOP) for word in words[1 : count + 1]]
    if len(values) < count:
        raise ValueError(" ".join(words))
    return entries.ports(words[0], values), words[count + 1 :]


def _protocol(word: str) -> dict[Family, list[Service]]:
    if word == "ip":
        return {family: [Service()] for family in FAMILIES}
    value = names.number(word, cisco_names.PROTOCOLS, PROTO_TOP)
    return {family: [Service((value, value))] for family in FAMILIES}


def _icmp(words: list[str], families: tuple[Family, ...]) -> dict[Family, list[Service]]:
    found: dict[Family, list[Service]] = {}
    for family in families:
        table = TABLES[family]
        if not words:
            found[family] = [Service((ICMP[family], ICMP[family]))]
        elif entries.is_number(words[0]) or words[0] in table:
            kind = int(words[0]) if entries.is_number(words[0]) else table[words[0]][0]
            found[family] = [entries.icmp_of(kind, int(words[1]) if len(words) > 1 else None, family)]
    if not found:
        raise ValueError(f"{words[0]!r} is no known type of ICMP")
    return found
