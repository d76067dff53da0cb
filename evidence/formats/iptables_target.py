"""What an iptables rule does with what it matches."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from compliance.traffic.boxes import FULL, Box, Family, limited
from compliance.traffic.shares import Residue
from evidence.formats import names
from evidence.formats.address_sets import CHANGES
from evidence.formats.iptables_line import BadLine, Group, Statement
from evidence.formats.matching import DPORT, DST, SPORT, SRC, address_range
from evidence.formats.untracked import NOTRACK
from evidence.rules import Action, Nat

VERDICTS: dict[str, Action] = {
    "ACCEPT": Action.PERMIT, "DROP": Action.DENY, "REJECT": Action.REJECT, "RETURN": Action.RETURN,
}  # fmt: skip
TRANSLATES: dict[str, Literal["dnat", "snat", "redirect", "masquerade"]] = {
    "DNAT": "dnat",
    "SNAT": "snat",
    "REDIRECT": "redirect",
    "MASQUERADE": "masquerade",
}


class Effect(NamedTuple):
    """Action, called chain (its own name, or NOTRACK), translation, and what of it is not modelled."""

    action: Action
    target: str = ""
    nat: Nat | None = None
    residue: tuple[Residue, ...] = ()


def effect_of(statement: Statement, family: Family, chains: Collection[str], line: int) -> Effect:
    """The effect of the target. `chains`: the chains of the table. Raises BadLine."""
    target, name = statement.target, statement.target.name
    if not statement.jump:
        return Effect(Action.CONTINUE)
    if statement.jump == "-g" or name in chains:
        if name not in chains:
            raise BadLine(f"chain {name} is not defined")
        return Effect(Action.GOTO if statement.jump == "-g" else Action.JUMP, name)
    if name in VERDICTS:
        return Effect(VERDICTS[name])
    if name == NOTRACK or (name == "CT" and any(option.name == "--notrack" for option in target.options)):
        return Effect(Action.CONTINUE, NOTRACK)
    if name == "SET":
        return Effect(Action.CONTINUE, _changed_sets(target))
    if name == "CT" or name in names.GOES_ON or _keeps_alive(target):
        return Effect(Action.CONTINUE)
    if name in TRANSLATES:
        return _translation(target, family, line)
    if name in names.TRANSLATIONS:
        return Effect(Action.PERMIT, residue=(Residue("nat", target.text("-j"), line),))
    return Effect(Action.CONTINUE, residue=(Residue("action", target.text("-j"), line),))


def _keeps_alive(target: Group) -> bool:
    """Whether a new time to live cannot be one with which a packet is thrown away: it grows, or is set above 1."""
    words = [(option.name, *option.values) for option in target.options]
    if target.name not in {"TTL", "HL"} or len(words) != 1 or len(words[0]) != 2:
        return False
    name, value = words[0]
    if name in {"--ttl-inc", "--hl-inc"}:
        return True
    return (
        name in {"--ttl-set", "--hl-set"}
        and value.isascii()
        and value.isdigit()
        and len(value) <= 3
        and 1 < int(value) <= 255
    )


def _changed_sets(target: Group) -> str:
    """The sets that packets are added to or deleted from, as evidence/formats/address_sets.py looks for them."""
    changed = [option.values[0] for option in target.options if option.name in {"--add-set", "--del-set"}]
    return CHANGES + " ".join(changed) if changed else ""


def _translation(target: Group, family: Family, line: int) -> Effect:
    destination = target.name in {"DNAT", "REDIRECT"}
    to: list[Box] = []
    try:
        for option in target.options:
            if option.name in {"--to-destination", "--to-source"}:
                to.append(_new_side(option.value, family, destination=destination))
            elif option.name == "--to-ports":
                to.append(_with_ports(FULL[family], option.value, DPORT if destination else SPORT))
    except ValueError:
        return Effect(Action.PERMIT, residue=(Residue("nat", target.text("-j"), line),))
    if target.name in {"DNAT", "SNAT"} and not to:
        raise BadLine(f"{target.name} does not say to what")
    return Effect(Action.PERMIT, nat=Nat(TRANSLATES[target.name], tuple(to)))


def _new_side(text: str, family: Family, *, destination: bool) -> Box:
    """`10.0.0.5`, `10.0.0.5-10.0.0.9:80-90`, `:8080`, `[2001:db8::1]:80`; what is not named stays as it was."""
    if family == 4:
        span, _, ports = text.partition(":")
    elif "]" in text:
        end = text.rindex("]")
        span, ports = text[:end].replace("[", "").replace("]", ""), text[end + 1 :].removeprefix(":")
    else:
        span, ports = text, ""
    box = FULL[family]
    if span:
        first, dash, last = span.partition("-")
        low, high = address_range(first, family)[0], address_range(last if dash else first, family)[1]
        if low > high:
            raise ValueError(f"{text} ends before it starts")
        box = limited(box, DST if destination else SRC, low, high)
    return _with_ports(box, ports, DPORT if destination else SPORT) if ports else box


def _with_ports(box: Box, text: str, axis: int) -> Box:
    first, dash, last = text.partition("-")
    low = names.number(first, names.PORTS, 65535)
    high = names.number(last, names.PORTS, 65535) if dash else low
    if low > high:
        raise ValueError(f"{text} ends before it starts")
    return limited(box, axis, low, high)
