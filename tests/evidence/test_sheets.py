"""Test sheets: what is drawn, the script as real shells run it, what its words mean, and what a difference becomes."""

from __future__ import annotations

import dataclasses
import re
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from compliance.actions import changes
from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox
from compliance.register import Entry, Wanted
from evidence.actions import sheets
from evidence.actions.compare import compare
from evidence.models import Finding, Sheet, SheetResult, VerdictRow
from evidence.packs.section import Scope
from evidence.packs.sections import result, tests, tried
from evidence.sheet_powershell import UNVERIFIED, of_windows, powershell
from evidence.sheet_script import (
    AS_EXPECTED,
    DIFFERS,
    MARK,
    UNDECIDED,
    NotHeard,
    heard,
    script,
    text_of,
    told,
)
from tests.evidence.site import Site

NOW = datetime(2026, 11, 2, 10, 30, tzinfo=UTC)
HASH = "ab" * 32


def row(number: int, expected: str, port: int, target: str = "127.0.0.1", to: str = "b") -> dict[str, Any]:
    """A pair as a sheet keeps it."""
    return {"row": number, "expected": expected, "from": "web 1;reboot", "to": to, "target": target, "port": port}


def text(*lines: str, first: str = "", at: str = "at=2026-11-02T10:30:00Z") -> str:
    """What a script prints."""
    begin = first or f"begin sheet=TST-1 pairs={HASH} host=b-1"
    return "".join(f"{MARK} {line} {at}\n" for line in (begin, *lines))


@pytest.mark.parametrize("tools", ["bash", "nc", "none"])
def test_real_shells_run_it_and_its_words_are_understood(tmp_path: Path, listening: int, tools: str) -> None:
    """`tools`: what the host has; what it cannot try it says."""
    for name in ("sh", "date", *({"bash": ("bash", "timeout"), "nc": ("nc",)}.get(tools, ()))):
        where = shutil.which(name)
        if where is None:
            pytest.skip(f"{name} is not installed")
        (tmp_path / name).symlink_to(where)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        pairs = [row(1, "open", listening), row(2, "open", unused.getsockname()[1])]
        window = (timezone.now() - timedelta(minutes=2), timezone.now() + timedelta(minutes=2))
        path = tmp_path / "sheet.sh"
        path.write_text(script("TST-1", HASH, "web 1;reboot", pairs, window))
        words, env = [str(tmp_path / "sh"), str(path)], {"PATH": str(tmp_path)}
        ran = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    said = heard(ran.stdout, "TST-1", HASH, "web 1;reboot", [1, 2])
    assert ran.stderr == ""
    assert said.outcomes == ({1: "untried", 2: "untried"} if tools == "none" else {1: "open", 2: "refused"})
    assert said.whole
    late = script("TST-1", HASH, "web 1;reboot", pairs, (NOW - timedelta(days=9), NOW - timedelta(days=8)))
    ran = subprocess.run(["sh", "-c", late], capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    with pytest.raises(NotHeard, match="outside its window"):
        heard(ran.stdout, "TST-1", HASH, "web 1;reboot", [1, 2])


def test_the_script_for_windows_prints_what_is_understood_and_is_known_again() -> None:
    """Its text alone: it was never run on Windows, which its own head, the page and the pack say."""
    window = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    made = powershell("TST-1", HASH, "web 1;reboot", [row(1, "open", 22), row(2, "closed", 3389)], window)
    assert made.count("\r\n") == made.count("\n")
    assert UNVERIFIED in made
    assert re.findall(r"^Try-Row .*$", made.replace("\r", ""), re.M) == [
        "Try-Row 1 '127.0.0.1' 22", "Try-Row 2 '127.0.0.1' 3389"
    ]  # fmt: skip
    lines = re.findall(r"^Say '(begin .*|end rows=\d+)'$", made.replace("\r", ""), re.M)
    rows = [f"row={number} observed={seen} how=tcpclient" for number, seen in ((1, "open"), (2, "silent"))]
    printed = text(*rows, lines[1], first=lines[0]).replace("\n", "\r\n")
    for content in (printed.encode(), printed.encode("utf-16"), printed.encode("utf-8-sig")):
        said = heard(text_of(content), "TST-1", HASH, "web 1;reboot", [1, 2])
        assert (said.outcomes, said.whole) == ({1: "open", 2: "silent"}, True)
        assert of_windows(text_of(content))
    assert not of_windows(text())


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("", "does not begin"),
        ("hello\n", "not understood"),
        (text(first=f"begin sheet=TST-2 pairs={HASH} host=b-1"), "of sheet TST-2"),
        (text(first=f"begin sheet=TST-1 pairs={'00' * 32} host=b-1"), "of pairs"),
        (text(first=f"begin sheet=TST-1 pairs={HASH} host=c-1"), "of host c-1"),
        (text("row=1 observed=open", "row=1 observed=silent", "end rows=2"), "twice"),
        (text("row=9 observed=open"), "row 9"),
        (text("row=1 observed=maybe"), "not understood"),
        (text("row=1 observed=open", "end rows=7"), "counts other rows"),
        (text("end rows=2") + text("row=1 observed=open"), "more than one run"),
        (text("row=1 observed=open", at="at=yesterday"), "when it was run"),
    ],
)
def test_what_is_not_this_scripts_is_refused_and_says_why(printed: str, why: str) -> None:
    with pytest.raises(NotHeard, match=why):
        heard(printed, "TST-1", HASH, "b-1", [1, 2])


