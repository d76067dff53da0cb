"""Whether a finding that a comparison did not find again is cured, or only could not be looked at.

An outage, a refused file or a line nobody understood never cures anything: the finding stands, and says since when it
was not seen. Every cure names the snapshots it rests on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from compliance.models import Address, Server
from compliance.models.estate import day_of
from compliance.traffic.addresses import to_text
from evidence import readings
from evidence.actions.flow_cures import Seen, of_flows
from evidence.judgement import TESTED
from evidence.models import Finding, FindingMember, Sighting, Snapshot, Source
from evidence.policy_verdicts import TO_INTERNET
from evidence.rules import Verdict
from evidence.unknown_verdicts import SUBJECT as UNREGISTERED
from evidence.usage_verdicts import POINT as FLOWS

# What says that evidence is missing, or that a record is: it goes when that comes, whatever else is hidden.
ABOUT_ABSENCE: Final = frozenset(
    {Verdict.not_verifiable, Verdict.stale, Verdict.unreachable, Verdict.approved_not_done, Verdict.usage_unknown}
)


BY_FLOWS: Final = "the flow logs"  # as addresses_in names them


class Cure(NamedTuple):
    """Why a finding is cured and which snapshots show it, or (`held`) why it stands although nothing showed it."""

    because: str
    snapshots: Sequence[Snapshot] = ()
    held: bool = False


class Watch:
    """What one comparison could look at: the fresh snapshots of each server, and which sources of it said nothing."""

    def __init__(self, fresh: Mapping[str, Sequence[Snapshot]], at: datetime, seen: Seen | None = None) -> None:
        self.fresh = fresh
        self.seen = seen or Seen(None, {}, ())
        self.at = at
        self.silent: dict[int, list[Source]] = defaultdict(list)
        for source in Source.objects.exclude(last_good=None).select_related("last_pull"):
            if not readings.is_fresh(source, at):
                self.silent[source.server_id].append(source)

    def cure(self, row: Finding | FindingMember) -> Cure:
        """Whether this finding, which the comparison did not find, is cured."""
        if isinstance(row, FindingMember):
            return self.of_server(row)
        if row.verdict in ABOUT_ABSENCE:
            return Cure(f"What was missing is there, by the comparison of {said(self.at)}.", self.of(row))
        if row.verdict == Verdict.against_policy:
            return self.of_policy(row)
        if row.verdict == Verdict.review_overdue:
            return self.of_review(row)
        if row.verdict == Verdict.unknown_server:
            return self.of_unknown(row)
        if row.verdict == Verdict.review_missed:
            return Cure(f"By the comparison of {said(self.at)} a review was held and signed off since.")
        if row.point == FLOWS:
            flows = of_flows(row, self.seen, self.at)
            return Cure(flows.because, held=flows.held)
        if row.point == TESTED:
            other = "a later test of the pair gave something else, or a decision made it right"
            return Cure(f"By the comparison of {said(self.at)} {other}.")
        return self.of_server(row)

    def of_server(self, row: Finding | FindingMember) -> Cure:
        """What one server showed is gone when each of its sources is fresh, and no new line hides it."""
        if row.server is None:
            return Cure(f"The comparison of {said(self.at)} does not find it any more.")
        silent = self.silent.get(row.server_id or 0, [])
        if silent:
            names = ", ".join(source.name for source in silent)
            return Cure(f"{row.server.name} could not be looked at: {names} brought nothing fresh.", held=True)
        now = self.of(row)
        before = last_shown(row)
        fresh_lines = unread_at(now, row.point) - unread_at(before, row.point)
        if fresh_lines:
            count = len(fresh_lines)
            lines = "1 line that was" if count == 1 else f"{count} lines that were"
            return Cure(f"{lines} not understood may be what it was found in: {min(fresh_lines)[:120]}", held=True)
        if {each.pk for each in now} == {each.pk for each in before}:
            named = f"{row.server.name} is as it was ({listed(now)}): what is authorised changed."
        else:
            named = f"{row.server.name} does not show it any more: {listed(now)}."
        return Cure(named, now)

    def of_policy(self, row: Finding) -> Cure:
        """What was against the policy is cured when every server it was found at was read, and understood."""
        names = reached(row)
        for server in Server.objects.filter(name__in=names).order_by("name"):
            if self.silent.get(server.pk) or server.name not in self.fresh:
                return Cure(f"{server.name} could not be looked at: nothing fresh was brought.", held=True)
            if unread_at(self.fresh[server.name], f"{server.name}/{'OUTPUT' if leaves(row) else 'INPUT'}"):
                return Cure(f"{server.name} has lines that were not understood: it may be in them.", held=True)
        shown = [each for name in names for each in self.fresh.get(name, ())]
        because = f"By {listed(shown) or 'the register'} and the policy in force it is not found any more."
        return Cure(because, shown)

    def of_review(self, row: Finding) -> Cure:
        """An overdue review is cured by a decision: looked at again, or not authorised any more."""
        version = row.connection.version_on(day_of(self.at)) if row.connection else None
        if version is None:
            return Cure(f"{row.subject} is not authorised any more.")
        if version.review_by is not None and version.review_by < day_of(self.at):
            because = f"{row.subject} is authorised and its review overdue, but what its ends mean is not known."
            return Cure(because, held=True)
        until = f"{version.review_by.day} {version.review_by:%B %Y}" if version.review_by else "no day"
        return Cure(f"By {version.change.ref} it is to be looked at again by {until}.")

    def of_unknown(self, row: Finding) -> Cure:
        """Addresses nobody registered. What silent hosts named stands (evidence.actions.sightings), so it is found."""
        place = row.subject.removeprefix(UNREGISTERED)
        if self.silent and place == row.subject:  # of before such addresses were kept from comparison to comparison
            names = ", ".join(source.name for several in self.silent.values() for source in several)
            return Cure(f"Not everybody who may name it could be asked: {names} brought nothing fresh.", held=True)
        if place == row.subject:
            return Cure(f"{row.subject} is told with the other addresses of its network now, or it is registered.")
        if self.seen.flows is None and BY_FLOWS in row.because:
            return Cure("No flow log is read any more that would show it.", held=True)
        gone = Sighting.objects.filter(place=place, gone_at=self.at, server__isnull=False)
        seers = set(gone.values_list("server__name", flat=True))
        shown = [each for name in sorted(seers) for each in self.fresh.get(name, ())]
        because = f"By the comparison of {said(self.at)} each is registered, decided to be outside the scope, or not "
        return Cure(f"{because}named any more{f': {listed(shown)}' if shown else ''}.", shown)

    def of(self, row: Finding | FindingMember) -> Sequence[Snapshot]:
        """The fresh snapshots of the finding's server."""
        return self.fresh.get(row.server.name, ()) if row.server else ()


