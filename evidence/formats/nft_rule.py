"""One nft rule: its statements in order, into what it matches, what it does and what of it is not modelled.

What a statement needs of a packet counts as a match: where it cannot be done (the key is not in its map, there is no
such header) the kernel breaks the rule off, and what follows is not done either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from compliance.traffic.boxes import Family
from compliance.traffic.shares import Residue
from evidence.formats import names, nft_nat
from evidence.formats.matching import Match, TooWide, both, everything
from evidence.formats.nft_fields import Address, Numbers, State, field_of, implied
from evidence.formats.nft_flags import Flags, Unmodelled, tcp
from evidence.formats.nft_sets import CATCH_ALL, Key, Lookup, is_map, map_elements
from evidence.formats.nft_shape import Malformed, constant, inside, looks_up, only, quoted, word
from evidence.formats.translated_before import doubt_of
from evidence.formats.untracked import NOTRACK
from evidence.rules import Action, Nat

VERDICTS: dict[str, Action] = {
    "accept": Action.PERMIT, "drop": Action.DENY, "reject": Action.REJECT, "return": Action.RETURN,
    "continue": Action.CONTINUE, "jump": Action.JUMP, "goto": Action.GOTO,
}  # fmt: skip
# Statements that neither match nor change anything a box can tell, unless they look something up.
SILENT = frozenset(
    {"counter", "log", "last", "flow", "dup", "secmark", "ct helper", "ct timeout", "ct expectation", "comment"}
)
# Statements that let only some packets on.
THROTTLES = frozenset({"limit", "quota", "ct count", "meter", "connlimit"})
UNTOLD_FIELDS = frozenset({"dscp", "ecn", "ttl", "hoplimit", "flowlabel", "checksum"})  # rewritten: no box shows them
NOTED = frozenset({"op", "elem", "data", "set", "map", "stmt"})  # keys of a statement that adds to a set or map
REWRITTEN: dict[str, frozenset[str]] = {
    "meta": frozenset({"key"}), "ct": frozenset({"key", "dir"}), "tcp option": frozenset({"name", "field"}),
    "payload": frozenset({"protocol", "field"}),
}  # fmt: skip
ANSWERS: dict[str, tuple[Family, ...]] = {"icmp": (4,), "icmpv6": (6,), "icmpx": (4, 6), "tcp reset": (4, 6)}


class Effect(NamedTuple):
    """One thing a rule does, to the part of its traffic that `matches` says."""

    action: Action
    target: str
    matches: tuple[Match, ...]
    nat: Nat | None
    residue: tuple[Residue, ...]


@dataclass(slots=True)
class Place:
    """Where a rule stands: its table's families, its sets, the hooks that lead to it, its line."""

    families: tuple[Family, ...]
    lookup: Lookup
    hooks: frozenset[str]
    line: int


@dataclass(slots=True)
class _Rule:
    place: Place
    matches: list[Match]
    residue: list[Residue] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)  # xt statements of which nothing is known
    breaks: list[Residue] = field(default_factory=list)  # where the kernel may break the rule off, if more follows
    decided: bool = False

    def doubt(self, expression: Any, because: object = "") -> None:
        text = quoted(expression)
        self.residue.append(Residue("match", f"{text} ({because})" if because else text, self.place.line))

    def may_break(self, statement: Any, because: str) -> None:
        text = f"{quoted(statement)} ({because}, and the rest of the rule is not done)"
        self.breaks.append(Residue("match", text, self.place.line))

    def cut(self, wanted: Sequence[Match]) -> None:
        self.matches = both(self.matches, wanted)

    def act(
        self, action: Action, *, target: str = "", nat: Nat | None = None, matches: Sequence[Match] | None = None,
        unknown: tuple[Residue, ...] = (),
    ) -> None:  # fmt: skip
        chosen = tuple(self.matches if matches is None else matches)
        silent = action is Action.CONTINUE and not target and not unknown
        doubts = self.residue if silent else [*self.residue, *self.breaks]
        self.effects.append(Effect(action, target, chosen, nat, (*doubts, *unknown)))


def effects_of(statements: Any, place: Place, unknown: str = "") -> list[Effect]:
    """What a rule does, in order; a rule without a verdict goes on. Raises Malformed, TooWide.

    `unknown`: what stands beside the statements and is not understood; it may change all of them.
    """
    if not isinstance(statements, list):
        raise Malformed("a rule is a list of statements")
    rule = _Rule(place, everything(place.families))
    if unknown:
        rule.residue.append(Residue("match", f"what this version does not know: {unknown}", place.line))
    for statement in _ports_last(statements):
        kind, detail = only(statement)
        if rule.decided:
            raise Malformed(f"{kind} follows a verdict")
        _statement(rule, kind, detail, statement)
    _opaque(rule)
    if not rule.effects:
        rule.act(Action.CONTINUE)
    if unknown:  # what is beside the statements may turn them around: then even "never" is not sure
        whole = tuple(everything(place.families))
        return [effect._replace(matches=effect.matches or whole) for effect in rule.effects]
    return rule.effects


