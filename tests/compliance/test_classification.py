"""The ceiling of the installation, and what leaves it by mail: through the real rows and the job that sends them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from compliance.actions import changes, estate, jobs
from compliance.errors import Refused
from compliance.models import ChangeRecord, Outbound, System
from compliance.notices import tell
from tests.factories import asked, network, servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = ("hours", "pay-app-01", "pay-db-01", "Payroll", "Rita")


def organisation(people: People) -> Any:
    return people.payroll.organisation


@pytest.mark.parametrize(("ceiling", "taken"), [("NC", 1), ("OS", 2), ("P", 3), ("TS", 5)])
def test_a_system_above_the_ceiling_is_refused_with_its_reason(settings: Any, ceiling: str, taken: int) -> None:
    people = everybody()
    settings.CEILING = ceiling
    made, refused = [], []
    for level in System.Classification.values:
        try:
            said = {"organisation": organisation(people), "owner": people.omar, "classification": level}
            made.append(estate.add_system(f"System {level}", by=people.alex, **said).name)
        except Refused as problem:
            refused.append(problem.why)
    assert len(made) == taken
    assert all("this installation holds records up to" in why for why in refused)
    assert System.objects.filter(name__startswith="System ").count() == taken


def test_a_ceiling_that_makes_no_sense_stops_the_start() -> None:
    ask = "from compliance.project import settings; print(settings.CEILING)"
    for value, code, said in (("protected", 0, "P"), ("p", 0, "P"), ("HIGH", 1, "Write one of NC, OS, P, S, TS")):
        done = subprocess.run(
            [sys.executable, "-c", ask],
            env={"EASTWEST_CEILING": value, **path()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stderr[-400:]


def path() -> dict[str, str]:
    import os

    return {key: os.environ[key] for key in ("PATH", "EASTWEST_VAR")}


def decided(people: People) -> ChangeRecord:
    """A request that was turned down: those who decide and who asked are told."""
    change = asked(people)
    changes.reject(change, by=people.omar, because="The hours are not for Rita: Payroll says so.")
    jobs.work_off()
    return change


def test_a_protected_system_leaves_only_ids_and_links_in_rows_and_mails(settings: Any) -> None:
    people = everybody()
    servers(people)
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    change = decided(people)
    rows = Outbound.objects.all()
    assert rows.count() == len(mail.outbox) == 4
    for row in rows:
        assert (row.subject, row.body) == (f"{change.ref} in Eastwest", "Open the page to read it.")
    for each in mail.outbox:
        assert not [word for word in WORDS if word in each.subject + each.body]
        assert f"/{change.ref}/" in each.body


def test_a_connection_into_a_protected_system_counts_as_one_of_it() -> None:
    people = everybody()
    servers(people)
    System.objects.filter(pk=people.platform.pk).update(classification="S")
    change = asked(people, network("pay-app-01", "log-01"), title="Logs of the pay run")
    subjects = set(Outbound.objects.values_list("subject", flat=True))
    assert subjects == {f"{change.ref} in Eastwest"}


def test_others_are_told_in_words_and_what_is_not_known_is_not_guessed() -> None:
    people = everybody()
    servers(people)
    change = decided(people)
    assert all(change.title in each.subject for each in mail.outbox)
    said = {"subject": "The review of Payroll", "body": "It was missed."}
    with transaction.atomic():
        assert tell(people.omar, key="one", path="/reviews/REV-7/", **said).subject == said["subject"]
        System.objects.filter(pk=people.platform.pk).update(classification="P")
        assert tell(people.omar, key="two", path="/reviews/REV-7/", **said).subject == "REV-7 in Eastwest"
        known = tell(people.omar, key="three", path="/reviews/REV-7/", about=[people.payroll], **said)
        assert known.subject == said["subject"]
        assert tell(people.omar, key="four", path="/evidence/", **said).subject == "News in Eastwest"
