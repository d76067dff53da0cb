"""What everybody tries on change records: every verb of the table, and asking for them in the first place."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from compliance.actions import changes, drafts, questions
from compliance.actions import connections as asking
from compliance.models import ChangeRecord, Connection, Question, User
from tests.factories import WHY
from tests.workflow.machine import RARELY, WHICH, WHO, Machine
from tests.workflow.rows import Row
from tests.workflow.table import WALKED

PROOF = st.sampled_from(["a" * 64, "a" * 64, " "])
REASON = st.sampled_from(["It is not so.", "It is not so.", ""])


class Steps(Machine):
    """The verbs of a change record."""

    @rule(who=WHO, what=WHICH, platform=st.booleans(), send=st.booleans(), urgent=st.booleans())
    def request(self, who: int, what: int, platform: bool, send: bool, urgent: bool) -> None:
        system = self.world.people.platform if platform else self.world.people.payroll

        def act(by: User) -> Any:
            return asking.request(
                system=system, material=self.material(what), justification=WHY, title="Asked for", by=by, at=self.now,
                submit=send, urgency="urgent" if urgent else "routine",
            )  # fmt: skip

        self.attempt("request", who, act, apt=self.apt("request", None))

    @rule(who=WHO, which=WHICH, what=WHICH)
    def amend(self, who: int, which: int, what: int) -> None:
        self.connection(who, which, lambda by, row: self.amended(row, by, what))

    def amended(self, row: Connection, by: User, what: int) -> ChangeRecord:
        """Something else asked for in its place."""
        said = {"material": self.material(what), "justification": WHY, "title": "Otherwise"}
        return asking.amend(row, by=by, at=self.now, **said)

    @rule(who=WHO, which=WHICH)
    def remove(self, who: int, which: int) -> None:
        self.connection(who, which, lambda by, row: asking.retire(row, because="Off.", by=by, at=self.now))

    @rule(which=WHICH, what=WHICH)
    def take_the_place(self, which: int, what: int) -> None:
        """What stands is amended, and everybody agrees: so that records are retired from each state they can be."""
        key = self.key("retire", which)
        change = self.rows.changes.get(key or 0)
        if change is None or change["connection_id"] is None:
            return
        row, before = Connection.objects.get(pk=change["connection_id"]), change["state"]
        rita = self.place(self.world.people.rita.pk)
        new = self.attempt("request", rita, lambda by: self.amended(row, by, what))
        if new is not None:
            self.agree(new.pk)
            if self.rows.changes[change["id"]]["state"] == "retired" != before:
                self.counts[f"done retire {before}"] += 1

    @rule(who=st.none() | WHO, which=WHICH)
    def retire(self, who: int | None, which: int) -> None:
        """By hand, which nobody does: Eastwest only where the table has no such step, people never."""
        key = self.key("retire", which)
        if key is not None and (who is not None or self.rows.changes[key]["state"] not in WALKED["retire"]):
            self.on_record("retire", who, key)

    @rule(who=WHO, which=WHICH, what=WHICH, send=st.booleans(), stale=st.booleans())
    def edit(self, who: int, which: int, what: int, send: bool, stale: bool) -> None:
        said = {"material": self.material(what), "justification": WHY, "title": "Better said", "submit": send}
        self.step(
            "edit", who, which,
            lambda by, row, seen, at: drafts.edit(row, by=by, at=at, seen_version=seen, **said), stale=stale,
        )  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def ask_again(self, who: int, which: int) -> None:
        self.step("ask_again", who, which)

    @rule(who=WHO, which=WHICH, stale=st.booleans())
    def submit(self, who: int, which: int, stale: bool) -> None:
        self.step("submit", who, which, stale=stale)

    @rule(who=WHO, which=WHICH, stale=st.booleans())
    def approve(self, who: int, which: int, stale: bool) -> None:
        self.step("approve", who, which, stale=stale)

    @rule(which=WHICH, turn=WHO)
    def approve_by_those_it_takes(self, which: int, turn: int) -> None:
        """Whoever could meet a need that is open clicks: so that runs get past the decision."""
        key = self.key("approve", which)
        if key is not None:
            self.agree(key, turn)

    def agree(self, key: int, turn: int = 0) -> None:
        """Those who are asked now agree, stage after stage, as long as somebody new could. Before them click who
        asked for it and who is asked later only, and who agreed clicks once more. `turn`: who of several comes first.
        """
        clicked: set[int] = set()
        for person in self.tempted(key):
            self.on_record("approve", self.place(person), key)
        while self.rows.changes[key]["state"] == "submitted":
            able = [who for who in self.able(key, self.rows.open(key)) if who not in clicked]
            if not able:
                return
            person = able[turn % len(able)]
            clicked.add(person)
            self.on_record("approve", self.place(person), key)
            if self.rows.changes[key]["state"] == "submitted":
                self.on_record("approve", self.place(person), key)

    def able(self, key: int, needs: list[Row]) -> list[int]:
        """Those who could meet one of these needs."""
        change = self.rows.changes[key]
        return [
            who for who in self.world.ids if any(not self.rights.why_not(who, need, change, self.now) for need in needs)
        ]

    def tempted(self, key: int) -> list[int]:
        """Who asked for a change that waits, and one who is asked in a later stage."""
        if self.rows.changes[key]["state"] != "submitted":
            return []
        now = self.rows.open(key)
        later = [need for need in self.rows.of(key) if need["stage"] > now[0]["stage"]]
        those = [who for who in self.able(key, later) if who not in self.able(key, now)]
        return [self.rows.changes[key]["requested_by_id"], *those[:1]]

    @rule(who=WHO, which=WHICH, really=RARELY)
    def reject(self, who: int, which: int, really: bool) -> None:
        self.step("reject", who if really else self.stranger, which)

    @rule(who=WHO, which=WHICH, really=RARELY)
    def withdraw(self, who: int, which: int, really: bool) -> None:
        self.step("withdraw", who if really else self.stranger, which)

    @rule(who=WHO, which=WHICH)
    def implement(self, who: int, which: int) -> None:
        self.step("implement", who, which)

    @rule(who=WHO, which=WHICH)
    def act_first(self, who: int, which: int) -> None:
        self.step("act_first", who, which)

    @rule(who=st.none() | WHO, which=WHICH, proof=PROOF)
    def verify(self, who: int | None, which: int, proof: str) -> None:
        self.step("verify", who, which, lambda by, row, _, at: changes.verify(row, proof=proof, by=by, at=at))

    @rule(who=st.none() | WHO, which=WHICH, why=REASON)
    def dispute(self, who: int | None, which: int, why: str) -> None:
        self.step("dispute", who, which, lambda by, row, _, at: changes.dispute(row, why=why, by=by, at=at))

    @rule(who=WHO, which=WHICH)
    def ask_question(self, who: int, which: int) -> None:
        self.step("ask_question", who, which)

    @rule(who=WHO, which=WHICH)
    def answer_question(self, who: int, which: int) -> None:
        answered = {row["question_id"] for row in self.rows.answers.values()}
        keys = [key for key in sorted(self.rows.questions) if key not in answered or which % 4 == 0]
        if keys:
            self.answer(who, Question.objects.get(pk=keys[which // 4 % len(keys)]))

    def answer(self, who: int | None, row: Question) -> None:
        """An answer to a question that is named."""
        self.attempt(
            "answer_question", who, lambda by: questions.answer(row, text="So.", by=by, at=self.now),
            apt=self.apt("answer_question", row.change_id), state=self.rows.changes[row.change_id]["state"],
        )  # fmt: skip

    def material(self, what: int) -> dict[str, Any]:
        """Something to ask for."""
        return self.world.materials[what % len(self.world.materials)]
