"""All dumps of one host at one moment, joined: what a packet meets there, whichever tool wrote which rule.

* Legacy iptables, iptables-nft and nft chains hang on the same hooks: all of them are stages, by priority.
* A table of iptables-nft is also in the nft dump, there without the arguments of its extensions: it is taken once,
  from iptables-save. Where the two disagree in the number of rules, they are not of one moment, and it is said.
* A rule that refers to an ipset says nothing of its members: they come from the ipset dump of the host, or the rule
  may or may not match.
* A family of which no dump shows the packet filter is unknown: its traffic is unproven at every point, no more and
  no less. A family that is shown and that no chain sees at a point is open there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.index import undisturbed
from compliance.traffic.shares import Origin, Residue
from evidence.formats import hooks
from evidence.formats.address_sets import join_sets
from evidence.formats.evaluate import judges
from evidence.formats.table import Format, detect
from evidence.formats.translated_before import settle_status
from evidence.formats.untracked import doubt_states
from evidence.rules import Action, Artefact, Chain, FormatError, Lines, Point, Reading, Rule, Unread
from evidence.smb_host import settled

TOOL: dict[Family, str] = {4: "iptables", 6: "ip6tables"}
FABRIC = "aws"
BESIDE = ("cloudtrail", "aws-config")  # who acted on an account, and what somebody else thinks of it
FILTERS = frozenset({"iptables-save", "nft-json"})
# A whole device in one configuration: its points come with it
DEVICES = frozenset(
    {
        "pf-config",
        "checkpoint",
        "cisco-asa",
        "cisco-ios",
        "cisco-nxos",
        "cisco-xr",
        "fortios",
        "fortios-rest",
        "junos",
        "panos",
    }
)
TOGETHER = frozenset({"checkpoint", "fortios-rest", "panos"})  # formats of which one dump refers to others
SAVED = ("iptables:", "ip6tables:")  # chains that iptables-nft keeps in nft tables


def read_host(artefacts: Sequence[Artefact]) -> Reading:
    """Every dump by its own format, joined. Raises FormatError on the first that cannot be read."""
    if not artefacts:
        raise FormatError("Nothing was given", "a host is read from at least one dump", "Give the dumps of the host.")
    grouped: dict[str, tuple[Format, list[Artefact]]] = {}
    with undisturbed():
        for artefact in artefacts:
            found = detect(artefact)
            grouped.setdefault(found.NAME, (found, []))[1].append(artefact)
        if FABRIC in grouped:
            return _fabric(grouped)
        readings = []
        for name, (found, dumps) in grouped.items():
            readings += [found.read(part) for part in ([dumps] if name in TOGETHER else [[one] for one in dumps])]
        return merge(readings)


def _fabric(grouped: Mapping[str, tuple[Format, list[Artefact]]]) -> Reading:
    """The answers of a cloud account refer to one another: they are read together, and are nobody's dumps."""
    others = [dumps[0].name for name, (_, dumps) in grouped.items() if name not in {FABRIC, *BESIDE}]
    if others:
        why = f"{others[0]} is a dump of a host, and the others are of a cloud account"
        raise FormatError("These files are not of one thing", why, "Give the account's answers and the host's apart.")
    found, dumps = grouped[FABRIC]
    account = found.read(dumps)
    for name in BESIDE:
        if name not in grouped:
            continue
        beside, answers = grouped[name]
        said = beside.read(answers)
        account = replace(
            account,
            statements=(*account.statements, *said.statements),
            unread=(*account.unread, *said.unread),
            lines={**account.lines, **said.lines},
        )
    return account


def merge(readings: Sequence[Reading]) -> Reading:
    """Joins the readings of ONE host at one moment. Without a dump of its packet filter it has no such points."""
    if len(readings) == 1 and readings[0].format == FABRIC:
        return readings[0]
    named = _own_names(readings)
    sets = tuple(dict.fromkeys(one for reading in named for one in reading.sets))
    families: frozenset[Family] = frozenset().union(*(reading.families for reading in named))
    chains, doubts = _joined(named)
    unread = [*_settled(named), *doubts]
    filtered = any(reading.format in FILTERS or (reading.chains and reading.format not in DEVICES) for reading in named)
    _one_machine(named, filtered=filtered)
    points: list[Point] = []
    if filtered:
        missing = [family for family in FAMILIES if family not in families]
        chains = join_sets(chains, sets)
        chains = [*chains, *_unknown(missing), *_open(chains, families)]
        points.extend(hooks.points_of(chains, unread))
    points.extend(
        point for reading in named for point in reading.points if not filtered or point.name not in hooks.PATHS
    )
    return Reading(
        format="+".join(dict.fromkeys(part for reading in named for part in reading.format.split("+"))),
        points=_once(points),
        chains=settle_status(doubt_states(chains)),
        shares=settled(named),
        listeners=tuple(listener for reading in named for listener in reading.listeners),
        addresses=_addresses(named),
        unread=tuple(unread),
        lines=_lines(named, unread),
        routes=tuple(dict.fromkeys(route for reading in named for route in reading.routes)),
        families=families,
        sets=sets,
        statements=tuple(one for reading in named for one in reading.statements),
        neighbours=tuple(dict.fromkeys(one for reading in named for one in reading.neighbours)),
    )


