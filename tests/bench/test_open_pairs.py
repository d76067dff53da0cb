"""The open pairs by server and place against the plain way: every pair on its own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.register import Wanted, wanted
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of, overlaps
from compliance.traffic.residual import covered
from evidence.case import INPUT, OUTPUT, Case
from evidence.open_pairs import Pairs
from evidence.rules import Reading
from tests.bench.estate import DAY, host, table, v6

NAMES = ("a", "b", "c", "d", "e", "f")
ADDRESSES = {name: [f"10.0.{number // 3}.{number + 1}", f"fd00:{number // 3}::{number + 1}"]
             for number, name in enumerate(NAMES)}  # fmt: skip
ADDRESSES["a"].append("10.0.1.9")  # a server in two networks
POLICIES = ("ACCEPT", "ACCEPT", "DROP")


@st.composite
def registers(draw: st.DrawFn) -> Wanted:
    """Six servers, some of them in zones, and a few connections of which some hold all traffic there is."""
    zones = [draw(st.sampled_from(("", "left", "right"))) for _ in NAMES]
    servers = [
        {"name": name, "addresses": ADDRESSES[name], **({"zone": zone} if zone else {})}
        for name, zone in zip(NAMES, zones, strict=True)
    ]
    ends = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
    services = st.sampled_from((["any"], ["any"], ["tcp/80"], ["tcp/0-65535", "udp/0-65535"]))
    connections = [
        {"id": f"CON-{number}", "source": source, "destination": target, "services": draw(services)}
        for number, (source, target) in enumerate(draw(st.lists(ends, max_size=5)))
    ]
    prefixes = [{"name": zone, "prefixes": ["192.0.2.0/24"]} for zone in ("left", "right")]
    return wanted({"servers": servers, "zones": prefixes, "connections": connections}, at=DAY)


@st.composite
def hosts(draw: st.DrawFn) -> Reading:
    """A host that is open, closed or stops some of its peers, each way and in each family."""
    dumps: dict[str, str] = {}
    for at, wrap in enumerate((table, v6)):
        heads = [f":{point} {draw(st.sampled_from(POLICIES))} [0:0]" for point in (INPUT, "FORWARD", OUTPUT)]
        rules = []
        for point, side in ((INPUT, "-s"), (OUTPUT, "-d")):
            for peer in draw(st.lists(st.sampled_from(NAMES), max_size=2)):
                action = draw(st.sampled_from(("ACCEPT", "DROP")))
                rules.append(f"-A {point} {side} {ADDRESSES[peer][at]} -j {action}")
        dumps["v6" if at else "v4"] = wrap("\n".join([*heads, *rules, ""]))
    if draw(st.booleans()):
        dumps["v4"] = dumps["v4"].replace("COMMIT", "-A INPUT --strange\nCOMMIT")
    return host(**dumps)


Open = dict[tuple[str, str], bool]  # (source, target) -> proven


def one_by_one(case: Case, family: Family) -> Open:
    """Every open pair, asked on its own."""

    def said(name: str, point: str, decision: str) -> list[Box]:
        found = case.hosts.get(name)
        if found is None or (decision == "permit" and found.unread(point)):
            return []
        return [piece.box for piece in found.whole(point, family) if piece.decision == decision]

    found: Open = {}
    for target in NAMES:
        for source in NAMES:
            between = [
                box_of(family, src=(src, src), dst=(dst, dst))
                for src in case.estate.of(source, family)
                for dst in case.estate.of(target, family)
            ]
            denied = [*said(target, INPUT, "deny"), *said(source, OUTPUT, "deny")]
            if source == target or any(overlaps(one, box) for one in denied for box in between):
                continue
            if all(covered(box, case.authorised[family].boxes) for box in between):
                continue
            found[source, target] = all(
                covered(box, said(name, point, "permit"))
                for name, point in ((target, INPUT), (source, OUTPUT))
                for box in between
            )
    return found


@settings(max_examples=60, deadline=None)
@given(registers(), st.dictionaries(st.sampled_from(NAMES), hosts(), max_size=4))
def test_places_say_what_every_pair_says(asked: Wanted, readings: dict[str, Reading]) -> None:
    case = Case(asked, readings, None, {})
    for family in FAMILIES:
        pairs = one_by_one(case, family)
        groups = Pairs(case, family).groups()
        inside = [
            (source, target)
            for group in groups.values()
            for target, sources in group.rows
            for source in sources
            if source != target
        ]
        assert sorted(inside) == sorted(pairs)
        for group in groups.values():
            mine = [(source, target) for target, sources in group.rows for source in sources if source != target]
            assert (group.count, group.proven) == (len(mine), sum(pairs[pair] for pair in mine))
            assert group.names() == list(dict.fromkeys(name for pair in mine for name in pair))
            assert set(group.sources()) == {source for source, _ in mine}
            assert set(group.targets()) == {target for _, target in mine}
            assert group.pair == mine[0]
            assert group.sure_pair == next((pair for pair in mine if pairs[pair]), None)