def reached(row: Finding) -> list[str]:
    """The names of the servers at which a finding against the policy was found: where it leads to, or comes from."""
    at = 0 if leaves(row) else 2
    values = {(each["family"], each["box"][at]) for each in row.extent if each["box"][at] == each["box"][at + 1]}
    texts = [to_text(4 if family == 4 else 6, value) for family, value in values]
    rows = Address.objects.in_force(row.last_seen).filter(ip__in=texts)
    return sorted(set(rows.values_list("server__name", flat=True)))


def leaves(row: Finding) -> bool:
    """Whether it is about what leaves servers, and was found at their OUTPUT."""
    return row.subject.startswith(f"{TO_INTERNET}: ")


def last_shown(row: Finding | FindingMember) -> list[Snapshot]:
    """What each source of the server had shown when the finding was last found."""
    found: dict[int, Snapshot] = {}
    rows = Snapshot.objects.filter(server=row.server, published=True).order_by("observed_at", "pk")
    # What a folder shows is as old as its oldest file, so its age alone does not tell whether it was there already
    for known in (Q(observed_at__lte=row.last_seen), Q(pull__finished_at__lte=row.last_seen)):
        found |= {snapshot.source_id: snapshot for snapshot in rows.filter(known)}
    return list(found.values())


def unread_at(snapshots: Iterable[Snapshot], point: str) -> set[str]:
    """The texts of the lines that were not understood and concern that point of the host ("web-01/INPUT")."""
    own = point.partition("/")[2]
    return {line["text"] for each in snapshots for line in each.unread if line.get("point") in ("", own)}


def listed(snapshots: Iterable[Snapshot]) -> str:
    """Snapshots in a sentence, by when they were observed and the start of their digest."""
    return ", ".join(f"snapshot {each.digest[:12]} of {said(each.observed_at)}" for each in snapshots)


def said(moment: datetime) -> str:
    """A moment in a sentence."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%B %Y, %H:%M}"
