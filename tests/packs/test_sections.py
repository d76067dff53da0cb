"""From records to a sealed pack: a small organisation's month, built by its job and checked by the verifier."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from compliance.actions import changes
from compliance.errors import Refused
from compliance.models import Job, LedgerInbox, Outbound
from evidence import jobs
from evidence.actions import packs
from evidence.actions.compare import compare
from evidence.artefacts import place_of
from evidence.formats.table import FORMATS
from evidence.models import Comparison, Pack, Source
from evidence.packs import content, verify
from evidence.packs.seal import open_seal
from evidence.packs.section import Scope
from evidence.packs.sections import result, rules
from evidence.packs.sections.points import HOW
from tests.evidence.site import APP, DATA, allow_in, allow_out, begin, put, read, source_of
from tests.factories import agreed, asked, servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
HOSTS = ("pay-app-01", "pay-db-01", "file-01", "log-01")


@dataclass
class Month:
    """Two zones, four servers and one connection that was approved and carried out; dumps of the hosts named."""

    people: People
    place: Path

    def read(self, *names: str) -> None:
        """Reads hosts for the first time; only the connection between the first two is let through."""
        held = servers(self.people)
        change = agreed(self.people, asked(self.people))
        rules = {"pay-app-01": allow_out(DATA, "5432"), "pay-db-01": allow_in(APP, "5432")}
        changes.implement(change, by=self.people.erin)
        for name in names:
            folder = put(self.place / name, *[rules[name]] if name in rules else [])
            read(source_of(held[name], folder, self.people), self.people)

    def pack(self, **said: Any) -> Pack:
        """Asks for this month's pack of both systems, and lets the job build it."""
        today = timezone.localdate()
        asked_for = {"since": today.replace(day=1), "until": today, "by": self.people.ada} | said
        row = packs.ask(systems=[self.people.payroll, self.people.platform], **asked_for)
        jobs.build_pack(begin("build_pack"))
        row.refresh_from_db()
        return row

    def scope(self, as_of: datetime) -> Scope:
        """What the sections of such a pack are told, as of another moment."""
        names = (self.people.payroll.name, self.people.platform.name)
        return Scope(names, timezone.localdate(), timezone.localdate(), as_of)


@pytest.fixture
def month(tmp_path: Path) -> Month:
    return Month(everybody(), tmp_path)


