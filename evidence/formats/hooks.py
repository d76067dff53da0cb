"""The kernel's hooks: which base chains a packet passes at INPUT, FORWARD and OUTPUT, and in which order.

Priorities: include/uapi/linux/netfilter_ipv4.h. Legacy iptables, iptables-nft and nft chains all hang on the same
hooks at once; a drop in any of them is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from evidence.rules import Chain, Point, Unread

PATHS: dict[str, tuple[str, ...]] = {
    "INPUT": ("prerouting", "input"),
    "FORWARD": ("prerouting", "forward", "postrouting"),
    "OUTPUT": ("output", "postrouting"),
}
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
CONNTRACK = -200  # connection tracking itself, on prerouting and output
TRACKING_HOOKS = frozenset({"prerouting", "output"})
TABLES = frozenset({"raw", "mangle", "nat", "filter", "security"})  # of iptables
PRIORITIES: dict[str, int] = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}

# Reasons of unread lines that another dump of the same host settles (evidence/host.py).
LEGACY_TOO = "this host also has legacy tables, which this dump does not show"
ONE_TABLE = "this dump shows one table only"
NATIVE_TOO = "this table holds chains that only nft can list"


def points_of(chains: Sequence[Chain], unread: Iterable[Unread]) -> tuple[Point, ...]:
    """INPUT, FORWARD and OUTPUT with the base chains on their way, and how many unread lines concern each."""
    missed = list(unread)
    return tuple(
        Point(name, "first-match", _stages(path, chains), sum(1 for one in missed if one.point in {"", name}))
        for name, path in PATHS.items()
    )


def _stages(path: tuple[str, ...], chains: Sequence[Chain]) -> tuple[str, ...]:
    on_way = [chain for chain in chains if chain.hook in path]
    return tuple(chain.name for chain in sorted(on_way, key=lambda chain: (path.index(chain.hook), *place_of(chain))))


def place_of(chain: Chain) -> tuple[int, int]:
    """Where in its hook a base chain stands. All chains that translate stand together: net/netfilter/nf_nat_core.c
    registers one hook for all of them at the usual priority, and their own priorities order them within."""
    if chain.table != "nat":
        return chain.priority, chain.priority
    return PRIORITIES["dstnat" if chain.hook in TRACKING_HOOKS else "srcnat"], chain.priority


def points_at(hooks: Iterable[str]) -> tuple[str, ...]:
    """The points whose path has one of the hooks; none when there is no hook (nobody knows who gets there)."""
    wanted = set(hooks)
    return tuple(name for name, path in PATHS.items() if wanted & set(path))


def reach(calls: Mapping[str, Iterable[str]], bases: Iterable[str]) -> dict[str, frozenset[str]]:
    """For every chain the base chains that lead to it, itself among them.

    `calls`: chain -> the chains its rules jump or go to.
    """
    found: dict[str, set[str]] = {}
    for base in bases:
        waiting = [base]
        while waiting:
            name = waiting.pop()
            if base in found.setdefault(name, set()):
                continue
            found[name].add(base)
            waiting.extend(calls.get(name, ()))
    return {name: frozenset(callers) for name, callers in found.items()}


def same_rules(a: Chain, b: Chain) -> bool:
    """Whether two chains say the same, wherever they stand."""
    return (a.hook, a.priority, a.default, len(a.rules)) == (b.hook, b.priority, b.default, len(b.rules)) and all(
        replace(x, origin=y.origin) == y for x, y in zip(a.rules, b.rules, strict=True)
    )
