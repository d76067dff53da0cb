"""From where flow logs saw each server administered: what really came in beside what its filters would let in. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.services import Span, protocol_name
from evidence.case import Case
from evidence.flowlogs.gathered import Talk
from evidence.flowlogs.seen import Coverage, Holding
from evidence.usage_verdicts import OPEN

DAYS: Final = 31
LISTED: Final = 20  # of one server; how many more there are is said


@dataclass(frozen=True)
class Reached:
    """What got through to services of administration in the last 31 days, by where it went."""

    coverage: Coverage
    holdings: Sequence[Holding] = ()
    talks: Mapping[tuple[Family, int], Sequence[Talk]] = field(default_factory=dict)

    @classmethod
    def of(cls, coverage: Coverage, holdings: Sequence[Holding], talks: Iterable[Talk]) -> Reached:
        """The same from a plain list."""
        found: dict[tuple[Family, int], list[Talk]] = {}
        for one in talks:
            found.setdefault((one.family, one.dst), []).append(one)
        return cls(coverage, holdings, found)

    def held(self, case: Case, family: Family, address: int, since: int, until: int) -> list[str]:
        """Whose an address was in a time; whose it is, where that never changed; none: nobody's."""
        several = [one for one in self.holdings if (one.family, one.address) == (family, address)]
        if not several:
            name = case.estate.holders.get(address)
            return [name] if name else []
        return list(dict.fromkeys(one.server for one in several if one.first <= until and since <= one.last))


def seen(case: Case, name: str, spans: Sequence[Span], bastions: Collection[str], reached: Reached) -> dict[str, Any]:
    """Who came in to one server: {from: others | bastions | nobody | unknown, others, bastions: [line], more, watched,
    hours}. Of what was not watched nothing is said: `watched` of `hours` were, at every address it has."""
    found: dict[str, list[dict[str, Any]]] = {"others": [], "bastions": []}
    coverage = reached.coverage
    last = coverage.last_hour
    watched = coverage.from_hour(coverage.every, last - DAYS * 24)
    hours = watched.bit_count()
    own = [(family, address) for family in FAMILIES for address in case.estate.of(name, family)]
    for family, address in own:
        watched &= coverage.of_range(family, address, address)
        for one in reached.talks.get((family, address), ()):
            if name in reached.held(case, family, address, one.first, one.last) and _asked(one, spans):
                who = reached.held(case, family, one.src, one.first, one.last)
                if who != [name]:
                    found["bastions" if who and set(who) <= set(bastions) else "others"].append(_line(one, who))
    watched = watched if own else 0
    for lines in found.values():
        lines.sort(key=lambda line: (-line["last"], line["from"], line["service"]))
    more = {kind: max(len(lines) - LISTED, 0) for kind, lines in found.items()}
    whose = next((kind for kind in ("others", "bastions") if found[kind]), "nobody" if watched else "unknown")
    listed = {kind: lines[:LISTED] for kind, lines in found.items()}
    return {"from": whose, **listed, "more": more, "watched": watched.bit_count(), "hours": hours}


def _asked(one: Talk, spans: Iterable[Span]) -> bool:
    port = one.port or 0
    return any(span[0] <= one.proto <= span[1] and span[4] <= port <= span[5] for span in spans)


def _line(one: Talk, who: Sequence[str]) -> dict[str, Any]:
    return {
        "from": " and then ".join(who) or to_text(one.family, one.src), "known": bool(who),
        "src": to_text(one.family, one.src), "dst": to_text(one.family, one.dst), "proto": one.proto, "port": one.port,
        "service": f"{protocol_name(one.proto)}/{one.port}", "first": one.first, "last": one.last, "days": one.days,
        "flows": one.flows, "bytes": one.bytes, "sure": one.sure > OPEN,
    }  # fmt: skip
