"""The second half of the made-up month: change records, rules, the review and its exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from evidence.packs import content as c
from evidence.packs.course import Asked, Course, Moved
from evidence.packs.section import Section, Table
from evidence.packs.sections.exceptions import COLUMNS as FINDINGS

AS_OF = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
ISM = ("ISM-1479",)


def changes() -> Section:
    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 10, day, hour, 15, tzinfo=UTC)

    one = c.Change(
        "CHG-418",
        "Allow app-07 to db-12, tcp/5432",
        "routine",
        "verified",
        "Rita Alvarez",
        at(5, 4),
        "The records search moves from a nightly export to direct queries; the export share on nfs-04 is "
        "closed by CHG-419, so the number of open paths does not grow.",
        "The search service gains read access to the records database; its account is limited to two views.",
        "If app-07 is taken over, records can be read, not changed.",
        "Records metadata, OFFICIAL: Sensitive",
        "7 October, 18:00 to 20:00",
        "Remove the rule; the export still runs until 31 October.",
        ("CON-132",),
        (
            c.Decision("System owner", "Omar Haddad", at(6, 3), "approved", "needed for the search service"),
            c.Decision("Manager", "Mina Torres", at(6, 22), "approved"),
        ),
        "Sam Lee, 7 October 2026, 18:30, db-12",
        "7 October 2026, 19:00",
        "exactly what was approved",
        course=Course(
            asked=(
                Asked("Mina Torres", at(5, 22), "Why not through the search gateway?", "Rita Alvarez", at(6, 1),
                      "It speaks no SQL; its replacement in March will."),
                Asked("Olga Petrov", at(6, 23), "Until when?"),
            ),
            moved=(
                Moved("db-12/INPUT", at(7, 8), "opened",
                      "-A INPUT -s 10.20.4.17/32 -p tcp -m tcp --dport 5432 -m comment --comment CHG-418 -j ACCEPT",
                      "As a change record says", ""),
                Moved("app-07/OUTPUT", at(7, 8), "opened",
                      "-A OUTPUT -d 10.20.9.0/24 -p tcp -m tcp --dport 5432 -j ACCEPT",
                      "Beyond its change record", "It opens 10.20.9.0/24; approved was 10.20.9.12."),
            ),
            elsewhere=1,
        ),
    )  # fmt: skip
    two = c.Change(
        "CHG-423",
        "Allow mon-03 to web-11, tcp/22, until 30 November",
        "urgent",
        "approved",
        "Sam Lee",
        at(15, 1),
        "The vendor patches under contract 2026-118.",
        "",
        decisions=(c.Decision("System owner", "Erin Walsh, in place of Omar Haddad", at(15, 2), "approved"),),
        course=Course(
            first="Carried out first, as an urgent change: done 15 October 2026, 12:40, not decided by the cut-off.",
            waiting=("manager of Records", "Security officer of Records (Sol Stern), stage 2"),
        ),
    )
    data = c.Changes(
        "Nine changes were decided in October, each approved by people who did not ask for it. One change "
        "seen in the rules has no record.",
        (one, two),
        9,
        (c.Unrecorded("FND-63", "dc-04", "INPUT", at(8, 19), "tcp/636 from web-02 was opened"),),
    )
    table = Table("changes", ("id", "title", "state"), [(f"CHG-{n}", "a change", "verified") for n in range(1, 10)])
    return Section(
        "changes", "Change records", (*ISM, "ISM-0912"), "held", "", "packs/print/changes.html", data, (table,)
    )


def rules() -> Section:
    points = tuple(
        c.PointLine(
            f"{stem}-{n:02d}",
            point,
            AS_OF - timedelta(hours=n),
            "pulled over SSH",
            "good",
            "deny" if point == "INPUT" else "permit",
            "deny" if n % 3 else "permit",
            24 + n,
            20,
            4 + n,
            int(n == 2),
            0,
            logging="on denials",
            unread=int(n == 3),
        )
        for stem in ("web", "app", "db")
        for n in range(1, 5)
        for point in ("INPUT", "OUTPUT")
    )
    points += (
        c.PointLine(
            "db-dev-02", "INPUT", None, "", "", "not known", "not known", because="unreachable since 24 October 2026"
        ),
    )
    lines = (
        c.RuleLine(
            "nft:inet/main/input#14",
            "db-01",
            "input, line 31",
            "ip saddr 10.20.0.0/16 tcp dport 5432 ct state new accept",
            ("CON-32",),
            "65,536 sources; 1 is authorised.",
            "permits_more",
            "definite",
            "10.20.9.9 to 10.30.4.12, tcp/5432",
        ),
        c.RuleLine(
            "iptables:filter/INPUT#4",
            "web-03",
            "rules.v4, line 12",
            '-A INPUT -p tcp -m multiport --dports 8000:8010 -m comment --comment "CHG-301 temporary, remove" '
            "-j ACCEPT",
            ("CON-12", "CON-13", "CON-14"),
            "11 ports; 3 are authorised.",
            "permits_more",
            "possible",
            "10.20.4.11 to 10.20.5.3, tcp/8004",
        ),
        c.RuleLine(
            "exports:/export/hr",
            "file-03",
            "/etc/exports, line 3",
            "/export/hr 10.40.0.0/16(rw,sync,no_root_squash)",
            ("CON-43",),
            "65,536 clients may write; one may read.",
            "share_wider",
            "definite",
            "10.40.9.1 writes to /export/hr",
        ),
    )
    shown = c.Rules(
        "Each of 214 rules was compared with what is authorised; three permit more, four serve no authorisation.",
        (c.PointSum("INPUT", 13, 1, 6, 320, 240, 80, 3, 0, 2, None, 3), c.PointSum("OUTPUT", 12, 0, 12, 310, 240, 70)),
        points,
        len(points),
        25,
        lines,
        214,
        files=1,
        hosts=1,
    )
    table = Table("rules", ("rule", "host", "text"), [("iptables:filter/INPUT#1", "web-01", "=1+1")] * 214)
    return Section(
        "rules",
        "Firewall rules",
        ISM,
        "partial",
        "two of 31 hosts could not be read",
        "packs/print/rules.html",
        shown,
        (table,),
        (("rules/db-01/2026-10-31T1200Z.raw", b"table inet main {\n}\n"),),
    )


def review() -> Section:
    data = c.Review(
        "The October review was held on the 29th with the system owner present; it decided on three "
        "findings and opened two actions.",
        "REV-10",
        date(2026, 10, 29),
        "Mina Torres",
        ("Mina Torres", "Omar Haddad", "Rita Alvarez", "Sam Lee"),
        ("16 findings, 3 new since September", "8 provisional connections", "2 actions from September"),
        "## Over-permissive rules\n\nThe rule on **db-01** is narrowed under CHG-431 by 14 November.\n\n- "
        "Sam writes the change\n- Omar approves\n\n"
        "## Development\n\nNo default deny yet; the hosts get one with the November image.",
        "ab" * 32,
        (
            "Narrow nft:inet/main/input#14 on db-01 to 10.20.4.12.",
            "Close tcp/636 from web-02 to dc-04 unless a request is made by 7 November.",
        ),
        (
            c.Action("ACT-7", "Add a default deny to development hosts", "Sam Lee", date(2026, 11, 28), "open"),
            c.Action("ACT-5", "Register 10.20.4.77 or remove it", "Omar Haddad", date(2026, 10, 24), "overdue"),
        ),
        ("No review was held in August 2026.",),
    )
    return Section("review", "Last review", ISM, "held", "", "packs/print/review.html", data)


def exceptions() -> Section:
    accepted = c.Accepted(
        "Mina Torres",
        "authorising officer",
        "moderate",
        "the hosts are reached only through the jump host",
        date(2027, 1, 31),
        "POAM-9",
    )
    found = tuple(
        c.Finding(
            f"FND-{60 + n}",
            verdict,
            "definite" if n % 3 else "unproven",
            f"CON-{30 + n}",
            "db-01 INPUT",
            because,
            "accepted" if n == 2 else "open",
            "Data platforms",
            date(2026, 10, 3 + n),
            "10.20.9.9 to 10.30.4.12, tcp/5432" if n == 1 else "",
            "Narrow the rule to 10.20.4.12." if n == 1 else "",
            date(2026, 11, 14) if n == 1 else None,
            12 if verdict == "unfiltered" else 0,
            accepted if n == 2 else None,
        )
        for n, (verdict, because) in enumerate(
            [
                ("permits_more", "nft:inet/main/input#14 permits 10.20.0.0/16 where one host is authorised."),
                ("unfiltered", "Servers of Development reach each other on every port: no rules are set on them."),
                (
                    "changed_without_record",
                    "tcp/636 from web-02 was opened between two readings; no change record covers it.",
                ),
                ("not_implemented", "iptables:filter/INPUT#policy denies it on app-02."),
                ("listener_unauthorised", "redis-server listens on every address, tcp/6379; nothing authorises it."),
                ("not_verifiable", "Line 31 of rules.v4 could not be read: an unknown match."),
                ("stale", "app-05 was last read 9 days ago; the limit is 2 days."),
            ],
            start=1,
        )
    )
    rows = [(one.id, one.verdict) for one in found] + [(f"FND-{n}", "permits_more") for n in range(80, 89)]
    blank = dict.fromkeys(FINDINGS)
    table = Table("findings", FINDINGS, [tuple((blank | {"id": ref, "verdict": name}).values()) for ref, name in rows])
    return Section(
        "exceptions",
        "Exceptions and plan of action",
        (*ISM, "ISM-1564"),
        "held",
        "",
        "packs/print/exceptions.html",
        c.Exceptions(
            "Sixteen exceptions were open at the cut-off, seven are printed here; one risk is accepted, until "
            "31 January 2027.",
            found,
            16,
        ),
        (table,),
    )
