"""The members of dynamic groups, as accounts show them: looked at before each comparison judges anything.

What is stale, refused, or was not read shows nobody: the members then stay as they were last observed, and what rests
on the group is not known, never in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from compliance.actions.estate import default_space
from compliance.actions.observing import Plan, follow, planned
from compliance.actions.reach import naming
from compliance.errors import Refused
from compliance.models import Address, Group, Server
from compliance.observed import Observed, parse
from compliance.traffic.addresses import BITS, parse_host, to_text
from compliance.traffic.boxes import FAMILIES, Family, box_of
from evidence import readings
from evidence.actions.footprint import ACCOUNT
from evidence.actions.irregular import POINT
from evidence.case import Case
from evidence.formats.aws_members import Member, given, lacking, members
from evidence.judgement import Judgement, counted, listed
from evidence.models import GroupObservation, Pull, Snapshot, Source
from evidence.rules import Certainty, Reading, Verdict
from evidence.unknown_verdicts import SUBJECT as UNREGISTERED

WELL = (Pull.State.OK, Pull.State.UNCHANGED)
NAMED = 6  # that a sentence names before it counts the rest
KEPT = ("observed", "at", "because", "source", "snapshot", "seen_at", "above", "others", "strangers")


class Seen(NamedTuple):
    """Who is seen by one reading: the registered servers, and what no registered server holds."""

    snapshot: Snapshot
    servers: list[Server]
    strangers: list[Member]


@dataclass(frozen=True)
class Accounts:
    """The accounts that were read and are fresh, the newest word first; and why others are not among them.

    `loaded`: digest -> what was loaded so far, which the comparison then need not load again.
    """

    at: datetime
    loaded: dict[str, Reading] = field(default_factory=dict)

    @cached_property
    def shown(self) -> list[tuple[Snapshot, Reading]]:
        """The good ones: a reading that was refused since shows nothing about today."""
        fresh, _ = readings.current(self.at)
        rows = [one for several in fresh.values() for one in several if is_account(one) and went_well(one.source)]
        rows.sort(key=lambda one: one.source.last_seen_at or one.observed_at, reverse=True)
        found = [(one, readings.load(one)) for one in rows]
        self.loaded.update((one.reading.sha256, reading) for one, reading in found)
        return found

    @cached_property
    def holders(self) -> Mapping[tuple[Family, int], Server]:
        """Address → the server in service that holds it, by rows that count."""
        rows = Address.objects.filter(space=default_space()).authorised_at(self.at).select_related("server")
        rows = rows.exclude(server__status=Server.Status.RETIRED)
        return {parse_host(row.ip): row.server for row in rows}

    def seen(self, asked: Observed, last: GroupObservation | None) -> Seen | str:
        """Who is seen there now, or why that is not known."""
        place = (asked.account, asked.region)
        mine = [(one, reading) for one, reading in self.shown if given(reading, place)]
        if not mine:
            return self.silent(asked, last)
        snapshot, reading = mine[0]
        why = lacking(reading, asked)
        if why:
            return f"in the last reading of {snapshot.source.name} {why}"
        found: dict[int, Server] = {}
        strangers = []
        for member in members(reading, asked):
            held = list(self.held_by(member))
            found |= {one.pk: one for one in held}
            strangers += [] if held else [member]
        return Seen(snapshot, list(found.values()), strangers)

    def held_by(self, member: Member) -> Iterator[Server]:
        """The servers that hold one of its addresses."""
        for family, value, length in member.addresses:
            size = 1 << (BITS[family] - length)
            if size == 1:
                yield from (self.holders[family, value],) if (family, value) in self.holders else ()
            else:
                yield from (
                    one for (of, each), one in self.holders.items() if of == family and 0 <= each - value < size
                )

    def silent(self, asked: Observed, last: GroupObservation | None) -> str:
        """Why nothing current shows an account and region."""
        source = last.source if last else None
        if source is None:
            return f"nothing that was read and is fresh shows account {asked.account}, {asked.region}"
        if not readings.is_fresh(source, self.at):
            return readings.silence(source).because
        if not went_well(source) and source.last_pull is not None:
            return f"the last reading of {source.name} was refused: {source.last_pull.what.rstrip('.')}"
        return f"{source.name} does not show account {asked.account}, {asked.region}, any more"


def is_account(snapshot: Snapshot) -> bool:
    """Whether it is a cloud account's, pulled or brought as files."""
    return snapshot.source.kind == ACCOUNT or any(str(one.get("name")).endswith("/in") for one in snapshot.points)


def went_well(source: Source) -> bool:
    """Whether the last reading of a source brought what it was to bring."""
    return source.last_pull is None or source.last_pull.state in WELL


def observe(at: datetime) -> dict[str, Reading]:
    """Lets servers join and leave the groups whose members are known by something, and keeps what was seen.

    Gives what it loaded for that, digest -> reading.
    """
    accounts = Accounts(at)
    for group in Group.objects.exclude(observed="").select_related("system"):
        row = last_of(group) or GroupObservation(group=group)
        row.observed, row.at = group.observed, at
        try:
            found = accounts.seen(parse(group.observed), row)
            if isinstance(found, str):
                row.because = found
            else:
                note(row, found, at)
        except (Refused, ValueError) as refusal:
            row.because = refusal.why.rstrip(".") if isinstance(refusal, Refused) else str(refusal)
        kept = {key: getattr(row, key) for key in KEPT}
        GroupObservation.objects.update_or_create(group=group, defaults=kept)
    return accounts.loaded