def _ports_last(statements: list[Any]) -> list[Any]:
    """Matches on ports of no stated protocol (`th dport`) behind the other matches: they need their protocol."""
    last_match = max((n for n, s in enumerate(statements) if isinstance(s, dict) and "match" in s), default=-1)
    head, tail = statements[: last_match + 1], statements[last_match + 1 :]
    return [*(s for s in head if not _any_ports(s)), *(s for s in head if _any_ports(s)), *tail]


def _any_ports(statement: Any) -> bool:
    left = statement.get("match") if isinstance(statement, dict) else None
    left = left.get("left") if isinstance(left, dict) else None
    return any("th" in (one.get("protocol"), one.get("name")) for one in inside(left))


def _statement(rule: _Rule, kind: str, detail: Any, statement: Any) -> None:
    if kind == "match":
        _match(rule, detail, statement)
    elif kind in VERDICTS:
        _verdict(rule, kind, detail, statement)
    elif kind == "vmap":
        _verdict_map(rule, detail, statement)
        rule.decided = True
    elif kind in nft_nat.KINDS:
        _translate(rule, kind, detail)
        rule.decided = True
    elif kind == "notrack":
        rule.act(Action.CONTINUE, target=NOTRACK)
    elif kind == "mangle":
        _mangle(rule, detail, statement)
    elif kind == "xt":
        _xt(rule, detail)
    elif kind in {"set", "map"}:
        _note(rule, detail, statement)
    elif kind in THROTTLES:
        rule.doubt(statement)
    elif kind == "reset" or (kind in SILENT and looks_up(detail)):
        _looked_up(rule, detail, statement)
    elif kind not in SILENT:
        rule.act(Action.CONTINUE, unknown=(Residue("action", quoted(statement), rule.place.line),))


def _verdict(rule: _Rule, kind: str, detail: Any, statement: Any) -> None:
    if kind == "reject":
        _answered(rule, detail, statement)
    elif kind not in {"jump", "goto"} and detail not in (None, {}, []):
        rule.doubt(statement, "not modelled")
    rule.act(VERDICTS[kind], target=_target(kind, detail))
    rule.decided = True


def _answered(rule: _Rule, detail: Any, statement: Any) -> None:
    """What a reject answers with says what it is for: nft prints the family and protocol of the rule only there."""
    about = {} if detail is None else detail
    answer = word(about.get("type")) if isinstance(about, dict) else ""
    if about != {} and (answer not in ANSWERS or set(about) - {"type", "expr"}):
        rule.doubt(statement, "not modelled")
    elif answer == "tcp reset":
        rule.cut(tcp())
        if len({match.family for match in rule.matches}) > 1:
            rule.doubt(statement, "nft 1.0.6 drops `meta nfproto` in front of it: it may be for one family only")
    elif answer:
        rule.cut(everything(ANSWERS[answer]))


def _target(kind: str, detail: Any) -> str:
    if kind not in {"jump", "goto"}:
        return ""
    if not isinstance(detail, dict) or set(detail) != {"target"} or not isinstance(detail["target"], str):
        raise Malformed(f"{kind} names no chain")
    return detail["target"]


def _match(rule: _Rule, detail: Any, statement: Any) -> None:
    if not isinstance(detail, dict) or not {"op", "left", "right"} <= set(detail):
        raise Malformed("a match has an operator, a left and a right side")
    status = _status(detail)
    if status is not None:
        rule.residue.append(doubt_of(wanted=status, line=rule.place.line))
        return
    try:
        if len(detail) > 3:
            raise Unmodelled("with more than an operator and two sides")
        rule.cut(_matched(rule, word(detail["op"]), detail["left"], detail["right"]))
    except (Unmodelled, TooWide) as problem:
        rule.cut(implied(detail["left"]))
        rule.doubt(statement, problem)


DNAT_BIT = 32  # IPS_DST_NAT: `nft -n` prints the number