def _one_machine(readings: Sequence[Reading], *, filtered: bool) -> None:
    """Raises FormatError where two machines are given as one: their rules would be taken for one another's."""
    devices = [one for one in readings if one.format in DEVICES and any(p.name in hooks.PATHS for p in one.points)]
    if len(devices) > 1 or (devices and filtered):
        files = ", ".join(name for one in readings if one.chains for name in one.lines)
        why = f"they are of several machines: {files}"
        raise FormatError("The files were not read", why, "Give the files of each machine on their own.")


def _once(points: Iterable[Point]) -> tuple[Point, ...]:
    """Points of one name (shares from two dumps) are one point: what is unread in either counts."""
    found: dict[str, Point] = {}
    for point in points:
        known = found.get(point.name)
        if known is None:
            found[point.name] = point
        else:
            stages = tuple(dict.fromkeys((*known.stages, *point.stages)))
            found[point.name] = replace(known, stages=stages, unread=known.unread + point.unread)
    return tuple(found.values())


def _own_names(readings: Sequence[Reading]) -> list[Reading]:
    """Two artefacts of one name stay apart: the second is called `name (2)` in lines and unread entries."""
    seen: dict[str, int] = {}
    found: list[Reading] = []
    for reading in readings:
        names = {name: _next_name(name, seen) for name in reading.lines}
        lines = {names[name]: lines for name, lines in reading.lines.items()}
        unread = tuple(replace(one, name=names.get(one.name, one.name)) for one in reading.unread)
        found.append(replace(reading, lines=lines, unread=unread))
    return found


def _next_name(name: str, seen: dict[str, int]) -> str:
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def _joined(readings: Sequence[Reading]) -> tuple[list[Chain], list[Unread]]:
    """The chains of all dumps, each once, and what speaks against their being of one host and moment."""
    chains: dict[str, Chain] = {}
    doubts: list[Unread] = []
    for reading in readings:
        for chain in reading.chains:
            known = chains.setdefault(chain.name, chain)
            if not hooks.same_rules(known, chain):
                doubts.append(_doubt(chain, f"{chain.name} comes twice with different rules"))
    saved = [chain for chain in chains.values() if chain.name.startswith(SAVED)]
    tables = {_nft_table(chain) for chain in saved}
    shown = {_nft_name(chain): chain for chain in saved}
    twins = [chain for chain in chains.values() if chain.name in shown]
    for twin in twins:
        saved_as = shown[twin.name]
        if (_count(twin), twin.default) != (_count(saved_as), saved_as.default):
            what = f"{twin.name} differs between the nft dump ({_said(twin)}) and iptables-save ({_said(saved_as)})"
            doubts.append(_doubt(twin, f"{what}: they are not of one moment"))
    doubts.extend(_lost(readings, chains, shown))
    kept = [chain for chain in chains.values() if chain not in twins]
    extra = [chain for chain in kept if chain.hook and _table_of(chain) in tables]
    if extra:  # nft alone put a base chain into a table of iptables; it may call the table's other chains
        kept = [*kept, *(replace(twin, hook="", default=None) for twin in twins)]
    return kept, doubts


def _table_of(chain: Chain) -> str:
    return chain.name.rpartition("/")[0]


def _nft_table(chain: Chain) -> str:
    return _table_of(replace(chain, name=_nft_name(chain)))


def _nft_name(chain: Chain) -> str:
    """The name in the nft dump of a chain that iptables-nft keeps: `ip6tables:filter/X` is `nft:ip6/filter/X`."""
    tool, _, rest = chain.name.partition(":")
    return f"nft:{'ip6' if tool == 'ip6tables' else 'ip'}/{rest}"


def _count(chain: Chain) -> int:
    return len({rule.id for rule in chain.rules if not rule.id.endswith("#policy")})


def _said(chain: Chain) -> str:
    return f"{_count(chain)} rules" + (f", default {chain.default.value}" if chain.default else "")


