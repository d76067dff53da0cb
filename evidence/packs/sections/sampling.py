"""A sample that nobody chose: rows drawn by a seed, each with its whole trail. The verifier draws them again.

The page draws with a seed of the assessor's own, a pack with one that its systems and period make: whoever builds a
pack cannot try seeds until the sample looks well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evidence.packs.section import Scope, Section
from evidence.packs.section import State as Held
from evidence.packs.sections import trail
from evidence.packs.sections.known import comparison, served
from evidence.packs.verify_sampling import FORMAT, MEMBER, RULE, digest, draw, rank

TITLE: Final = "Samples of records"
SIZE: Final = 10


@dataclass(frozen=True, slots=True)
class Population:
    """What can be drawn from: its name, the list of the pack that holds all of it, its ids, and the trails of some."""

    label: str
    path: str
    ids: Callable[[Scope], list[str]]
    read: Callable[[Scope, Collection[str]], list[trail.Trail]]


POPULATIONS: Final[dict[str, Population]] = {
    "connections": Population("Authorised connections and shares", "data/connections.csv", trail.connection_ids,
                              trail.connections),
    "changes": Population("Change records of the period", "data/changes.csv", trail.change_ids, trail.change_records),
    "findings": Population("Standing findings", "data/findings.csv", trail.finding_ids, trail.standing),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows a seed chose, in the order of their ranks; `ids` is all that they were drawn from."""

    population: str
    label: str
    seed: str
    size: int
    ids: tuple[str, ...]
    rows: tuple[trail.Trail, ...]

    def as_json(self, *, trails: bool = True, ids: bool = False) -> dict[str, Any]:
        """Its entry of the document; with the ids it can be checked without the lists of a pack."""
        said: dict[str, Any] = {
            "population": self.population,
            "list": POPULATIONS[self.population].path,
            "population_size": len(self.ids),
            "population_sha256": digest(self.ids),
            "seed": self.seed,
            "size": self.size,
            "rows": [
                {"id": row.id, "rank": rank(self.seed, row.id)}
                | ({"what": row.what, "trail": dict(zip(trail.STEPS, row.steps, strict=True))} if trails else {})
                for row in self.rows
            ],
        }
        return said | ({"ids": list(self.ids)} if ids else {})


@dataclass(frozen=True, slots=True)
class Samples:
    """What the pages print: a sentence, and each sample. `trails` False: the profile leaves the trails out."""

    lead: str
    samples: tuple[Sample, ...]
    trails: bool
    steps: tuple[str, ...] = trail.STEPS


def build(scope: Scope) -> Section:
    """Ten rows of each kind. Missing where nothing is authorised; partial where nothing was compared."""
    seed, trails = seed_of(scope), scope.profile == "full"
    drawn = tuple(sample(scope, name, seed, SIZE) for name in POPULATIONS)
    state, because = held_state(drawn, compared=comparison(scope) is not None)
    data = Samples(lead(drawn, seed), drawn, trails)
    content = document(scope, drawn, trails=trails)
    return Section("sampling", TITLE, served("result"), state, because, "packs/print/sampling.html", data,
                   files=((MEMBER, content),))  # fmt: skip


def seed_of(scope: Scope) -> str:
    """The seed of a pack: it follows from what the pack is about, so nobody chose it."""
    return f"eastwest {scope.since} {scope.until} {' + '.join(sorted(scope.systems))}"


def sample(scope: Scope, population: str, seed: str, size: int) -> Sample:
    """The rows of a population that a seed chooses, with their trails."""
    known = POPULATIONS[population]
    ids = tuple(sorted(set(known.ids(scope))))
    chosen = draw(ids, seed, size)
    held = {one.id: one for one in known.read(scope, chosen)}
    return Sample(population, known.label, seed, size, ids, tuple(held[key] for key in chosen))


def document(scope: Scope, drawn: Sequence[Sample], *, trails: bool = True, ids: bool = False) -> bytes:
    """sampling.json: everything another machine needs to draw the same rows."""
    said = {
        "format": FORMAT,
        "rule": RULE,
        "systems": list(scope.systems),
        "period": {"from": str(scope.since), "to": str(scope.until)},
        "as_of": scope.as_of.isoformat(),
        "samples": [one.as_json(trails=trails, ids=ids) for one in drawn],
    }
    return (json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")


def held_state(drawn: Sequence[Sample], *, compared: bool) -> tuple[Held, str]:
    """Whether there was something to draw from, and something to hold it against."""
    if not any(one.ids for one in drawn):
        return "missing", "there was no record to draw from"
    if not compared:
        return "partial", "nothing was compared by the cut-off, so no row says how it stands in the rules"
    return "held", ""


def lead(drawn: Sequence[Sample], seed: str) -> str:
    """How the rows came about."""
    counts = "; ".join(f"{len(one.rows)} of {len(one.ids)} {one.label.lower()}" for one in drawn)
    return (
        f"{counts}. Nobody chose them: the seed “{seed}” follows from systems and period, and each row's rank is the "
        "SHA-256 of seed and id. The verifier draws them again from the lists."
    )
