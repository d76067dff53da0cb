"""One cause, one finding: what several servers of a system have in common is followed as one, each server a member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from compliance.models import System
from evidence.actions.cases import Case
from evidence.actions.cures import Cure, Watch
from evidence.judgement import counted, listed
from evidence.models import Comparison, Finding, FindingMember, Snapshot
from evidence.rules import Certainty

SPELT_OUT = 6  # servers that the sentence of a finding names


def grouped(cases: Sequence[Case]) -> list[Case]:
    """The cases with those of one verdict, cause and system as one; the rest as they are, all in their order."""
    names = dict(System.objects.values_list("pk", "name"))
    found: dict[tuple[object, ...], list[Case]] = {}
    for number, case in enumerate(cases):
        one = case.judgement
        own = case.server is None or not one.cause
        key = (number,) if own else (one.verdict, one.cause, one.point.partition("/")[2], case.system_id)
        found.setdefault(key, []).append(case)
    return [
        held[0] if len(key) == 1 else together(held, names.get(held[0].system_id, "")) for key, held in found.items()
    ]


def together(held: Sequence[Case], system: str) -> Case:
    """One case for several servers: the words of the first that is proven, all of the traffic, how many they are."""
    first = next((case for case in held if case.judgement.certainty is Certainty.definite), held[0])
    one = first.judgement
    servers = list(dict.fromkeys(case.server.name for case in held if case.server is not None))
    because = one.because
    if len(servers) == 1 and len(held) > 1:
        because = f"{one.cause}; this changed {counted(len(held), 'rule or connection', 'rules and connections')}. "
        because += f"For one: {one.because}"
    if len(servers) > 1:
        because = f"{one.cause} of {counted(len(servers), 'server')} of {system}: {listed(servers, most=SPELT_OUT)}. "
        because += f"For one: {one.because}"
    whole = replace(one, subject=f"{one.cause}, {system}"[:300], point=one.point.partition("/")[2], because=because)
    extent = [box for case in held for box in case.extent]
    server = first.server if len(servers) == 1 else None
    return Case(
        whole, first.system_id, None, server, first.rule_origin, together_typed(held), extent, members=list(held)
    )


def together_typed(held: Sequence[Case]) -> str:
    """What to do about all of them: the sentence once, then what to type on each server."""
    says = held[0].proposal.partition("\n")[0]
    typed = dict.fromkeys(case.proposal.partition("\n")[2] for case in held)
    return "\n".join([says, *filter(None, typed)])


def keep(comparison: Comparison, finding: Finding, case: Case, watch: Watch) -> None:
    """Writes the members of a finding that was found: new, again, gone by evidence, or not to be looked at."""
    known = {row.subject: row for row in finding.members.select_related("server", "finding")}
    for member in case.members:
        one = member.judgement
        row = known.pop(one.subject[:300], None) or FindingMember(
            finding=finding, subject=one.subject[:300], first_seen=comparison.at
        )
        again(comparison, row, member)
        row.save()
    held = []
    for row in known.values():
        if row.gone_at is None and gone(row, watch, comparison).held:
            held.append(row)
    if held:  # it stands there as far as anybody knows, so it stays in the extent that an accepted risk is held to
        finding.extent = [*finding.extent, *(box for row in held for box in row.extent)]
        finding.save(update_fields=["extent"])


def again(comparison: Comparison, row: FindingMember, case: Case) -> None:
    """The latest words about a member."""
    one = case.judgement
    told: dict[str, Any] = {
        "server": case.server, "point": one.point, "certainty": one.certainty, "rule": one.rule[:300],
        "extent": case.extent, "witness": one.witness.as_dict() if one.witness else None, "because": one.because,
        "commands": case.proposal.partition("\n")[2], "last_seen": comparison.at, "unseen_since": None,
        "unseen_because": "", "gone_at": None, "gone_because": "",
    }  # fmt: skip
    if row.gone_at is not None:
        row.first_seen = comparison.at
    for key, value in told.items():
        setattr(row, key, value)


def gone(row: FindingMember, watch: Watch, comparison: Comparison) -> Cure:
    """A member that was not found again: gone by what shows it, or it stands and is not seen."""
    cure = watch.cure(row)
    if cure.held:
        row.unseen_since, row.unseen_because = row.unseen_since or comparison.at, cure.because
    else:
        row.gone_at, row.gone_because, row.unseen_since, row.unseen_because = comparison.at, cure.because, None, ""
    row.save()
    return cure


def all_gone(finding: Finding, watch: Watch, comparison: Comparison) -> Cure:
    """Whether a finding that was not found again is cured: it is when every member of it is gone by evidence."""
    rows = list(finding.members.standing().select_related("server", "finding"))
    cures = [gone(row, watch, comparison) for row in rows]
    held = [cure for cure in cures if cure.held]
    if held:
        many = f"{counted(len(held), 'server')} of {len(rows)}"
        return Cure(f"{many} could not be looked at: {held[0].because}", held=True)
    snapshots: dict[int, Snapshot] = {one.pk: one for cure in cures for one in cure.snapshots}
    because = listed((cure.because for cure in cures), most=SPELT_OUT)
    return Cure(because or "None of its servers shows it any more.", list(snapshots.values()))


def goes_on(row: Finding, cases: Iterable[Case], found: dict[str, Finding]) -> str:
    """Where a finding of one server goes on as a member of another; "" where it does not."""
    for case in cases:
        if any((one.judgement.point, one.judgement.subject) == (row.point, row.subject) for one in case.members):
            whole = found.get(case.fingerprint)
            return f"It goes on in {whole.ref}, which holds all servers of one cause." if whole else ""
    return ""
