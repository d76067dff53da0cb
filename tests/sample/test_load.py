"""The sample organisation in a real database: its story told by the verbs, the verdicts as its README plants them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compliance.actions.reconcile import reconcile
from compliance.models import ChangeRecord, Connection, Organisation, State, System, User
from compliance.permissions import may
from evidence.actions import packs
from evidence.actions.compare import compare
from evidence.models import Finding
from evidence.packs import verify
from reviews.models import Review
from reviews.sample import site
from reviews.sample.load import load
from tests.sample.test_sample import IMPLEMENTED, PLANTED

# Half past midnight after a leap day, at the start of a month, far from today: the story is the same on any day.
AT = datetime(2028, 3, 1, 0, 30, tzinfo=ZoneInfo("Australia/Sydney"))
AGAINST = {"against_policy": "database-from-application: app → data, Citizen Services"}  # of the policy, not of judge
LATE = {"review_overdue": "CON-58"}  # of the history, not of the rules
GROUPED = {"listener_unauthorised": "python3 on tcp/8000, Citizen Services"}  # one finding for all servers of a system
EXTRAS = {verdict.value: subject for verdict, subject in PLANTED.items()} | AGAINST | LATE | GROUPED
AS_PLANTED = {"usage_unknown": 60, "implemented": IMPLEMENTED} | dict.fromkeys(EXTRAS, 1)
WAITING = {"omar@sample.example": 2, "ines@sample.example": 3, "mina@sample.example": 3, "rita@sample.example": 0}


@pytest.mark.both
@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_the_story_leads_to_the_planted_verdicts_again_and_again(settings: object, tmp_path: Path) -> None:
    settings.VAR, settings.PACKS, settings.KEYS = tmp_path, tmp_path / "packs", tmp_path / "keys"  # type: ignore[attr-defined]
    settings.KEYS.mkdir(mode=0o700)  # type: ignore[attr-defined]
    told: list[str] = []
    load(at=AT, say=told.append)
    erin = User.objects.get(email="erin@sample.example")
    site.read_all(erin, AT)
    later, twin = (compare(at=AT + timedelta(seconds=seconds)) for seconds in (2, 1))  # two at once: either is first
    again = compare(at=AT + timedelta(hours=1))
    assert [each.counts for each in (later, twin, again)] == [AS_PLANTED] * 3
    check_records()
    check_people()
    assert reconcile(at=AT) == []
    assert "74 requests" in told[-1]
    check_pack()


def check_records() -> None:
    """The ids are those of the README, and the changes stand where the story leaves them."""
    assert [row.pk for row in Connection.objects.order_by("created_at", "pk")] == list(range(1, 75))
    states = Counter(ChangeRecord.objects.values_list("state", flat=True))
    assert states == {State.VERIFIED: 67, State.SUBMITTED: 3, State.DISPUTED: 2, State.APPROVED: 1, State.REJECTED: 1}
    disputed = ChangeRecord.objects.filter(state=State.DISPUTED).order_by("pk")
    assert [row.connection.ref for row in disputed] == ["CON-35", "CON-62"]
    standing = Finding.objects.standing()
    found = {row.verdict: row.subject for row in standing.exclude(subject="CON-54", verdict="not_implemented")}
    assert found == EXTRAS
    assert not Finding.objects.filter(point="register/row").exists(), "no row of the story was ever called forged"
    assert Counter(Review.objects.values_list("state", flat=True)) == {"closed": 4, "missed": 2}


def check_pack() -> None:
    """The pack of the month says what the comparison said, is marked, and verifies."""
    later, today = AT + timedelta(hours=2), AT.date()
    ada = User.objects.get(email="ada@sample.example")
    pack = packs.ask(systems=System.objects.all(), since=today - timedelta(days=30), until=today, by=ada, at=later)
    packs.build(pack, at=later)
    report = verify.verify(packs.path_of(pack), pack.fingerprint)
    assert (pack.state, pack.sample, report.ok, report.members) == ("built", True, True, {})
    verdicts = {verdict: count for verdict, count in AS_PLANTED.items() if verdict != "usage_unknown"}
    assert {verdict: report.counts["verdicts"][verdict] for verdict in verdicts} == verdicts


def check_people() -> None:
    """Nobody's inbox is empty who has to decide; the organisation says what it is, and what it does not ask for."""
    submitted = ChangeRecord.objects.filter(state=State.SUBMITTED)
    for address, number in WAITING.items():
        person = User.objects.get(email=address)
        waiting = [row for row in submitted if may(person, "approve", row, at=AT) is None]
        assert len(waiting) == number, address
        assert not person.has_usable_password()
    ours = Organisation.objects.get(kind="own")
    assert (ours.is_sample, ours.approvers_need_mfa) == (True, False)
