"""How the duties of servers stand: what was stated last, by when it is to be stated anew, and what the host says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet

from compliance.actions.policy import in_force, read
from compliance.models import Server
from compliance.models.estate import day_of
from evidence.admin_path import BASTIONS, RULE
from evidence.duties import DUTIES, OPEN, ORDER, Said, State, beside, state_of
from evidence.judgement import counted
from evidence.models import AdminPathRow, Attestation, Comparison, FindingMember, HostSaid


class Standing(NamedTuple):
    """One duty of one server. `last`: what was stated last, None when nothing ever was; `host`: what it says itself."""

    server: Server
    kind: str
    state: State
    due: date | None
    last: Attestation | None
    host: Said

    @property
    def key(self) -> str:
        """What a page ticks: `patched-12`."""
        return f"{self.kind}-{self.server.pk}"


def standings(servers: Iterable[Server], at: datetime, *, now: bool = True) -> list[Standing]:
    """Every duty of those in service as of a moment, what is open first.

    `now` False: the hosts are not asked, for only what they said last is kept.
    """
    rows = {one.pk: one for one in servers if one.status == Server.Status.IN_SERVICE}
    hosts = Hosts(rows.values()) if now else None
    found = []
    for key, kind, state, due, stated in each({one.pk: one.role for one in rows.values()}, at):
        server, (held_on, in_order) = rows[key], held(stated)
        said = hosts.beside(server, kind, held_on, in_order) if hosts else Said("silent", "")
        found.append(Standing(server, kind, state, due, stated, said))
    kinds = list(DUTIES)
    return sorted(found, key=lambda one: (ORDER.index(one.state), kinds.index(one.kind), one.server.name))


def tally(servers: QuerySet[Server], at: datetime, *, now: bool = True) -> Mapping[str, int]:
    """What `numbers` makes of the `standings` of these servers, for pages that show no more than that.

    Reads no server but those of which something was stated: beside nothing at all, a host says nothing else.
    """
    rows = dict(servers.filter(status=Server.Status.IN_SERVICE).values_list("pk", "role"))
    found, stated = Counter[str](), []
    for key, kind, state, _, last in each(rows, at):
        found[state] += 1
        if last is not None:
            stated.append((key, kind, last))
    if now and stated:
        known = servers.in_bulk({key for key, _, _ in stated})
        hosts = Hosts(known.values())
        signs = Counter(hosts.beside(known[key], kind, *held(last)).sign for key, kind, last in stated)
        return summed(found, signs["differs"])
    return summed(found, 0)


def each(roles: Mapping[int, str], at: datetime) -> Iterator[tuple[int, str, State, date | None, Attestation | None]]:
    """(server, kind, how it stands, when it is due, what was stated last) of every duty of servers of these roles."""
    last, today = newest(roles, at), day_of(at)
    bastions = set(read(in_force(at)).rules[RULE].texts(BASTIONS))
    never = [(kind, duty.bastions_only, *state_of(kind, *held(None), today)) for kind, duty in DUTIES.items()]
    for key, role in roles.items():
        for kind, bastions_only, state, due in never:
            stated = last.get((key, kind))
            if stated is not None:
                yield key, kind, *state_of(kind, *held(stated), today), stated
            elif not bastions_only or role in bastions:
                yield key, kind, state, due, None


def held(stated: Attestation | None) -> tuple[date | None, bool]:
    """As of which day it was stated, and whether as in order."""
    return (stated.held_on, stated.in_order) if stated else (None, True)


def newest(servers: Collection[int], at: datetime) -> dict[tuple[int, str], Attestation]:
    """(server, kind) → what was stated last by that moment: who corrects a statement states anew."""
    wanted = set(servers)
    rows = Attestation.objects.filter(attested_at__lte=at)
    if len(wanted) == 1:  # the page of one server
        rows = rows.filter(server__in=wanted)
    last = rows.order_by().values("server", "kind").annotate(last=Max("pk")).values("last")
    stated = Attestation.objects.filter(pk__in=last).select_related("attested_by")
    return {(one.server_id, one.kind): one for one in stated if one.server_id in wanted}


class Hosts:
    """What hosts said at the last comparison, gathered once for many servers."""

    def __init__(self, servers: Iterable[Server]) -> None:
        rows = list(servers)
        only = {"server": rows[0].pk} if len(rows) == 1 else {}
        held = Comparison.objects.filter(published=True).values("pk")[:1]
        self.said = {one.server_id: one for one in HostSaid.objects.filter(comparison__in=held, **only)}
        self.login = dict(AdminPathRow.objects.filter(comparison__in=held, **only).values_list("server", "login"))
        self.refused: dict[int, list[str]] = {}
        members = FindingMember.objects.standing().filter(finding__verdict="listener_unauthorised", **only)
        for server, number in members.values_list("server", "finding"):
            if server is not None:
                self.refused.setdefault(server, []).append(f"FND-{number}")

    def beside(self, server: Server, kind: str, held_on: date | None, in_order: bool) -> Said:
        """What this server says beside a statement."""
        row = self.said.get(server.pk)
        host: dict[str, Any] = {**(row.said if row else {}), "login": self.login.get(server.pk)}
        host["refused"] = sorted(set(self.refused.get(server.pk, [])))
        return beside(kind, host, day_of(row.read_at) if row and row.read_at else None, held_on, in_order)


def numbers(rows: Iterable[Standing]) -> Mapping[str, int]:
    """How many stand how, and how many hosts say otherwise (`differs`)."""
    listed = list(rows)
    return summed(Counter(one.state for one in listed), sum(one.host.sign == "differs" for one in listed))


def summed(states: Mapping[str, int], differs: int) -> Mapping[str, int]:
    """The counts of states with those that pages say besides."""
    found = Counter[str](states)
    found["all"] = sum(states.values())
    found["open"] = sum(states.get(state, 0) for state in OPEN)
    found["differs"] = differs
    return found


def sentence(found: Mapping[str, int]) -> str:
    """What is open, in a line; "" when nothing is."""
    parts = [
        text
        for count, text in (
            (found["failed"], f"{counted(found['failed'], 'duty', 'duties')} stated as not in order"),
            (found["overdue"], f"{found['overdue']:,} overdue"),
            (found["never"], f"{found['never']:,} never stated"),
            (found["differs"], f"{counted(found['differs'], 'host')} saying otherwise"),
        )
        if count
    ]
    return ", ".join(parts)
