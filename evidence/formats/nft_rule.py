"""One nft rule: its statements in order, into what it matches, what it does and what of it is not modelled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from compliance.traffic.boxes import FAMILIES, FULL, Box, Family, limited
from compliance.traffic.shares import Residue
from evidence.formats import names
from evidence.formats.matching import DPORT, DST, PROTO, SPORT, SRC, Match, both, everything, within
from evidence.formats.nft_fields import Address, Numbers, Unmodelled, field_of
from evidence.formats.nft_sets import CATCH_ALL, Key, Lookup
from evidence.formats.untracked import NOTRACK
from evidence.rules import Action, Nat

VERDICTS: dict[str, Action] = {
    "accept": Action.PERMIT, "drop": Action.DENY, "reject": Action.REJECT, "return": Action.RETURN,
    "continue": Action.CONTINUE, "jump": Action.JUMP, "goto": Action.GOTO,
}  # fmt: skip
# Statements that neither match nor change anything a box can tell.
SILENT = frozenset({"counter", "log", "last", "flow", "dup", "secmark", "ct helper", "ct timeout", "comment"})
# Statements that let only some packets on.
THROTTLES = frozenset({"limit", "quota", "ct count", "set", "map", "meter", "connlimit"})
TRANSLATES = frozenset({"dnat", "snat", "masquerade", "redirect"})
UNTOLD_FIELDS = frozenset({"dscp", "ecn", "hoplimit", "flowlabel", "maxseg"})  # may be rewritten: no box shows them
MOST_TEXT = 300


class Malformed(ValueError):
    """The rule has no shape that nft prints; the message says what is odd."""


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
    decided: bool = False

    def doubt(self, expression: Any, because: object = "") -> None:
        text = json.dumps(expression, ensure_ascii=False)
        text = text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"
        self.residue.append(Residue("match", f"{text} ({because})" if because else text, self.place.line))

    def cut(self, wanted: Sequence[Match]) -> None:
        self.matches = both(self.matches, wanted)

    def act(
        self, action: Action, *, target: str = "", nat: Nat | None = None, matches: Sequence[Match] | None = None,
        unknown: tuple[Residue, ...] = (),
    ) -> None:  # fmt: skip
        chosen = tuple(self.matches if matches is None else matches)
        self.effects.append(Effect(action, target, chosen, nat, (*self.residue, *unknown)))


def effects_of(statements: Any, place: Place) -> list[Effect]:
    """What a rule does, in order; a rule without a verdict goes on. Raises Malformed, TooWide."""
    if not isinstance(statements, list):
        raise Malformed("a rule is a list of statements")
    rule = _Rule(place, everything(place.families))
    for statement in _ports_last(statements):
        kind, detail = _only(statement)
        if rule.decided:
            raise Malformed(f"{kind} follows a verdict")
        _statement(rule, kind, detail, statement)
    _opaque(rule)
    if not rule.effects:
        rule.act(Action.CONTINUE)
    return rule.effects


def _only(statement: Any) -> tuple[str, Any]:
    if isinstance(statement, str):
        return statement, None
    if not isinstance(statement, dict) or len(statement) != 1:
        raise Malformed("a statement has one key")
    kind, detail = next(iter(statement.items()))
    return str(kind), detail


def _ports_last(statements: list[Any]) -> list[Any]:
    """Matches on ports of no stated protocol (`th dport`) behind the other matches: they need their protocol."""

    def late(statement: Any) -> bool:
        return isinstance(statement, dict) and "match" in statement and '"th"' in json.dumps(statement["match"])

    last_match = max((n for n, s in enumerate(statements) if isinstance(s, dict) and "match" in s), default=-1)
    head, tail = statements[: last_match + 1], statements[last_match + 1 :]
    return [*(s for s in head if not late(s)), *(s for s in head if late(s)), *tail]


def _statement(rule: _Rule, kind: str, detail: Any, statement: Any) -> None:
    if kind == "match":
        _match(rule, detail, statement)
    elif kind in VERDICTS:
        if kind == "reject":
            _answered(rule, detail)
        rule.act(VERDICTS[kind], target=_target(kind, detail))
        rule.decided = True
    elif kind == "vmap":
        _verdict_map(rule, detail, statement)
        rule.decided = True
    elif kind in TRANSLATES:
        _translate(rule, kind, detail)
        rule.decided = True
    elif kind == "notrack":
        rule.act(Action.CONTINUE, target=NOTRACK)
    elif kind == "mangle":
        _mangle(rule, detail, statement)
    elif kind == "xt":
        _xt(rule, detail)
    elif kind in THROTTLES:
        rule.doubt(statement)
    elif kind not in SILENT:
        text = json.dumps(statement, ensure_ascii=False)[:MOST_TEXT]
        rule.act(Action.CONTINUE, unknown=(Residue("action", text, rule.place.line),))


def _answered(rule: _Rule, detail: Any) -> None:
    """What a reject answers with says what it is for: nft prints the family and protocol of the rule only there."""
    answer = detail.get("type") if isinstance(detail, dict) else None
    if answer in {"icmp", "icmpv6"}:
        rule.cut(everything([4 if answer == "icmp" else 6]))
    elif answer == "tcp reset":
        rule.cut(_tcp())
        if len({match.family for match in rule.matches}) > 1:
            rule.doubt(
                {"reject": detail}, "nft 1.0.6 drops `meta nfproto` in front of it: it may be for one family only"
            )


def _tcp() -> list[Match]:
    number = names.PROTOCOLS["tcp"]
    return [match for family in FAMILIES for match in within(family, PROTO, [(number, number)])]


def _target(kind: str, detail: Any) -> str:
    if kind not in {"jump", "goto"}:
        return ""
    if not isinstance(detail, dict) or not isinstance(detail.get("target"), str):
        raise Malformed(f"{kind} names no chain")
    return str(detail["target"])


def _match(rule: _Rule, detail: Any, statement: Any) -> None:
    if not isinstance(detail, dict) or not {"op", "left", "right"} <= set(detail):
        raise Malformed("a match has an operator, a left and a right side")
    try:
        rule.cut(_matched(rule, detail["op"], detail["left"], detail["right"]))
    except Unmodelled as problem:
        rule.doubt(statement, problem)


def _matched(rule: _Rule, op: Any, left: Any, right: Any) -> list[Match]:
    hooks = rule.place.hooks
    if isinstance(left, dict) and set(left) == {"&"}:
        return _masked(rule, op, left["&"], right)
    if left == {"payload": {"protocol": "tcp", "field": "flags"}}:
        return _first_packet(op, 0xFF & ~names.UNTOLD_FLAGS if op in {"==", "!="} else None, right)
    if op in {"<", ">", "<=", ">="}:
        number = field_of(left, hooks)
        if not isinstance(number, Numbers) or number.loose:
            raise Unmodelled(f"operator {op}")
        return number.compared(op, right)
    key = Key(left, hooks)
    if isinstance(right, list) or (isinstance(right, dict) and set(right) == {"|"}):
        flags = right if isinstance(right, list) else right["|"]
        if op not in {"in", "!"} or not isinstance(flags, list):
            raise Unmodelled("several flags at once")
        return key.any_of(flags, rule.matches) if op == "in" else key.none_of(flags, rule.matches)
    values = rule.place.lookup.values(right)
    if op in {"==", "in"}:
        return key.any_of(values, rule.matches)
    if op in {"!=", "!"}:
        return key.none_of(values, rule.matches)
    raise Unmodelled(f"operator {op}")


def _masked(rule: _Rule, op: Any, sides: Any, right: Any) -> list[Match]:
    if not isinstance(sides, list) or len(sides) != 2:
        raise Unmodelled("mask")
    left, mask = sides
    if left == {"payload": {"protocol": "tcp", "field": "flags"}}:
        return _first_packet(op, _flags(mask), right)
    address = field_of(left, rule.place.hooks)
    if not isinstance(address, Address) or op not in {"==", "!="}:
        raise Unmodelled("mask")
    return within(address.family, address.axis, [address.masked(mask, right)], negated=op == "!=")


def _flags(value: Any) -> int:
    if isinstance(value, dict) and set(value) == {"|"}:
        value = value["|"]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFF:
        return value
    bits = 0
    for name in value if isinstance(value, list) else [value]:
        if not isinstance(name, str) or name not in names.TCP_FLAGS:
            raise Unmodelled(f"TCP flags {value!r}")
        bits |= names.TCP_FLAGS[name]
    return bits


def _first_packet(op: Any, mask: int | None, right: Any) -> list[Match]:
    """TCP flags, answered for the first packet of a connection: SYN alone, perhaps with the two ECN bits."""
    if isinstance(right, dict) and set(right) == {"set"}:
        raise Unmodelled("a set of TCP flags")
    value = _flags(right)
    looked_at = mask if mask is not None and op in {"==", "!="} else value
    if looked_at & names.UNTOLD_FLAGS or value & names.UNTOLD_FLAGS:
        raise Unmodelled("the ECN flags")
    holds = {
        "==": names.FIRST_PACKET & looked_at == value,
        "!=": names.FIRST_PACKET & looked_at != value,
        "in": names.FIRST_PACKET & value != 0,
        "!": names.FIRST_PACKET & value == 0,
    }
    if op not in holds:
        raise Unmodelled(f"operator {op}")
    return _tcp() if holds[op] else []


def _verdict_map(rule: _Rule, detail: Any, statement: Any) -> None:
    if not isinstance(detail, dict) or not {"key", "data"} <= set(detail):
        raise Malformed("a verdict map has a key and data")
    try:
        _mapped(rule, detail)
    except Unmodelled as problem:
        text = f"{json.dumps(statement, ensure_ascii=False)[:MOST_TEXT]} ({problem})"
        rule.act(Action.CONTINUE, unknown=(Residue("action", text, rule.place.line),))


def _mapped(rule: _Rule, detail: dict[str, Any]) -> None:
    key = Key(detail["key"], rule.place.hooks)
    by_verdict: dict[tuple[str, str], list[Any]] = {}
    plain: list[Any] = []
    for element in rule.place.lookup.elements(detail["data"]):
        if not isinstance(element, list) or len(element) != 2:
            raise Unmodelled("element")
        value = rule.place.lookup.elements({"set": [element[0]]})[0]
        kind, about = _only(element[1])
        if kind not in VERDICTS:
            raise Unmodelled(f"verdict {kind}")
        by_verdict.setdefault((kind, _target(kind, about)), []).append(value)
        if value != CATCH_ALL:
            plain.append(value)
    parts: list[tuple[tuple[str, str], list[Match]]] = []
    for verdict, values in by_verdict.items():
        wanted = key.any_of([value for value in values if value != CATCH_ALL], rule.matches)
        if CATCH_ALL in [value for value in values if isinstance(value, str)]:
            wanted += key.none_of(plain, rule.matches)
        parts.append((verdict, both(rule.matches, wanted)))
    for (kind, target), matches in parts:
        rule.act(VERDICTS[kind], target=target, matches=matches)


def _translate(rule: _Rule, kind: str, detail: Any) -> None:
    about = detail if isinstance(detail, dict) else {}
    only: dict[Any, tuple[Family, ...]] = {"ip": (4,), "ip6": (6,)}
    for family in only.get(about.get("family"), rule.place.families):
        matches = [match for match in rule.matches if match.family == family]
        if not matches:
            continue
        try:
            to = _new_side(family, about, destination=kind in {"dnat", "redirect"})
        except Unmodelled:
            text = json.dumps({kind: detail}, ensure_ascii=False)[:MOST_TEXT]
            rule.act(Action.PERMIT, matches=matches, unknown=(Residue("nat", text, rule.place.line),))
            continue
        rule.act(Action.PERMIT, matches=matches, nat=_nat(kind, to))


def _nat(kind: str, to: tuple[Box, ...]) -> Nat:
    match kind:
        case "dnat":
            return Nat("dnat", to)
        case "snat":
            return Nat("snat", to)
        case "redirect":
            return Nat("redirect", to)
        case _:
            return Nat("masquerade", to)


def _new_side(family: Family, about: dict[str, Any], *, destination: bool) -> tuple[Box, ...]:
    """The new destination or source; what is not named stays as it was. Raises Unmodelled."""
    if set(about) - {"family", "addr", "port", "flags"}:
        raise Unmodelled("translation")
    box = FULL[family]
    axis = DST if destination else SRC
    if "addr" in about:
        box = limited(box, axis, *Address(axis, family).span(about["addr"]))
    if "port" in about:
        port = DPORT if destination else SPORT
        box = limited(box, port, *Numbers(port, 65535, names.PORTS).span(about["port"]))
    return (box,) if about else ()


def _mangle(rule: _Rule, detail: Any, statement: Any) -> None:
    """Rewriting a mark is silent; rewriting a header is a translation of its own kind."""
    key = detail.get("key") if isinstance(detail, dict) else None
    if isinstance(key, dict) and len(key) == 1:
        kind, about = next(iter(key.items()))
        if kind in {"meta", "ct"}:
            return
        if isinstance(about, dict) and about.get("field") in UNTOLD_FIELDS:
            return
    text = json.dumps(statement, ensure_ascii=False)[:MOST_TEXT]
    rule.act(Action.PERMIT, unknown=(Residue("nat", text, rule.place.line),))


def _xt(rule: _Rule, detail: Any) -> None:
    """An extension of iptables: nft does not print its arguments, new versions print its kind and name."""
    kind = detail.get("type") if isinstance(detail, dict) else None
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
        rule.opaque.append(json.dumps(detail, ensure_ascii=False))


def _opaque(rule: _Rule) -> None:
    """A bare `{"xt": null}` is a match where a verdict follows; without one it may be a target as well."""
    if not rule.opaque:
        return
    residue = Residue("match" if rule.effects else "action", f"xt {', '.join(rule.opaque)}", rule.place.line)
    if rule.effects:
        rule.effects = [effect._replace(residue=(*effect.residue, residue)) for effect in rule.effects]
    else:
        rule.act(Action.CONTINUE, unknown=(residue,))
