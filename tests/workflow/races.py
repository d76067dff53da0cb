"""Races: two or eight people click in the same moment, each in a thread and a connection of their own.

Each race is one fresh record and exactly one winner (of eight: one for each need). The rows are audited afterwards.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections

from compliance.actions import changes, drafts
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import Approval, ChangeRecord, ConnectionVersion, State
from tests.factories import WHY, asked, network
from tests.people import People

Click = Callable[[ChangeRecord], Any]
PATIENCE: Final = 60.0  # seconds after which a click that does not come back is a failure


@dataclass
class Crowd:
    """Threads that stay, so that a race costs no new connections."""

    pool: ThreadPoolExecutor
    size: int

    def click(self, change: ChangeRecord, clicks: Sequence[Click]) -> list[bool]:
        """All of them at once, each on a copy that was read before. Who was heard, in the order of `clicks`."""
        gate = threading.Barrier(len(clicks))
        copies = [ChangeRecord.objects.get(pk=change.pk) for _ in clicks]

        def one(click: Click, copy: ChangeRecord) -> bool:
            gate.wait(PATIENCE)
            try:
                click(copy)
            except Refused:
                return False
            return True

        running = [self.pool.submit(one, click, copy) for click, copy in zip(clicks, copies, strict=True)]
        return [each.result(PATIENCE) for each in running]


@contextmanager
def crowd(size: int) -> Iterator[Crowd]:
    """So many threads; their connections are closed at the end."""
    with ThreadPoolExecutor(size) as pool:
        try:
            yield Crowd(pool, size)
        finally:
            gate = threading.Barrier(size)

            def leave() -> None:
                gate.wait(PATIENCE)
                connections.close_all()

            for each in [pool.submit(leave) for _ in range(size)]:
                each.result(PATIENCE)


def approve_and_approve(people: People, among: Crowd, number: int) -> str:
    """The owner and the deputy for the one need that is left."""
    change = asked(people, at=None)
    changes.approve(change, by=people.mina)
    heard = among.click(change, [_approve(people.omar), _approve(people.dan)])
    return _wrong(change, heard, winners=1, states={State.APPROVED})


def edit_and_approve(people: People, among: Crowd, number: int) -> str:
    """The requester edits a draft in one window and sends it in another, where both approve at once."""
    change = asked(people, submit=False)
    version = change.version
    other = network("pay-app-01", "pay-db-01", f"tcp/{5000 + number % 1000}")

    def edit(row: ChangeRecord) -> None:
        drafts.edit(row, material=other, justification=WHY, title="Other", by=people.rita, seen_version=version)

    def send_and_approve(row: ChangeRecord) -> None:
        changes.submit(row, by=people.rita, seen_version=version)
        changes.approve(row, by=people.omar, seen_version=row.version)
        changes.approve(row, by=people.mina, seen_version=row.version)

    heard = among.click(change, [edit, send_and_approve])
    wrong = _wrong(change, heard, winners=1, states={State.DRAFT if heard[0] else State.APPROVED})
    ports = change.material["services"] == other["services"]
    return wrong or ("" if ports == heard[0] else f"{change.ref} says {change.material['services']}, heard {heard}")


def withdraw_and_approve(people: People, among: Crowd, number: int) -> str:
    """The requester takes it back while the last agreement is given."""
    change = asked(people)
    changes.approve(change, by=people.mina)

    def withdraw(row: ChangeRecord) -> None:
        changes.withdraw(row, by=people.rita, because="Not needed.")

    heard = among.click(change, [withdraw, _approve(people.omar)])
    return _wrong(change, heard, winners=1, states={State.WITHDRAWN if heard[0] else State.APPROVED})


def eight_approve(people: People, among: Crowd, number: int) -> str:
    """Eight clicks of four people: exactly one wins for each need."""
    change = asked(people, network("pay-app-01", "log-01", "tcp/6514"))
    who = (people.omar, people.mina, people.dan, people.olga) * 2
    heard = among.click(change, [_approve(person) for person in who])
    return _wrong(change, heard, winners=3, states={State.APPROVED})


RACES: Final[dict[str, Callable[[People, Crowd, int], str]]] = {
    "approve‖approve": approve_and_approve,
    "edit‖approve": edit_and_approve,
    "withdraw‖approve": withdraw_and_approve,
    "8×approve": eight_approve,
}


def run(people: People, times: int, say: Callable[[str], None]) -> Counter[str]:
    """Every race so many times: how many were run, and how many had another outcome than one winner."""
    told: Counter[str] = Counter()
    with crowd(8) as among:
        for name, race in RACES.items():
            for number in range(times):
                wrong = race(people, among, number)
                told["races"] += 1
                told["race_violations"] += bool(wrong)
                if wrong:
                    say(f"{name} {number}: {wrong}")
    for odd in reconcile():
        told["race_violations"] += 1
        say(f"reconciliation: {odd.sentence}")
    return told


def _approve(person: Any) -> Click:
    return lambda row: changes.approve(row, by=person)


def _wrong(change: ChangeRecord, heard: list[bool], *, winners: int, states: set[str]) -> str:
    """What is not as it should be after a race; "" when all is."""
    change.refresh_from_db()
    approved = change.state == State.APPROVED
    approvals = list(Approval.objects.filter(needed__change=change).values_list("approver", "needed"))
    versions = ConnectionVersion.objects.filter(change=change).count()
    needs = change.needs.count()
    if sum(heard) != winners:
        return f"{change.ref}: heard {heard}"
    if change.state not in states:
        return f"{change.ref} is {change.state}, heard {heard}"
    if versions != approved or (approved and len(approvals) != needs):
        return f"{change.ref}: {versions} versions, {len(approvals)} approvals of {needs} needs, {change.state}"
    if len({person for person, _ in approvals}) < len(approvals) or len({need for _, need in approvals}) < len(
        approvals
    ):
        return f"{change.ref}: {approvals}"
    return ""
