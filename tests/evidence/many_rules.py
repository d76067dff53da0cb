"""Forty servers with twenty rules each that nobody ever asked for: what a site looks like on its first day."""

from __future__ import annotations

from pathlib import Path

from compliance.actions import estate
from compliance.models import System
from evidence.actions.compare import compare
from evidence.models import Comparison
from tests.evidence.site import put, read, source_of
from tests.people import LONG_AGO, People, everybody

ROLES = ("web", "app", "db", "batch")
EACH = 10
MAIN = {"web": 443, "app": 8080, "db": 5432, "batch": 8443}
FROM = {"web": "batch", "app": "web", "db": "app", "batch": "db"}  # who calls whom
MANAGEMENT, COPIES = "10.9.0.0/24", ("10.8.0.1", "10.8.0.2", "10.8.0.3")
WATCHED = (22, 9100, 10050)  # ports that the management zone reaches on every server


def address(role: str, number: int) -> str:
    """The address of a server."""
    return f"10.1.{ROLES.index(role)}.{number}"


def rules(role: str, number: int) -> list[str]:
    """Its twenty rules: ten callers one by one, management, copies, an echo, one for everybody, one for strangers."""
    inward = "-A INPUT -s {}/32 -p tcp -m tcp --dport {} -j ACCEPT"
    callers = [inward.format(address(FROM[role], each), MAIN[role]) for each in range(1, EACH + 1)]
    watched = [f"-A INPUT -s {MANAGEMENT} -p tcp -m tcp --dport {port} -j ACCEPT" for port in WATCHED]
    copies = [f"-A INPUT -s {one}/32 -p tcp -m multiport --dports 10000,10001 -j ACCEPT" for one in COPIES]
    return [
        *callers,
        *watched,
        *copies,
        f"-A INPUT -s {MANAGEMENT} -p icmp -m icmp --icmp-type 8 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 8888 -j ACCEPT",
        f"-A INPUT -s 10.77.{number}.0/24 -p tcp -m tcp --dport 443 -j ACCEPT",
        f"-A INPUT -s {address(FROM[role], 1)}/32 -p udp -m udp --dport 514 -j ACCEPT",
    ]


class ManyRules:
    """Eight hundred rules on forty servers of Payroll, in folders; nothing of it is authorised."""

    def __init__(self, place: Path) -> None:
        self.people: People = everybody()
        System.objects.filter(pk=self.people.payroll.pk).update(authorising_officer=self.people.olga)
        self.people.payroll.refresh_from_db()
        by, payroll = self.people.alex, self.people.payroll
        self.folders: dict[str, Path] = {}
        inside = estate.add_zone("servers", system=payroll, prefixes=["10.1.0.0/16"], by=by, at=LONG_AGO)
        estate.add_zone("management", system=payroll, prefixes=[MANAGEMENT], by=by, at=LONG_AGO)
        apart = estate.add_zone("copies", system=payroll, prefixes=["10.8.0.0/24"], by=by, at=LONG_AGO)
        for number, ip in enumerate(COPIES, start=1):
            name = f"copy-{number:02}"
            estate.add_server(name, system=payroll, addresses=[ip], zone=apart, role="backup", by=by, at=LONG_AGO)
        for role in ROLES:
            for number in range(1, EACH + 1):
                name, ip = f"{role}-{number:02}", address(role, number)
                server = estate.add_server(
                    name, system=payroll, addresses=[ip], zone=inside, role=role, by=by, at=LONG_AGO
                )
                self.folders[name] = put(place / name, *rules(role, number))
                dump = self.folders[name] / "iptables-save.txt"
                dump.write_text(dump.read_text().replace(":OUTPUT DROP", ":OUTPUT ACCEPT"))
                source = source_of(server, self.folders[name], self.people, at=LONG_AGO)
                read(source, self.people)

    def compare(self) -> Comparison:
        """Reads nothing, compares."""
        return compare()
