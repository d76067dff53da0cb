"""Random native nft tables: several families, base chains at several priorities, sets, maps and called chains."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from compliance.traffic.boxes import Family
from tests.oracle import nft_nat
from tests.oracle.nft_matches import DOUBT, TYPE, WORD, Matches, address_text, port_text
from tests.oracle.vocabulary import Vocabulary

FAMILIES: dict[str, tuple[Family, ...]] = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
PRIORITIES = (
    "filter", "filter - 5", "filter + 10", "raw", "mangle", "security", "-250", "0", "-1", "300", "-100", "100", "-120",
    "120",
)  # fmt: skip
CALLED = ("web", "mgmt", "strict")
QUIET = ("counter", 'log prefix "seen "', "counter log", "meta mark set 0x5", "ct mark set 0x9")


@dataclass(frozen=True, slots=True)
class Base:
    """A base chain to be: its hook and how many of its packets may be dropped by policy."""

    name: str
    hook: str


class Writer:
    """Writes one native ruleset. `doubt`: how often a rule has a match that no reader can decide."""

    def __init__(self, dice: Random, words: Vocabulary, doubt: float) -> None:
        self._dice, self._words, self._doubt = dice, words, doubt

    def ruleset(self, most: int = 3) -> str:
        """One table, or up to `most`."""
        kinds = self._dice.choices(("inet", "ip", "ip6"), (4, 2, 2), k=self._dice.randint(1, most))
        return "\n".join(self._table(kind, f"t{number}") for number, kind in enumerate(kinds))

    def _table(self, kind: str, name: str) -> str:
        dice, families = self._dice, FAMILIES[kind]
        sets = self._sets(families)
        matches = Matches(dice, self._words, families, {kind: names for kind, (names, _) in sets.items()})
        called = dice.sample(CALLED, dice.randint(0, 3))
        bases = [Base(f"{hook}{number}", hook) for number, hook in enumerate(self._hooks())]
        lines = [f"table {kind} {name} {{", *(f"\tchain {chain} {{ }}" for chain in called)]
        lines.extend(line for _, texts in sets.values() for line in texts)
        rejects = all(base.hook in {"input", "forward", "output"} for base in bases)
        maps, map_lines = self._maps(families, called)
        lines.extend(map_lines)
        for place, chain in enumerate(called):
            rules = [
                self._rule(matches, "", called[place + 1 :], {}, rejects=rejects) for _ in range(dice.randint(0, 4))
            ]
            lines.extend([f"\tchain {chain} {{", *(f"\t\t{rule}" for rule in rules), "\t}"])
        for base in bases:
            lines.extend(self._base(base, matches, called, maps))
        if dice.random() < 0.25:
            for number in range(dice.randint(1, 2)):
                lines.extend(nft_nat.chain(dice, self._words, matches, number, self._doubt))
        return "\n".join([*lines, "}", ""])

    def _hooks(self) -> list[str]:
        weights = (1, 4, 4, 4, 1)
        return self._dice.choices(HOOKS, weights, k=self._dice.randint(1, 4))

    def _base(self, base: Base, matches: Matches, called: list[str], maps: dict[str, tuple[str, ...]]) -> list[str]:
        dice = self._dice
        drops = 0.25 if base.hook in {"input", "forward", "output"} else 0.03
        policy = "drop" if dice.random() < drops else "accept"
        rejects = base.hook in {"input", "forward", "output", "prerouting"}
        head = f"\t\ttype filter hook {base.hook} priority {dice.choice(PRIORITIES)}; policy {policy};"
        rules = [self._rule(matches, base.hook, called, maps, rejects=rejects) for _ in range(dice.randint(0, 7))]
        return [f"\tchain {base.name} {{", head, *(f"\t\t{rule}" for rule in rules), "\t}"]

    def _rule(
        self, matches: Matches, hook: str, called: list[str], maps: dict[str, tuple[str, ...]], *, rejects: bool
    ) -> str:
        dice = self._dice
        family = dice.choice(matches.families)
        parts, has_protocol = matches.some(hook, family)
        if dice.random() < self._doubt:
            parts.append(dice.choice(DOUBT))
        if dice.random() < 0.2:
            parts.append(dice.choice(QUIET))
        end = self._end(parts)
        if parts and dice.random() < self._doubt:
            end = "notrack"
        if end in {"jump", "goto"}:
            end = f"{end} {dice.choice(called)}" if called else "accept"
        elif end == "vmap":
            end = self._vmap(family, called, maps, has_protocol=has_protocol)
        if end == "reject":
            end = self._reject(matches, family, has_protocol=has_protocol) if rejects else "drop"
        parts.append(end)
        comment = ' comment "CHG-7"' if dice.random() < 0.1 else ""
        return " ".join(part for part in parts if part) + comment

    def _end(self, parts: list[str]) -> str:
        kinds = {"accept": 5, "drop": 4 if parts else 1, "reject": 1, "return": 1, "continue": 1, "counter": 1}
        kinds |= {"jump": 3, "goto": 1, "vmap": 3}
        return self._dice.choices(tuple(kinds), tuple(kinds.values()))[0]

    def _reject(self, matches: Matches, family: Family, *, has_protocol: bool) -> str:
        """With the answer that nft chooses, or one that limits the rule to its own family or protocol."""
        kinds = ["", "", f"with icmp{'v6' if family == 6 else ''} admin-prohibited"]
        kinds += [] if has_protocol else ["with tcp reset"]
        kinds += ["with icmpx host-unreachable"] if len(matches.families) == 2 else []
        return f"reject {self._dice.choice(kinds)}".strip()

    def _verdict(self, called: list[str]) -> str:
        verdict = self._dice.choice(("accept", "drop", "return", "continue", "jump", "goto"))
        if verdict in {"jump", "goto"}:
            return f"{verdict} {self._dice.choice(called)}" if called else "accept"
        return verdict

    def _vmap(self, family: Family, called: list[str], maps: dict[str, tuple[str, ...]], *, has_protocol: bool) -> str:
        dice = self._dice
        named = maps.get(TYPE[family], ())
        keys = [*(("named", "named") if named else ()), "state", "address", "iifname", "two addresses"]
        key = dice.choice(keys if has_protocol else [*keys, "ports", "l4", "address and port", "interface and port"])
        side = f"{WORD[family]} {dice.choice(('saddr', 'daddr'))}"
        if key == "named":
            return f"{side} vmap @{dice.choice(named)}"
        left, texts = {
            "ports": ("tcp dport", [port_text(one) for one in self._words.ports_apart(dice, 4)]),
            "state": ("ct state", dice.sample(("new", "established", "related", "invalid"), dice.randint(1, 3))),
            "address": (side, [address_text(family, one) for one in self._words.apart(dice, family, 4)]),
            "iifname": ("meta iifname", [f'"{name}"' for name in dict.fromkeys(self._words.links[:2])]),
            "two addresses": (
                f"{WORD[family]} saddr . {WORD[family]} daddr",
                [
                    f"{address_text(family, one)} . {address_text(family, self._words.span(dice, family))}"
                    for one in self._words.apart(dice, family, 3)
                ],
            ),
            "address and port": (
                f"{side} . {dice.choice(('tcp', 'udp'))} dport",
                [
                    f"{address_text(family, one)} . {port_text(dice.choice(self._words.ports))}"
                    for one in self._words.apart(dice, family, 3)
                ],
            ),
            "interface and port": (
                "iifname . tcp dport",
                [
                    f'"{name}" . {port_text(dice.choice(self._words.ports))}'
                    for name in dict.fromkeys(self._words.links)
                ],
            ),
            "l4": ("meta l4proto", dice.sample(("tcp", "udp", "sctp", "icmp", "ipv6-icmp"), dice.randint(1, 3))),
        }[key]
        if key in {"ports", "address", "l4", "iifname"} and dice.random() < 0.2:
            texts.append("*")
        return f"{left} vmap {{ {', '.join(f'{text} : {self._verdict(called)}' for text in texts)} }}"

    def _sets(self, families: tuple[Family, ...]) -> dict[str, tuple[tuple[str, ...], list[str]]]:
        """Named sets by type: their names and the lines that define them."""
        dice, found = self._dice, dict[str, tuple[tuple[str, ...], list[str]]]()
        for family in families:
            texts = [address_text(family, one) for one in self._words.apart(dice, family, 5)]
            found[TYPE[family]] = _set(f"adm{family}", TYPE[family], texts)
            triples = [
                " . ".join(
                    (address_text(family, one), dice.choice(("tcp", "udp")), port_text(dice.choice(self._words.ports)))
                )
                for one in self._words.apart(dice, family, 3)
            ]
            kind = f"{TYPE[family]} . inet_proto . inet_service"
            found[kind] = _set(f"trip{family}", kind, triples)
        names = [f'"{name}"' for name in dice.sample(self._words.links, dice.randint(1, len(self._words.links)))]
        found["ifname"] = _set("links", "ifname", names)
        found["inet_service"] = _set("ports", "inet_service", [port_text(p) for p in self._words.ports_apart(dice, 4)])
        return {kind: one for kind, one in found.items() if dice.random() < 0.6}

    def _maps(self, families: tuple[Family, ...], called: list[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        """Named verdict maps by the type of their key."""
        dice, names, lines = self._dice, dict[str, tuple[str, ...]](), list[str]()
        for family in families:
            if dice.random() < 0.5:
                continue
            elements = [
                f"{address_text(family, one)} : {self._verdict(called)}" for one in self._words.apart(dice, family, 4)
            ]
            names[TYPE[family]] = (f"nets{family}",)
            lines.append(f"\tmap nets{family} {{ type {TYPE[family]} : verdict; flags interval;")
            lines.append(f"\t\telements = {{ {', '.join(elements)} }}")
            lines.append("\t}")
        return names, lines


def _set(name: str, kind: str, texts: list[str]) -> tuple[tuple[str, ...], list[str]]:
    head = f"\tset {name} {{ type {kind}; flags interval;"
    return (name,), [head, f"\t\telements = {{ {', '.join(texts)} }}", "\t}"]
