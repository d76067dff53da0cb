"""Random nft chains of the type nat: they see the first packet of each tracked flow, and give it another source."""

from __future__ import annotations

from random import Random

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from tests.oracle.nft_matches import DOUBT, WORD, Matches, port_text
from tests.oracle.vocabulary import Vocabulary

# The kernel lets all of them translate at one place; their own priorities order them among themselves.
PRIORITIES = {
    "prerouting": ("dstnat", "dstnat", "-150", "-90"),
    "input": ("100", "100", "90"),
    "output": ("-100", "-100", "10"),
    "postrouting": ("srcnat", "srcnat", "-10", "150"),
}
GIVES_SOURCE = frozenset({"input", "postrouting"})


def chain(dice: Random, words: Vocabulary, matches: Matches, number: int, doubt: float) -> list[str]:
    """One base chain with up to four rules."""
    hook = dice.choice(tuple(PRIORITIES))
    policy = "drop" if dice.random() < 0.03 else "accept"
    head = f"\t\ttype nat hook {hook} priority {dice.choice(PRIORITIES[hook])}; policy {policy};"
    rules = [_rule(dice, words, matches, hook, doubt) for _ in range(dice.randint(1, 4))]
    # Where nothing at all looks at connections the kernel does not track them, and asks no chain of this type.
    return [f"\tchain nat{number} {{", head, "\t\tct state new counter", *(f"\t\t{rule}" for rule in rules), "\t}"]


def _rule(dice: Random, words: Vocabulary, matches: Matches, hook: str, doubt: float) -> str:
    family = dice.choice(matches.families)
    parts, _ = matches.some(hook, family)
    if dice.random() < doubt:
        parts.append(dice.choice(DOUBT))
    ending = dice.choices(("accept", "drop", "return", "counter", "translate"), (2, 1 if parts else 0, 1, 1, 6))[0]
    if ending == "translate":
        ported = any(part.startswith(("tcp ", "udp ")) for part in parts) and dice.random() < 0.4
        word = f"{WORD[family]} " if len(matches.families) == 2 else ""
        if hook in GIVES_SOURCE:
            ending = _source(dice, words, family, word, hook, ported=ported)
        else:
            ending = _destination(dice, words, family, word, hook, parts, ported=ported)
    return " ".join([*parts, ending])


def _source(dice: Random, words: Vocabulary, family: Family, word: str, hook: str, *, ported: bool) -> str:
    ports = ":1024-65535" if ported else ""
    if hook == "postrouting" and dice.random() < 0.5:
        return f"masquerade to {ports}" if ports else "masquerade"
    return f"snat {word}to {_place(family, dice.choice(words.hosts[family]), ports)}"


def _destination(
    dice: Random, words: Vocabulary, family: Family, word: str, hook: str, parts: list[str], *, ported: bool
) -> str:
    """The packet stays on its way through the host: its own addresses for its own, strangers for strangers."""
    ports = f":{port_text(dice.choice(words.ports)) if dice.random() < 0.3 else dice.choice(words.ports)[0]}"
    to_itself = hook == "prerouting" and dice.random() < 0.5
    places = words.own[family] if to_itself else words.hosts[family]
    parts.insert(0, f"{WORD[family]} daddr {addresses.to_text(family, dice.choice(places))}")
    if to_itself and ported and dice.random() < 0.5:
        return f"redirect to {ports}"
    return f"dnat {word}to {_place(family, dice.choice(places), ports if ported else '')}"


def _place(family: Family, value: int, ports: str) -> str:
    address = addresses.to_text(family, value)
    return f"[{address}]{ports}" if family == 6 and ports else f"{address}{ports}"
