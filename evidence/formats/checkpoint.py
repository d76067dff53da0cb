"""Access rules of Check Point as its management answers `show-access-rulebase`: layers, sections, inline layers.

A file holds one answer or a list of them: the pages of a layer, several layers, with `show-access-layer`,
`show-package` and lists of objects beside them. Each layer is a point by its name; a package is a point through its
layers in order, each of which must accept. Rules are about packets as they arrive, before translation. Implied rules
are in no answer, and not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.traffic.boxes import FAMILIES, FULL
from compliance.traffic.shares import Origin, Residue
from evidence.formats import entries
from evidence.formats.checkpoint_objects import Dictionary, Services, all_but
from evidence.formats.cursor import Account
from evidence.formats.entries import Entry, Named, Side, made, rules_of
from evidence.formats.json_places import Places
from evidence.formats.negation import negated
from evidence.rules import Action, Artefact, Chain, FormatError, Point, Reading, Rule, Statement

NAME = "checkpoint"
MARKS = re.compile(rb'"(?:access-rule|access-section|objects-dictionary)"')
RULEBASE = re.compile(rb'"(?:rulebase|objects|access-layers)"\s*:')
ACTIONS = {
    "Accept": Action.PERMIT, "Drop": Action.DENY, "Reject": Action.REJECT, "User Auth": None, "Client Auth": None,
    "Session Auth": None, "Ask": None, "Inform": None,
}  # fmt: skip
INNER = frozenset({"Inner Layer", "Apply Layer"})
# Of a rule: what says nothing about whether it matches
SILENT = frozenset({
    "uid", "name", "type", "domain", "rule-number", "track", "custom-fields", "meta-info", "comments", "hits", "tags",
    "user-check", "icon", "read-only", "content-direction", "available-actions", "layer", "package", "from", "to",
    "source-ranges", "destination-ranges", "service-ranges", "position",
})  # fmt: skip
READ = frozenset({
    "source", "destination", "service", "source-negate", "destination-negate", "service-negate", "action", "enabled",
    "inline-layer", "action-settings",
})  # fmt: skip
# Of a rule: open where they are Any (or, of gateways, all that the policy is for)
CONDITIONS = ("vpn", "content", "time", "install-on", "service-resource")
TARGETS = "Policy Targets"
IMPLIED = "implied rules (what the gateways need for themselves, and what global properties accept) are in no answer"
LISTS, HITS = "lists", "hits"  # what statements are about
PASSING = frozenset({"hits", "meta-info", "rulebase", "objects-dictionary"})
LONGEST = 2_000  # characters of a rule that are repeated
CLEANUP = "what the layer does at its end is not in the file; it drops where nobody changed that"


@dataclass(slots=True)
class Layer:
    """A layer with the pages of its rules. `cleanup`: what it does at its end, where the file says so."""

    uid: str
    name: str
    pages: list[Mapping[str, Any]] = field(default_factory=list)
    cleanup: str = ""
    chain: str = ""

    def total(self) -> int:
        """How many rules the layer has, as its pages say."""
        return max((_int(page.get("total")) for page in self.pages), default=0)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such an answer: 0..1."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return 0.9 if start in (b"{", b"[") and MARKS.search(head) and RULEBASE.search(head) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One policy, in one file or several. Raises FormatError when one is no such JSON, or cut off."""
    return _Policy(artefacts).reading()


class _File:
    """One file: where its objects stand, and its account, in which each of them counts as a line."""

    def __init__(self, artefact: Artefact, name: str) -> None:
        self.name = name
        self.places = Places(artefact)
        value = self.places.value()
        self.answers = value if isinstance(value, list) else [value]
        self.units: dict[int, int] = {}  # each answer, object, section and rule
        if not self.answers or not all(isinstance(one, Mapping) for one in self.answers):
            why = "it is no answer and no list of answers"
            raise FormatError(f"{artefact.name} was not read", why, "Give the output of `show-access-rulebase`.")
        self.account = Account(artefact, 0)
        self.account.name = name


