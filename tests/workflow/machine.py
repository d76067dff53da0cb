"""The state machine: anybody tries anything, in any order, on the real verbs and the real database.

Each run is one transaction that is taken back at its end. After every step the bare rows are audited (audit.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from compliance.actions import changes, delegations, drafts, questions
from compliance.actions import connections as asking
from compliance.actions import people as persons
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, Question, Role, System, User
from tests.factories import WHY
from tests.workflow.audit import ANYTHING, Step, audit, authorised, read
from tests.workflow.rights import Grant, Place
from tests.workflow.world import World

WHO = st.integers(0, 99)  # a place in the list of people, or of records, whatever its length
WHICH = st.integers(0, 99)
GRANTED = st.sampled_from([Role.REQUESTER, Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER, Role.ADMINISTRATOR])
SPANS = st.sampled_from([(0, None), (0, 2), (1, None), (3, 6), (-5, -1)])  # days from now, from and until
DAYS = st.sampled_from([1, 3, 30, 200])  # of a delegation; the last is longer than one may be
# who gives what for which system; the last does not hold it
HELD = [
    ("omar", "system_owner", "payroll"), ("mina", "manager", "payroll"), ("olga", "system_owner", "platform"),
    ("rita", "manager", "payroll"),
]  # fmt: skip
RARELY = st.sampled_from([False, False, False, True])
RITA, OWNER = 0, 12  # places among those who may ask
ANYBODY = 3  # of every four numbers: any person, or any record, whether the verb should be open to it or not
WAITS = st.sampled_from([timedelta(minutes=1), timedelta(hours=9), timedelta(days=1), timedelta(days=4)])


# Where a verb is at home: only to choose by, what really follows is audited.
WAITING: dict[str, tuple[str, ...]] = {
    "edit": ("draft",),
    "submit": ("draft",),
    "approve": ("submitted",),
    "act_first": ("submitted",),
    "ask_question": ("submitted", "approved", "implemented", "disputed"),
    "reject": ("submitted",),
    "withdraw": ("draft", "submitted"),
    "ask_again": ("rejected", "withdrawn"),
    "implement": ("approved", "disputed"),
    "verify": ("implemented", "disputed"),
    "dispute": ("implemented", "verified"),
}


class Violation(AssertionError):
    """A rule of the workflow did not hold."""


class Workflow(RuleBasedStateMachine):
    """Everybody and everything; `world` is set before the first run, `counts` sums up over all runs."""

    world: ClassVar[World]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.room = transaction.atomic()
        self.room.__enter__()
        self.now = self.world.start
        self.rights = self.world.rights()
        self.rows = read()
        self.broken = False
        self.seen: dict[int, ChangeRecord] = {}
        self.counts["runs"] += 1

    def teardown(self) -> None:
        """The last look at the whole, and back to the beginning."""
        try:
            odd = [] if self.broken else [one for one in reconcile(at=self.now) if one.kind != "late"]
            if odd:
                raise Violation(f"reconciliation names {odd}")
        finally:
            transaction.set_rollback(True)
            self.room.__exit__(None, None, None)

    @initialize(first=WHICH, second=WHICH, third=WHICH)
    def some_requests(self, first: int, second: int, third: int) -> None:
        """So that every run has something to decide on."""
        for number, (who, what) in enumerate(((RITA, first), (OWNER, second), (RITA, third))):
            self.request(who=who, what=what, platform=False, send=number < 2, urgent=number == 1)

    # What everybody tries

    @rule(who=WHO, what=WHICH, platform=st.booleans(), send=st.booleans(), urgent=st.booleans())
    def request(self, who: int, what: int, platform: bool, send: bool, urgent: bool) -> None:
        system = self.world.people.platform if platform else self.world.people.payroll
        self.attempt(
            "request",
            who,
            lambda by: asking.request(
                system=system, material=self.material(what), justification=WHY, title="Asked for", by=by, at=self.now,
                submit=send, urgency="urgent" if urgent else "routine",
            ),
        )  # fmt: skip

    @rule(who=WHO, which=WHICH, what=WHICH)
    def amend(self, who: int, which: int, what: int) -> None:
        said = {"material": self.material(what), "justification": WHY, "title": "Otherwise"}
        self.connection("request", who, which, lambda by, row: asking.amend(row, by=by, at=self.now, **said))

    @rule(who=WHO, which=WHICH)
    def retire(self, who: int, which: int) -> None:
        self.connection("request", who, which, lambda by, row: asking.retire(row, because="Off.", by=by, at=self.now))

    @rule(who=WHO, which=WHICH, what=WHICH, send=st.booleans(), stale=st.booleans())
    def edit(self, who: int, which: int, what: int, send: bool, stale: bool) -> None:
        said = {"material": self.material(what), "justification": WHY, "title": "Better said", "submit": send}
        self.step(
            "edit", who, which, stale,
            lambda by, row, seen: drafts.edit(row, by=by, at=self.now, seen_version=seen, **said),
        )  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def ask_again(self, who: int, which: int) -> None:
        self.step("ask_again", who, which, False, lambda by, row, _: drafts.ask_again(row, by=by, at=self.now))

    @rule(who=WHO, which=WHICH, stale=st.booleans())
    def submit(self, who: int, which: int, stale: bool) -> None:
        self.step(
            "submit",
            who,
            which,
            stale,
            lambda by, row, seen: changes.submit(row, by=by, at=self.now, seen_version=seen),
        )

    @rule(who=WHO, which=WHICH, stale=st.booleans())
    def approve(self, who: int, which: int, stale: bool) -> None:
        self.step(
            "approve", who, which, stale,
            lambda by, row, seen: changes.approve(row, by=by, at=self.now, seen_version=seen),
        )  # fmt: skip

    @rule(which=WHICH)
    def approve_by_those_it_takes(self, which: int) -> None:
        """Whoever could meet a need clicks, and clicks again: so that runs get past the decision."""
        key = self.key("approve", which)
        for person in self.apt("approve", key):
            if key is None or self.rows.changes[key]["state"] != "submitted":
                return
            self.step(
                "approve",
                self.place(person),
                which,
                False,
                lambda by, row, seen: changes.approve(row, by=by, at=self.now, seen_version=seen),
            )

    @rule(who=WHO, which=WHICH, really=RARELY)
    def reject(self, who: int, which: int, really: bool) -> None:
        if not really:
            return
        self.step(
            "reject", who, which, False, lambda by, row, _: changes.reject(row, by=by, because="No.", at=self.now)
        )

    @rule(who=WHO, which=WHICH, really=RARELY)
    def withdraw(self, who: int, which: int, really: bool) -> None:
        if not really:
            return
        self.step(
            "withdraw", who, which, False, lambda by, row, _: changes.withdraw(row, by=by, because="No.", at=self.now)
        )

    @rule(who=WHO, which=WHICH)
    def implement(self, who: int, which: int) -> None:
        self.step("implement", who, which, False, lambda by, row, _: changes.implement(row, by=by, at=self.now))

    @rule(who=WHO, which=WHICH)
    def act_first(self, who: int, which: int) -> None:
        said = {"because": "It cannot wait."}
        self.step("act_first", who, which, False, lambda by, row, _: changes.act_first(row, by=by, at=self.now, **said))

    @rule(who=st.none() | WHO, which=WHICH, proof=st.sampled_from(["a" * 64, " "]))
    def verify(self, who: int | None, which: int, proof: str) -> None:
        self.step("verify", who, which, False, lambda by, row, _: changes.verify(row, proof=proof, by=by, at=self.now))

    @rule(who=st.none() | WHO, which=WHICH, why=st.sampled_from(["It is not so.", ""]))
    def dispute(self, who: int | None, which: int, why: str) -> None:
        self.step("dispute", who, which, False, lambda by, row, _: changes.dispute(row, why=why, by=by, at=self.now))

    # Who may what changes as well

    @rule(who=WHO, role=GRANTED, span=SPANS, system=st.sampled_from([None, "payroll", "platform"]))
    def grant(self, who: int, role: str, span: tuple[int, int | None], system: str | None) -> None:
        where: System | None = getattr(self.world.people, system) if system else None
        start = self.now + timedelta(days=span[0])
        end = self.now + timedelta(days=span[1]) if span[1] is not None else None
        person = User.objects.get(pk=self.person(who))

        def act(by: User) -> Any:
            return persons.give(person, role, system=where, by=by, at=start, until=end)

        if self.attempt("grant", self.place(self.world.people.alex.pk), act, noted=ANYTHING):
            self.rights.grants.append(Grant(person.pk, str(role), where.pk if where else None, start, end))

    @rule(who=WHO, really=RARELY)
    def deactivate(self, who: int, really: bool) -> None:
        person = User.objects.get(pk=self.person(who))
        if person.email in KEPT or not really:
            return
        if self.attempt(
            "deactivate",
            self.place(self.world.people.alex.pk),
            lambda by: persons.deactivate(person, by=by, at=self.now),
        ):
            self.rights.end(person.pk, self.now)

    @rule(held=st.sampled_from(HELD), to=st.sampled_from(["erin", "dan", "rita", "mina", "alex", "sam"]), days=DAYS)
    def delegate(self, held: tuple[str, str, str], to: str, days: int) -> None:
        people, role, end = self.world.people, held[1], self.now + timedelta(days=days)
        system: System = getattr(people, held[2])
        by, other = getattr(people, held[0]), User.objects.get(pk=getattr(people, to).pk)

        def act(by: User) -> None:
            delegations.delegate(other, capacity=role, system=system, until=end, because="Away.", by=by, at=self.now)

        if self.attempt("delegate", self.place(by.pk), act):
            self.rights.places.append(Place(by.pk, other.pk, role, system.pk, self.now, end))

    @rule(who=WHO, which=WHICH)
    def ask_question(self, who: int, which: int) -> None:
        self.step(
            "ask_question", who, which, False, lambda by, row, _: questions.ask(row, text="Why?", by=by, at=self.now)
        )

    @rule(who=WHO, which=WHICH)
    def answer_question(self, who: int, which: int) -> None:
        keys = sorted(self.rows.questions)
        if keys:
            row = Question.objects.get(pk=keys[which // 4 % len(keys)])
            self.attempt(
                "answer_question", who, lambda by: questions.answer(row, text="So.", by=by, at=self.now),
                on=row.change_id,
            )  # fmt: skip

    @rule(span=WAITS)
    def wait(self, span: timedelta) -> None:
        self.now += span
        self.look(Step("", None, self.now))

    # How it is tried and looked at

    def person(self, who: int) -> int:
        """The id of a person by their place."""
        return self.world.ids[who % len(self.world.ids)]

    def place(self, person: int) -> int:
        """The number that stands for a person, whatever they are apt for."""
        return 4 * self.world.ids.index(person) + ANYBODY

    def key(self, verb: str, which: int) -> int | None:
        """The id of a record: one of four means any at all, the others one that waits for the verb, if any does."""
        every = sorted(self.rows.changes)
        apt = [key for key in every if self.rows.changes[key]["state"] in WAITING.get(verb, ())]
        keys = every if which % 4 == ANYBODY or not apt else apt
        return keys[which // 4 % len(keys)] if keys else None

    def chosen(self, verb: str, who: int | None, key: int | None) -> int | None:
        """Who tries it: of every four numbers one means anybody at all, three somebody it should be open to."""
        if who is None:
            return None
        apt = self.apt(verb, key) if who % 4 != ANYBODY else []
        return apt[who // 4 % len(apt)] if apt else self.world.ids[who // 4 % len(self.world.ids)]

    def apt(self, verb: str, key: int | None) -> list[int]:
        """Those to whom a verb on a record should be open as far as their role goes; [] where anybody may be tried."""
        change, people = self.rows.changes.get(key or 0), self.world.people
        if change is None or verb in ("request", "ask about a connection"):
            return [people.rita.pk, people.omar.pk, people.erin.pk, self.world.both]
        if verb in ("approve", "reject"):
            needs = self.rows.of(change["id"])
            able = (
                who for who in self.world.ids for need in needs if not self.rights.why_not(who, need, change, self.now)
            )
            return list(dict.fromkeys([*able, change["requested_by_id"]]))  # who asked is always tempted
        if verb == "ask_question":
            return [people.omar.pk, people.mina.pk, people.erin.pk]
        if verb in ("edit", "submit", "withdraw", "ask_again", "answer_question"):
            return [change["requested_by_id"]]
        return [people.erin.pk] if verb in ("implement", "dispute", "act_first") else []

    def material(self, what: int) -> dict[str, Any]:
        """Something to ask for."""
        return self.world.materials[what % len(self.world.materials)]

    def attempt(
        self,
        verb: str,
        who: int | None,
        act: Callable[[Any], Any],
        *,
        change: int | None = None,
        on: int | None = None,
        noted: str = "",
    ) -> bool:
        """Tries it, as the person stands in the database by now; audits what came of it. Whether it was done."""
        person = self.chosen(verb, who, change if change is not None else on)
        by = None if person is None else User.objects.get(pk=person)
        refused = ""
        try:
            act(by)
        except Refused as refusal:
            refused = str(refusal)
        self.counts["steps"] += 1
        self.counts[f"{verb} {'refused' if refused else 'done'}"] += 1
        self.look(Step(verb, by.pk if by else None, self.now, change, refused, noted))
        return not refused

    def step(self, verb: str, who: int | None, which: int, stale: bool, act: Callable[..., Any]) -> None:
        """A verb on one of the records: as it stands, or (stale) on a copy from when it was first seen, replayed."""
        key = self.key(verb, which)
        if key is not None:
            self.on_record(verb, who, key, stale, act)

    def on_record(
        self, verb: str, who: int | None, key: int, stale: bool = False, act: Callable[..., Any] | None = None
    ) -> None:
        """The same on a record that is named; without an `act` an approval."""
        act = act or (lambda by, row, seen: changes.approve(row, by=by, at=self.now, seen_version=seen))
        row = self.seen[key] if stale else ChangeRecord.objects.get(pk=key)
        seen = row.version
        old = stale and seen != self.rows.changes[key]["version"]
        noted = {"ask_again": "request"}.get(verb, verb)
        done = self.attempt(verb, who, lambda by: act(by, row, seen), change=None if old else key, on=key, noted=noted)
        if done and old:
            raise Violation(
                f"{verb} on CHG-{key} was done by somebody who read version {seen}, which was not the newest"
            )
        if stale:
            self.seen[key] = ChangeRecord.objects.get(pk=key)

    def connection(self, noted: str, who: int, which: int, act: Callable[..., Any]) -> None:
        """A verb on one of the connections."""
        keys = sorted({row["connection_id"] for row in self.rows.changes.values()})
        if keys:
            row = Connection.objects.get(pk=keys[which // 4 % len(keys)])
            self.attempt("ask about a connection", who, lambda by: act(by, row), noted=noted)

    def look(self, step: Step) -> None:
        """The audit of one step, and the question what is authorised now."""
        before, self.rows = self.rows, read(self.rows.ledger)
        wrong = audit(before, self.rows, step, self.rights)
        if step.refused and not wrong:
            return  # nothing was changed, so nothing else is authorised than before
        today = timezone.localdate(self.now)
        said = set(Connection.objects.authorised_at(today).values_list("pk", flat=True))
        if said != authorised(self.rows, today):
            wrong.append(f"authorised on {today}: {said}, by the bare rows {authorised(self.rows, today)}")
        for key in self.rows.changes.keys() - self.seen.keys():
            self.seen[key] = ChangeRecord.objects.get(pk=key)
        if wrong:
            self.broken = True
            raise Violation("; ".join(wrong))


KEPT = {"alex@example.org"}  # somebody has to be there who manages people
