"""Which pairs of servers a test sheet tries: drawn by a seed from what is authorised, and from what is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

from compliance.register import Entry, Wanted
from compliance.traffic.addresses import family_of_value, to_text
from evidence.packs.verify_sampling import draw, rank

TCP: Final = 6
MOST_HOSTS: Final = 100  # servers of a system that pairs are made of; more are drawn down to these, by the same seed
# What somebody who got into one server would try at the next, whatever runs there
PORTS: Final = (22, 80, 111, 139, 443, 445, 1433, 1521, 2049, 3306, 3389, 5432, 5985, 6379, 8080, 9200, 27017)


class Pair(NamedTuple):
    """One try: from a server to another's address and TCP port. `connection` "" where nobody authorised it."""

    source: str
    target: str
    source_ip: int
    ip: int
    port: int
    connection: str = ""

    @property
    def key(self) -> str:
        """What it is drawn by, and told from others by."""
        what = f"{self.source} to {self.target} {to_text(4, self.ip)} tcp/{self.port}"
        return f"{self.connection} {what}" if self.connection else what


def authorised(wanted: Wanted, sources: Iterable[str], refs: Iterable[str] | None = None) -> list[Pair]:
    """Every authorised pair from one of these servers to a registered one: IPv4, the first TCP port of each service.

    `refs`: of these connections alone.
    """
    mine, only, found = set(sources), set(refs) if refs is not None else None, {}
    homes = {value: name for name, values in wanted.servers.items() for value in values if family_of_value(value) == 4}
    every = sorted(homes)
    for entry in wanted.entries:
        if entry.family != 4 or not entry.implemented or (only is not None and entry.id not in only):
            continue
        for box in entry.boxes:
            if not box[4] <= TCP <= box[5]:
                continue
            for start, end in product(within(every, box[0], box[1]), within(every, box[2], box[3])):
                if homes[start] in mine and homes[start] != homes[end]:
                    pair = Pair(homes[start], homes[end], start, end, max(box[8], 1), entry.id)
                    found[pair.key] = pair
    return list(found.values())


def within(every: Sequence[int], low: int, high: int) -> list[int]:
    """The addresses of a range."""
    return [value for value in every if low <= value <= high]


def not_authorised(wanted: Wanted, hosts: Sequence[str], seed: str) -> Iterator[Pair]:
    """Pairs among these servers that no connection authorises, in the order of their ranks.

    The ports are those of PORTS and those that somebody is authorised to reach at the target.
    """
    chosen = draw(hosts, seed, MOST_HOSTS)
    own = {name: first for name in chosen if (first := first_of(wanted.servers.get(name, ()))) is not None}
    four = [entry for entry in wanted.entries if entry.family == 4]
    pairs = {
        pair.key: pair
        for target, ip in own.items()
        for port in sorted({*PORTS, *ports_of(four, ip)})
        for source, start in own.items()
        if source != target
        for pair in [Pair(source, target, start, ip, port)]
    }
    for key in sorted(pairs, key=lambda one: rank(seed, one)):
        if not covered(four, pairs[key]):
            yield pairs[key]


def first_of(values: Iterable[int]) -> int | None:
    """The first IPv4 address of a server."""
    return next((value for value in sorted(values) if family_of_value(value) == 4), None)


def ports_of(entries: Iterable[Entry], ip: int) -> set[int]:
    """The first ports that anybody is authorised to reach at an address."""
    boxes = (box for entry in entries for box in entry.boxes)
    return {max(box[8], 1) for box in boxes if box[2] <= ip <= box[3] and box[4] <= TCP <= box[5]}


def covered(entries: Iterable[Entry], pair: Pair) -> bool:
    """Whether any connection authorises a pair."""
    return any(holds(box, pair.source_ip, pair.ip, pair.port) for entry in entries for box in entry.boxes)


def holds(box: Sequence[int], source: int, target: int, port: int) -> bool:
    """Whether a box holds the first packet of such a connection, whatever its source port."""
    ends = box[0] <= source <= box[1] and box[2] <= target <= box[3]
    return ends and box[4] <= TCP <= box[5] and box[8] <= port <= box[9]


def chosen_by(
    wanted: Wanted, hosts: Sequence[str], refs: Iterable[str], seed: str, sizes: tuple[int, int]
) -> list[Pair]:
    """The pairs of a sheet: so many authorised ones, then so many that are not."""
    known: Mapping[str, Pair] = {pair.key: pair for pair in authorised(wanted, hosts, refs)}
    wide = [known[key] for key in draw(known, seed, sizes[0])]
    shut = [pair for _, pair in zip(range(sizes[1]), not_authorised(wanted, hosts, seed), strict=False)]
    return [*wide, *shut]
