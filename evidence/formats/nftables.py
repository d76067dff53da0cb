"""`nft -j list ruleset`: tables of the families ip, ip6 and inet, with their sets, maps and base chains by priority.

One object of the list counts as a line. Chains at a device (ingress, egress) are read as rules that may or may not see
a packet: below VLANs, bridges and tunnels nobody knows by which device it came. Tables of bridge are not read: where
one of them can drop a packet, the points on its way are unverifiable (tables of arp see no IP packet). So is every
point where a table may be switched off (flags nobody knows) or an object has a key that no known nft prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from compliance.traffic.boxes import FULL, Family
from compliance.traffic.shares import Residue
from evidence.formats import hooks
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, objects
from evidence.formats.matching import STATES, Draft, Match, TooWide, before_tracking, rules_of, without_connection
from evidence.formats.nft_command import part_only, shows_elements
from evidence.formats.nft_flags import Unmodelled
from evidence.formats.nft_rule import Place, effects_of
from evidence.formats.nft_sets import Lookup, Named, named, settled
from evidence.formats.nft_shape import COMMANDS, Malformed, inside, strange_keys, too_deep, word
from evidence.formats.untracked import NOTRACK, doubt_states
from evidence.rules import Action, Artefact, Chain, FormatError, Lines, Reading, Rule, Unread

NAME = "nft-json"
FAMILIES: dict[str, tuple[Family, ...]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6), "netdev": (4, 6)}
# Hooks at a device stand before or behind all others (include/uapi/linux/netfilter.h): hook, priority, tracking there.
AT_DEVICE = {"ingress": ("prerouting", -(2**31), "not yet"), "egress": ("postrouting", 2**31 - 1, "unknown")}
# Objects that say nothing about which packets pass.
IGNORED = frozenset(
    {"metainfo", "flowtable", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark",
     "synproxy"}
)  # fmt: skip
HARMLESS = frozenset(
    {"match", "counter", "log", "accept", "jump", "goto", "return", "continue", "limit", "quota", "last", "comment",
     "meter", "set", "map", "notrack", "dup"}
)  # fmt: skip
HARMLESS_FLAGS = frozenset({"owner", "persist"})
SCHEMA = 1  # of libnftables-json(5)
TYPES = frozenset({"filter", "nat", "route"})
# The points whose packets pass a hook of the families that are not read. Bridged packets are counted as forwarded.
PASSED: dict[str, tuple[str, ...]] = {
    "ingress": ("INPUT", "FORWARD"), "prerouting": ("INPUT", "FORWARD"), "input": ("INPUT", "FORWARD"),
    "forward": ("FORWARD",), "output": ("FORWARD", "OUTPUT"), "postrouting": ("FORWARD", "OUTPUT"),
    "egress": ("FORWARD", "OUTPUT"),
}  # fmt: skip
POLICIES = {"accept": Action.PERMIT, "drop": Action.DENY}
Key = tuple[str, str, str]  # family, table, name
AGAIN = "Take the dump again with `nft -j list ruleset` and give the whole output."
LIST = "Give the output of `nft -j list ruleset`."
_PART = "\0"  # table and chain names may hold a slash


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a dump: 0..1."""
    start = b"".join(head[:400].removeprefix(b"\xef\xbb\xbf").split())
    return 0.99 if start.startswith(b'{"nftables":[') else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """All rules of one host. Raises FormatError when a dump is cut off or is no such JSON."""
    chains: dict[str, Chain] = {}
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        ruleset = _Ruleset(artefact)
        for chain in ruleset.chains():
            if chain.name in chains and not hooks.same_rules(chains[chain.name], chain):
                ruleset.fail_all(f"{chain.name} comes twice with different rules")
            chains.setdefault(chain.name, chain)
        unread.extend(ruleset.account.unread())
        lines[artefact.name] = ruleset.account.lines()
    kept = doubt_states(tuple(chains.values()))
    return Reading(
        format=NAME, points=hooks.points_of(kept, unread), chains=kept, unread=tuple(unread), lines=lines,
        families=frozenset({4, 6}),
    )  # fmt: skip


