"""A made-up month of a made-up organisation, every part of a pack filled, for tests and for looking at pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from compliance.drawing.diagram import Cell, Diagram, Link, Server, Zone
from evidence.packs import content as c
from evidence.packs.content_logs import Logs
from evidence.packs.mapping import Official, Said, annex, applicability, mapped
from evidence.packs.section import Section, Table
from tests.packs.records import AS_OF, ISM, changes, exceptions, review, rules

BUILT = AS_OF + timedelta(minutes=5)


def face(**changes: object) -> c.Face:
    """The cover; keyword arguments replace its fields."""
    system = c.System(
        "Records",
        "Omar Haddad",
        "Priya Nair",
        "Mina Torres",
        "OFFICIAL: Sensitive",
        "Records application, its databases, file and management servers.",
        "Agency gateway, which the carrier runs.",
        "The data centre's perimeter, from the hosting provider.",
        "Implemented, with the exceptions listed",
    )
    known = c.Face(
        pack="PCK-42",
        organisation="Example Department of Records",
        systems=(system,),
        marking="OFFICIAL: Sensitive",
        since=date(2026, 10, 1),
        until=date(2026, 10, 31),
        as_of=AS_OF,
        built_at=BUILT,
        zone="Australia/Sydney",
        servers=31,
        zones=6,
        connections=60,
        shares=10,
        prepared_for="IRAP assessor; ISO/IEC 27001 surveillance audit",
        sample=True,
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def sections() -> list[Section]:
    """Every section in the order of a pack; the logs are missing, as in a version that reads none."""
    return [result(), network(), logs(), changes(), rules(), review(), exceptions(), mapping()]


def mapping() -> Section:
    """One control stated by one owner, all others by nobody."""
    at = AS_OF - timedelta(days=9)
    said = {
        ("ASD ISM", "ISM-1479"): [
            Said("Records", "partly", "Partly implemented", "Sixteen things stand open, each with its owner.",
                 "Omar Haddad", at, "ASD ISM 2025.12.9"),
        ],
    }  # fmt: skip
    data, systems = mapped(said, 1), [("Records", "OFFICIAL: Sensitive")]
    official = {("ASD ISM", "ISM-1479"): Official("1", "Jun-24", "Networking", ("NC", "OS"), "=made up", "2025.12.9")}
    tables = (annex(systems, said, official), applicability(systems, said))
    because = f"{data.silent} of {data.wanted} statements were not made by the cut-off"
    template = "packs/print/controls.html"
    return Section("controls", "Control mapping in full", ISM, "partial", because, template, data, tables)


VERDICTS = (
    ("implemented", 41),
    ("permits_more", 4),
    ("not_implemented", 2),
    ("unfiltered", 3),
    ("share_wider", 2),
    ("listener_unauthorised", 1),
    ("no_listener", 1),
    ("changed_without_record", 1),
    ("approved_not_done", 1),
    ("unknown_server", 1),
    ("usage_unknown", 6),
    ("not_verifiable", 2),
    ("stale", 1),
    ("unreachable", 1),
)


def result() -> Section:
    rows = [
        (f"CON-{number}", name, "definite", f"web-{number:02d}", "INPUT")
        for name, many in VERDICTS
        for number in range(1, many + 1)
    ]
    data = c.Result(
        lead="Fifty-two connections are individually justified. Sixteen things are not as authorised; two of them were "
        "found by reading rules, with no change record behind them.",
        justified=52,
        provisional=8,
        beyond=16,
        trend=(
            c.Month("31 August 2026", 38, 22, 27),
            c.Month("30 September 2026", 46, 14, 19),
            c.Month("31 October 2026", 52, 8, 16),
        ),
        verdicts=VERDICTS,
        coverage=(
            c.Coverage(
                "Hosts with rules read", 31, 29, "db-dev-02 (unreachable since 24 October), mon-02 (refused the key)"
            ),
            c.Coverage("Ends of connections with rules read", 120, 114, "six ends on db-dev-02 and mon-02"),
            c.Coverage("File servers with exports read", 4, 4),
            c.Coverage("Days of communication logs", 31, 0, "this version reads no flow logs"),
        ),
        inventory=c.Inventory(
            31,
            30,
            1,
            (c.Unregistered("10.20.4.77", "neighbour of app-03, rule of db-01", "since 12 October 2026"),),
            ("legacy-01",),
        ),
        gaps=(
            c.Gap(
                "FND-61",
                "permits_more",
                "Rule nft:inet/main/input#14 on db-01 permits 10.20.0.0/16; CON-32 authorises one host. Example: "
                "10.20.9.9 to 10.30.4.12, tcp/5432.",
                "Data platforms",
                date(2026, 11, 14),
            ),
            c.Gap(
                "FND-63",
                "changed_without_record",
                "dc-04 INPUT opened tcp/636 to web-02 between 8 and 9 October; no change record.",
                "Identity",
                date(2026, 11, 7),
            ),
            c.Gap(
                "FND-66",
                "unfiltered",
                "12 servers in Development can reach each other on every port.",
                "Engineering",
                None,
            ),
        ),
        gaps_total=16,
        not_shown=(
            "Traffic between containers of one host.",
            "Rules of the carrier's gateway: it is outside the boundary.",
            "Whether an authorised connection was used: no flow logs were read.",
        ),
        not_held=(
            c.Absent("Ledger proofs", "the ledger is written but not yet sealed"),
            c.Absent("Outside time-stamp", "no time-stamping authority is asked yet"),
        ),
        not_read=("Cisco IOS and ASA", "FortiOS", "PAN-OS", "Junos", "AWS", "Azure", "Kubernetes"),
    )
    return Section(
        "result",
        "Result, coverage and gaps",
        ISM,
        "partial",
        "two of 31 hosts could not be read",
        "packs/print/result.html",
        data,
        (Table("verdicts", ("connection", "verdict", "certainty", "host", "point"), rows),),
    )


def zones() -> tuple[Zone, ...]:
    def servers(stem: str, many: int) -> tuple[Server, ...]:
        return tuple(
            Server(f"{stem}-{n:02d}", critical=n == 1, high_value=n <= 2 and stem in ("db", "dc"))
            for n in range(1, many + 1)
        )

    return (
        Zone("Internet DMZ", servers("rp", 3), 3),
        Zone("Web", servers("web", 6), 6),
        Zone("Application", servers("app", 9), 9),
        Zone("Database", servers("db", 5), 5),
        Zone("File and directory", servers("dc", 4), 4),
        Zone("Management", servers("mon", 4), 3),
        Zone("Agency gateway", outside=True),
    )


def network() -> Section:
    pairs = [
        ("Agency gateway", "Internet DMZ", 2, ("tcp/443",)),
        ("Internet DMZ", "Web", 4, ("tcp/443",)),
        ("Web", "Web", 2, ("tcp/7946",)),
        ("Web", "Application", 12, ("tcp/8443", "tcp/8080")),
        ("Application", "Database", 8, ("tcp/5432",)),
        ("Application", "File and directory", 6, ("nfs/2049", "smb/445")),
        ("Database", "File and directory", 3, ("nfs/2049",)),
        ("Web", "File and directory", 2, ("tcp/636",)),
        *[("Management", zone, 2, ("tcp/22",)) for zone in ("Internet DMZ", "Web", "Application", "Database")],
        *[
            (zone, "Management", 3, ("udp/514", "udp/123"))
            for zone in ("Internet DMZ", "Web", "Application", "Database")
        ],
    ]
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
            state = (
                "beyond"
                if wider + nobody
                else "authorised"
                if link
                else "unknown"
                if a == b or "Management" in pair
                else "closed"
            )
            cells.append(
                Cell(
                    *pair, state, link.connections if link else 0, link.services if link else (), wider, nobody, unknown
                )
            )  # type: ignore[arg-type]
    diagram = Diagram(zones(), links, tuple(cells))
    lead = "60 authorised connections between 31 servers run on 16 of 49 zone pairs. Three pairs are open beyond that."
    table = Table(
        "connections",
        ("id", "from", "to", "services", "path", "basis", "review_by"),
        [(f"CON-{n}", "web-01", "db-01", "tcp/5432", None, "justified", None) for n in range(1, 61)],
    )
    return Section(
        "diagram", "Network diagram", ISM, "held", "", "packs/print/diagram.html", c.Network(lead, diagram), (table,)
    )


def logs() -> Section:
    data = Logs(
        "No communication logs are in this pack.",
        60,
        "What this pack says about traffic comes from rules, never from traffic seen.",
        "Flow logs of the hosts or of the network are the next source to add; until then ask for a month of "
        "them directly.",
    )
    return Section(
        "logs", "Communication logs", ISM, "missing", "this version reads no flow logs.", "packs/print/logs.html", data
    )