def last_of(group: Group) -> GroupObservation | None:
    """What was seen of the group before; nothing of it holds where its members were known by something else."""
    row = GroupObservation.objects.select_related("source__server", "source__last_pull").filter(group=group).first()
    if row is not None and row.observed != group.observed:
        return GroupObservation(pk=row.pk, group=group)
    return row


def note(row: GroupObservation, found: Seen, at: datetime) -> None:
    """Joins and leaves by what is seen, and keeps whom nobody knows. Raises Refused."""
    source = found.snapshot.source
    plan = follow(row.group, found.servers, reading=f"reading {found.snapshot.pull_id} of {source.name}", at=at)
    row.because, row.source, row.snapshot, row.seen_at = "", source, found.snapshot, source.last_seen_at
    row.above, row.others = [one.name for one in plan.above], [one.name for one in plan.others]
    row.strangers = [[one.words, [to_text(*each[:2]) for each in one.addresses]] for one in found.strangers]


def judged(case: Case, at: datetime) -> Iterator[Judgement]:
    """What is to be said of groups: members that are not known as of now, beyond the ceiling, of others, of nobody."""
    yield from unsure(at)
    for row in rows_now():
        beyond, about = " ".join(said_beyond(row)), (f"group {row.group.name}", f"{POINT}/members")
        if beyond:
            yield Judgement(Verdict.changed_without_record, Certainty.definite, *about, "", (), None, beyond)
        yield from unregistered(row, case)


def unsure(at: datetime) -> Iterator[Judgement]:
    """The connections of which nothing is in order, as the members of a group that they name are not known."""
    for row in rows_now():
        why = unknown(row, at)
        for one in naming([row.group.name], at) if why else ():
            point, ref = f"group {row.group.name}/members", one.connection.ref
            yield Judgement(Verdict.not_verifiable, Certainty.unproven, ref, point, "", (), None, why)


def rows_now() -> Iterator[GroupObservation]:
    """What was seen of each group whose members are known by something."""
    known = {(row.group_id, row.observed): row for row in GroupObservation.objects.all()}
    for group in Group.objects.exclude(observed="").order_by("name"):
        row = known.get((group.pk, group.observed)) or GroupObservation(because="no comparison has looked at it yet")
        row.group = group
        yield row


def unknown(row: GroupObservation, at: datetime) -> str:
    """Why what rests on a group is not known, in sentences; "" where its members were observed and there are some."""
    name = row.group.name
    if row.because and row.seen_at is None:
        return f"Nobody has observed the members of {name} yet: {row.because}."
    if row.because:
        return f"The members of {name} are as last observed on {readings.spoken(row.seen_at)}: {row.because}."
    if not row.group.members_on(at).exists():
        return f"Nobody was in {name} on {readings.spoken(row.seen_at)}: nothing is authorised by that name now."
    return ""


def said_beyond(row: GroupObservation) -> Iterator[str]:
    """Servers that are seen there and did not join, and why."""
    if row.above:
        number = counted(len(row.above), "server more", "servers more")
        said = f"{number} than the {row.group.ceiling} that were agreed to stand in {row.group.name}"
        yield f"{said}, and did not join: {listed(row.above, most=NAMED)}."
    if row.others:
        verb = "belongs" if len(row.others) == 1 else "belong"
        said = f"{listed(row.others, most=NAMED)} {verb} to another system and did not join {row.group.name}"
        yield f"{said}, in which {'it is' if len(row.others) == 1 else 'they are'} seen: its owner decides as well."


def unregistered(row: GroupObservation, case: Case) -> Iterator[Judgement]:
    """Addresses outside every network of the estate that stand in a group; those inside are told with their network."""
    found: dict[Family, dict[int, str]] = {family: {} for family in FAMILIES}
    for words, addresses in row.strangers:
        for family, value in map(parse_host, addresses):
            if not case.scope.place(family, value) and (family, value) not in case.excused:
                found[family][value] = words
    said = list(dict.fromkeys(words for held in found.values() for words in held.values()))
    for family, held in found.items():
        if held:
            boxes = tuple(box_of(family, dst=(value, value)) for value in sorted(held))
            because = f"{counted(len(said), 'machine')} in group {row.group.name} {no_server(said)}: {names(said)}"
            subject = f"{UNREGISTERED}group {row.group.name}"
            yield Judgement(
                Verdict.unknown_server, Certainty.definite, subject, "", "", boxes, None, because, family
            )  # fmt: skip


def no_server(said: list[str]) -> str:
    """That nobody registered them."""
    return "is no registered server" if len(said) == 1 else "are no registered servers"


def names(said: Iterable[str]) -> str:
    """The first few."""
    return listed(said, most=NAMED)


def would(group: Group, text: str, at: datetime) -> tuple[Plan, Seen] | str:
    """Who would join and leave if the members were known by this, as far as it was read; or why that is not known."""
    found = Accounts(at).seen(parse(text), None)
    return found if isinstance(found, str) else (planned(group, found.servers), found)
