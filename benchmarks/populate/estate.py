"""People, systems, zones, servers with their addresses, groups and parties outside."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.populate.plan import AREAS, ROLES, Plan
from benchmarks.populate.rows import Writer
from compliance.models import (
    Address,
    AddressSpace,
    Endpoint,
    Group,
    Membership,
    Organisation,
    PartyPrefix,
    Role,
    RoleGrant,
    Server,
    System,
    User,
    Zone,
    ZonePrefix,
)

MANAGERS, ENGINEERS, AUDITORS, REQUESTERS, PARTIES = 8, 12, 4, 10, 12
LONG_AGO = 420  # days


@dataclass(slots=True)
class Estate:
    """What is there."""

    systems: list[System] = field(default_factory=list)
    owners: list[User] = field(default_factory=list)
    managers: list[User] = field(default_factory=list)
    engineers: list[User] = field(default_factory=list)
    auditors: list[User] = field(default_factory=list)
    requesters: list[User] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    addresses: dict[int, str] = field(default_factory=dict)
    ends: dict[int, list[Endpoint]] = field(default_factory=dict)  # system → servers, groups, zones
    parties: list[Endpoint] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)
    system_of: dict[int, System | None] = field(default_factory=dict)  # end → its system


def build(plan: Plan, out: Writer) -> Estate:
    """All of it, as it stands for more than a year."""
    estate, then = Estate(), plan.ago(LONG_AGO)
    ours = out.add(
        Organisation(name="Populated Affairs", kind=Organisation.Kind.OWN, is_sample=True, approvers_need_mfa=False)
    )
    space = AddressSpace.objects.filter(name="default").first() or out.add(AddressSpace(name="default"))
    people(plan, out, estate)
    for number in range(plan.size.systems):
        place(plan, out, estate, number, ours, space)
    outside = out.add(Organisation(name="Agency of the others", kind=Organisation.Kind.AGENCY))
    for number in range(PARTIES):
        end = out.add(Endpoint(kind="external_party", organisation=outside, name=f"party-{number:02}"))
        out.add(PartyPrefix(end=end, prefix=f"203.0.113.{number * 16}/28", valid_from=then).sealed())
        estate.parties.append(end)
        estate.system_of[end.pk] = None
    out.flush()
    return estate


def people(plan: Plan, out: Writer, estate: Estate) -> None:
    """Everybody, without passwords: nobody signs in before an administrator makes a link."""
    owners = min(plan.size.systems, 20)
    kinds = (
        ("owner", owners, estate.owners), ("manager", MANAGERS, estate.managers),
        ("engineer", ENGINEERS, estate.engineers), ("auditor", AUDITORS, estate.auditors),
        ("requester", REQUESTERS, estate.requesters),
    )  # fmt: skip
    number = 1
    admin = out.add(User(email="admin@example.org", name="Alex Admin", password="!"))  # noqa: S106 (a password nobody has)
    out.add(RoleGrant(person=admin, role=Role.ADMINISTRATOR, valid_from=plan.ago(LONG_AGO)))
    for kind, count, into in kinds:
        for place_ in range(count):
            row = User(email=f"{kind}{place_:02}@example.org", name=plan.person(number), password="!")  # noqa: S106 (as above)
            into.append(out.add(row))
            number += 1
    for place_, row in enumerate(estate.managers + estate.auditors):
        role = Role.MANAGER if place_ < MANAGERS else Role.AUDITOR
        out.add(RoleGrant(person=row, role=role, valid_from=plan.ago(LONG_AGO)))


def place(plan: Plan, out: Writer, estate: Estate, number: int, ours: Organisation, space: AddressSpace) -> None:
    """One system with its zones, servers and groups."""
    then, size = plan.ago(LONG_AGO), plan.size
    owner, deputy = (estate.owners[(number + step) % len(estate.owners)] for step in (0, 1))
    officer = estate.managers[number % MANAGERS]
    name = AREAS[number % len(AREAS)] + (f" {number // len(AREAS) + 1}" if number >= len(AREAS) else "")
    system = out.add(System(organisation=ours, name=name, owner=owner, deputy=deputy, authorising_officer=officer))
    estate.systems.append(system)
    several = [(owner, Role.SYSTEM_OWNER), (deputy, Role.SYSTEM_OWNER)]
    several += [(estate.engineers[(number + step) % ENGINEERS], Role.ENGINEER) for step in (0, 5)]
    several += [(estate.requesters[(number + step) % REQUESTERS], Role.REQUESTER) for step in (0, 3)]
    for person, role in several:
        out.add(RoleGrant(person=person, role=role, system=system, valid_from=then))
    zones = []
    for slot, title in enumerate(("web", "app", "data")):
        zone = out.add(Zone(system=system, space=space, name=f"s{number:02}-{title}", slot=number * 3 + slot))
        out.add(ZonePrefix(zone=zone, prefix=f"10.{100 + slot}.{number}.0/24", valid_from=then).sealed())
        zones.append(zone)
    estate.zones += zones
    ends = [out.add(Endpoint(kind="zone", zone=zone, name=zone.name)) for zone in zones[:1]]
    mine = []
    for here in range(size.servers // size.systems + (number < size.servers % size.systems)):
        does = ROLES[here % len(ROLES)]
        server = out.add(
            Server(system=system, name=f"s{number:02}-{does}-{here:03}", role=does, critical=here % 17 == 0)
        )
        zone = zones[here % 3]
        ip = f"10.{100 + here % 3}.{number}.{here // 3 + 4}"
        out.add(Address(server=server, space=space, ip=ip, interface="eth0", zone=zone, valid_from=then).sealed())
        estate.addresses[server.pk] = ip
        ends.append(out.add(Endpoint(kind="server", server=server, name=server.name)))
        mine.append(server)
    estate.servers += mine
    for part in range(2):
        group = out.add(Group(system=system, name=f"s{number:02}-group-{part}")).sealed()
        for server in mine[part * 10 : part * 10 + 10]:
            out.add(Membership(group=group, server=server, valid_from=then).sealed())
        if len(mine) > part * 10:
            ends.append(out.add(Endpoint(kind="static_group", group=group, name=group.name)))
    estate.ends[number] = ends
    estate.system_of |= {end.pk: system for end in ends}
