"""The steps of set-up that are about evidence (settings.SETUP_TASKS)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from compliance.baseline import mark
from compliance.models import Server
from compliance.setting_up import DUTY, PACK, SHOWN, Step, several
from evidence.actions import learning
from evidence.models import BaselineGroup, Comparison, Pack, Source


def steps() -> list[Step]:
    """Sources, what they are compared with, and the first pack."""
    return [sources(), learn(), pack()]


def sources() -> Step:
    """Done when every server in service was read; what was not is said."""
    mine = Source.objects.filter(server=OuterRef("pk"))
    servers = Server.objects.filter(status=Server.Status.IN_SERVICE)
    total, read = servers.count(), servers.filter(Exists(mine.filter(last_good__isnull=False))).count()
    without = servers.exclude(Exists(mine)).count()
    unread = total - read - without
    lacks = [
        f"{several(without, 'server')} without a source" if without else "",
        f"{several(unread, 'server')} not read yet" if unread else "",
    ]
    wrong = ", ".join(one for one in lacks if one) if Source.objects.exists() else ""
    return Step(
        "sources",
        SHOWN,
        "Sources",
        "Where the rules of each server are read. A folder with a folder for each host makes them all at once.",
        "/sources/new/",
        ("add_source",),
        total > 0 and read == total,
        f"{read} of {total} servers read" if read else "",
        wrong,
    )


def learn() -> Step:
    """Done when a comparison was made and leaves no group that nobody decided on."""
    compared = Comparison.objects.filter(published=True).exists()
    asked = learning.marks_asked()
    waits = sum(
        any(mark(learning.wanted_of(row, one)) not in asked for one in row.rows)
        for row in BaselineGroup.objects.current()
    )
    wrong = f"{several(waits, 'group')} of connections that rules let through, and nobody authorised" if waits else ""
    return Step(
        "learn",
        SHOWN,
        "Learn from the rules",
        "What runs and nobody authorised, in groups: asked for together, or left as findings.",
        "/learn/",
        ("request",),
        compared and not waits,
        "compared with the register" if compared else "",
        wrong,
    )


def pack() -> Step:
    """Done when one was built."""
    built = Pack.objects.filter(state=Pack.State.BUILT).count()
    return Step(
        PACK,
        DUTY,
        "The first pack",
        "What is held today, signed. What is missing is printed as missing.",
        "/packs/",
        ("build_pack",),
        built > 0,
        several(built, "pack"),
    )
