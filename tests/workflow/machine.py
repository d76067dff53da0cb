"""The state machine itself: how somebody and something are chosen, how a step is tried, and how it is looked at.

Each run is one transaction that is taken back at its end, so that every run begins with a record in every state
(world.py). After every step the bare rows are audited (audit.py, beside_audit.py). The steps are in steps.py and
beside.py.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from compliance import exceptions
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, User
from tests.workflow.audit import Step, audit, authorised
from tests.workflow.beside_audit import accepted, audit_beside, members
from tests.workflow.rows import Row, Rows, read, still, written
from tests.workflow.table import RISKS, WALKED
from tests.workflow.verbs import VERBS, Act
from tests.workflow.world import EXTENT, World

WHO = st.integers(0, 99)  # a place in the list of people, or of records, whatever its length
WHICH = st.integers(0, 99)
RARELY = st.sampled_from([False, False, False, True])
ANYBODY = 3  # of every four numbers: any person, or any record, whether the verb should be open to it or not


class Violation(AssertionError):
    """A rule of the workflow did not hold."""


class Machine(RuleBasedStateMachine):
    """Everybody and everything; `world` is set before the first run, `counts` sums up over all runs."""

    world: ClassVar[World]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.room = transaction.atomic()
        self.room.__enter__()
        self.begin()
        self.counts["runs"] += 1

    def begin(self) -> None:
        """Everything as the world made it."""
        self.now = self.world.start
        self.day = timezone.localdate(self.now)
        self.rights = self.world.rights.copy()
        self.known = replace(self.world.known, stages={})
        self.rows = self.world.rows
        self.written = written()
        self.broken = False
        self.users: dict[int, User] = {}
        self.first: dict[int, ChangeRecord] = {}

    def teardown(self) -> None:
        """The last look at the whole, and back to the beginning."""
        try:
            odd = [] if self.broken else [one for one in reconcile(at=self.now) if one.kind != "late"]
            if odd:
                raise Violation(f"reconciliation names {odd}")
        finally:
            transaction.set_rollback(True)
            self.room.__exit__(None, None, None)

    # Who and what is chosen

    def user(self, person: int) -> User:
        """The person as they stand in the database by now."""
        if person not in self.users:
            self.users[person] = User.objects.get(pk=person)
        return self.users[person]

    @property
    def stranger(self) -> int:
        """The number of somebody who may nothing: for what must not be done too often, and is tried all the same."""
        return self.place(self.world.people.sam.pk)

    def place(self, person: int) -> int:
        """The number that stands for a person, whatever they are apt for."""
        return 4 * self.world.ids.index(person) + ANYBODY

    def key(self, verb: str, which: int) -> int | None:
        """The id of a record: one of four means any at all, the others one that waits for the verb, if any does."""
        rows, table = (self.rows.risks, RISKS) if verb in RISKS else (self.rows.changes, WALKED)
        return pick(rows, table.get(verb, ()), which)

    def chosen(self, who: int | None, apt: Sequence[int]) -> int | None:
        """Who tries it: of every four numbers one means anybody at all, three somebody it should be open to."""
        if who is None:
            return None
        those = self.world.ids if who % 4 == ANYBODY or not apt else apt
        return those[who // 4 % len(those)]

    def apt(self, verb: str, key: int | None) -> list[int]:
        """Those to whom a verb on a record should be open as far as their role goes; [] where anybody may be tried."""
        change, people = self.rows.changes.get(key or 0), self.world.people
        if change is None:
            return [people.rita.pk, people.omar.pk, people.erin.pk, self.world.both, self.world.otto]
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

    # How it is tried

    def attempt(
        self,
        verb: str,
        who: int | None,
        act: Callable[[Any], Any],
        *,
        apt: Sequence[int] = (),
        change: int | None = None,
        state: str = "",
        noted: str = "",
    ) -> Any:
        """Tries it, and audits what came of it. What the act gave, or True; None when it was refused.

        `change`: the record whose newest version was read; `state`: where the record stands that it is tried on.
        """
        person = self.chosen(who, apt)
        by = None if person is None else self.user(person)
        refused, given = "", None
        try:
            given = act(by)
        except Refused as refusal:
            refused = str(refusal)
        self.counts["attempts"] += 1
        said = "refused" if refused else "done"
        self.counts[f"{said} {verb} {state}" if state else f"{said} {verb}"] += 1
        self.look(Step(verb, person, self.now, change, refused, noted))
        return None if refused else given or True

    def step(self, verb: str, who: int | None, which: int, act: Act | None = None, *, stale: bool = False) -> None:
        """A verb on one of the records: as it stands, or (stale) on a copy from when it was first seen, replayed."""
        key = self.key(verb, which)
        if key is not None:
            self.on_record(verb, who, key, act, stale=stale)

    def on_record(self, verb: str, who: int | None, key: int, act: Act | None = None, *, stale: bool = False) -> None:
        """The same on a record that is named; `act` where the verb is said otherwise than in verbs.py."""
        say = act or VERBS[verb]
        row, newest = self.copy_of(key, stale), self.rows.changes[key]["version"]
        seen = row.version
        old = seen != newest
        noted = {"ask_again": "request"}.get(verb, verb)
        done = self.attempt(
            verb, who, lambda by: say(by, row, seen, self.now), apt=self.apt(verb, key), change=None if old else key,
            state=self.rows.changes[key]["state"], noted=noted,
        )  # fmt: skip
        if done and old:
            raise Violation(f"{verb} on CHG-{key} was done by somebody who read version {seen}, not {newest}")
        if stale:
            self.first[key] = ChangeRecord.objects.get(pk=key)

    def copy_of(self, key: int, stale: bool) -> ChangeRecord:
        """The record as it stands, or as it stood when it was first seen."""
        if not stale:
            return ChangeRecord.objects.get(pk=key)
        return self.first[key] if key in self.first else copy.deepcopy(self.world.records[key])

    def connection(self, who: int, which: int, act: Callable[..., Any]) -> Any:
        """A verb on one of the connections that somebody asked for."""
        keys = sorted({row["connection_id"] for row in self.rows.changes.values()} - {None})
        row = Connection.objects.get(pk=keys[which % len(keys)])
        asks = "ask about a connection"
        return self.attempt(asks, who, lambda by: act(by, row), apt=self.apt(asks, None), noted="request")

    # How it is looked at

    def look(self, step: Step) -> None:
        """The audit of one step, and the questions what is authorised, accepted and a member now."""
        now, before = written(), self.rows
        same, self.written = now == self.written, now
        self.rows = still(before) if same else read(before.ledger)
        wrong = [
            *audit(before, self.rows, step, self.rights),
            *audit_beside(before, self.rows, step, self.rights, self.known),
        ]
        if not step.refused:
            wrong += self.derived(before, waited=self.day != timezone.localdate(self.now))
            self.day = timezone.localdate(self.now)
            for key in self.rows.changes.keys() - before.changes.keys():
                self.first[key] = ChangeRecord.objects.get(pk=key)
        if wrong:
            self.broken = True
            raise Violation("; ".join(wrong))

    def derived(self, before: Rows, *, waited: bool) -> list[str]:
        """What the product derives, held against the same worked out from the bare rows, where either may differ."""
        wrong, today = [], timezone.localdate(self.now)
        if waited or differs(before, self.rows, "changes", "approvals", "versions", "needs"):
            said = set(Connection.objects.authorised_at(today).values_list("pk", flat=True))
            if said != authorised(self.rows, today):
                wrong.append(f"authorised on {today}: {said}, by the bare rows {authorised(self.rows, today)}")
        if waited or differs(before, self.rows, "members"):
            for group in self.world.groups:
                counted = set(group.members_on(self.now).values_list("pk", flat=True))
                if counted != members(self.rows, group.pk, self.now):
                    wrong.append(f"in {group}: {counted}, by the bare rows {members(self.rows, group.pk, self.now)}")
        if waited or differs(before, self.rows, "risks"):
            keys = {row["key"] for row in self.rows.risks.values()}
            holds = {key for key in keys if exceptions.in_force("finding", key, EXTENT, self.now)}
            if holds != accepted(self.rows, self.now, today):
                wrong.append(f"accepted: {holds}, by the bare rows {accepted(self.rows, self.now, today)}")
        return wrong


def differs(before: Rows, after: Rows, *tables: str) -> bool:
    """Whether one of these tables holds something else."""
    return any(getattr(before, name) != getattr(after, name) for name in tables)


def pick(rows: dict[int, Row], waiting: Sequence[str], which: int) -> int | None:
    """One of the rows by a number: of every four one means any at all, three one in a state that waits for it."""
    every = sorted(rows)
    apt = [key for key in every if rows[key]["state"] in waiting]
    keys = every if which % 4 == ANYBODY or not apt else apt
    return keys[which // 4 % len(keys)] if keys else None