def _status(detail: dict[str, Any]) -> bool | None:
    """Whether a match asks that the destination was translated before (or, False, that it was not); None: neither."""
    op, left, right = word(detail["op"]), detail["left"], detail["right"]
    if len(detail) > 3 or right not in ("dnat", ["dnat"], DNAT_BIT, [DNAT_BIT]):
        return None
    if left == {"ct": {"key": "status"}} and op in {"in", "!"}:
        return op == "in"
    masked = any(left == {"&": [{"ct": {"key": "status"}}, one]} for one in ("dnat", DNAT_BIT))
    return op == "==" if masked and op in {"==", "!="} else None


def _matched(rule: _Rule, op: str, left: Any, right: Any) -> list[Match]:
    hooks = rule.place.hooks
    if op in {"<", ">", "<=", ">="}:
        number = field_of(left, hooks)
        if not isinstance(number, Numbers | Address) or number.loose:
            raise Unmodelled(f"operator {op}")
        return number.compared(op, right)
    key, is_set = Key(left, hooks), _is_set(right)
    bits = key.fields[0] if not key.joined else None
    if op in {"in", "!"} and isinstance(bits, Flags):
        return bits.some_set(right, wanted=op == "in")
    if op in {"in", "!"} and not is_set and not isinstance(bits, State):
        raise Unmodelled(f"operator {op}")
    if is_set:
        values = rule.place.lookup.elements(right)
    elif isinstance(right, list) or (isinstance(right, dict) and set(right) == {"|"}):
        values = _several(bits, op, right)
    else:
        values = [right]
    if op in {"==", "in"}:
        return key.any_of(values, rule.matches)
    if op in {"!=", "!"}:
        return key.none_of(values, rule.matches)
    raise Unmodelled(f"operator {op}")


def _is_set(right: Any) -> bool:
    return (isinstance(right, str) and right.startswith("@")) or (isinstance(right, dict) and set(right) == {"set"})


def _several(bits: Any, op: str, right: Any) -> list[Any]:
    """`ct state new,established`: any of them; the TCP flags of an exact value stay together."""
    if isinstance(bits, Flags):
        return [right]
    flags = right if isinstance(right, list) else right["|"]
    if op not in {"in", "!"} or not isinstance(flags, list):
        raise Unmodelled("several flags at once")
    return flags


def _verdict_map(rule: _Rule, detail: Any, statement: Any) -> None:
    shapes = ({"key", "data"}, {"left", "right"})  # the second: nft 0.9
    if not isinstance(detail, dict) or set(detail) not in shapes:
        raise Malformed("a verdict map has a key and data")
    left, data = detail.get("key", detail.get("left")), detail.get("data", detail.get("right"))
    try:
        by_verdict = _verdicts(data, rule.place.lookup)
    except Unmodelled as problem:
        text = f"{quoted(statement)} ({problem})"
        rule.cut(implied(left))
        rule.act(Action.CONTINUE, unknown=(Residue("action", text, rule.place.line),))
        return
    try:
        parts = _by_key(Key(left, rule.place.hooks), by_verdict, rule.matches)
    except (Unmodelled, TooWide) as problem:
        rule.cut(implied(left))
        rule.doubt(statement, problem)
        parts = [(verdict, rule.matches) for verdict in by_verdict]
    for (kind, target), matches in parts:
        rule.act(VERDICTS[kind], target=target, matches=matches)


def _verdicts(data: Any, lookup: Lookup) -> dict[tuple[str, str], list[Any]]:
    """The keys of a map by their verdict. Raises Unmodelled, Malformed."""
    found: dict[tuple[str, str], list[Any]] = {}
    for element in lookup.elements(data):
        if not isinstance(element, list) or len(element) != 2:
            raise Unmodelled("element")
        kind, about = only(element[1])
        if kind not in VERDICTS or kind == "reject":
            raise Unmodelled(f"verdict {kind}")
        found.setdefault((kind, _target(kind, about)), []).append(lookup.elements({"set": [element[0]]})[0])
    return found


def _by_key(
    key: Key, by_verdict: dict[tuple[str, str], list[Any]], known: list[Match]
) -> list[tuple[tuple[str, str], list[Match]]]:
    plain = [value for values in by_verdict.values() for value in values if value != CATCH_ALL]
    parts: list[tuple[tuple[str, str], list[Match]]] = []
    for verdict, values in by_verdict.items():
        wanted = key.any_of([value for value in values if value != CATCH_ALL], known)
        if CATCH_ALL in [value for value in values if isinstance(value, str)]:
            wanted = [*wanted, *key.none_of(plain, known)]
        parts.append((verdict, both(known, wanted)))
    return parts