def test_what_was_cut_off_is_not_whole_and_its_rest_not_decided() -> None:
    said = heard(text("row=1 observed=open"), "TST-1", HASH, "b-1", [1, 2])
    assert (said.outcomes, said.whole) == ({1: "open"}, False)
    assert told(row(2, "closed", 1), said.outcomes.get(2), {"b"}).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("expected", "seen", "answered", "verdict"),
    [
        ("open", "open", True, AS_EXPECTED), ("open", "silent", True, DIFFERS), ("open", "refused", True, UNDECIDED),
        ("closed", "open", True, DIFFERS), ("closed", "silent", True, AS_EXPECTED),
        ("closed", "silent", False, UNDECIDED),
        ("closed", "refused", True, UNDECIDED), ("open", "untried", True, UNDECIDED), ("closed", None, True, UNDECIDED),
    ],
)  # fmt: skip
def test_a_silence_shows_something_only_of_who_was_there(
    expected: str, seen: str | None, answered: bool, verdict: str
) -> None:
    assert told(row(1, expected, 22), seen, {"b"} if answered else set()).verdict == verdict


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    changes.implement(made.change, by=made.people.erin)
    made.read()
    made.compare()
    return made


def planned(site: Site, **changed: Any) -> Sheet:
    """A sheet that Erin plans for now."""
    now = timezone.now()
    said = sheets.Plan("a lantern", 5, 8, now, now + timedelta(hours=1), "The assessor asked.")
    return sheets.plan(site.people.payroll, said._replace(**changed), by=site.people.erin)


def brought(site: Site, sheet: Sheet, seen: dict[str, str]) -> None:
    """Each host's script, with what it saw of open and of closed pairs."""
    for host in sheets.hosts(sheet):
        mine = [pair for pair in sheet.pairs if pair["from"] == host]
        rows = [f"row={pair['row']} observed={seen[pair['expected']]}" for pair in mine]
        first = f"begin sheet={sheet.ref} pairs={sheet.sha256} host={host}"
        at = f"at={timezone.now():%Y-%m-%dT%H:%M:%SZ}"
        said = text(*rows, f"end rows={len(mine)}", first=first, at=at).encode()
        sheets.bring(sheet, site.people.payroll.servers.get(name=host), said, by=site.people.erin)


@pytest.mark.django_db(transaction=True)
def test_the_pairs_are_the_seeds_and_what_nobody_authorised_is_not_authorised(site: Site) -> None:
    sheet, again, other = planned(site), planned(site), planned(site, seed="another")
    assert sheet.pairs == again.pairs
    assert [one["port"] for one in sheet.pairs] != [one["port"] for one in other.pairs]
    wide = [one for one in sheet.pairs if one["expected"] == "open"]
    assert [(one["connection"], one["port"]) for one in wide] == [(site.connection.ref, 5432)]
    assert (wide[0]["from"], wide[0]["to"]) == ("pay-app-01", "pay-db-01")
    shut = [one for one in sheet.pairs if one["expected"] == "closed"]
    assert len(shut) == 8
    assert not [one for one in shut if (one["from"], one["to"], one["port"]) == ("pay-app-01", "pay-db-01", 5432)]
    for wrong in ({"seed": " "}, {"authorised": 0, "others": 0}, {"others": 201},
                  {"window_to": timezone.now() + timedelta(days=30)}):  # fmt: skip
        with pytest.raises(Refused):
            planned(site, **wrong)


@pytest.mark.django_db(transaction=True)
def test_two_people_let_it_happen_and_nothing_is_brought_before(site: Site) -> None:
    people, sheet = site.people, planned(site)
    with pytest.raises(Refused, match="not approved"):
        brought(site, sheet, {"open": "open", "closed": "silent"})
    own = sheets.plan(people.payroll, sheets.Plan("x", 1, 1, timezone.now(), timezone.now() + timedelta(hours=1), "y"),
                      by=people.omar)  # fmt: skip
    with pytest.raises(NotAllowed, match="You planned it"):
        sheets.decide(own, approve=True, note="", by=people.omar)
    for stranger in (people.ada, people.erin, people.sam):
        with pytest.raises(NotAllowed):
            sheets.decide(sheet, approve=True, note="", by=stranger)
    with pytest.raises(IntegrityError):
        Sheet.objects.filter(pk=own.pk).update(decided_by=people.omar)
    sheets.decide(sheet, approve=True, note="Go on.", by=people.omar)
    with pytest.raises(Refused, match="decided already"):
        sheets.decide(sheet, approve=False, note="", by=people.mina)
    brought(site, sheet, {"open": "open", "closed": "silent"})
    with pytest.raises(ValueError, match="not changed"):
        SheetResult.objects.all()[0].save()
    verbs = list(LedgerInbox.objects.filter(object_type="evidence.sheet", object_id=sheet.pk).order_by("pk")
                 .values_list("data__verb", flat=True))  # fmt: skip
    assert verbs == ["plan_test", "decide_test", *["bring_test"] * len(sheets.hosts(sheet))]


