"""Who stands in a security group, carries a tag or was started by an autoscaling group, by the answers of an account.

Pure. The reading says it as statements: one for each interface (or instance that has none), and one for each list that
was given with its account and region beside it. What was not given is not known: an answer without instances is no
answer that there are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from compliance.observed import GROUP, SCALING, TAG, Observed
from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import Family
from compliance.traffic.shares import Origin
from evidence.formats.aws_objects import Estate, Interface, Thing, row, rows, text
from evidence.rules import Reading, Statement

STANDS, GIVEN = "stands", "given"  # what statements say
POINT: Final = f"says/{STANDS}"
INTERFACES, INSTANCES, STARTED = "NetworkInterfaces", "Reservations", "AutoScalingGroups"
LISTS: Final = frozenset({INSTANCES, STARTED})  # they decide about members alone, and about no packet
CALLED: Final = {INTERFACES: "interfaces", INSTANCES: "instances", STARTED: "autoscaling groups"}
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    GROUP: (INTERFACES,), TAG: (INTERFACES, INSTANCES), SCALING: (INTERFACES, INSTANCES, STARTED),
}  # fmt: skip
Place = tuple[str, str]  # account and region
BESIDE: Final = ("OwnerId", "Region")


class Member(NamedTuple):
    """One interface, or an instance that has none; its addresses as (family, value, prefix length)."""

    interface: str
    instance: str
    addresses: tuple[tuple[Family, int, int], ...]

    @property
    def words(self) -> str:
        """`10.20.20.31 (eni-0a of i-0b)`."""
        held = ", ".join(to_text(family, value) for family, value, _ in self.addresses)
        who = " of ".join(one for one in (self.interface, self.instance) if one)
        return f"{held} ({who})" if held else f"{who}, which has no address"


@dataclass(slots=True)
class Places:
    """Of each file of an account whose it is and where: said beside its list, else not known."""

    by_file: dict[str, Place] = field(default_factory=dict)
    lists: set[tuple[Place, str]] = field(default_factory=set)

    def note(self, file: str, given: Mapping[str, Any], lists: Iterable[str]) -> None:
        """A file and the lists it holds."""
        account, region = (given.get(key) for key in BESIDE)
        if isinstance(account, str) and isinstance(region, str):
            self.by_file[file] = (account, region)
            self.lists |= {((account, region), key) for key in lists if key in CALLED}


def check(key: str, value: Mapping[str, Any]) -> None:
    """Raises ValueError where an object does not say who it is about as it should."""
    if key == INTERFACES:
        tags(value, "TagSet")
        text(row(value, "Attachment"), "InstanceId")
        text(value, "OwnerId")
        return
    for one in rows(value, "Instances"):
        text(one, "InstanceId", needed=True)
        tags(one, "Tags")
        for held in rows(one, INTERFACES):
            text(held, "NetworkInterfaceId", needed=True)


def tags(value: Mapping[str, Any], key: str) -> list[str]:
    """The tags of an object as key=value; a key with an equals sign names none, as it could be told in two ways."""
    found = [(text(one, "Key", needed=True), text(one, "Value")) for one in rows(value, key)]
    return [f"{name}={said}" for name, said in found if "=" not in name]


def statements(estate: Estate, places: Places) -> Iterator[Statement]:
    """Who stands where, and which lists were given."""
    for (whose, region), key in sorted(places.lists):
        yield Statement(GIVEN, key, f"{whose}/{region}", (), Origin("", "", 0, 0, ""))
    marks: dict[tuple[Place, str], list[tuple[str, str]]] = {}  # of an instance: its tags, and who started it
    ran: dict[tuple[Place, str], str] = {}  # interface → its instance
    for thing, place in _placed(estate, INSTANCES, places):
        for one in rows(thing.value, "Instances"):
            uid = text(one, "InstanceId")
            marks.setdefault((place, uid), []).extend((TAG, said) for said in tags(one, "Tags"))
            ran |= {(place, text(held, "NetworkInterfaceId")): uid for held in rows(one, INTERFACES)}
    for thing, place in _placed(estate, STARTED, places):
        for one in rows(thing.value, "Instances"):
            started = (SCALING, text(thing.value, "AutoScalingGroupName"))
            marks.setdefault((place, text(one, "InstanceId")), []).append(started)
    with_interface: set[tuple[Place, str]] = set()
    for each in estate.interfaces.values():
        account, found = each.origin
        given = places.by_file.get(account.name)
        if given is None:
            continue
        place = (text(found.value, "OwnerId") or given[0], given[1])
        uid = text(row(found.value, "Attachment"), "InstanceId") or ran.get((place, each.id), "")
        with_interface.add((place, uid))
        said = [*((GROUP, name) for name in each.groups), *((TAG, name) for name in tags(found.value, "TagSet"))]
        yield _stands(each.id, uid, place, [*said, *marks.get((place, uid), ())], each)
    for (place, uid), said in sorted(marks.items()):
        if (place, uid) not in with_interface and said:
            yield _stands("", uid, place, said, None)


def _placed(estate: Estate, key: str, places: Places) -> Iterator[tuple[Thing, Place]]:
    for thing in estate.others.get(key, {}).values():
        place = places.by_file.get(thing.account.name)
        if place is not None:
            yield thing, place


def _stands(
    interface: str, instance: str, place: Place, said: Iterable[tuple[str, str]], one: Interface | None
) -> Statement:
    origin = Origin("", "", 0, 0, interface or instance)
    if one is not None:
        account, found = one.origin
        origin = Origin(account.digest, account.name, found.first, found.last, one.id, one.id)
    details = (("at", "/".join(place)), *dict.fromkeys(said))
    return Statement(STANDS, interface, instance, details, origin)


def given(reading: Reading, place: Place) -> frozenset[str]:
    """The lists of an account and region that a reading was given."""
    where = "/".join(place)
    return frozenset(one.subject for one in reading.statements if one.about == GIVEN and one.value == where)


def lacking(reading: Reading, asked: Observed) -> str:
    """Why a reading does not show all members of what is asked for; "" = it does."""
    here = given(reading, (asked.account, asked.region))
    absent = [CALLED[one] for one in NEEDS[asked.kind] if one not in here]
    if absent:
        return f"its {' and its '.join(absent)} were not read"
    lines = [one for one in reading.unread if one.point in {"", POINT}]
    if lines:
        return f"line {lines[0].line} of {lines[0].name} was not understood, and may be about one of them"
    return ""


def members(reading: Reading, asked: Observed) -> list[Member]:
    """Who stands in the group, carries the tag or was started by the group, in the order of the reading."""
    where, mark = ("at", f"{asked.account}/{asked.region}"), (asked.kind, asked.name)
    return [
        Member(one.subject, one.value, tuple(reading.addresses.get(one.subject, ())))
        for one in reading.statements
        if one.about == STANDS and where in one.details and mark in one.details
    ]