class _Ruleset:
    """One dump: its objects by kind, then its chains."""

    def __init__(self, artefact: Artefact) -> None:
        self.found = objects(artefact, "nftables")
        if not self.found:
            raise FormatError(f"{artefact.name} lists nothing", "nft begins every list with its version", AGAIN)
        self.account = Account(artefact, len(self.found))
        self.tables: dict[tuple[str, str], Found] = {}
        self.sets: dict[Key, Named] = {}
        self.bases: dict[Key, Found] = {}
        self.order: dict[Key, Found] = {}
        self.rules: dict[Key, list[Found]] = {}
        for one in self.found:
            self._sort(one)
        self.uses = {key: [_Uses(one.value) for one in rules] for key, rules in self.rules.items()}
        updated = {(*key[:2], name) for key, uses in self.uses.items() for use in uses for name in use.updated}
        self.sets = settled(self.sets, updated, terse=not shows_elements(artefact.command))
        why = part_only(artefact.command) or self._only_tables(artefact.command)
        if why:
            self.fail_all(why)
        self.asleep = {key for key, one in self.tables.items() if self._asleep(one)}
        self.reached = self._reached()
        self._strange_chains()
        self._foreign()

    def fail_all(self, reason: str) -> None:
        """The whole dump cannot be relied on: said at its first object."""
        self.found[0].fail(self.account, reason)

    def _only_tables(self, command: str) -> str:
        if not self.tables or self.order or self.sets or "ruleset" in command.split():
            return ""
        return "it names tables and nothing in them, as `nft -j list tables` does: give `nft -j list ruleset`"

    def _sort(self, one: Found) -> None:
        if not isinstance(one.value, dict) or len(one.value) != 1 or too_deep(one.value):
            one.fail(self.account, "an object has one kind, and few things inside each other")
            return
        kind, detail = next(iter(one.value.items()))
        if kind == "metainfo":
            _check_version(self.account.name, detail)
        if kind in COMMANDS:
            why = f"line {one.first} is a command ({kind}), not a part of a list"
            raise FormatError(f"{self.account.name} is no list of rules", why, LIST)
        if kind in IGNORED:
            self.account.ignore(one.number)
        elif not isinstance(detail, dict) or kind not in {"table", "chain", "rule", "set", "map"}:
            one.fail(self.account, f"{kind} is not read")
        else:
            self._keep(one, kind, detail)

    def _keep(self, one: Found, kind: str, detail: dict[str, Any]) -> None:
        family, table, name = (str(detail.get(key, "")) for key in ("family", "table", "name"))
        key = (family, table, name)
        if kind == "table":
            if (family, name) in self.tables:
                one.fail(self.account, f"table {family} {name} comes twice")
                return
            self.tables[(family, name)] = one
        elif (family, table) not in self.tables:
            one.fail(self.account, f"table {family} {table} was not listed before")
            return
        elif kind == "rule":
            self._keep_rule(one, (family, table, str(detail.get("chain", ""))))
            return
        elif key in (self.order if kind == "chain" else self.sets):
            one.fail(self.account, f"{kind} {' '.join(key)} comes twice")
            return
        elif kind == "chain":
            self.order[key] = one
            self.rules.setdefault(key, [])
            if "hook" in detail:
                self.bases[key] = one
        else:
            try:
                self.sets[key] = named(kind, detail)
            except Unmodelled as problem:
                one.fail(self.account, str(problem))
                return
        self.account.consume(one.number)

    def _keep_rule(self, one: Found, key: Key) -> None:
        if key not in self.rules:
            one.fail(self.account, f"chain {key[2]} was not listed before")
        else:
            self.rules[key].append(one)

    def _asleep(self, one: Found) -> bool:
        """Whether a table is switched off (dormant)."""
        flags = one.value["table"].get("flags", [])
        flags = [flags] if isinstance(flags, str) else flags
        if not isinstance(flags, list) or any(not isinstance(flag, str) for flag in flags):
            one.fail(self.account, f"the flags of this table are not readable, it may be switched off: {flags!r}")
            return False
        unknown = ", ".join(sorted(set(flags) - HARMLESS_FLAGS - {"dormant"}))
        strange = strange_keys("table", one.value["table"])
        if unknown or strange:
            what = f"the flags {unknown}" if unknown else strange
            one.fail(self.account, f"what this table has is not known, it may be switched off: {what}")
        return "dormant" in flags

    def _reached(self) -> dict[Key, frozenset[Key]]:
        """For every chain the base chains that lead to it, by jumps, gotos and the maps that rules look up."""
        named_by = {place: _Uses(list(held.elements)).targets for place, held in self.sets.items()}
        calls: dict[str, set[str]] = {}
        for key, uses in self.uses.items():
            places = {(*key[:2], name) for use in uses for name in use.looked_up}
            called = {name for use in uses for name in use.targets}
            called = called.union(*(named_by.get(place, ()) for place in places))
            calls[_PART.join(key)] = {_PART.join((*key[:2], name)) for name in called}
        texts = {_PART.join(key): key for key in self.rules}
        found = hooks.reach(calls, [_PART.join(key) for key in self.bases])
        return {texts[name]: frozenset(texts[base] for base in by) for name, by in found.items() if name in texts}

    def _strange_chains(self) -> None:
        """Chains with a key that nobody knows: unread for every point that leads to them."""
        for key, one in self.order.items():
            detail = one.value["chain"]
            strange = strange_keys("chain", detail)
            if key in self.bases and word(detail.get("type", "filter")) not in TYPES:
                strange = strange or f"type {detail.get('type')!r}"
            if strange and key[:2] not in self.asleep:
                at = {str(self.bases[base].value["chain"].get("hook")) for base in self.reached.get(key, ())}
                one.fail(self.account, f"what this chain has is not known: {strange}", *hooks.points_at(at))

    def _foreign(self) -> None:
        """Base chains of families and hooks that are not read: unread where a packet can be lost in them."""
        for key, one in self.bases.items():
            hook = word(one.value["chain"].get("hook"))
            open_at_end = one.value["chain"].get("policy", "accept") == "accept"
            is_read = key[0] in FAMILIES and (hook in hooks.HOOKS or (hook in AT_DEVICE and open_at_end))
            if is_read or key[:2] in self.asleep or key[0] == "arp":
                continue
            inside = [rule for name, bases in self.reached.items() if key in bases for rule in self.rules[name]]
            if not open_at_end or not all(map(_harmless, inside)):
                why = f"a chain of family {key[0]} at hook {hook} can drop packets; it is not read"
                one.fail(self.account, why, *PASSED.get(hook, ()))
            for rule in inside:
                self.account.ignore(rule.number)
        for key, rules in self.rules.items():
            if key[0] not in FAMILIES:
                for rule in rules:
                    self.account.ignore(rule.number)

    def chains(self) -> list[Chain]:
        """The chains of the families that are read."""
        return [self._chain(key) for key in self.order if key[0] in FAMILIES]

    def _chain(self, key: Key) -> Chain:
        name = _name(key)
        rules = [rule for seq, one in enumerate(self.rules[key], start=1) for rule in self._rules(key, seq, one)]
        base = self.bases.get(key)
        about = base.value["chain"] if base else {}
        nat = any(self.bases[one].value["chain"].get("type") == "nat" for one in self.reached.get(key, ()))
        table = "nat" if nat else f"{key[0]} {key[1]}"
        hook = word(about.get("hook"))
        if base is not None and hook in AT_DEVICE and key[:2] not in self.asleep:
            return Chain(name, table, *AT_DEVICE[hook][:2], Action.PERMIT, tuple(rules))
        if base is None or hook not in hooks.HOOKS or key[:2] in self.asleep:
            return Chain(name, table, "", 0, None, tuple(rules))
        default = POLICIES.get(word(about.get("policy", "accept")))
        priority = _priority(about.get("prio"))
        if default is None or priority is None:
            base.fail(self.account, "policy or priority of this chain is not known")
            return Chain(name, table, hook, 0, default, tuple(rules))
        seq = len(self.rules[key]) + 1
        policies = [_policy(name, family, seq, default, base, self.account) for family in FAMILIES[key[0]][:1]]
        return Chain(name, table, hook, priority, default, (*rules, *policies))

    def _rules(self, key: Key, seq: int, one: Found) -> list[Rule]:
        bases = [self.bases[base].value["chain"] for base in self.reached.get(key, ())]
        at = frozenset(str(base.get("hook")) for base in bases)
        detail = one.value["rule"]
        place = Place(FAMILIES[key[0]], Lookup(key[0], key[1], self.sets), at, one.first)
        try:
            effects = effects_of(detail.get("expr"), place, strange_keys("rule", detail))
        except (Malformed, TooWide) as problem:
            one.fail(self.account, str(problem), *hooks.points_at(at))
            return []
        self.account.consume(one.number)
        chain, comment = _name(key), detail.get("comment")
        origin = one.origin(self.account, comment=comment if isinstance(comment, str) else "")
        tracking = _tracking(bases)
        found: list[Rule] = []
        perhaps = _perhaps(bases, one.first)
        for effect in effects:
            calls = effect.action in {Action.JUMP, Action.GOTO}
            draft = Draft(
                id=f"{chain}#{detail.get('handle', f'at{seq}')}", chain=chain, seq=seq, action=effect.action,
                target=_name((*key[:2], effect.target)) if calls else effect.target,
                matches=effect.matches, nat=effect.nat, residue=(*effect.residue, *perhaps), origin=origin,
            )  # fmt: skip
            found.extend(rules_of(_with_tracking(draft, tracking), FAMILIES[key[0]]))
        return found


