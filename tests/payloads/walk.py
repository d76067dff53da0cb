"""One walk: through every field, past them into every column, and over everything that comes out.

Small in the suite, whole on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.test import Client

from tests.browser.session import cookie
from tests.matrix.known import known
from tests.matrix.world import OURS, World
from tests.payloads import canary, outputs, programs, sent, ways
from tests.payloads.columns import plant
from tests.payloads.corpus import AWAY, FIELDS, PLANTED
from tests.payloads.doors import Door, doors, fill, keep
from tests.payloads.heard import Heard, form_classes, listening, named
from tests.payloads.tally import Tally

Said = Callable[[str], None]


@dataclass
class Outcome:
    """What a walk did beside its tally."""

    tally: Tally
    world: World
    forms: set[str] = field(default_factory=set)
    kept: int = 0
    columns: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    mails: int = 0
    members: int = 0
    opened: int = 0


def walk(*, share: int = 0, pages: bool = True, browser: bool = True, said: Said = lambda _: None) -> Outcome:
    """Everything, with `share` payloads a field (0: all of them); `pages`: whether each page is shown again, of another
    system's things, with every way out, with what was kept and planted; `browser`: whether Chromium opens them."""
    world = known()
    outcome = Outcome(Tally(), world)
    clients = signed(world)
    asker = clients["asker"]
    with listening() as heard:
        if pages:
            said("foreign addresses …")
            ways.others(world, asker, outcome.tally)
        through_doors(outcome, list(clients.values()), heard, share, said)
        few = PLANTED[:: max(1, len(PLANTED) // share)] if share else FIELDS
        said("queries …")
        ways.questions(world, asker, outcome.tally, heard, few)
    said("ways out …")
    if pages:
        ways.onward(world, asker, outcome.tally, AWAY[::9] if share else AWAY)
    ways.nowhere(asker, outcome.tally, few)
    said("programs …")
    programs.send(world, outcome.tally, few)
    programs.push(world, outcome.tally, few, bearer_of(world))
    said("dumps …")
    sent.hostile_dumps(world)
    outcome.tally.fields |= {"rules", "chains", "comments", "processes", "exports", "names of dumps"}
    over_outputs(outcome, pages, said)
    if browser:
        said("Chromium …")
        outcome.opened = in_chromium(outcome)
    return outcome


def signed(world: World) -> dict[str, Client]:
    """Who posts: who asks for everything, who administers, who manages, who owns, who carries out."""
    named = {"asker": world.sides[OURS].asker, "alex": world.people.alex, "mina": world.people.mina}
    named |= {"owner": world.sides[OURS].owner, "erin": world.people.erin}
    return {name: outputs.client_of(person) for name, person in named.items()}


def bearer_of(world: World) -> str:
    """A token with which a host of ours pushes."""
    from datetime import timedelta

    from django.utils import timezone

    from evidence.actions import push

    until = timezone.now() + timedelta(days=9)
    return push.make_push_token(world.sides[OURS].things["pushed"], until=until, by=world.people.alex)[1]


def through_doors(outcome: Outcome, clients: Sequence[Client], heard: Heard, share: int, said: Said) -> None:
    """Each page that takes something: field by field, then for good."""
    seen: set[str] = set()
    found: list[Door] = []
    for turn, door in enumerate(doors(outcome.world, clients, heard)):
        said(f"{door.route} …")
        outcome.forms |= {named(type(form)) for form in door.forms}
        payloads = [FIELDS[(turn * 17 + step * 41) % len(FIELDS)] for step in range(share)] if share else FIELDS
        fill(door, payloads, outcome.tally, heard, turn, seen)
        found.append(door)
    for turn, door in enumerate(found):
        outcome.kept += keep(door, PLANTED, turn * 13, tries=1 if share else 3)


# Forms whose page the walk's world has nothing for: their fields are of kinds that other forms have
NOT_REACHED: Final = {
    "evidence.forms.samples.SampleForm": "asked by its address alone: tests/packs/test_sampling.py tries its words",
    "evidence.forms.inventory.SetAsideForm": "an address in no network of the estate",
    "reviews.forms.KeepForm": "a line of an agenda that was decided to be kept",
}


def unseen_forms(outcome: Outcome) -> list[str]:
    """Forms of the application that no door showed, and that nobody excuses."""
    return sorted(form_classes() - outcome.forms - set(NOT_REACHED))


def over_outputs(outcome: Outcome, pages: bool, said: Said) -> None:
    """Fills the columns and looks at everything that comes out."""
    world, tally = outcome.world, outcome.tally
    clients = {name: client for name, client in signed(world).items() if name in ("asker", "alex")}
    if pages:
        said("pages as kept …")
        outputs.pages(world, {"asker": clients["asker"]}, tally)
    _, outcome.columns = plant()
    tally.fields |= {f"column {name}" for name in outcome.columns}
    tally.payloads |= set(PLANTED)
    outputs.refreshed(world)
    if pages:
        said("pages …")
        clients["auditor"] = outputs.client_of(world.people.ada)
        outcome.shown = outputs.pages(world, clients, tally)
    programs.send(world, tally, PLANTED[:1])
    sent.raw_dumps(clients["asker"], tally)
    said("mails and packs …")
    outcome.mails = sent.mails(tally)
    outcome.members = sent.packed(world, tally)
    sent.register(tally)


def in_chromium(outcome: Outcome) -> int:
    """Every page in a browser; 0 where there is none."""
    session, paths = cookie(outcome.world.sides[OURS].asker), outputs.addresses(outcome.world)

    def work(site: str) -> int:
        with canary.chromium() as browser:
            return canary.opened(browser, site, session, paths, outcome.tally) if browser else 0

    with canary.serving() as site:
        return int(canary.in_a_thread(lambda: work(site)))