class _Policy:
    def __init__(self, artefacts: Sequence[Artefact]) -> None:
        self._files: list[_File] = []
        for one in artefacts:
            again = sum(other.name == one.name for other in artefacts[: len(self._files)])
            self._files.append(_File(one, f"{one.name} ({again + 1})" if again else one.name))
        self._homes: dict[int, _File] = {}
        self._hits: list[Statement] = []
        self._objects = Dictionary()
        self._layers: dict[str, Layer] = {}
        self._packages: list[Mapping[str, Any]] = []
        self._rules: dict[str, list[Mapping[str, Any]]] = {}
        self._strange: list[tuple[Mapping[str, Any], str, str]] = []
        for file in self._files:
            for answer in file.answers:
                self._answer(file, answer)

    def _unit(self, file: _File, value: Any) -> None:
        file.units.setdefault(id(value), len(file.units) + 1)
        self._homes[id(value)] = file

    def _answer(self, file: _File, one: Mapping[str, Any]) -> None:
        self._unit(file, one)
        for key in ("objects-dictionary", "objects"):
            for each in _list(one.get(key)):
                if isinstance(each, Mapping):
                    self._unit(file, each)
                    self._objects.add(each)
                    self._layer_said(each)
        if isinstance(one.get("rulebase"), list):
            layer = self._layer(str(one.get("uid", one.get("name", ""))), str(one.get("name", "")))
            layer.pages.append(one)
        elif isinstance(one.get("access-layers"), list):
            self._packages.append(one)
        elif not ({"objects-dictionary", "objects"} & set(one)):
            self._layer_said(one)
            if one.get("type") != "access-layer":
                self._strange.append((one, "it is no answer that is known", ""))

    def _layer(self, uid: str, name: str) -> Layer:
        return self._layers.setdefault(uid, Layer(uid, name))

    def _layer_said(self, value: Mapping[str, Any]) -> None:
        if value.get("type") == "access-layer" and isinstance(value.get("uid"), str):
            layer = self._layer(value["uid"], str(value.get("name", "")))
            layer.name = layer.name or str(value.get("name", ""))
            said = value.get("implicit-cleanup-action")
            layer.cleanup = said if isinstance(said, str) else layer.cleanup

    def reading(self) -> Reading:
        """All of it. A layer that the file does not hold is named by who leads there."""
        held = {uid: layer for uid, layer in self._layers.items() if layer.pages}
        names: dict[str, int] = {}
        for uid, layer in held.items():
            names[layer.name] = names.get(layer.name, 0) + 1
            layer.chain = f"checkpoint:{layer.name or uid}" + (f" ({uid[:8]})" if names[layer.name] > 1 else "")
        chains = [self._chain(layer, held) for layer in held.values()]
        for value, why, point in self._strange:
            file = self._homes[id(value)]
            first, _ = file.places.lines(value)
            number, points = file.units[id(value)], [point] if point else []
            file.account.fail(number, file.places.text(value), why, *points, line=first)
        for file in self._files:
            file.account.total = len(file.units)
            for number in file.units.values():
                file.account.consume(number)
        unread = tuple(one for file in self._files for one in file.account.unread())
        stages: dict[str, tuple[str, ...]] = {
            layer.chain.removeprefix("checkpoint:"): (layer.chain,) for layer in held.values()
        }
        for package in self._packages:
            asked = [str(_named(one)) for one in _list(package.get("access-layers"))]
            found = tuple(layer.chain for one in asked for layer in held.values() if one in {layer.uid, layer.name})
            if found and len(found) == len(asked):
                stages.setdefault(str(package.get("name", "package")), found)
        return Reading(
            format=NAME,
            points=tuple(
                Point(name, "first-match", way, sum(one.point in {"", name} for one in unread))
                for name, way in stages.items()
            ),
            chains=tuple(chains),
            unread=unread,
            lines={file.name: file.account.lines() for file in self._files},
            families=frozenset(FAMILIES),
            statements=(*(self._said(layer) for layer in held.values()), *self._hits),
        )

    def _said(self, layer: Layer) -> Statement:
        value = f"{layer.total()} rules; {IMPLIED}"
        origin = self._origin(layer.pages[0])
        return Statement(LISTS, layer.name, value, (("chain", layer.chain),), origin)

    def _chain(self, layer: Layer, held: Mapping[str, Layer]) -> Chain:
        rules: list[Rule] = []
        seen: set[int] = set()
        point = layer.chain.removeprefix("checkpoint:")
        for page in sorted(layer.pages, key=lambda one: _int(one.get("from"))):
            for value in self._rules_of(self._homes[id(page)], _list(page.get("rulebase")), point):
                number = _int(value.get("rule-number")) or len(seen) + 1
                if number in seen:
                    continue  # the same rule of a page that was taken twice
                seen.add(number)
                rules += self._rule(layer, value, number, held)
        missing = layer.total() - len(seen) - sum(1 for _, _, at in self._strange if at == point)
        if missing > 0:
            why = f"{missing} of the {layer.total()} rules of this layer are on pages that are not in the file"
            self._strange.append((layer.pages[-1], why, point))
        rules += self._end(layer, len(rules) + 1)
        return Chain(layer.chain, "filter", "", 0, None, tuple(rules))

    def _rules_of(self, file: _File, listed: Sequence[Any], point: str) -> Iterator[Mapping[str, Any]]:
        for value in listed:
            if not isinstance(value, Mapping):
                continue
            self._unit(file, value)
            kind = value.get("type")
            if kind == "access-section":
                yield from self._rules_of(file, _list(value.get("rulebase")), point)
            elif kind == "access-rule":
                yield value
            else:
                self._strange.append((value, f"{kind!r} is no rule and no section", point))

    def _end(self, layer: Layer, seq: int) -> list[Rule]:
        """What a layer does with what none of its rules matched."""
        named = Named(f"{layer.chain}#implicit", layer.chain, seq, self._origin(layer.pages[0]))
        action = {"accept": Action.PERMIT, "drop": Action.DENY}.get(layer.cleanup.lower())
        found = [made(named, family, action or Action.DENY, (FULL[family],)) for family in FAMILIES]
        if action is not None:
            return found
        residue = (Residue("match", CLEANUP, named.origin.first),)
        perhaps = [made(named, family, Action.PERMIT, (FULL[family],), residue=residue) for family in FAMILIES]
        return [*perhaps, *found]

    def _rule(self, layer: Layer, value: Mapping[str, Any], number: int, held: Mapping[str, Layer]) -> list[Rule]:
        line = self._homes[id(value)].places.lines(value)[0]
        residue = [Residue("match", text, line) for text in self._conditions(value)]
        action, target, doubt = self._action(value, held)
        if doubt:
            residue.append(Residue("action", doubt, line))
        self._objects.take_used()
        enabled = value.get("enabled") is not False and not self._timed(value)
        services, doubts = self._services(value)
        entry = Entry(
            action, self._side(value, "source"), self._side(value, "destination"), services, FAMILIES, doubts,
            residue=residue, enabled=enabled,
        )  # fmt: skip
        used = self._objects.take_used()
        parts = [str(value.get(key) or "") for key in ("name", "comments")]
        comment = "; ".join(part for part in [*parts, f"from {', '.join(used)}" if used else ""] if part)
        origin = self._origin(value, uid=str(value.get("uid", "")), comment=comment)
        self._counted(f"{layer.chain}#{number}", value, origin)
        made_ = rules_of(entry, Named(f"{layer.chain}#{number}", layer.chain, number, origin))
        found = [replace(one, target=target) for one in made_]
        if value.get("enabled") is False and action in {Action.DENY, Action.REJECT}:
            return [replace(one, boxes=(), residue=()) for one in found[:1]]
        return found

    def _origin(self, value: Mapping[str, Any], *, uid: str = "", comment: str = "") -> Origin:
        """Where an object stands. Its text is without what changes by itself: counters, and when it was edited."""
        lasting = {key: one for key, one in value.items() if key not in PASSING}
        text = json.dumps(lasting)[:LONGEST]
        return replace(self._homes[id(value)].places.origin(value, uid=uid, comment=comment), text=text)

    def _counted(self, rule: str, value: Mapping[str, Any], origin: Origin) -> None:
        """How often a rule was met, beside the rules."""
        hits = value.get("hits")
        count = hits.get("value") if isinstance(hits, Mapping) else None
        if not isinstance(hits, Mapping) or not isinstance(count, int) or isinstance(count, bool):
            return
        last = hits.get("last-date")
        day = last.get("iso-8601") if isinstance(last, Mapping) else None
        said = f"{count} hits, last {day}" if isinstance(day, str) else f"{count} hits"
        details = (("percentage", hits["percentage"]),) if isinstance(hits.get("percentage"), str) else ()
        self._hits.append(Statement(HITS, rule, said, details, origin))

    def _conditions(self, value: Mapping[str, Any]) -> Iterator[str]:
        """What of a rule is neither addresses nor services, and is not open."""
        for key in sorted(set(value) - SILENT - READ - set(CONDITIONS)):
            if value[key] not in (None, False, "", [], {}) and key != "content-negate":
                yield f"{key} {value[key]!r}"[:200]
        for key in CONDITIONS:
            given = _list(value.get(key)) if isinstance(value.get(key), list) else [value.get(key)]
            names = [self._objects.named(one)[1] for one in given if one not in (None, "") and not self._is_open(one)]
            if names and key != "time":
                yield f"{key} {', '.join(names)}"
        settings = value.get("action-settings")
        if isinstance(settings, Mapping) and settings.get("enable-identity-captive-portal") is True:
            yield "a portal may ask who it is"

    def _is_open(self, given: Any) -> bool:
        return self._objects.is_any(given) or self._objects.named(given)[1] in {TARGETS, "Any", "All_GwToGw_None"}

    def _timed(self, value: Mapping[str, Any]) -> bool:
        given = value.get("time")
        return any(not self._is_open(one) for one in (given if isinstance(given, list) else [given] if given else []))

    def _action(self, value: Mapping[str, Any], held: Mapping[str, Layer]) -> tuple[Action, str, str]:
        """(what it does, the chain of an inline layer, why that is not certain)."""
        name = self._objects.named(value.get("action"))[1]
        inline = value.get("inline-layer")
        if inline or name in INNER:
            uid = str(_uid(inline))
            layer = held.get(uid)
            if layer is None:
                return Action.PERMIT, "", f"the inline layer {self._objects.named(inline)[1]}, which is not in the file"
            return Action.GOTO, layer.chain, ""
        action = ACTIONS.get(name)
        return (action, "", "") if action is not None else (Action.PERMIT, "", name or "no action")

    def _side(self, value: Mapping[str, Any], key: str) -> Side:
        given = _list(value.get(key))
        found = self._objects.addresses(given) if given else entries.unknown(f"{key} is empty")
        return negated(found) if value.get(f"{key}-negate") is True else found

    def _services(self, value: Mapping[str, Any]) -> tuple[Services, list[str]]:
        given = _list(value.get("service"))
        if not given:
            return {}, ["service is empty"]
        found, doubts = self._objects.services(given)
        if value.get("service-negate") is not True:
            return found, doubts
        rest = all_but(found) if not doubts else None
        return (rest, []) if rest is not None else ({family: [] for family in FAMILIES}, [*doubts, "negated services"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, (str, Mapping)) and value else []


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _uid(value: Any) -> Any:
    return value.get("uid") if isinstance(value, Mapping) else value


def _named(value: Any) -> Any:
    return value.get("uid") or value.get("name") if isinstance(value, Mapping) else value
