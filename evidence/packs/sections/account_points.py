"""The points of a cloud account as a pack counts them: each rule once, at its own list, by what is attached to it.

A security group or a network ACL is counted where it is written. At interfaces, subnets and on paths the same rules
come again, once for each, and are not counted there. What ties a rule is authorised at an interface that the list
stands in front of; a list in front of none opens nothing today, and is said to be attached nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from compliance.register import Entry, Wanted
from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES
from evidence.attachments import SIDE, Account, attachments, required
from evidence.case import FORWARD
from evidence.formats.aws_fabric import PATH, RETURN
from evidence.formats.aws_lists import TABLE
from evidence.rule_counts import Counts, Ties, counted
from evidence.rules import Action, Reading

NOWHERE: Final = "attached to no interface"
COUNTED_THERE: Final = "its rules are counted at their lists"
KINDS: Final = {"sg": "Security groups", "acl": "Network ACLs", "eni": "Interfaces", "subnet": "Subnets"}
LISTS: Final = ("sg-", "acl-")
PATHS: Final = {FORWARD: "Paths there", RETURN: "Paths back"}


class AccountPoints:
    """The lists of one account, and the interfaces that each stands in front of."""

    def __init__(self, name: str, reading: Reading, wanted: Wanted) -> None:
        self._reading = reading
        account = Account(reading)
        asked = required(wanted, {name: account}, (), attachments(wanted.servers, {name: reading}))
        self._entries: dict[str, list[Entry]] = defaultdict(list)  # interface point -> what is authorised there
        for entry in asked.entries:
            for host, point in entry.required:
                if host == name:
                    self._entries[point].append(entry)
        self.attached = fronts(reading, account)  # list's point -> interface points

    def measured(self) -> dict[str, Counts]:
        """The counts of each list."""
        return {
            point.name: counted(self._reading, point, self._ties(point.name))
            for point in self._reading.points
            if is_list(point.name)
        }

    def _ties(self, point: str) -> Ties:
        held = {id(one): one for at in self.attached.get(point, ()) for one in self._entries.get(at, ())}
        return Ties(list(held.values()))


def fronts(reading: Reading, account: Account) -> dict[str, list[str]]:
    """Point of a list -> the points of the interfaces that it stands in front of, in one direction."""
    found: dict[str, list[str]] = defaultdict(list)
    chains = {chain.name: chain for chain in reading.chains}
    for way, side in SIDE.items():
        subnets = [rule for rule in chains[f"{PATH}acl-{way}"].rules if rule.action is Action.GOTO]
        for interface in reading.addresses:
            at = f"{interface}/{way}"
            lists = {rule.target for rule in chains[f"{TABLE}:{at}"].rules if rule.action is Action.JUMP}
            for family in FAMILIES:
                mine = account.spans(interface, family)
                lists |= {
                    rule.target
                    for rule in subnets
                    if rule.family == family
                    and intervals.intersect(mine, [(box[side], box[side + 1]) for box in rule.boxes])
                }
            for name in sorted(lists):
                found[name.removeprefix(f"{TABLE}:")].append(at)
    return dict(found)


def is_list(point: str) -> bool:
    """Whether rules are written there: everything else of an account only asks such lists."""
    return point.startswith(LISTS)


def kind_of(point: str) -> str:
    """All points of one kind and direction under one name, as thousands of them are no table for people."""
    if point in PATHS:
        return PATHS[point]
    kind, way = point.partition("-")[0], point.rpartition("/")[2]
    return f"{KINDS.get(kind, kind)}, {way}"
