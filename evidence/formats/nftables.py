"""`nft -j list ruleset`: tables of the families ip, ip6 and inet, with their sets, maps and base chains by priority.

One object of the list counts as a line. Tables of bridge, netdev and arp are not read: where one of them can drop a
packet, every point of the host is unverifiable, and so it is where a table may be switched off (flags nobody knows).
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
from evidence.formats.matching import STATES, Draft, Match, TooWide, before_tracking, rules_of
from evidence.formats.nft_fields import Unmodelled
from evidence.formats.nft_rule import Malformed, Place, effects_of
from evidence.formats.nft_sets import Lookup, Named, named
from evidence.formats.untracked import NOTRACK, doubt_states
from evidence.rules import Action, Artefact, Chain, Lines, Reading, Rule, Unread

NAME = "nft-json"
FAMILIES: dict[str, tuple[Family, ...]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
# Objects that say nothing about which packets pass.
IGNORED = frozenset(
    {"metainfo", "flowtable", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark",
     "synproxy"}
)  # fmt: skip
HARMLESS = frozenset(
    {"match", "counter", "log", "accept", "jump", "goto", "return", "continue", "limit", "last", "comment", "meter"}
)
HARMLESS_FLAGS = frozenset({"owner", "persist"})
POLICIES = {"accept": Action.PERMIT, "drop": Action.DENY}
Key = tuple[str, str, str]  # family, table, name


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
        self.account = Account(artefact, len(self.found))
        self.tables: dict[tuple[str, str], Found] = {}
        self.sets: dict[Key, Named] = {}
        self.bases: dict[Key, Found] = {}
        self.order: list[Key] = []
        self.rules: dict[Key, list[Found]] = {}
        for one in self.found:
            self._sort(one)
        if self.found and "list" in artefact.command.split() and "ruleset" not in artefact.command.split():
            self.fail_all(f"`{artefact.command}` lists a part of the rules only")
        self.asleep = {key for key, one in self.tables.items() if self._asleep(one)}
        self.reached = self._reached()
        self._foreign()

    def fail_all(self, reason: str) -> None:
        """The whole dump cannot be relied on: said at its first object."""
        self.found[0].fail(self.account, reason)

    def _sort(self, one: Found) -> None:
        if not isinstance(one.value, dict) or len(one.value) != 1:
            one.fail(self.account, "an object has one kind")
            return
        kind, detail = next(iter(one.value.items()))
        if kind in IGNORED:
            self.account.ignore(one.number)
        elif not isinstance(detail, dict) or kind not in {"table", "chain", "rule", "set", "map"}:
            one.fail(self.account, f"{kind} is not read")
        else:
            self._keep(one, kind, detail)

    def _keep(self, one: Found, kind: str, detail: dict[str, Any]) -> None:
        family, table, name = (str(detail.get(key, "")) for key in ("family", "table", "name"))
        if kind == "table":
            self.tables[(family, name)] = one
        elif (family, table) not in self.tables:
            one.fail(self.account, f"table {family} {table} was not listed before")
            return
        elif kind == "chain":
            self.order.append((family, table, name))
            self.rules.setdefault((family, table, name), [])
            if "hook" in detail:
                self.bases[(family, table, name)] = one
        elif kind == "rule":
            self._keep_rule(one, (family, table, str(detail.get("chain", ""))))
            return
        else:
            try:
                self.sets[(family, table, name)] = named(detail)
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
        strange = set(flags) - HARMLESS_FLAGS - {"dormant"}
        if strange:
            one.fail(self.account, f"flags of this table are not known: {', '.join(sorted(strange))}")
        return "dormant" in flags

    def _reached(self) -> dict[Key, frozenset[Key]]:
        calls: dict[str, list[str]] = {}
        for key, rules in self.rules.items():
            names = {name for one in rules for name in _targets(one.value)}
            names |= {name for held in self._tables_sets(key) for name in _targets(list(held.elements))}
            calls["/".join(key)] = ["/".join((*key[:2], name)) for name in names]
        texts = {"/".join(key): key for key in self.rules}
        found = hooks.reach(calls, ["/".join(key) for key in self.bases])
        return {texts[name]: frozenset(texts[base] for base in by) for name, by in found.items() if name in texts}

    def _tables_sets(self, key: Key) -> list[Named]:
        """The maps of a chain's table: which of them a rule uses does not matter for who may get where."""
        return [held for place, held in self.sets.items() if place[:2] == key[:2]]

    def _foreign(self) -> None:
        """Base chains of families and hooks that are not read: unread where a packet can be lost in them."""
        for key, one in self.bases.items():
            hook = one.value["chain"].get("hook")
            if (key[0] in FAMILIES and hook in hooks.HOOKS) or key[:2] in self.asleep:
                continue
            inside = [rule for name, bases in self.reached.items() if key in bases for rule in self.rules[name]]
            drops = one.value["chain"].get("policy", "accept") != "accept" or not all(map(_harmless, inside))
            if drops:
                one.fail(self.account, f"a chain of family {key[0]} at hook {hook} can drop packets; it is not read")
            for rule in inside:
                self.account.ignore(rule.number)
        for key, rules in self.rules.items():
            if key[0] not in FAMILIES:
                for rule in rules:
                    self.account.ignore(rule.number)

    def chains(self) -> list[Chain]:
        """The chains of the families that are read."""
        return [self._chain(key) for key in dict.fromkeys(self.order) if key[0] in FAMILIES]

    def _chain(self, key: Key) -> Chain:
        name = _name(key)
        rules = [rule for seq, one in enumerate(self.rules[key], start=1) for rule in self._rules(key, seq, one)]
        base = self.bases.get(key)
        about = base.value["chain"] if base else {}
        nat = any(self.bases[one].value["chain"].get("type") == "nat" for one in self.reached.get(key, ()))
        table = "nat" if nat else f"{key[0]} {key[1]}"
        if base is None or about.get("hook") not in hooks.HOOKS or key[:2] in self.asleep:
            return Chain(name, table, "", 0, None, tuple(rules))
        default = POLICIES.get(about.get("policy", "accept"))
        priority = _priority(about.get("prio"))
        if default is None or priority is None:
            base.fail(self.account, "policy or priority of this chain is not known")
            return Chain(name, table, about["hook"], 0, default, tuple(rules))
        seq = len(self.rules[key]) + 1
        policies = [_policy(name, family, seq, default, base, self.account) for family in FAMILIES[key[0]][:1]]
        return Chain(name, table, about["hook"], priority, default, (*rules, *policies))

    def _rules(self, key: Key, seq: int, one: Found) -> list[Rule]:
        bases = [self.bases[base].value["chain"] for base in self.reached.get(key, ())]
        at = frozenset(str(base.get("hook")) for base in bases)
        detail = one.value["rule"]
        place = Place(FAMILIES[key[0]], Lookup(key[0], key[1], self.sets), at, one.first)
        try:
            effects = effects_of(detail.get("expr"), place)
        except (Malformed, TooWide) as problem:
            one.fail(self.account, str(problem), *hooks.points_at(at))
            return []
        self.account.consume(one.number)
        chain, comment = _name(key), detail.get("comment")
        origin = one.origin(self.account, comment=comment if isinstance(comment, str) else "")
        tracking = _tracking(bases)
        found: list[Rule] = []
        for effect in effects:
            calls = effect.action in {Action.JUMP, Action.GOTO}
            draft = Draft(
                id=f"{chain}#{detail.get('handle', f'at{seq}')}", chain=chain, seq=seq, action=effect.action,
                target=_name((*key[:2], effect.target)) if calls else effect.target,
                matches=effect.matches, nat=effect.nat, residue=effect.residue, origin=origin,
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
    if len(words) == 3 and words[1] in {"+", "-"} and words[2].isascii() and words[2].isdigit():
        return hooks.PRIORITIES[words[0]] + int(words[1] + words[2])
    return hooks.PRIORITIES[words[0]] if len(words) == 1 else None


def _targets(value: Any) -> set[str]:
    """The chains named by jump and goto anywhere inside."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key, inside in one.items():
                if key in {"jump", "goto"} and isinstance(inside, dict) and isinstance(inside.get("target"), str):
                    found.add(inside["target"])
                waiting.append(inside)
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _harmless(rule: Found) -> bool:
    statements = rule.value["rule"].get("expr")
    return isinstance(statements, list) and all(
        isinstance(one, dict) and set(one) <= HARMLESS for one in statements
    )  # fmt: skip


def _tracking(bases: Sequence[Mapping[str, Any]]) -> str:
    """Whether connections are tracked where a rule stands: "yes", "not yet", or "unknown" when callers differ."""
    answers: set[str] = set()
    for base in bases:
        priority = _priority(base.get("prio"))
        if base.get("hook") not in hooks.TRACKING_HOOKS or priority is None or priority > hooks.CONNTRACK:
            answers.add("yes")
        else:
            answers.add("not yet" if priority < hooks.CONNTRACK else "unknown")
    return answers.pop() if len(answers) == 1 else "unknown" if answers else "yes"


def _with_tracking(draft: Draft, tracking: str) -> Draft:
    if draft.target == NOTRACK and tracking == "yes":
        return replace(draft, target="")  # a packet that is tracked already stays so (net/netfilter/nft_ct.c)
    limited = any(match.states not in {None, STATES} for match in draft.matches)
    if tracking == "yes" or not limited:
        return draft
    if tracking == "not yet":
        return replace(draft, matches=tuple(before_tracking(draft.matches)))
    doubt = Residue("match", "connection state, tracked on some of the ways to this rule only", draft.origin.first)
    matches = tuple(Match(match.family, match.box, match.iif, match.oif) for match in draft.matches)
    return replace(draft, matches=matches, residue=(*draft.residue, doubt))
