"""What several sources say of one host is kept apart: who is believed, what is said where they differ, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.actions import changes
from evidence.actions import sources
from evidence.host import read_host
from evidence.models import Finding, Snapshot, Source, VerdictRow
from evidence.rules import Artefact
from evidence.sides import Joined, Side, joined
from tests.evidence.site import APP, Site, allow_in, put, read, save

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.get_fixed_timezone(0))
HOUR = timedelta(hours=1)
SS = 'tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("x",pid={pid},fd=3))\n'
EXPORT = "/srv/pay  10.20.20.31/32(sync,wdelay,hide,no_subtree_check,sec=sys,rw,secure,root_squash,no_all_squash)\n"


def side(name: str, *dumps: str, live: bool = True, since: datetime = NOON, seen: datetime = NOON + HOUR) -> Side:
    """What one source says; dumps are told by their content."""
    files = [Artefact(f"{name}-{number}", text.encode()) for number, text in enumerate(dumps)]
    return Side(name, live, since, seen, read_host(files))


def filters(*rules: str) -> tuple[str, str]:
    return save(*rules), save(tool="ip6tables-save")


def ports(found: Joined) -> set[int]:
    return {one.port for one in found.reading.listeners}


def taken(found: Joined, aspect: str) -> tuple[str, ...]:
    return dict(found.taken)[aspect]


def test_one_source_is_what_it_is() -> None:
    one = side("a", *filters())
    assert joined([one]) == Joined(one.reading, (), ())


def test_sources_of_different_things_complete_one_another() -> None:
    found = joined([side("rules", *filters(allow_in(APP, "5432"))), side("sockets", SS.format(port=5432, pid=1))])
    assert found.differ == ()
    assert ports(found) == {5432}
    assert {point.name for point in found.reading.points} >= {"INPUT", "OUTPUT", "listeners"}
    assert (taken(found, "packet filter"), taken(found, "listening services")) == (("rules",), ("sockets",))


def test_sources_of_one_family_each_complete_one_another() -> None:
    found = joined([side("v4", save(allow_in(APP, "5432"))), side("v6", save(tool="ip6tables-save"))])
    assert found.differ == ()
    assert found.reading.families == {4, 6}


def test_the_same_in_other_words_is_no_difference() -> None:
    rules = filters(allow_in(APP, "5432"))
    marked = rules[0].replace("[0:0]", "[7:99]").replace("02:00:00", "03:00:00")
    first = side("ssh", *rules, SS.format(port=5432, pid=1))
    second = side("push", "# a comment\n" + marked, rules[1], SS.format(port=5432, pid=99))
    assert joined([first, second]).differ == ()


@pytest.mark.parametrize("seen", [NOON - HOUR, NOON, NOON + 5 * HOUR], ids=["before", "at once", "later"])
def test_a_live_reading_is_believed_before_a_copy_and_a_copy_of_today_that_differs_is_said(seen: datetime) -> None:
    live = side("ssh", *filters(allow_in(APP, "5432")))
    copy = side("git", *filters(allow_in(APP, "22")), live=False, since=NOON - 2 * HOUR, seen=seen)
    for both in ([live, copy], [copy, live]):
        found = joined(both)
        assert taken(found, "packet filter") == ("ssh",)
        assert not found.reading.unread
        said = [(one.aspect, one.judged, one.one, one.other) for one in found.differ]
        assert said == ([("packet filter", "ssh", "ssh", "git")] if seen >= NOON else [])


def test_of_two_live_readings_the_newer_counts_where_a_change_lies_between() -> None:
    old = side("ssh", *filters(allow_in(APP, "22")), since=NOON - 9 * HOUR, seen=NOON - HOUR)
    new = side("local", *filters(allow_in(APP, "5432")))
    found = joined([old, new])
    assert (taken(found, "packet filter"), found.differ) == (("local",), ())


@pytest.mark.parametrize("live", [True, False], ids=["two live ones", "two copies"])
def test_where_neither_is_stronger_and_both_speak_of_one_time_nothing_is_proven(live: bool) -> None:
    one = side("a", *filters(allow_in(APP, "5432")), SS.format(port=5432, pid=1), EXPORT, live=live)
    other = side("b", *filters(), SS.format(port=80, pid=1), live=live, since=NOON + HOUR / 2, seen=NOON + HOUR * 9)
    found = joined([one, other])
    assert {(each.aspect, each.judged) for each in found.differ} == {("packet filter", ""), ("listening services", "")}
    assert any("comes twice with different rules" in line.reason for line in found.reading.unread)
    assert ports(found) == {80, 5432}  # what either shows is looked at
    assert len(found.reading.shares) == 1


# --- on a page and in a comparison ----------------------------------------------------------------------------------


@pytest.fixture
def site(db: None, tmp_path: Path) -> Site:
    made = Site(tmp_path)
    changes.implement(made.change, by=made.people.erin)
    made.read()
    made.compare()
    assert made.verdict() == "implemented"
    return made


def second(site: Site, folder: Path) -> Source:
    """Another folder with dumps of the database server."""
    return sources.add_source(
        server=site.servers["pay-db-01"], kind="directory", name="pay-db-01 copy", config={"path": str(folder)},
        by=site.people.alex,
    )  # fmt: skip


def test_a_copy_that_contradicts_a_live_reading_is_a_finding_and_changes_no_verdict(site: Site, tmp_path: Path) -> None:
    Snapshot.objects.filter(server__name="pay-db-01").update(tier="good")  # as if it were read from the host itself
    copy = second(site, put(tmp_path / "copy", allow_in(APP, "22")))
    assert read(copy, site.people).state == "ok"
    site.compare()
    assert site.verdict() == "implemented"
    [said] = Finding.objects.standing().filter(point="pay-db-01/sources")
    assert said.verdict == "not_verifiable"
    assert said.because.startswith("pay-db-01 dumps and pay-db-01 copy do not say the same about the packet filter of")
    assert "pay-db-01 dumps is believed" in said.because
    assert not Finding.objects.standing().filter(verdict="permits_more").exists()
    put(tmp_path / "copy", allow_in(APP, "5432"))
    read(copy, site.people)
    site.compare()
    assert not Finding.objects.standing().filter(point="pay-db-01/sources").exists()


def test_two_copies_that_contradict_each_other_prove_nothing(site: Site, tmp_path: Path) -> None:
    copy = second(site, put(tmp_path / "copy", allow_in(APP, "5432"), allow_in(APP, "22")))
    assert read(copy, site.people).state == "ok"
    Source.objects.filter(server=copy.server).update(last_seen_at=timezone.now())
    site.compare()
    assert site.verdict() == "not_verifiable"
    [said] = Finding.objects.standing().filter(point="pay-db-01/sources")
    assert said.because.endswith("Neither is the stronger word, so what only one of them shows is not proven.")


# --- three different, true sentences --------------------------------------------------------------------------------


def because(site: Site) -> str:
    site.compare()
    rows = VerdictRow.objects.filter(connection=site.connection, point="pay-db-01/INPUT")
    return rows.order_by("-comparison_id", "pk")[0].because


def test_unplugged_and_too_old_and_never_read_are_three_sentences(site: Site) -> None:
    source = site.sources[1]
    seen = timezone.localtime(Source.objects.get(pk=source.pk).last_seen_at)
    last = f"it was last read on {seen.day} {seen:%B %Y, %H:%M}"
    place = site.data.rename(site.data.with_name("unplugged"))
    row = read(source, site.people)
    assert row.error_code == "unreachable"
    assert because(site).startswith("pay-db-01 could not be reached on ")
    assert because(site).endswith(last)
    place.rename(site.data)
    site.read()
    assert "could not be reached" not in because(site)
    old = timezone.now() - timedelta(hours=49)
    Source.objects.filter(pk=source.pk).update(last_seen_at=old, enabled=False)
    said = because(site)
    assert said.startswith("the evidence of pay-db-01 is too old: it was last read on ")
    assert said.endswith("its limit is 2 days; pay-db-01 dumps is paused")
    Source.objects.filter(pk=source.pk).update(last_seen_at=None, last_good=None)
    assert because(site).startswith("no evidence from pay-db-01: pay-db-01 dumps was never read")


def test_a_host_that_was_started_anew_says_so_and_is_what_it_was(
    db: None, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The boot id of the kernel changed, the rules did not: neither an outage nor a change."""
    from evidence.collectors import local
    from tests.evidence.test_collectors import programs

    programs(tmp_path / "bin", monkeypatch, iptables_save=save(), ip6tables_save=save(tool="ip6tables-save"))
    booted = tmp_path / "boot_id"
    monkeypatch.setattr(local, "BOOTED", booted)
    booted.write_text("0d1a\n")
    here = sources.add_source(server=site.servers["file-01"], kind="local", name="here", by=site.people.alex)
    assert read(here, site.people).state == "ok"
    assert read(here, site.people).what.startswith("Nothing changed.")
    booted.write_text("77ff\n")
    row = read(here, site.people)
    assert row.state == "unchanged"
    assert row.what.startswith("Nothing changed. The host was started anew since it was read before.")
    assert "anew" not in read(here, site.people).what
