"""What was seen of a dynamic group's members, on its page; and who would join, for who asks and who decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from compliance.actions.reach import effect
from compliance.models import ChangeRecord, Group, Server, State, User
from compliance.observed import said
from evidence.actions.observing import rows_now, would
from evidence.actions.verification import banner
from evidence.judgement import counted, listed
from evidence.models import Source
from evidence.readings import spoken

NAMED = 6


def group(subject: Group, person: User) -> dict[str, Any]:
    """By which reading its members were seen, why they are not known as of now, and who did not join."""
    row = next((one for one in rows_now() if one.group_id == subject.pk), None)
    if row is None:
        return {}
    may_see = row.source is not None and Source.objects.for_user(person).filter(pk=row.source.pk).exists()
    when = f"As read on {spoken(row.seen_at)}" if row.seen_at else "Never observed"
    return {
        "seen": {
            "by": said(subject.observed),
            "when": f"{when} by {row.source}." if row.source else f"{when}.",
            "url": f"/sources/{row.source.pk}/" if row.source and may_see else "",
            "because": f"{row.because[:1].upper()}{row.because[1:]}." if row.because else "",
            "above": row.above,
            "others": told(row.others, person),
            "strangers": [words for words, _ in row.strangers],
        }
    }


def told(names: list[str], person: User) -> list[str]:
    """The servers that this person may see by name, and how many others there are."""
    seen = sorted(Server.objects.for_user(person).filter(name__in=names).values_list("name", flat=True))
    rest = len(names) - len(seen)
    return [*seen, *([counted(rest, "server") + " that you may not see"] if rest else [])]


def change(subject: ChangeRecord, person: User) -> dict[str, Any]:
    """For who decides on by what members are known: who would join by it today."""
    return widening(subject.material, person) if subject.state in (State.DRAFT, State.SUBMITTED) else {}


def widening(material: Mapping[str, Any], _: User) -> dict[str, Any]:
    """For who asks for it: who would join by it today, and what that lets through, as far as it was read."""
    if material.get("kind") != "group_observed":
        return {}
    subject, now = Group.objects.select_related("system").get(name=material["group"]), timezone.now()
    until = f"Until now they are known by {said(subject.observed)}."
    if not material["observed"]:
        there, most = counted(subject.members_on(now).count(), "server"), counted(subject.ceiling or 0, "member")
        free = f"Who is in it stays: {there}. People add others without asking anybody, up to {most} in all."
        return {"opens": banner("warn", "Nobody is observed any more", f"{free} {until}")}
    found = would(subject, str(material["observed"]), now)
    later = f"Whoever is seen there later joins as well, up to {counted(subject.ceiling or 0, 'member')} in all."
    if isinstance(found, str):
        why = f"{found[:1].upper()}{found[1:]}. {later} {until}"
        return {"opens": banner("warn", "Who would join is not known", why)}
    plan, seen = found
    facts = [
        (plan.join, "join"),
        ([row.server for row in plan.leave], "leave"),
        (plan.above, "stand beyond the ceiling and do not join"),
        (plan.others, "are of another system and do not join"),
    ]
    text = [f"{verb[:1].upper()}{verb[1:]}: {listed((one.name for one in rows), most=NAMED)}." for rows, verb in facts
            if rows]  # fmt: skip
    if seen.strangers:
        text.append(f"No registered server: {listed((one.words for one in seen.strangers), most=NAMED)}.")
    shown = banner("warn" if plan.join else "off", title(len(plan.join)), " ".join([*text, later, until]))
    opened = [
        row for one in plan.join[:1]
        for row in effect({"kind": "group_member", "group": subject.name, "server": one.name}, now) if row["example"]
    ]  # fmt: skip
    if opened:
        says = f"{opened[0]['connection']} lets it through for {plan.join[0].name}"
        shown |= {"packet": opened[0]["example"], "packet_says": says}
    return {"opens": shown}


def title(number: int) -> str:
    """How many join by it."""
    return f"As last read, {counted(number, 'server')} would join" if number else "As last read, nobody would join"
