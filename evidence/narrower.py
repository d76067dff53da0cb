"""A narrower rule in the words of its own format: it lets through what of the rule is authorised, and nothing else.

What is kept is the rule's own traffic cut to the authorised, so it can be neither wider than the rule nor narrower
than what is authorised of it; both are checked once more before anything is proposed. Nothing is proposed for a rule
with parts that are not modelled: what they match is not known.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, ICMP, ICMP_TOP, PORT_TOP, Box, Family, contains, intersect
from compliance.traffic.residual import covered
from evidence import narrower_junos, narrower_panos
from evidence.formats.matching import written_states
from evidence.narrower_cisco import Kept, Unsaid, asa, ios
from evidence.rules import Action, Rule

MOST_LINES = 8
TOOLS = frozenset({"iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy"})
PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
ICMP_NAME: dict[Family, str] = {4: "icmp", 6: "icmpv6"}


def commands(parts: Sequence[Rule], authorised: Iterable[tuple[Family, Box]]) -> list[str]:
    """The commands that replace a rule, given as its parts (one id, by family and state); [] where none can be said."""
    wanted = list(authorised)
    first = parts[0]
    tool, _, rest = first.id.partition(":")
    kept = [
        (part, box) for part in parts for box in _kept(part, [one for family, one in wanted if family == part.family])
    ]
    sound = all(
        part.action is Action.PERMIT and not part.residue and part.nat is None and part.enabled for part in parts
    )
    if not kept or not sound or len(kept) > MOST_LINES:
        return []
    try:
        if tool in TOOLS:
            return _iptables(tool, rest.partition("/")[0], first, kept)
        return SYNTAX[tool](rest, first, kept) if tool in SYNTAX else []
    except (Unsaid, narrower_panos.Unsaid):
        return []


def _kept(rule: Rule, authorised: list[Box]) -> list[Box]:
    """The rule's traffic that is authorised, without boxes that lie in another one."""
    found = dict.fromkeys(part for box in rule.boxes for one in authorised if (part := intersect(box, one)) is not None)
    kept = [box for box in found if not any(other != box and contains(other, box) for other in found)]
    near = [box for box in authorised if any(intersect(box, one) for one in rule.boxes)]
    if not all(covered(box, near) and covered(box, rule.boxes) for box in kept):
        raise ValueError(f"what is kept of {rule.id} is not its own authorised traffic")
    return kept


def _iptables(tool: str, table: str, rule: Rule, kept: Sequence[tuple[Rule, Box]]) -> list[str]:
    where = "" if table == "filter" else f" -t {table}"
    chain = rule.chain.rpartition("/")[2] or rule.chain
    lines = []
    for place, (part, box) in enumerate(kept):
        verb = f"-R {chain} {rule.seq}" if place == 0 else f"-I {chain} {rule.seq + place}"
        words = [*_limits_iptables(part), *_box_iptables(part.family, box)]
        if rule.origin.comment:
            words += ["-m", "comment", "--comment", shlex.quote(rule.origin.comment)]
        lines.append(" ".join([f"{tool.removesuffix('-legacy')}{where} {verb}", *words, "-j", "ACCEPT"]))
    return lines


def _limits_iptables(rule: Rule) -> list[str]:
    words: list[str] = []
    for option, names in (("-i", rule.iif), ("-o", rule.oif)):
        name, negated = _single(names)
        words += ([*(["!"] if negated else []), option, name]) if name else []
    if rule.states is not None:
        words += ["-m", "conntrack", "--ctstate", ",".join(written_states(rule.states))]
    return words


def _box_iptables(family: Family, box: Box) -> list[str]:
    words: list[str] = []
    for option, span, at in (("-s", "--src-range", 0), ("-d", "--dst-range", 2)):
        low, high = box[at], box[at + 1]
        if (low, high) == (FULL[family][at], FULL[family][at + 1]):
            continue
        whole = _prefix(family, low, high)
        ends = f"{addresses.to_text(family, low)}-{addresses.to_text(family, high)}"
        words += [option, whole] if whole else ["-m", "iprange", span, ends]
    words += _protocol(family, box, "-p {}", "--sport {}:{}", "--dport {}:{}", "--{}-type {}")
    return words