@pytest.mark.django_db(transaction=True)
def test_a_difference_is_the_loudest_finding_until_a_later_test_gives_something_else(site: Site) -> None:
    sheet = planned(site)
    sheets.decide(sheet, approve=True, note="Go on.", by=site.people.omar)
    brought(site, sheet, {"open": "silent", "closed": "open"})
    compare()
    found = Finding.objects.filter(point="test").standing()
    assert {row.severity for row in found} == {"high"}
    stopped = found.get(verdict="not_implemented")
    assert stopped.connection == site.connection
    assert "from the host itself: nothing answered" in stopped.because
    assert found.filter(verdict="used_outside").count() == 8
    assert not VerdictRow.objects.filter(connection=site.connection, headline=True, verdict="implemented",
                                         comparison=stopped.comparison).exists()  # fmt: skip
    again = planned(site)
    sheets.decide(again, approve=True, note="Once more.", by=site.people.omar)
    brought(site, again, {"open": "open", "closed": "refused"})
    compare()
    left = Finding.objects.filter(point="test").standing()
    assert left.filter(verdict="not_implemented").count() == 0, "a later test of the pair got through"
    assert left.filter(verdict="used_outside").count() == 8, "what can mean two things cures nothing"


@pytest.mark.django_db(transaction=True)
def test_the_best_tier_is_proposed_of_what_eastwest_heard_itself_and_of_nothing_less(site: Site) -> None:
    day = timezone.localdate()
    scope = Scope(("Payroll",), day.replace(day=1), day, timezone.now() + timedelta(minutes=1), "full")
    ref = site.connection.ref

    def proposed() -> tuple[str, str]:
        """Tier and basis of the connection's `implemented`, as the list of the pack has them."""
        [table] = [one for one in result.build(scope).tables if one.name == "verdicts"]
        rows = [dict(zip(table.columns, line, strict=True)) for line in table.rows]
        found = {(str(one["proposed_tier"]), str(one["rests_on"])) for one in rows
                 if one["connection"] == ref and one["verdict"] == "implemented"}  # fmt: skip
        return found.pop()

    read = proposed()
    assert read[0] == "fair", "a copy in a folder"
    sheet = planned(site)
    sheets.decide(sheet, approve=True, note="Go on.", by=site.people.omar)
    assert (tried.agreed(scope), proposed()) == ({}, read), "nothing was tried"
    brought(site, sheet, {"open": "open", "closed": "silent"})
    assert (tried.agreed(scope), proposed()) == ({}, read), "a file is the word of who brings it"
    SheetResult.objects.update(source=site.sources[0])  # the same, heard by Eastwest over SSH
    [rows] = [pair["row"] for pair in sheet.pairs if pair["connection"]]
    assert tried.agreed(scope) == {ref: (f"{sheet.ref} row {rows}",)}
    assert proposed() == ("excellent", f"{read[1]} {sheet.ref} row {rows} data/tests.csv")
    printed = tests.build(scope)
    assert any(line.startswith(f"{ref}: every address and port") for line in printed.data.sheets)
    assert {line[-1] for line in printed.tables[0].rows if line[2] == "pay-app-01"} == {"over SSH by Eastwest"}
    early = dataclasses.replace(scope, since=day + timedelta(days=1))
    assert tried.agreed(early) == {}, "not within the period"
    again = planned(site)
    sheets.decide(again, approve=True, note="Once more.", by=site.people.omar)
    brought(site, again, {"open": "silent", "closed": "silent"})
    assert (tried.agreed(scope), proposed()) == ({}, read), "a later test, whoever brings it, differs"


def box(port: tuple[int, int] = (5432, 5432), proto: int = 6, target: tuple[int, int] = (2, 2)) -> tuple[int, ...]:
    return (1, 1, *target, proto, proto, 0, 65535, *port)


@pytest.mark.parametrize(
    ("boxes", "pairs"),
    [
        ([box()], 1), ([box(), box((22, 22))], 2), ([box((8000, 8010))], 0), ([box(), box(proto=17)], 0),
        ([box(target=(2, 3))], 0), ([], 0),
    ],
    ids=["one", "two services", "a range of ports", "UDP beside", "an address nobody has", "nothing"],
)  # fmt: skip
def test_what_cannot_be_tried_whole_is_not_called_tested(boxes: list[tuple[int, ...]], pairs: int) -> None:
    entry = Entry("CON-1", tuple(boxes), (), None, "daily", implemented=True, family=4)
    assert len(tried.whole(Wanted("default", {"a": (1,), "b": (2,)}, (entry,)), "CON-1")) == pairs
    wide = dataclasses.replace(entry, family=6)
    assert tried.whole(Wanted("default", {"a": (1,), "b": (2,)}, (entry, wide)), "CON-1") == []
