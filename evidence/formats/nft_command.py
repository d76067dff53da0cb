"""What the command that took an nft dump says about what is missing in it ("" = nobody said how it was taken)."""

from __future__ import annotations

FAMILIES = frozenset({"ip", "ip6", "inet", "arp", "bridge", "netdev"})


def part_only(command: str) -> str:
    """Why a dump of this command shows a part of the rules only; "" where it shows them all."""
    words = command.split()
    if "list" not in words:
        return ""
    after = words[words.index("list") + 1 :]
    if after[:1] != ["ruleset"] or (len(after) > 1 and after[1] in FAMILIES):
        return f"`{command}` lists a part of the rules only: give `nft -j list ruleset`"
    return ""


def shows_elements(command: str) -> bool:
    """Whether the command is known to print the elements of sets: it lists the rules, without `--terse`."""
    words = command.split()
    if "ruleset" not in words:
        return False
    return not any(word == "--terse" or (word.startswith("-") and word[1:2] != "-" and "t" in word) for word in words)
