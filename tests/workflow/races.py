"""Races: two or eight people click in the same moment, each in a thread and a connection of their own.

Each race is one fresh record and exactly one winner (of eight: one for each need). The rows are audited afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from compliance.actions import changes, drafts
from compliance.actions.reconcile import reconcile
from compliance.models import Approval, ChangeRecord, ConnectionVersion, State
from tests.factories import WHY, asked, network
from tests.people import People
from tests.workflow.crowd import Click, Crowd, crowd
from tests.workflow.races_beside import add_and_use, amend_and_amend, ask_and_ask, risk_and_risk, widen_and_widen


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


# Those that leave nothing standing come first: what is authorised is read by all of them
RACES: Final[dict[str, Callable[[People, Crowd, int], str]]] = {
    "widen‖widen": widen_and_widen,
    "ask‖ask": ask_and_ask,
    "add‖use": add_and_use,
    "amend‖amend": amend_and_amend,
    "risk‖risk": risk_and_risk,
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