def _name(key: Key) -> str:
    return f"nft:{key[0]}/{key[1]}/{key[2]}"


def _policy(chain: str, family: Family, seq: int, action: Action, base: Found, account: Account) -> Rule:
    """The default as a rule with an origin; it stands for all families of its chain."""
    return Rule(
        id=f"{chain}#policy", chain=chain, seq=seq, family=family, action=action, target="", boxes=(FULL[family],),
        iif=None, oif=None, states=None, nat=None, residue=(), enabled=True, origin=base.origin(account),
    )  # fmt: skip


def _priority(value: Any) -> int | None:
    """A number, or a name with an offset as newer versions print it (`filter - 5`)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    words = value.split() if isinstance(value, str) else []
    if not words or words[0] not in hooks.PRIORITIES:
        return None
    if len(words) == 3 and words[1] in {"+", "-"} and words[2].isascii() and words[2].isdigit() and len(words[2]) <= 10:
        return hooks.PRIORITIES[words[0]] + int(words[1] + words[2])
    return hooks.PRIORITIES[words[0]] if len(words) == 1 else None


class _Uses:
    """What a rule, or the elements of a map, refer to: chains called, sets looked up, sets added to."""

    def __init__(self, value: Any) -> None:
        self.targets: set[str] = set()
        self.looked_up: set[str] = set()
        self.updated: set[str] = set()
        for one in inside(value):
            for kind, detail in one.items():
                self._see(kind, detail)

    def _see(self, kind: str, detail: Any) -> None:
        if kind in {"jump", "goto"} and isinstance(detail, dict):
            self.targets.add(word(detail.get("target")))
        elif kind in {"data", "right"} and word(detail).startswith("@"):
            self.looked_up.add(word(detail)[1:])
        elif kind in {"set", "map"} and isinstance(detail, dict) and "op" in detail:
            self.updated.add(word(detail.get(kind)).removeprefix("@"))
        elif kind == "meter" and isinstance(detail, dict):
            self.updated.add(word(detail.get("name")))


def _check_version(name: str, detail: Any) -> None:
    """Raises FormatError where the dump says it is of another kind of JSON."""
    version = detail.get("json_schema_version", SCHEMA) if isinstance(detail, dict) else None
    if type(version) is not int or version != SCHEMA:
        why = f"its JSON has the version {version!r}, this version reads {SCHEMA}"
        raise FormatError(f"{name} is not read", why, "Take the dump with nft 1.0 or 1.1.")


def _harmless(rule: Found) -> bool:
    """Whether a rule lets every packet on."""
    statements = rule.value["rule"].get("expr")
    return isinstance(statements, list) and all(
        isinstance(one, dict) and (set(one) <= HARMLESS or _marks(one)) for one in statements
    )


def _marks(statement: dict[str, Any]) -> bool:
    detail = statement.get("mangle")
    return isinstance(detail, dict) and isinstance(detail.get("key"), dict) and set(detail["key"]) <= {"meta", "ct"}


def _perhaps(bases: Sequence[Mapping[str, Any]], line: int) -> tuple[Residue, ...]:
    """The doubt of a rule that some packets do not come by, as it hangs on a device."""
    at = [base for base in bases if word(base.get("hook")) in AT_DEVICE]
    if not at:
        return ()
    named = [str(base[key]) for base in at for key in ("dev", "devices") if key in base]
    text = (
        f"it hangs on {', '.join(named) if named else 'a device that nft does not print'}, which not all packets pass"
    )
    return (Residue("match", text, line),)


def _tracking(bases: Sequence[Mapping[str, Any]]) -> str:
    """Whether connections are tracked where a rule stands: "yes", "not yet", or "unknown" when callers differ."""
    answers: set[str] = set()
    for base in bases:
        priority, hook = _priority(base.get("prio")), word(base.get("hook"))
        if hook in AT_DEVICE:
            answers.add(AT_DEVICE[hook][2])
        elif word(base.get("hook")) not in hooks.TRACKING_HOOKS or priority is None or priority > hooks.CONNTRACK:
            answers.add("yes")
        else:
            answers.add("not yet" if priority < hooks.CONNTRACK else "unknown")
    return answers.pop() if len(answers) == 1 else "unknown" if answers else "yes"


def _with_tracking(draft: Draft, tracking: str) -> Draft:
    if draft.target == NOTRACK and tracking == "yes":  # what has a connection keeps it (net/netfilter/nft_ct.c)
        return replace(draft, matches=tuple(without_connection(draft.matches)))
    limited = any(match.states not in {None, STATES} for match in draft.matches)
    if tracking == "yes" or not limited:
        return draft
    if tracking == "not yet":
        return replace(draft, matches=tuple(before_tracking(draft.matches)))
    doubt = Residue("match", "connection state, tracked on some of the ways to this rule only", draft.origin.first)
    matches = tuple(Match(match.family, match.box, match.iif, match.oif) for match in draft.matches)
    return replace(draft, matches=matches, residue=(*draft.residue, doubt))