def _nft(place: str, rule: Rule, kept: Sequence[tuple[Rule, Box]]) -> list[str]:
    path, _, handle = place.partition("#")
    names = path.split("/")
    if not handle.isdecimal() or len(names) != 3:
        raise Unsaid
    table_family, table, chain = names
    lines = []
    for number, (part, box) in enumerate(kept, start=1):
        verb = "replace" if number == len(kept) else "insert"
        words = [*_limits_nft(part), *_box_nft(part.family, box), "accept"]
        if rule.origin.comment:
            words += ["comment", "'\"" + rule.origin.comment.replace("'", "").replace('"', "") + "\"'"]
        lines.append(" ".join([f"nft {verb} rule {table_family} {table} {chain} handle {handle}", *words]))
    return lines


def _limits_nft(rule: Rule) -> list[str]:
    words: list[str] = []
    for key, names in (("iifname", rule.iif), ("oifname", rule.oif)):
        name, negated = _single(names)
        words += [key, *(["!="] if negated else []), _quoted(name)] if name else []
    if rule.states is not None:
        words += ["ct", "state", "{", ", ".join(state.lower() for state in written_states(rule.states)), "}"]
    return words


def _quoted(name: str) -> str:
    return "'\"" + (name[:-1] + "*" if name.endswith("+") else name) + "\"'"


def _box_nft(family: Family, box: Box) -> list[str]:
    key = "ip" if family == 4 else "ip6"
    words = ["meta", "nfproto", "ipv4" if family == 4 else "ipv6"]
    for side, at in (("saddr", 0), ("daddr", 2)):
        low, high = box[at], box[at + 1]
        if (low, high) != (FULL[family][at], FULL[family][at + 1]):
            ends = f"{addresses.to_text(family, low)}-{addresses.to_text(family, high)}"
            words += [key, side, _prefix(family, low, high) or ends]
    return words + _protocol(family, box, "meta l4proto {}", "th sport {}-{}", "th dport {}-{}", "{} type {}")


def _protocol(family: Family, box: Box, proto: str, sport: str, dport: str, icmp: str) -> list[str]:
    """Protocol, ports or ICMP type in the words given. Raises Unsaid."""
    if (box[4], box[5]) == (0, 255):
        return _only(box)
    if box[4] != box[5]:
        raise Unsaid
    number = box[4]
    if number == ICMP[family]:
        name = ICMP_NAME[family]
        if box[6] == 0 and box[7] >= ICMP_TOP:
            return [proto.format(name)]
        if box[6] != box[7] or box[8] > 0 or box[9] < ICMP_TOP:
            raise Unsaid
        return [proto.format(name), icmp.format(name, box[6])]
    words = [proto.format(PORTS.get(number, number))]
    if number not in PORTS:
        return words + _only(box)
    for text, at in ((sport, 6), (dport, 8)):
        if (box[at], box[at + 1]) != (0, PORT_TOP):
            both = text.format(box[at], box[at + 1])
            words.append(both if box[at] != box[at + 1] else f"{text.split('{')[0]}{box[at]}")
    return words


def _only(box: Box) -> list[str]:
    if box[6:] != (0, PORT_TOP, 0, PORT_TOP):
        raise Unsaid
    return []


def _single(names: frozenset[str] | None) -> tuple[str, bool]:
    """The one interface a rule is limited to, and whether it is the one it excludes; "" for any. Raises Unsaid."""
    if names is None:
        return "", False
    if len(names) != 1:
        raise Unsaid
    name = next(iter(names))
    return name.removeprefix("!"), name.startswith("!")


def _prefix(family: Family, low: int, high: int) -> str:
    """A prefix or one address; "" when the range is neither."""
    bits = (high - low + 1).bit_length() - 1
    if 1 << bits != high - low + 1 or low & (high - low):
        return ""
    text = addresses.to_text(family, low)
    return text if not bits else f"{text}/{addresses.BITS[family] - bits}"


# The first part of a rule's id → how its format is typed: (the rest of the id, the rule, what is kept of it) → lines
SYNTAX: Final[Mapping[str, Callable[[str, Rule, Kept], list[str]]]] = {
    "nft": _nft, "ios": ios, "asa": asa, "junos": lambda place, _, kept: narrower_junos.commands(place, kept),
    "panos": lambda _, rule, kept: narrower_panos.commands(rule.id, [(part.family, box) for part, box in kept]),
}  # fmt: skip
