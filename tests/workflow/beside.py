"""What everybody tries beside change records: roles, delegates, stages, groups, risks, and waiting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from compliance.actions import delegations, stages, widening
from compliance.actions import people as persons
from compliance.models import Delegation, Membership, RiskAcceptance, Role, RoleGrant, System, User
from tests.factories import WHY
from tests.workflow.audit import ANYTHING, Step
from tests.workflow.machine import RARELY, WHICH, WHO, Machine
from tests.workflow.rights import Grant, Place
from tests.workflow.verbs import ON_RISKS
from tests.workflow.world import left_open

GRANTED = st.sampled_from([Role.REQUESTER, Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER, Role.ADMINISTRATOR])
SPANS = st.sampled_from([(0, None), (0, 2), (1, None), (3, 6), (-5, -1)])  # days from now, from and until
DAYS = st.sampled_from([1, 3, 30, 200])  # of a delegation; the last is longer than one may be
WHERE = st.sampled_from([None, "payroll", "platform"])
# who gives what for which system; the last does not hold it
HELD = [
    ("omar", "system_owner", "payroll"), ("mina", "manager", "payroll"), ("olga", "system_owner", "platform"),
    ("otto", "authorising_officer", "payroll"), ("rita", "manager", "payroll"),
]  # fmt: skip
WAITS = st.sampled_from([timedelta(minutes=1), timedelta(hours=9), timedelta(days=1), timedelta(days=4)])
KEPT = {"alex@example.org", "otto@example.org"}  # somebody has to be there who manages people, and who decides on risks


class Beside(Machine):
    """Who may what, and what is read through groups and exceptions."""

    @rule(who=WHO, role=GRANTED, span=SPANS, system=WHERE, by=WHO)
    def grant(self, who: int, role: str, span: tuple[int, int | None], system: str | None, by: int) -> None:
        where: System | None = getattr(self.world.people, system) if system else None
        start = self.now + timedelta(days=span[0])
        end = self.now + timedelta(days=span[1]) if span[1] is not None else None
        person = self.user(self.world.ids[who % len(self.world.ids)])
        giver = self.giver(by)

        def act(_: User) -> RoleGrant:
            return persons.give(person, role, system=where, by=giver, at=start, until=end)

        row = self.attempt("grant", self.place(giver.pk), act, noted=ANYTHING)
        if row is not None and row.pk not in {one.key for one in self.rights.grants}:
            given = Grant(row.pk, person.pk, str(role), where.pk if where else None, start, end, giver=giver.pk)
            self.rights.give(given, start)

    def giver(self, by: int) -> User:
        """Somebody who manages people by now."""
        held = [who for who in self.world.ids if self.rights.holds(who, "administrator", None, self.now)]
        return self.user((held or [self.world.people.alex.pk])[by % max(1, len(held))])

    @rule(who=WHO, which=WHICH)
    def confirm(self, who: int, which: int) -> None:
        waits = [one.key for one in self.rights.grants if one.waits]
        if waits:
            row = RoleGrant.objects.get(pk=waits[which % len(waits)])
            admins = [one for one in self.world.ids if self.rights.holds(one, "administrator", None, self.now)]
            if self.attempt(
                "confirm_grant", who, lambda by: persons.confirm_grant(row, by=by, at=self.now), apt=admins
            ):
                self.rights.confirm(row.pk)

    @rule(which=WHICH, really=RARELY)
    def take_away(self, which: int, really: bool) -> None:
        rows = [one for one in self.rights.grants if one.person != self.world.people.alex.pk]
        row = RoleGrant.objects.get(pk=rows[which % len(rows)].key)
        by = self.place(self.world.people.alex.pk) if really else self.stranger
        if self.attempt("take_away", by, lambda by: persons.take_away(row, by=by, at=self.now)):
            self.rights.take_away(row.pk, self.now)

    @rule(who=WHO, really=RARELY)
    def deactivate(self, who: int, really: bool) -> None:
        person = self.user(self.world.ids[who % len(self.world.ids)])
        if person.email in KEPT:
            return
        by = self.place(self.world.people.alex.pk) if really else self.stranger
        if self.attempt("deactivate", by, lambda by: persons.deactivate(person, by=by, at=self.now)):
            self.rights.leave(person.pk, self.now)
            self.users.pop(person.pk, None)

    @rule(held=st.sampled_from(HELD), to=st.sampled_from(["erin", "dan", "rita", "mina", "alex", "sam"]), days=DAYS)
    def delegate(self, held: tuple[str, str, str], to: str, days: int) -> None:
        people, role, end = self.world.people, held[1], self.now + timedelta(days=days)
        system: System = getattr(people, held[2])
        by = self.world.otto if held[0] == "otto" else getattr(people, held[0]).pk
        other = self.user(getattr(people, to).pk)

        def act(by: User) -> Delegation:
            said = {"capacity": role, "system": system, "until": end, "because": "Away."}
            return delegations.delegate(other, by=by, at=self.now, **said)

        row = self.attempt("delegate", self.place(by), act)
        if row is not None:
            self.rights.places.append(Place(row.pk, by, other.pk, role, system.pk, self.now, end))

    @rule(who=WHO, which=WHICH)
    def end_delegation(self, who: int, which: int) -> None:
        keys = sorted(self.rows.delegations)
        row = Delegation.objects.get(pk=keys[which % len(keys)])
        theirs = [row.delegator_id, row.delegate_id, self.world.people.alex.pk]
        if self.attempt("end_delegation", who, lambda by: delegations.end(row, by=by, at=self.now), apt=theirs):
            self.rights.end_place(row.pk, self.now)

    @rule(who=WHO, what=st.sampled_from(["", "o", "n", "on", "no", "onn"]), platform=RARELY, named=WHO)
    def set_stages(self, who: int, what: str, platform: bool, named: int) -> None:
        people = self.world.people
        system = people.platform if platform else people.payroll
        persons_named = [people.rita, people.erin, self.user(self.world.ids[named % len(self.world.ids)])]
        wanted = [
            (f"Stage {place}", None if one == "o" else persons_named[(named + place) % 3])
            for place, one in enumerate(what)
        ]

        def act(by: User) -> Any:
            return stages.set_stages(system, wanted, because="So.", by=by, at=self.now)

        if self.attempt("set_stages", who, act, apt=[people.alex.pk]):
            self.known = self.known.with_stages(
                system.pk, [(place, title, one.pk if one else None) for place, (title, one) in enumerate(wanted, 2)]
            )

    @rule(who=WHO, which=WHICH, idle=RARELY)
    def widen(self, who: int, which: int, idle: bool) -> None:
        group = self.world.groups[1 if idle else 0]
        said = widening.member(group, self.world.spare[which % len(self.world.spare)])

        def act(by: User) -> Any:
            return widening.widen(said, by=by, at=self.now, justification=WHY)

        self.attempt("widen", who, act, apt=self.apt("request", None), noted=ANYTHING)

    @rule(who=WHO, which=WHICH)
    def narrow(self, who: int, which: int) -> None:
        keys = sorted(key for key, row in self.rows.members.items() if row["valid_to"] is None)
        if keys:
            row = Membership.objects.select_related("group__system", "server").get(pk=keys[which % len(keys)])
            people = self.world.people
            self.attempt(
                "narrow", who, lambda by: widening.take_out(row, by=by, because="Off.", at=self.now),
                apt=[people.omar.pk, people.erin.pk, people.alex.pk], noted="remove_member",
            )  # fmt: skip

    @rule(who=WHO, what=st.sampled_from(["waits", "stands", "refused", "other"]))
    def request_risk(self, who: int, what: str) -> None:
        people = self.world.people
        apt = [people.omar.pk, people.mina.pk, people.erin.pk, self.world.otto]
        self.attempt("request_risk", who, lambda by: left_open(people.payroll, what, by, self.now), apt=apt)

    @rule(who=WHO, which=WHICH, yes=st.booleans(), stale=RARELY)
    def decide_risk(self, who: int, which: int, yes: bool, stale: bool) -> None:
        self.on_risk("accept_risk" if yes else "refuse_risk", who, which, stale=stale)

    @rule(who=WHO, which=WHICH)
    def revoke_risk(self, who: int, which: int) -> None:
        self.on_risk("revoke_risk", who, which)

    def on_risk(self, verb: str, who: int, which: int, *, stale: bool = False) -> None:
        """A verb on one of the risks."""
        key = self.key(verb, which)
        if key is not None:
            self.on_named_risk(verb, who, key, stale=stale)

    def on_named_risk(self, verb: str, who: int | None, key: int, *, stale: bool = False) -> None:
        """The same on a risk that is named: by its officer, who asked, those in whose place somebody decides."""
        row, said = RiskAcceptance.objects.get(pk=key), self.rows.risks[key]
        apt = [one for one in self.world.ids if not self.rights.why_not_risk(one, said, self.now, revoking=True)]
        apt.append(said["requested_by_id"])
        seen, act = row.version - int(stale), ON_RISKS[verb]
        self.attempt(verb, who, lambda by: act(by, row, seen, self.now), apt=apt, state=said["state"])

    @rule(span=WAITS)
    def wait(self, span: timedelta) -> None:
        self.now += span
        self.look(Step("", None, self.now))