def _translate(rule: _Rule, kind: str, detail: Any) -> None:
    only_one = nft_nat.family_of(detail)
    for family in rule.place.families if only_one is None else (only_one,):
        known = [match for match in rule.matches if match.family == family]
        if not known:
            continue
        try:
            done = nft_nat.translations(kind, detail, family, known, (rule.place.lookup, rule.place.hooks))
        except (Unmodelled, TooWide):
            unknown = (Residue("nat", quoted({kind: detail}), rule.place.line),)
            rule.act(Action.PERMIT, matches=known, unknown=unknown)
            continue
        for one in done:
            rule.act(Action.PERMIT, matches=one.matches, nat=one.nat)


def _looked_up(rule: _Rule, value: Any, statement: Any) -> None:
    """What a statement needs to find: the keys of a map, or something that may be missing."""
    if is_map(value):
        try:
            left, parts = map_elements(value["map"], rule.place.lookup)
            rule.cut(Key(left, rule.place.hooks).any_of([key for key, _ in parts], rule.matches))
            return
        except (Unmodelled, TooWide):
            left = value["map"].get("key") if isinstance(value["map"], dict) else None
            rule.cut(implied(left))
    rule.may_break(statement, "what it looks for may be missing")


def _note(rule: _Rule, detail: Any, statement: Any) -> None:
    """`add @set { ip saddr }`: for packets that have such a key, and as long as the set has room."""
    about = detail if isinstance(detail, dict) else {}
    strange = set(about) - NOTED
    key = None if strange else about.get("elem")
    if isinstance(key, dict) and set(key) == {"elem"} and isinstance(key["elem"], dict):
        key = key["elem"].get("val")
    try:
        rule.cut(Key(key, rule.place.hooks).every(rule.matches))
    except (Unmodelled, TooWide):
        rule.cut(implied(key))
        rule.doubt(statement, "not modelled")
        return
    if about.get("stmt"):
        rule.doubt(statement, "not every packet passes it")
    elif about.get("op") != "delete":
        rule.may_break(statement, "the set may be full")


def _mangle(rule: _Rule, detail: Any, statement: Any) -> None:
    """Rewriting a mark is silent; rewriting a header is for packets that have it, and may be a translation."""
    if not isinstance(detail, dict) or set(detail) not in ({"key", "value"}, {"left", "right"}):
        raise Malformed("what is rewritten has a key and a value")
    key = detail.get("key", detail.get("left"))
    kind, about = only(key) if isinstance(key, dict) else ("", None)
    about = {"key": about} if kind in {"meta", "ct"} and isinstance(about, str) else about  # nft 0.9
    value = detail.get("value", detail.get("right"))
    if not constant(value):
        _looked_up(rule, value, statement)
    about = about if isinstance(about, dict) else {}
    known = bool(about) and set(about) <= REWRITTEN.get(kind, frozenset())
    if known and kind in {"meta", "ct"}:
        return
    rule.cut(implied(key))
    if known and kind == "tcp option":
        rule.may_break(statement, "the option may be missing")
    elif not known or kind != "payload" or word(about.get("field")) not in UNTOLD_FIELDS:
        rule.act(Action.PERMIT, unknown=(Residue("nat", quoted(statement), rule.place.line),))
    elif word(about.get("protocol")) not in {"ip", "ip6"}:
        rule.may_break(statement, "for packets of its protocol only")


def _xt(rule: _Rule, detail: Any) -> None:
    """An extension of iptables: nft does not print its arguments, new versions print its kind and name."""
    kind = word(detail.get("type")) if isinstance(detail, dict) else ""
    name = str(detail.get("name")) if isinstance(detail, dict) else ""
    if kind == "match":
        if name != "comment":
            rule.doubt({"xt": detail}, "its arguments are not printed by nft: give iptables-save as well")
    elif kind == "target" and name in names.GOES_ON:
        return
    elif kind == "target" and name in names.TRANSLATIONS:
        rule.act(Action.PERMIT, unknown=(Residue("nat", f"xt {name}", rule.place.line),))
    elif kind == "target":
        rule.act(Action.CONTINUE, unknown=(Residue("action", f"xt {name}", rule.place.line),))
    else:
        rule.opaque.append(quoted(detail))


def _opaque(rule: _Rule) -> None:
    """A bare `{"xt": null}` is a match where a verdict follows; without one it may be a target as well."""
    if not rule.opaque:
        return
    residue = Residue("match" if rule.effects else "action", f"xt {', '.join(rule.opaque)}", rule.place.line)
    if rule.effects:
        rule.effects = [effect._replace(residue=(*effect.residue, residue)) for effect in rule.effects]
    else:
        rule.act(Action.CONTINUE, unknown=(residue,))
