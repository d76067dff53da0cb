"""A made-up month of a made-up organisation, every part of a pack filled, for tests and for looking at pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from evidence.packs import content as c
from evidence.packs.diagram import Cell, Diagram, Link, Server, Zone
from evidence.packs.section import Section, Table

AS_OF = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
BUILT = AS_OF + timedelta(minutes=5)
ISM = ("ISM-1479",)


def face(**changes: object) -> c.Face:
    """The cover; keyword arguments replace its fields."""
    system = c.System(
        "Records", "Omar Haddad", "Priya Nair", "Mina Torres", "OFFICIAL: Sensitive",
        "Records application, its databases, file and management servers.", "Agency gateway, which the carrier runs.",
        "The data centre's perimeter, from the hosting provider.", "Implemented, with the exceptions listed",
    )  # fmt: skip
    known = dict(
        pack="PCK-42", organisation="Example Department of Records", systems=(system,), marking="OFFICIAL: Sensitive",
        since=date(2026, 10, 1), until=date(2026, 10, 31), as_of=AS_OF, built_at=BUILT, zone="Australia/Sydney",
        servers=31, zones=6, connections=60, shares=10, prepared_for="IRAP assessor; ISO/IEC 27001 surveillance audit",
        sample=True,
    )  # fmt: skip
    return c.Face(**{**known, **changes})  # type: ignore[arg-type]


def sections() -> list[Section]:
    """Every section in the order of a pack; the logs are missing, as in a version that reads none."""
    return [result(), network(), logs(), changes(), rules(), review(), exceptions()]


VERDICTS = (("implemented", 41), ("permits_more", 4), ("not_implemented", 2), ("unfiltered", 3), ("share_wider", 2),
            ("listener_unauthorised", 1), ("no_listener", 1), ("changed_without_record", 1), ("approved_not_done", 1),
            ("unknown_server", 1), ("usage_unknown", 6), ("not_verifiable", 2), ("stale", 1), ("unreachable", 1))  # fmt: skip


def result() -> Section:
    rows = [
        (f"CON-{number}", name, "definite", f"web-{number:02d}", "INPUT")
        for name, many in VERDICTS
        for number in range(1, many + 1)
    ]
    data = c.Result(
        lead="Fifty-two connections are individually justified. Sixteen things are not as authorised; two of them were "
        "found by reading rules, with no change record behind them.",
        justified=52, provisional=8, beyond=16,
        trend=(c.Month("31 August 2026", 38, 22, 27), c.Month("30 September 2026", 46, 14, 19),
               c.Month("31 October 2026", 52, 8, 16)),
        verdicts=VERDICTS,
        coverage=(
            c.Coverage("Hosts with rules read", 31, 29, "db-dev-02 (unreachable since 24 October), mon-02 (refused the key)"),
            c.Coverage("Ends of connections with rules read", 120, 114, "six ends on db-dev-02 and mon-02"),
            c.Coverage("File servers with exports read", 4, 4),
            c.Coverage("Days of communication logs", 31, 0, "this version reads no flow logs"),
        ),
        inventory=c.Inventory(31, 30, 1, (c.Unregistered("10.20.4.77", "neighbour of app-03, rule of db-01", "since 12 October 2026"),), ("legacy-01",)),
        gaps=(
            c.Gap("FND-61", "permits_more", "Rule nft:inet/main/input#14 on db-01 permits 10.20.0.0/16; CON-32 authorises one host. Example: 10.20.9.9 to 10.30.4.12, tcp/5432.", "Data platforms", date(2026, 11, 14)),
            c.Gap("FND-63", "changed_without_record", "dc-04 INPUT opened tcp/636 to web-02 between 8 and 9 October; no change record.", "Identity", date(2026, 11, 7)),
            c.Gap("FND-66", "unfiltered", "12 servers in Development can reach each other on every port.", "Engineering", None),
        ),
        gaps_total=16,
        not_shown=("Traffic between containers of one host.", "Rules of the carrier's gateway: it is outside the boundary.",
                   "Whether an authorised connection was used: no flow logs were read."),
        not_held=(c.Absent("OSCAL", "assessment results, plan of action and annex come in a later version"),
                  c.Absent("Parquet lists", "the CSV lists are complete"),
                  c.Absent("Ledger proofs", "the ledger is written but not yet sealed"),
                  c.Absent("Outside time-stamp", "no time-stamping authority is asked yet")),
        not_read=("Cisco IOS and ASA", "FortiOS", "PAN-OS", "Junos", "AWS", "Azure", "Kubernetes"),
    )  # fmt: skip
    return Section("result", "Result, coverage and gaps", ISM, "partial", "two of 31 hosts could not be read", "packs/print/result.html",
                   data, (Table("verdicts", ("connection", "verdict", "certainty", "host", "point"), rows),))  # fmt: skip


def zones() -> tuple[Zone, ...]:
    def servers(stem: str, many: int) -> tuple[Server, ...]:
        return tuple(Server(f"{stem}-{n:02d}", critical=n == 1, high_value=n <= 2 and stem in ("db", "dc")) for n in range(1, many + 1))

    return (
        Zone("Internet DMZ", servers("rp", 3), 3), Zone("Web", servers("web", 6), 6), Zone("Application", servers("app", 9), 9),
        Zone("Database", servers("db", 5), 5), Zone("File and directory", servers("dc", 4), 4),
        Zone("Management", servers("mon", 4), 3), Zone("Agency gateway", outside=True),
    )  # fmt: skip


def network() -> Section:
    pairs = [
        ("Agency gateway", "Internet DMZ", 2, ("tcp/443",)), ("Internet DMZ", "Web", 4, ("tcp/443",)),
        ("Web", "Web", 2, ("tcp/7946",)), ("Web", "Application", 12, ("tcp/8443", "tcp/8080")),
        ("Application", "Database", 8, ("tcp/5432",)), ("Application", "File and directory", 6, ("nfs/2049", "smb/445")),
        ("Database", "File and directory", 3, ("nfs/2049",)), ("Web", "File and directory", 2, ("tcp/636",)),
        *[("Management", zone, 2, ("tcp/22",)) for zone in ("Internet DMZ", "Web", "Application", "Database")],
        *[(zone, "Management", 3, ("udp/514", "udp/123")) for zone in ("Internet DMZ", "Web", "Application", "Database")],
    ]  # fmt: skip
    links = tuple(Link(*pair, points=("INPUT", "OUTPUT")) for pair in pairs)
    known = {(link.source, link.destination): link for link in links}
    found = {("Web", "Application"): (2, 0, 0), ("Management", "Database"): (1, 1, 0), ("Web", "Database"): (0, 3, 0)}
    cells = []
    for a in zones():
        for b in zones():
            pair, link = (a.name, b.name), known.get((a.name, b.name))
            if "Agency gateway" in pair and not link:
                continue
            wider, nobody, unknown = found.get(pair, (0, 0, 0))
            state = "beyond" if wider + nobody else "authorised" if link else "unknown" if a == b or "Management" in pair else "closed"
            cells.append(Cell(*pair, state, link.connections if link else 0, link.services if link else (), wider, nobody, unknown))  # type: ignore[arg-type]
    diagram = Diagram(zones(), links, tuple(cells))
    lead = "60 authorised connections between 31 servers run on 16 of 49 zone pairs. Three pairs are open beyond that."
    table = Table("connections", ("id", "from", "to", "service"), [(f"CON-{n}", "web-01", "db-01", "tcp/5432") for n in range(1, 61)])
    return Section("diagram", "Network diagram", ISM, "held", "", "packs/print/diagram.html", c.Network(lead, diagram), (table,))


def logs() -> Section:
    data = c.Logs(
        "No communication logs are in this pack.", 60,
        "What this pack says about traffic comes from rules, never from traffic seen.",
        "Flow logs of the hosts or of the network are the next source to add; until then ask for a month of them directly.",
    )  # fmt: skip
    return Section("logs", "Communication logs", ISM, "missing", "this version reads no flow logs.", "packs/print/logs.html", data)


def changes() -> Section:
    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 10, day, hour, 15, tzinfo=UTC)

    one = c.Change(
        "CHG-418", "Allow app-07 to db-12, tcp/5432", "routine", "verified", "Rita Alvarez", at(5, 4),
        "The records search moves from a nightly export to direct queries; the export share on nfs-04 is closed by CHG-419, so the number of open paths does not grow.",
        "The search service gains read access to the records database; its account is limited to two views.",
        "If app-07 is taken over, records can be read, not changed.", "Records metadata, OFFICIAL: Sensitive", "7 October, 18:00 to 20:00",
        "Remove the rule; the export still runs until 31 October.", ("CON-132",),
        (c.Decision("System owner", "Omar Haddad", at(6, 3), "approved", "needed for the search service"), c.Decision("Manager", "Mina Torres", at(6, 22), "approved")),
        "Sam Lee, 7 October 2026, 18:30, db-12", "7 October 2026, 19:00", "exactly what was approved",
    )  # fmt: skip
    two = c.Change(
        "CHG-423", "Allow mon-03 to web-11, tcp/22, until 30 November", "urgent", "approved", "Sam Lee", at(15, 1),
        "The vendor patches under contract 2026-118.", "", decisions=(c.Decision("System owner", "Omar Haddad", at(15, 2), "approved"),),
    )  # fmt: skip
    data = c.Changes(
        "Nine changes were decided in October, each approved by people who did not ask for it. One change seen in the rules has no record.",
        (one, two), 9, (c.Unrecorded("FND-63", "dc-04", "INPUT", at(8, 19), "tcp/636 from web-02 was opened"),),
    )  # fmt: skip
    table = Table("changes", ("id", "title", "state"), [(f"CHG-{n}", "a change", "verified") for n in range(1, 10)])
    return Section("changes", "Change records", (*ISM, "ISM-0912"), "held", "", "packs/print/changes.html", data, (table,))


def rules() -> Section:
    points = tuple(
        c.PointLine(f"{stem}-{n:02d}", point, AS_OF - timedelta(hours=n), "pulled over SSH", "good", "deny" if point == "INPUT" else "permit",
                    "deny" if n % 3 else "permit", 24 + n, 20, 4 + n, int(n == 2), 0, logging="on denials", unread=int(n == 3))
        for stem in ("web", "app", "db") for n in range(1, 5) for point in ("INPUT", "OUTPUT")
    )  # fmt: skip
    points += (c.PointLine("db-dev-02", "INPUT", None, "", "", "not known", "not known", because="unreachable since 24 October 2026"),)
    lines = (
        c.RuleLine("nft:inet/main/input#14", "db-01", "input, line 31", "ip saddr 10.20.0.0/16 tcp dport 5432 ct state new accept", ("CON-32",),
                   "65,536 sources; 1 is authorised.", "permits_more", "definite", "10.20.9.9 to 10.30.4.12, tcp/5432"),
        c.RuleLine("iptables:filter/INPUT#4", "web-03", "rules.v4, line 12", '-A INPUT -p tcp -m multiport --dports 8000:8010 -m comment --comment "CHG-301 temporary, remove" -j ACCEPT',
                   ("CON-12", "CON-13", "CON-14"), "11 ports; 3 are authorised.", "permits_more", "possible", "10.20.4.11 to 10.20.5.3, tcp/8004"),
        c.RuleLine("exports:/export/hr", "file-03", "/etc/exports, line 3", "/export/hr 10.40.0.0/16(rw,sync,no_root_squash)", ("CON-43",),
                   "65,536 clients may write; one may read.", "share_wider", "definite", "10.40.9.1 writes to /export/hr"),
    )  # fmt: skip
    shown = c.Rules("Each of 214 rules was compared with what is authorised; three permit more, four serve no authorisation.", points, lines, 214,
                    (c.Configuration("rules/db-01/2026-10-31T1200Z.raw", "db-01", AS_OF, "5f" * 32),))  # fmt: skip
    table = Table("rules", ("rule", "host", "text"), [("iptables:filter/INPUT#1", "web-01", "=1+1")] * 214)
    return Section("rules", "Firewall rules", ISM, "partial", "two of 31 hosts could not be read", "packs/print/rules.html", shown, (table,),
                   (("rules/db-01/2026-10-31T1200Z.raw", b"table inet main {\n}\n"),))  # fmt: skip


def review() -> Section:
    data = c.Review(
        "The October review was held on the 29th with the system owner present; it decided on three findings and opened two actions.",
        "REV-10", date(2026, 10, 29), "Mina Torres", ("Mina Torres", "Omar Haddad", "Rita Alvarez", "Sam Lee"),
        ("16 findings, 3 new since September", "8 provisional connections", "2 actions from September"),
        "## Over-permissive rules\n\nThe rule on **db-01** is narrowed under CHG-431 by 14 November.\n\n- Sam writes the change\n- Omar approves\n\n"
        "## Development\n\nNo default deny yet; the hosts get one with the November image.",
        "ab" * 32, ("Narrow nft:inet/main/input#14 on db-01 to 10.20.4.12.", "Close tcp/636 from web-02 to dc-04 unless a request is made by 7 November."),
        (c.Action("ACT-7", "Add a default deny to development hosts", "Sam Lee", date(2026, 11, 28), "open"),
         c.Action("ACT-5", "Register 10.20.4.77 or remove it", "Omar Haddad", date(2026, 10, 24), "overdue")),
        ("No review was held in August 2026.",),
    )  # fmt: skip
    return Section("review", "Last review", ISM, "held", "", "packs/print/review.html", data)


def exceptions() -> Section:
    accepted = c.Accepted("Mina Torres", "authorising officer", "moderate", "the hosts are reached only through the jump host", date(2027, 1, 31), "POAM-9")
    found = tuple(
        c.Finding(f"FND-{60 + n}", verdict, "definite" if n % 3 else "unproven", f"CON-{30 + n}", "db-01 INPUT", because, "accepted" if n == 2 else "open", "Data platforms",
                  date(2026, 10, 3 + n), "10.20.9.9 to 10.30.4.12, tcp/5432" if n == 1 else "", "Narrow the rule to 10.20.4.12." if n == 1 else "", date(2026, 11, 14) if n == 1 else None,
                  12 if verdict == "unfiltered" else 0, accepted if n == 2 else None)
        for n, (verdict, because) in enumerate([
            ("permits_more", "nft:inet/main/input#14 permits 10.20.0.0/16 where one host is authorised."),
            ("unfiltered", "Servers of Development reach each other on every port: no rules are set on them."),
            ("changed_without_record", "tcp/636 from web-02 was opened between two readings; no change record covers it."),
            ("not_implemented", "iptables:filter/INPUT#policy denies it on app-02."),
            ("listener_unauthorised", "redis-server listens on every address, tcp/6379; nothing authorises it."),
            ("not_verifiable", "Line 31 of rules.v4 could not be read: an unknown match."),
            ("stale", "app-05 was last read 9 days ago; the limit is 2 days."),
        ], start=1)
    )  # fmt: skip
    table = Table("findings", ("id", "verdict"), [(one.id, one.verdict) for one in found] + [(f"FND-{n}", "permits_more") for n in range(80, 89)])
    return Section("exceptions", "Exceptions and plan of action", (*ISM, "ISM-1564"), "held", "", "packs/print/exceptions.html",
                   c.Exceptions("Sixteen exceptions were open at the cut-off, seven are printed here; one risk is accepted, until 31 January 2027.", found, 16), (table,))  # fmt: skip