def members(pack: Pack) -> dict[str, bytes]:
    with zipfile.ZipFile(packs.path_of(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def listed(pack: Pack, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(members(pack)[f"data/{name}.csv"].decode())))


def cells(pack: Pack) -> dict[tuple[str, str], str]:
    return {
        (one["source"], one["destination"]): one["state"] for one in json.loads(members(pack)["diagram.json"])["cells"]
    }


def sound(pack: Pack) -> verify.Report:
    """The verifier's report, with this installation's own fingerprint."""
    key = open_seal(Path(settings.KEYS), at=timezone.now())
    report = verify.verify(packs.path_of(pack), key.fingerprint)
    assert report.ok, report.members
    assert report.trusted
    return report


def drawn(pack: Pack) -> dict[str, list[str]]:
    """The ids of each sample in the pack, drawn by the verifier from the pack's own lists when `sound` looked."""
    said = json.loads(members(pack)["sampling.json"])
    return {one["population"]: [row["id"] for row in one["rows"]] for one in said["samples"]}


def states(pack: Pack) -> dict[str, str]:
    return {part["slug"]: part["state"] for part in pack.sections}


def test_the_pack_counts_what_the_comparison_counts_and_the_verifier_agrees(month: Month) -> None:
    month.read(*HOSTS)
    held = compare()
    pack = month.pack()
    assert pack.state == Pack.State.BUILT, pack.problem
    assert sound(pack).counts["verdicts"] == held.counts == pack.counts
    assert pack.comparison == held
    asks = ["result", "diagram", "logs", "changes", "rules", "review", "exceptions"]
    assert list(states(pack)) == [*asks, "tests", "sampling", "controls"]
    assert states(pack)["logs"] == "missing"
    for name, ids in drawn(pack).items():
        assert set(ids) == {row["id"] for row in listed(pack, name)}, "fewer than are drawn: all of them"
    [change] = listed(pack, "changes")
    assert change["approval_holds"] == "yes"
    assert change["policy_version"] == "the policy as shipped"
    assert "database-from-application: unknown" in change["policy_rules_met"]
    assert change["state"] == "implemented"
    assert change["approved_by"].count("(") == 2
    assert {row["connection"] for row in listed(pack, "verdicts") if row["verdict"] == "implemented"} == {
        change["connection"]
    }


def test_every_raw_file_is_in_the_pack_as_it_came(month: Month) -> None:
    month.read(*HOSTS)
    compare()
    pack = month.pack()
    held = members(pack)
    raw = [path for path in held if path.startswith("rules/pay-db-01/") and path.endswith(".raw")]
    originals = [
        (month.place / "pay-db-01" / name).read_bytes() for name in ("ip6tables-save.txt", "iptables-save.txt")
    ]
    assert sorted(held[path] for path in raw) == sorted(originals)
    entries = {one["path"]: one for one in json.loads(held["manifest.json"])["members"]}
    assert all(entries[path]["source"] == "pay-db-01 dumps" and entries[path]["quality"] == "fair" for path in raw)
    points = {(row["host"], row["point"]): row["default"] for row in listed(pack, "points")}
    assert {points[host, point] for host in HOSTS for point in ("INPUT", "OUTPUT")} == {"deny"}


def test_what_is_no_packet_filter_has_no_default_and_is_named_in_words(month: Month) -> None:
    """Listening services, shares and what a host says of itself are listed, and never "closed by default"."""
    month.read("pay-app-01", "pay-db-01")
    folder = month.place / "pay-db-01"
    (folder / "sshd.txt").write_text("port 22\npermitrootlogin no\nnobodyknowsthis 1\n")
    (folder / "ss.txt").write_text('tcp LISTEN 0 128 10.20.30.31:5432 0.0.0.0:* users:(("x",pid=1,fd=3))\n')
    (folder / "exports").write_text(f"/srv/pay {APP}(ro)\n")
    assert read(Source.objects.get(server__name="pay-db-01"), month.people).state == "ok"
    compare()
    pack = month.pack()
    rows = {row["point"]: row for row in listed(pack, "points") if row["host"] == "pay-db-01"}
    assert {name: row["default"] for name, row in rows.items()} == {
        "INPUT": "deny", "FORWARD": "deny", "OUTPUT": "deny", "listeners": "", "shares/nfs": "", "says/sshd": "",
    }  # fmt: skip
    assert (rows["says/sshd"]["rules"], rows["says/sshd"]["unread_lines"]) == ("2", "1")
    part = rules.build(packs.scope_of(pack)).data
    assert isinstance(part, content.Rules)
    sums = {line.point: line for line in part.sums}
    assert {"listening services", "NFS shares", "sshd, as the server says"} <= set(sums)
    assert [sums[name].not_closed for name in ("listening services", "sshd, as the server says")] == [0, 0]
    printed = [line for line in part.points if line.host == "pay-db-01"]
    assert [(line.point, line.unread, line.default_v4) for line in printed] == [("sshd, as the server says", 1, "")]


def test_every_kind_of_source_is_said_in_words() -> None:
    assert set(HOW) == set(Source.Kind.values)


def test_only_points_that_deviate_are_printed_and_the_sums_are_those_of_the_list(month: Month) -> None:
    month.read(*HOSTS)
    wide = [allow_in(APP, "5432"), "-A INPUT -s 10.99.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT"]
    hidden = "-A INPUT -s 10.99.0.1/32 -p tcp -m tcp --dport 22 -j DROP"
    put(month.place / "pay-db-01", *wide, "-A INPUT -i lo -j ACCEPT", hidden)
    read(month.people.payroll.servers.get(name="pay-db-01").sources.get(), month.people)
    compare()
    pack = month.pack()
    rows = {(row["host"], row["point"]): row for row in listed(pack, "points")}
    told = rows["pay-db-01", "INPUT"]
    assert [told[key] for key in ("rules", "tied", "untied", "any_any", "disabled", "shadowed")] == list("411001")
    [untied] = listed(pack, "untied-rules")
    assert (untied["host"], untied["point"], untied["text"].removeprefix("'")) == ("pay-db-01", "INPUT", wide[1])
    part = rules.build(packs.scope_of(pack)).data
    assert isinstance(part, content.Rules)
    assert (part.points_total, part.deviating) == (len(rows), 1)
    assert [(line.host, line.point) for line in part.points] == [("pay-db-01", "INPUT")]
    for line in part.sums:
        mine = [row for row in rows.values() if row["point"] == line.point]
        assert line.number == len(mine)
        for key in ("rules", "tied", "untied", "shadowed"):
            assert getattr(line, key) == sum(int(row[key]) for row in mine if row[key])


def test_closed_is_said_only_where_every_server_was_read(month: Month) -> None:
    month.read(*HOSTS)
    compare()
    whole = cells(month.pack())
    assert whole["app", "data"] == "authorised"
    assert whole["data", "app"] == whole["data", "data"] == "closed"


def test_one_unread_server_makes_its_pairs_unknown(month: Month) -> None:
    month.read("pay-app-01", "pay-db-01", "log-01")
    compare()
    pack = month.pack()
    found = cells(pack)
    assert {found["app", "data"], found["data", "app"], found["data", "data"]} == {"unknown"}
    assert "closed" not in {state for pair, state in found.items() if "data" in pair}
    assert states(pack)["rules"] == "partial"
    missing = [row for row in listed(pack, "points") if row["host"] == "file-01"]
    assert missing
    assert all(row["read_at"] == "" and "no source" in row["because"] for row in missing)


def test_a_wider_rule_opens_its_pair_and_what_was_found_later_is_not_in_an_earlier_pack(month: Month) -> None:
    month.read(*HOSTS)
    compare()
    earlier = timezone.now()
    put(month.place / "pay-db-01", allow_in(APP, "5432:5439"))
    source = month.people.payroll.servers.get(name="pay-db-01").sources.get()
    read(source, month.people)
    compare()
    late, early = month.pack(), month.pack(as_of=earlier)
    assert cells(late)["app", "data"] == "beyond"
    assert cells(early)["app", "data"] == "authorised"
    wider = [row for row in listed(late, "rules") if row["verdict"] == "permits_more"]
    assert wider
    assert wider[0]["host"] == "pay-db-01"
    assert f"{APP} to {DATA}, tcp/543" in wider[0]["example"]
    assert {row["verdict"] for row in listed(late, "findings")} >= {"permits_more", "changed_without_record"}
    assert "permits_more" not in {row["verdict"] for row in listed(early, "findings")}
    sound(late), sound(early)


def test_with_nothing_read_or_compared_the_pack_says_so_and_claims_nothing(month: Month) -> None:
    pack = month.pack()
    sound(pack)
    assert pack.counts == {}
    assert pack.comparison is None
    assert {states(pack)[slug] for slug in ("result", "rules", "exceptions", "logs")} == {"missing"}
    assert all(part["because"] for part in pack.sections if part["state"] != "held")
    assert not {"closed", "authorised"} & set(cells(pack).values())


def test_asking_and_downloading_are_for_those_who_may_and_leave_their_traces(month: Month) -> None:
    month.read()
    with pytest.raises(Refused):
        month.pack(by=month.people.sam)
    with pytest.raises(Refused):  # Omar owns one of the two systems
        month.pack(by=month.people.omar)
    assert not Pack.objects.exists()
    assert not Job.objects.filter(kind="build_pack").exists()
    pack = month.pack(marking="OFFICIAL")
    assert pack.marking == "OFFICIAL: Sensitive"  # never below the systems in it
    with pytest.raises(Refused):
        packs.download(pack, by=month.people.erin, what="zip")
    place = packs.download(pack, by=month.people.ada, what="pdf")
    assert place.read_bytes().startswith(b"%PDF")
    assert [(one.person, one.what) for one in pack.downloads.all()] == [(month.people.ada, "pdf")]
    verbs = [row.data["verb"] for row in LedgerInbox.objects.filter(data__object__type="evidence.pack")]
    assert verbs == ["ask_pack", "build_pack", "download_pack"]
    assert Outbound.objects.filter(to=month.people.ada, path=f"/packs/{pack.ref}/").count() == 1


def test_the_month_before_is_packed_once_in_the_first_days(month: Month) -> None:
    first = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
    for hours in (0, 1, 30):
        packs.due(first + timedelta(hours=hours))
    packs.due(first + timedelta(days=12))
    [pack] = Pack.objects.all()
    assert (pack.since.isoformat(), pack.until.isoformat()) == ("2026-10-01", "2026-10-31")
    assert pack.as_of == datetime(2026, 10, 31, 13, 0, tzinfo=UTC)  # midnight in Sydney
    assert pack.asked_by is None
    assert Job.objects.filter(kind="build_pack").count() == 1
    assert not Comparison.objects.exists()


def test_a_pack_of_one_system_says_nothing_of_the_other(month: Month) -> None:
    month.read(*HOSTS)
    compare()
    today = timezone.localdate()
    row = packs.ask(systems=[month.people.payroll], since=today, until=today, by=month.people.omar)
    jobs.build_pack(begin("build_pack"))
    row.refresh_from_db()
    sound(row)
    assert {line["host"] for line in listed(row, "points")} == {"pay-app-01", "pay-db-01", "file-01"}
    assert {line["system"] for line in listed(row, "verdicts")} == {"Payroll"}


def test_damaged_files_are_named_and_their_server_is_not_known(month: Month) -> None:
    month.read(*HOSTS)
    compare()
    snapshot = month.people.payroll.servers.get(name="pay-app-01").snapshots.get()
    stored = [snapshot.reading, snapshot.pull.artefacts.get(name="iptables-save.txt").stored]
    places = [place_of(one.sha256) for one in stored]
    whole = [place.read_bytes() for place in places]
    try:
        for place in places:
            place.write_bytes(b"altered")
        pack = month.pack()
    finally:
        for place, content in zip(places, whole, strict=True):
            place.write_bytes(content)
    sound(pack)
    because = next(part["because"] for part in pack.sections if part["slug"] == "rules")
    assert "2 raw files are not as they were stored" in because
    assert cells(pack)["data", "app"] == "unknown"
    [kept] = [path for path in members(pack) if path.startswith("rules/pay-app-01/")]
    assert "ip6tables-save.txt" in kept


def test_a_rule_is_called_unused_only_where_its_counter_said_so_by_the_cut_off(month: Month) -> None:
    month.read("pay-app-01", "pay-db-01")
    source = Source.objects.get(server__name="pay-db-01")
    written = [allow_in(APP, "5432"), "-A INPUT -i lo -j ACCEPT", "-A INPUT -s 10.99.0.1/32 -p tcp -j DROP"]

    def met(*hits: int, also: str = "") -> None:
        lines = [f"[{count}:{60 * count}] {rule}" for count, rule in zip(hits, written, strict=True)]
        put(month.place / "pay-db-01", *lines, *[also] if also else [])
        assert read(source, month.people).state in ("ok", "unchanged")

    def said(as_of: datetime | None = None) -> tuple[list[str], tuple[str, str], content.Rules]:
        """What is said of each rule; how many of how many counted ones the row of the point has; the page's data."""
        made = rules.build(month.scope(as_of or timezone.now()))
        assert isinstance(made.data, content.Rules)
        held = {table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in made.tables}
        (point,) = [row for row in held["points"] if (row["host"], row["point"]) == ("pay-db-01", "INPUT")]
        unused = sum(line.zero_hits or 0 for line in made.data.sums)
        assert unused == sum(row["says"] == "no use" for row in held["rule-counters"])
        mine = [str(row["says"]) for row in held["rule-counters"] if row["point"] == "INPUT"]
        return mine, (str(point["zero_hits"]), str(point["counted"])), made.data

    compare()
    told, counts, page = said()
    assert (told, counts) == ([], ("None", "None"))
    assert "which rules nothing meets is not known" in page.counters
    met(0, 5, 7)
    compare()
    told, counts, page = said()
    assert (told, counts) == (["no use", "met", "met"], ("1", "3"))
    assert page.counters == "Of 2 hosts 1 counts how often its rules are met: 1 of 3 counted rules shows no use."
    earlier = timezone.now()
    met(0, 6, 3)  # the third was set back and met again
    assert said()[0] == ["no use", "met", "met"]
    told, counts, page = said(earlier)
    assert (told, counts) == (["no use", "moved after the cut-off", "moved after the cut-off"], ("1", "1"))
    assert "Moved after the cut-off, so not known: 2." in page.counters
    met(0, 6, 0)
    told, counts, page = said()
    assert (told, counts) == (["no use", "met", "set back"], ("1", "3"))
    pack = month.pack()
    sound(pack)
    assert [row["says"] for row in listed(pack, "rule-counters")] == told
    met(2, 6, 0)
    assert said()[1] == ("0", "3")
    assert said(earlier)[1] == ("None", "None")  # it may have been met by then: nobody calls it unused
    written[2] = "-A INPUT -s 10.99.0.3/32 -p tcp -j DROP"  # another rule under the number of one that was set back
    met(2, 6, 0, also="-A INPUT -s 10.99.0.2/32 -p tcp -j DROP")
    compare()
    assert said()[:2] == (["met", "met", "no use", "not counted"], ("1", "3"))
    since = {row.rule[-1]: row.counted_since for row in source.uses.all()}
    assert since["1"] == since["2"] < since["3"]
    told, counts, page = said(earlier)
    assert (told, counts) == ([], ("None", "None"))
    assert "Of 1 host the rules were read anew after the cut-off" in page.counters


def test_nothing_that_a_format_reads_is_called_not_read() -> None:
    names = {re.sub("[^a-z]", "", one.NAME) for one in FORMATS}
    for said in result.NOT_READ:
        letters = re.sub("[^a-z]", "", said.lower())
        assert not [name for name in names if len(name) > 3 and name in letters], said
        assert "transit" not in said
