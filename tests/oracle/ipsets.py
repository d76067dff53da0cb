"""Random ipsets, as `ipset restore` takes them, for the rules of legacy iptables and of iptables over nft."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, Family
from tests.oracle.vocabulary import Vocabulary

WORD: dict[Family, str] = {4: "inet", 6: "inet6"}
# Type -> how many of `src`, `dst` a match on it takes.
DIMENSIONS = {
    "hash:ip": 1, "hash:net": 1, "hash:ip,port": 2, "hash:net,port": 2, "hash:net,iface": 2, "hash:ip,port,ip": 3,
    "hash:ip,port,net": 3, "bitmap:port": 1,
}  # fmt: skip
ICMP: dict[Family, str] = {4: "icmp:8/0", 6: "icmpv6:128/0"}


@dataclass(frozen=True, slots=True)
class Sets:
    """`text`: what is restored; `usable`: family -> (name, dimensions) of the sets its rules may use."""

    text: str
    usable: dict[Family, tuple[tuple[str, int], ...]]


def drawn(dice: Random, words: Vocabulary) -> Sets:
    """One to three sets of each family, and now and then a list of some of them."""
    lines: list[str] = []
    mark = dice.randint(0, 99_999)  # other names each time: the kernel lets go of the old sets when it likes
    usable: dict[Family, tuple[tuple[str, int], ...]] = {}
    for family in FAMILIES:
        names: list[tuple[str, int]] = []
        for kind in dice.sample(tuple(DIMENSIONS), dice.randint(1, 3)):
            name = f"{kind.replace(':', '-').replace(',', '-')}-{family}-{mark}"
            lines.extend(_set(dice, words, family, kind, name))
            names.append((name, DIMENSIONS[kind]))
        plain = [name for name, dimensions in names if dimensions == 1]
        if plain and dice.random() < 0.3:
            lines.extend(
                [f"create list-{family}-{mark} list:set", *(f"add list-{family}-{mark} {name}" for name in plain)]
            )
            names.append((f"list-{family}-{mark}", 1))
        usable[family] = tuple(names)
    return Sets("\n".join([*lines, ""]), usable)


def _set(dice: Random, words: Vocabulary, family: Family, kind: str, name: str) -> list[str]:
    if kind == "bitmap:port":
        lines = [f"create {name} bitmap:port range 0-65535"]
        spans = words.ports_apart(dice, 3)
        return [*lines, *(f"add {name} {low}-{min(high, low + 2000)}" for low, high in spans)]
    lines = [f"create {name} {kind} family {WORD[family]}"]
    kinds = kind.removeprefix("hash:").split(",")
    elements = {",".join(_part(dice, words, family, one) for one in kinds) for _ in range(dice.randint(1, 6))}
    for element in sorted(elements):
        nomatch = " nomatch" if "net" in kinds and dice.random() < 0.15 else ""
        lines.append(f"add {name} {element}{nomatch} -exist")
    return lines


def _part(dice: Random, words: Vocabulary, family: Family, kind: str) -> str:
    if kind == "ip":
        return addresses.to_text(family, dice.choice(words.spans[family])[dice.randint(0, 1)])
    if kind == "net":
        nets = [one for one in words.prefixes[family] if one[1]] or [(words.spans[family][0][0], 128)]
        value, length = dice.choice(nets)
        return f"{addresses.to_text(family, value)}/{min(length, addresses.BITS[family])}"
    if kind == "iface":
        return dice.choice(words.links)
    if dice.random() < 0.15:
        return ICMP[family]
    low, high = dice.choice(words.ports)
    port = dice.choice((low, high))
    return f"{dice.choice(('tcp', 'udp', 'sctp', 'udplite'))}:{port}"
