"""The lines within an object-group of IOS: `host 10.0.0.1`, `10.0.0.0 255.0.0.0`, `tcp eq 443`, `group-object X`."""

from __future__ import annotations

from compliance.traffic.boxes import FAMILIES, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats import cisco_names, entries, names
from evidence.formats.entries import ANY_PORT, Service
from evidence.formats.object_groups import Group, Meaning, Member

OPERATORS = frozenset({"eq", "neq", "lt", "gt", "range"})
TABLES: dict[Family, cisco_names.Icmp] = {4: cisco_names.IOS_ICMP4, 6: cisco_names.IOS_ICMP6}


def read_member(group: Group, member: Member, made: Meaning) -> str:
    """Reads one line of a group into its meaning; gives the group it refers to. Raises ValueError or IndexError."""
    words = member.words
    if words[0] == "group-object":
        return words[1]
    if group.kind == "network":
        _network(words, made)
    elif group.kind == "ports":
        found, left = _ports(words, 132)
        if left:
            raise ValueError(" ".join(left))
        made.ports.extend(found)
    else:
        _service(words, made)
    return ""


def _network(words: list[str], made: Meaning) -> None:
    if words[0] == "any":
        made.side.add(entries.everybody((4,)))
    elif words[0] == "host":
        made.side.add(entries.host(words[1]))
    elif words[0] == "range":
        made.side.add(entries.between(words[1], words[2]))
    elif "/" in words[0]:
        made.side.add(entries.prefix(words[0]))
    elif words[1].startswith("/"):
        made.side.add(entries.prefix(words[0] + words[1]))
    else:
        made.side.add(entries.masked(words[0], words[1], wildcard=False))


def _service(words: list[str], made: Meaning) -> None:
    name = words[0].lower()
    if name == "ip":
        made.add_services({family: [Service()] for family in FAMILIES})
        return
    if name == "icmp":
        found = {family: [_icmp(words[1:], family)] for family in FAMILIES if _has(words[1:], family)}
        if not found:
            raise ValueError(f"{words[1]!r} is no known type of ICMP")
        made.add_services(found)
        return
    protocols = [6, 17] if name == "tcp-udp" else [names.number(name, cisco_names.PROTOCOLS, PROTO_TOP)]
    source, target = [ANY_PORT], [ANY_PORT]
    left = words[1:]
    if left[:1] == ["source"]:
        source, left = _ports(left[1:], protocols[0])
    if left:
        target, left = _ports(left, protocols[0])
    if left:
        raise ValueError(" ".join(left))
    services = [Service((one, one), low, high) for one in protocols for low in source for high in target]
    made.add_services(dict.fromkeys(FAMILIES, services))


def _ports(words: list[str], protocol: int) -> tuple[list[Interval], list[str]]:
    operator = words[0] if words[0] in OPERATORS else "eq"
    left = words[1:] if words[0] in OPERATORS else words
    count = 2 if operator == "range" else 1
    values = [names.number(word, cisco_names.PORTS.get(protocol, {}), PORT_TOP) for word in left[:count]]
    if len(values) < count:
        raise ValueError(" ".join(words))
    return entries.ports(operator, values), left[count:]


def _has(words: list[str], family: Family) -> bool:
    return not words or entries.is_number(words[0]) or words[0] in TABLES[family]


def _icmp(words: list[str], family: Family) -> Service:
    if not words:
        return entries.icmp_of(None, None, family)
    kind, code = (int(words[0]), None) if entries.is_number(words[0]) else TABLES[family][words[0]]
    if len(words) > 1:
        code = int(words[1])
    return entries.icmp_of(kind, code, family)