def _lost(readings: Sequence[Reading], chains: Mapping[str, Chain], shown: Mapping[str, Chain]) -> list[Unread]:
    """Rules that iptables-save shows and the nft dump of the same host does not: one of them is of another moment."""
    if not any(reading.format == "nft-json" for reading in readings):
        return []
    return [
        _doubt(chain, f"{chain.name} has rules, and the nft dump of this host does not have it")
        for name, chain in shown.items()
        if _count(chain) and name not in chains
    ]


def _doubt(chain: Chain, reason: str) -> Unread:
    origin = chain.rules[0].origin if chain.rules else Origin("", "", 0, 0, chain.name)
    return Unread(origin.name, origin.first, origin.text, reason, "")


def _settled(readings: Sequence[Reading]) -> list[Unread]:
    """The unread lines, without those that only asked for a dump that is there."""
    chains = [chain for reading in readings for chain in reading.chains]
    there = {
        hooks.LEGACY_TOO: {family for family, tool in TOOL.items() if any(_is(c, f"{tool}-legacy:") for c in chains)},
        hooks.ONE_TABLE: {family for family, tool in TOOL.items() if _all_tables(chains, tool)},
        hooks.NATIVE_TOO: set(FAMILIES) if any(reading.format == "nft-json" for reading in readings) else set(),
    }
    return [
        one
        for reading in readings
        for one in reading.unread
        if one.reason not in there or not _asked(one, reading) <= there[one.reason]
    ]


def _all_tables(chains: Sequence[Chain], tool: str) -> bool:
    """Whether every table of the tool's backends that are shown is there."""
    shown = [{c.table for c in chains if _is(c, prefix)} for prefix in (f"{tool}:", f"{tool}-legacy:")]
    return all(tables >= hooks.TABLES for tables in shown if tables)


def _is(chain: Chain, prefix: str) -> bool:
    return chain.name.startswith(prefix)


def _asked(one: Unread, reading: Reading) -> set[Family]:
    """The families whose other tables a notice speaks of: it names the tool, or it stands for its whole dump."""
    if "ip6tables" in one.text:
        return {6}
    return {4} if "iptables" in one.text else set(reading.families)


def _lines(readings: Sequence[Reading], unread: Iterable[Unread]) -> dict[str, Lines]:
    """The accounts; a line that another dump settled counts as consumed."""
    left = {(one.name, one.line) for one in unread}
    found: dict[str, Lines] = {}
    for reading in readings:
        for name, lines in reading.lines.items():
            settled = {(one.name, one.line) for one in reading.unread if one.name == name} - left
            count = min(len(settled), lines.unread)
            found[name] = replace(lines, consumed=lines.consumed + count, unread=lines.unread - count)
    return found


def _addresses(readings: Sequence[Reading]) -> dict[str, tuple[tuple[Family, int, int], ...]]:
    found: dict[str, tuple[tuple[Family, int, int], ...]] = {}
    for reading in readings:
        for name, held in reading.addresses.items():
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *held)))
    return found


def _unknown(missing: Iterable[Family]) -> list[Chain]:
    """For each point and family of which no dump was given: one rule of which nobody knows whether it drops."""
    return [
        _synthetic(
            "unread", point, family, Action.DENY,
            f"no {TOOL[family]}-save and no nft ruleset of this host was given",
            (Residue("match", f"the IPv{family} rules of this host were not given", 0),),
        )
        for family in missing
        for point in hooks.PATHS
    ]  # fmt: skip


def _open(chains: Sequence[Chain], families: Iterable[Family]) -> list[Chain]:
    """For each point and family that is shown and that no chain sees: it is open."""
    return [
        _synthetic("open", point, family, Action.PERMIT, f"no chain of this host sees IPv{family} at {point}", ())
        for family in sorted(families)
        for point, path in hooks.PATHS.items()
        if not any(chain.hook in path and judges(chain, family) for chain in chains)
    ]


def _synthetic(
    kind: Literal["unread", "open"], point: str, family: Family, action: Action, text: str, residue: tuple[Residue, ...]
) -> Chain:
    name = f"{kind}:{point}/{family}"
    rule = Rule(
        id=f"{name}#{'policy' if kind == 'open' else 1}", chain=name, seq=1, family=family, action=action,
        target="", boxes=(FULL[family],),
        iif=None, oif=None, states=None, nat=None, residue=residue, enabled=True, origin=Origin("", "", 0, 0, text),
    )  # fmt: skip
    return Chain(name, kind, point.lower(), 0, Action.PERMIT, (rule,))
