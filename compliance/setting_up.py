"""Set-up as a list of steps: what each is, whether what is there amounts to it, and what is lacking.

Nothing is ticked by hand: a step is done when what it asks for is there, and open again when it is gone. Kept are only
the marks of steps that somebody left out (`SetUpMark`). The rooms above add theirs by settings.SETUP_TASKS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from compliance.four_eyes import FACTORS
from compliance.models import (
    ChangeRecord,
    Connection,
    Organisation,
    Role,
    RoleGrant,
    Server,
    SetUpMark,
    State,
    System,
    User,
    Zone,
)

YOURS, THERE, SHOWN, DUTY = "Your organisation", "What you have", "What the rules show", "The monthly duty"
PARTS: Final = (YOURS, THERE, SHOWN, DUTY)
MAIL: Final = "mail"
PACK: Final = "pack"  # the key of the step that ends set-up
ASKERS: Final = (Role.REQUESTER, Role.SYSTEM_OWNER, Role.ENGINEER)
# Backends of mail that reach nobody
NOWHERE: Final = ("filebased", "console", "dummy", "locmem")


class Step(NamedTuple):
    """A step. `verbs`: of which one suffices to do it. `said`: what is there. `wrong`: what is lacking of it."""

    key: str
    part: str
    title: str
    text: str
    url: str
    verbs: tuple[str, ...]
    done: bool
    said: str = ""
    wrong: str = ""


class Lack(NamedTuple):
    """What will be refused as things stand, why, and what to do about it."""

    what: str
    why: str
    next_step: str
    url: str = ""


def steps(at: datetime) -> list[Step]:
    """All steps in their order, those of the rooms above among them."""
    found = [*own(at)]
    for dotted in settings.SETUP_TASKS:
        found += import_string(dotted)()
    return sorted(found, key=lambda step: PARTS.index(step.part))


def over(at: datetime) -> bool:
    """Whether set-up is behind this installation: the first pack was built, or every step is done or left out."""
    skipped, found = set(left_out()), steps(at)
    return any(step.key == PACK and step.done for step in found) or all(
        step.done or step.key in skipped for step in found
    )


def left_out() -> dict[str, SetUpMark]:
    """The steps somebody skipped for now, by key."""
    return {row.step: row for row in SetUpMark.objects.filter(what=SetUpMark.What.SKIPPED).select_related("by")}


def own(at: datetime) -> Iterator[Step]:
    """The steps of this room."""
    named = Organisation.objects.filter(kind=Organisation.Kind.OWN).count()
    yield Step(
        "organisation",
        YOURS,
        "Your organisation",
        "Its name and protective marking stand on every pack.",
        "/setup/organisations/new/",
        ("manage_estate",),
        named > 0,
        several(named, "organisation"),
    )
    yield people(at)
    systems = System.objects.count()
    yield Step(
        "systems",
        YOURS,
        "Systems",
        "Who owns what. The owner of a system decides on its connections.",
        "/setup/systems/new/",
        ("manage_estate",),
        systems > 0,
        several(systems, "system"),
    )
    zones = Zone.objects.count()
    yield Step(
        "zones",
        YOURS,
        "Zones",
        "The networks your servers stand in, with their prefixes.",
        "/setup/zones/new/",
        ("manage_estate",),
        zones > 0,
        several(zones, "zone"),
    )
    yield from register()
    tried = SetUpMark.objects.filter(step=MAIL, what=SetUpMark.What.TRIED).exists()
    mails = not any(word in settings.EMAIL_BACKEND for word in NOWHERE)
    wrong = "" if mails else "Mail is written into files: nobody is told of anything"
    yield Step(
        MAIL,
        DUTY,
        "Time, mail and the monthly pack",
        "What this installation goes by, and a mail to try it.",
        "/setup/installation/",
        ("set_up",),
        tried and mails,
        "tried" if tried else "",
        wrong,
    )


def people(at: datetime) -> Step:
    """Whether two can decide on what a third asks for."""
    here = User.objects.here().filter(role_grants__in=RoleGrant.objects.in_force(at)).distinct().count()
    short = not enough(Deciders.read(at), None)
    wrong = "A request needs three people: one asks, an owner and a manager agree" if short else ""
    return Step(
        "people",
        YOURS,
        "People and roles",
        "Who asks, who owns a system, who agrees as a manager, who "
        "changes the rules. Each gets a link to set a password of their own.",
        "/setup/people/new/",
        ("manage_people",),
        not short,
        several(here, "person", "people"),
        wrong,
    )


def register() -> Iterator[Step]:
    """The servers, and what is to be authorised between them."""
    servers = Server.objects.exclude(status=Server.Status.RETIRED)
    held = servers.exclude(status=Server.Status.PLACEHOLDER).count()
    unknown = servers.filter(status=Server.Status.PLACEHOLDER).count()
    wrong = f"{several(unknown, 'name')} of the register that nobody described as a server" if unknown else ""
    yield Step(
        "servers",
        THERE,
        "Servers",
        "From the spreadsheet you have: CSV or Excel, with columns of any name.",
        "/setup/import/?kind=servers",
        ("import",),
        held > 0,
        several(held, "server"),
        wrong,
    )
    asked = Connection.objects.count()
    waits = ChangeRecord.objects.filter(state=State.SUBMITTED).count()
    said = ", ".join(
        part for part in (several(asked, "connection"), f"{waits} waiting for approval" if waits else "") if part
    )
    yield Step(
        "connections",
        THERE,
        "Connections and file shares",
        "From the spreadsheet you have. Each row asks for "
        "one; its owner and a manager agree before it is authorised. No spreadsheet? Skip this, and learn.",
        "/setup/import/?kind=connections",
        ("request",),
        asked > 0,
        said,
    )


def several(number: int, one: str, many: str = "") -> str:
    """ "3 zones"; nothing where there is none."""
    return f"{number} {one if number == 1 else many or f'{one}s'}" if number else ""


class Deciders(NamedTuple):
    """Who holds which role: (role, system or None for all) → people. `never`: administrators, who decide nothing."""

    held: dict[tuple[str, int | None], set[int]]
    never: frozenset[int]
    names: dict[int, str]

    @classmethod
    def read(cls, at: datetime) -> Deciders:
        """As the roles stand at that time."""
        rows = RoleGrant.objects.in_force(at).filter(person__is_active=True, person__is_service=False)
        held: dict[tuple[str, int | None], set[int]] = {}
        never, names = set(), {}
        for row in rows.select_related("person"):
            held.setdefault((row.role, row.system_id), set()).add(row.person_id)
            names[row.person_id] = str(row.person)
            if row.role == Role.ADMINISTRATOR or row.person.is_superuser:
                never.add(row.person_id)
        return cls(held, frozenset(never), names)

    def of(self, roles: Iterable[str], system: int | None) -> frozenset[int]:
        """Who holds one of the roles for the system, or for all. `system` None: for any at all."""
        return frozenset(
            person
            for (role, where), people in self.held.items()
            if role in roles and (system is None or where in (None, system))
            for person in people
        )

    def deciding(self, role: str, system: int | None) -> frozenset[int]:
        """Who can agree in this role."""
        return self.of([role], system) - self.never

    def said(self, people: Iterable[int]) -> str:
        """Their names."""
        *most, last = sorted(self.names[one] for one in people)
        return f"{', '.join(most)} and {last}" if most else last


def enough(deciders: Deciders, system: int | None) -> bool:
    """Whether somebody can ask on whose request two others can agree, one as owner and one as manager."""
    owners, managers = deciders.deciding(Role.SYSTEM_OWNER, system), deciders.deciding(Role.MANAGER, system)
    return any(
        owners - {asker} and managers - {asker} and len((owners | managers) - {asker}) > 1
        for asker in deciders.of(ASKERS, system)
    )


def lacking(at: datetime) -> list[Lack]:
    """What four eyes will refuse as the roles stand, said before the first request: by system, then by people."""
    deciders = Deciders.read(at)
    found: dict[Lack, None] = {}
    for key, name in System.objects.values_list("pk", "name"):
        if not enough(deciders, key):
            found[why_short(deciders, key, name)] = None
    if not found and not enough(deciders, None):
        found[why_short(deciders, None, "any system")] = None
    without = no_second_step(deciders)
    if without:
        found[without] = None
    return list(found)


def why_short(deciders: Deciders, system: int | None, name: str) -> Lack:
    """Why a request for this system could not be decided."""
    what = f"No request for {name} can be approved yet."
    owners, managers = deciders.deciding(Role.SYSTEM_OWNER, system), deciders.deciding(Role.MANAGER, system)
    url = "/setup/people/new/"
    rule = "Every request needs two people who agree, an owner and a manager, and neither of them asked for it."
    if not owners and not managers:
        return Lack(what, f"{rule} There is neither yet.", "Add a system owner and a manager.", url)
    if not owners:
        return Lack(
            what,
            f"{rule} Nobody can agree as its owner: administrators never decide.",
            "Give the role of system owner to somebody who does not administer.",
            url,
        )
    if not managers:
        return Lack(what, f"{rule} Nobody can agree as a manager.", "Add a person with the role of manager.", url)
    if len(owners | managers) == 1:
        return Lack(
            what,
            f"{rule} Only {deciders.said(owners)} decides, and nobody counts twice.",
            "Add a second person who decides.",
            url,
        )
    return Lack(
        what,
        f"{rule} {deciders.said(owners | managers)} decide, and there is nobody else to ask.",
        "Add a requester or an engineer who is none of them.",
        url,
    )


def no_second_step(deciders: Deciders) -> Lack | None:
    """Who decides and has no second step of signing in yet, where the organisation asks for one."""
    wanted = settings.APPROVERS_NEED_MFA and Organisation.objects.filter(approvers_need_mfa=True).exists()
    people = deciders.deciding(Role.SYSTEM_OWNER, None) | deciders.deciding(Role.MANAGER, None)
    if not wanted or not people:
        return None
    ready = set(Authenticator.objects.filter(Q(user__in=people), type__in=FACTORS).values_list("user", flat=True))
    without = people - ready
    if not without:
        return None
    return Lack(
        f"{deciders.said(without)} cannot approve yet.",
        "Those who decide sign in with a second step, an authenticator app or a passkey, and have none so far.",
        "The link that lets them in leads there; later they find it by the key beside their name.",
    )
