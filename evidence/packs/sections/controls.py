"""The control mapping of a pack: what was stated of each control by the cut-off, and rows for assessors' forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from compliance.catalogue import controls
from compliance.models import CatalogueRelease, ControlStatement, OfficialControl
from evidence.packs.mapping import Official, Said, annex, applicability, mapped
from evidence.packs.section import Scope, Section
from evidence.packs.section import State as Held
from evidence.packs.sections.known import systems

TITLE = "Control mapping in full"
Stated = Mapping[tuple[str, str], Sequence[Said]]


def build(scope: Scope) -> Section:
    """The mapping; partial while a mapped control has no statement of an owner. It rates nothing either way."""
    rows = [(row.name, row.get_classification_display()) for row in systems(scope)]
    said = stated(scope)
    data = mapped(said, len(rows))
    state: Held = "partial" if data.silent else "held"
    because = f"{data.silent} of {data.wanted} statements were not made by the cut-off" if data.silent else ""
    tables = (annex(rows, said, official(scope)), applicability(rows, said))
    keys = tuple(one.key for one in controls() if one.served != "none")
    return Section("controls", TITLE, keys, state, because, "packs/print/controls.html", data, tables)


def stated(scope: Scope) -> Stated:
    """(framework, control) → the last statement of each system by the cut-off, systems by name."""
    last: dict[tuple[str, str, str], ControlStatement] = {}
    rows = ControlStatement.objects.filter(system__name__in=scope.systems, said_at__lte=scope.as_of)
    for row in rows.select_related("system", "said_by", "release").order_by("said_at", "pk"):
        last[row.framework, row.control, row.system.name] = row
    found: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for (framework, control, name), row in sorted(last.items(), key=lambda one: one[0]):
        found[framework, control].append(
            Said(name, row.status, row.get_status_display(), row.comment, str(row.said_by), row.said_at,
                 str(row.release or ""))
        )  # fmt: skip
    return found


def official(scope: Scope) -> dict[tuple[str, str], Official]:
    """The text of each of our controls in the newest release of its framework that was here by the cut-off."""
    found: dict[tuple[str, str], Official] = {}
    for framework in sorted({one.framework.short for one in controls()}):
        held = CatalogueRelease.objects.filter(framework=framework, loaded_at__lte=scope.as_of)
        newest = held.order_by("-published", "-pk").first()
        if newest is None:
            continue
        wanted = [one.id for one in controls() if one.framework.short == framework]
        for row in OfficialControl.objects.filter(release=newest, control__in=wanted):
            found[framework, row.control] = Official(
                row.revision, row.updated, row.topic, tuple(row.applies), row.statement, str(newest)
            )
    return found
