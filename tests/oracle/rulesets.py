"""A whole set of rules for one host: what the real tools load, one of them alone or several live at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from compliance.traffic.boxes import Family
from evidence.formats.table import FORMATS
from tests.oracle import ipsets, iptables_rules, nft_rules
from tests.oracle.vocabulary import Vocabulary

TOOLS: dict[str, Family] = {"iptables-nft": 4, "ip6tables-nft": 6, "iptables-legacy": 4, "ip6tables-legacy": 6}
LEGACY = ("iptables-legacy", "ip6tables-legacy")
# What is live at once: (iptables over nft, legacy iptables, native nft).
MIXES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
TABLES = ("raw", "mangle", "nat", "filter", "security")
DOUBT = 0.008  # share of rules with a match that no reader can decide, or that take packets out of tracking
MUCH_DOUBT = 0.15  # the same where doubts shall meet each other, translations and states
SHARE_IN_DOUBT = 0.1  # of the sets of rules


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`saved`: tool -> its save text; `native`: nft's own text; `sets`: what `ipset restore` takes."""

    saved: dict[str, str] = field(default_factory=dict)
    native: str = ""
    sets: str = ""

    def files(self) -> dict[str, str]:
        """File name -> text, of what there is to load."""
        named = {
            "ipset.in": self.sets,
            "nft.in": self.native,
            **{f"{tool}.in": text for tool, text in self.saved.items()},
        }
        return {name: text for name, text in named.items() if text}

    def commands(self) -> list[str]:
        """Shell lines that load the files."""
        lines = ["ipset restore < ipset.in"] if self.sets else []
        lines.extend(f"{tool}-restore {tool}.in" for tool in self.saved)
        return [*lines, *(["nft -f nft.in"] if self.native else [])]

    def __str__(self) -> str:
        return "\n".join(f"--- {name}\n{text.rstrip()}" for name, text in self.files().items())


def _empty() -> str:
    lines = []
    for table, chains in iptables_rules.CHAINS.items():
        lines.extend([f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in chains), "COMMIT"])
    return "\n".join([*lines, ""])


READS_IPSETS = any("ipset" in one.NAME for one in FORMATS)
EMPTY = _empty()  # every table without a rule


def drawn(dice: Random, words: Vocabulary) -> Ruleset:
    """Rules of one tool or of several."""
    doubt = MUCH_DOUBT if dice.random() < SHARE_IN_DOUBT else DOUBT
    over_nft, legacy, native = dice.choice(MIXES)
    wanted = [tool for tool in TOOLS if (legacy if tool in LEGACY else over_nft)]
    sets = ipsets.drawn(dice, words) if wanted and READS_IPSETS and dice.random() < 0.4 else ipsets.Sets("", {})
    saved = {}
    for tool in wanted:
        tables = tuple(table for table in TABLES if dice.random() < (0.9 if table == "filter" else 0.25))
        if tables:
            family = TOOLS[tool]
            writer = iptables_rules.Writer(dice, words, family, doubt, sets.usable.get(family, ()))
            saved[tool] = writer.save_text(tables)
    return Ruleset(saved, nft_rules.Writer(dice, words, doubt).ruleset() if native else "", sets.text)


def small(dice: Random, words: Vocabulary) -> Ruleset:
    """One table of one tool: what a person can still read when it is a counter-example."""
    tool = dice.choice((*TOOLS, "nft"))
    if tool == "nft":
        return Ruleset({}, nft_rules.Writer(dice, words, 0).ruleset(most=1))
    return Ruleset({tool: iptables_rules.Writer(dice, words, TOOLS[tool], 0).save_text(("filter",))})
