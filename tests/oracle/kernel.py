"""The kernel as a judge: rules go in by the real tools, packets go in by the real interfaces, and some come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from compliance.traffic.witness import Witness
from evidence.rules import Artefact
from tests.oracle import wire
from tests.oracle.layout import Layout
from tests.oracle.namespace import Namespace
from tests.oracle.probe import frame, number_of
from tests.oracle.rulesets import EMPTY, LEGACY, Ruleset

# The commands that the collectors run on a Linux host (docs/formats.md), by the name of the file.
DUMPS = {
    "iptables-save": "iptables-nft-save",
    "ip6tables-save": "ip6tables-nft-save",
    "iptables-legacy-save": "iptables-legacy-save",
    "ip6tables-legacy-save": "ip6tables-legacy-save",
    "ipset": "ipset save",
    "nft.json": "nft -j list ruleset",
    "addr.json": "ip -j addr",
    "route.json": "ip -j route show table all",
}
LINK_SETTINGS = ("net/ipv4/conf/{}/rp_filter", "net/ipv4/conf/{}/send_redirects")


class Sent(NamedTuple):
    """What is needed to know a packet again: an answer of the host that quotes it has another length or protocol."""

    place: int
    proto: int
    length: int


class Kernel:
    """One host: its interfaces, its rules, and what it lets through."""

    def __init__(self, namespace: Namespace, layout: Layout, folder: Path) -> None:
        self.layout = layout
        self._namespace, self._folder = namespace, folder
        self._cables = {link.name: wire.Cable(link.name) for link in layout.links}
        for name in self._cables:
            for setting in LINK_SETTINGS:
                Path("/proc/sys", setting.format(name)).write_text("0")
        queues = [f"ip link set {name} txqueuelen {wire.LONG_QUEUE}" for name in self._cables]
        namespace.run("\n".join([*queues, *layout.commands()]), folder)
        self._sockets = wire.Sockets()
        self._connections = wire.Connections()
        self._legacy: set[str] = set()  # tools whose tables are there: only they can empty them
        self._has_sets = False
        self._number = 0
        self._lost = wire.lost()

    def close(self) -> None:
        """The interfaces and sockets go; the namespace and its rules go with the one who made it."""
        for cable in self._cables.values():
            cable.close()
        self._sockets.close()
        self._connections.close()

    def load(self, rules: Ruleset) -> None:
        """Takes the place of whatever rules there were. Raises ToolRefused."""
        lines = ["nft flush ruleset", *(f"{tool}-restore empty.in" for tool in sorted(self._legacy))]
        lines.extend(["ipset destroy 2>/dev/null || true"] if self._has_sets else [])
        self._legacy |= rules.saved.keys() & set(LEGACY)
        self._has_sets = bool(rules.sets)
        for name, text in {**rules.files(), "empty.in": EMPTY}.items():
            (self._folder / name).write_text(text)
        self._namespace.run("\n".join([*lines, *rules.commands()]), self._folder)

    def dumps(self, *, sets: bool) -> list[Artefact]:
        """What a collector would bring home now; the content of ipsets only with `sets`."""
        wanted = {name: command for name, command in DUMPS.items() if sets or name != "ipset"}
        script = "\n".join(f"{command} > {name}" for name, command in wanted.items())
        self._namespace.run(script, self._folder)
        return [Artefact(name, (self._folder / name).read_bytes(), command) for name, command in wanted.items()]

    def passes(self, point: str, packets: Sequence[Witness]) -> list[bool]:
        """For each packet whether it came through the point. Raises Lost where a queue was full."""
        self._drain()
        self._connections.forget()
        known: dict[int, Sent] = {}
        came: set[int] = set()
        for index, packet in enumerate(packets):
            self._number = self._number % 0xFFFF_FFF0 + 1
            data = frame(packet, self._number)
            known[self._number] = Sent(index, packet.proto, len(data))
            if point == "OUTPUT":
                self._sockets.send(packet.family, packet.dst, data)
            else:
                self._cables[packet.iif or ""].send(data)
            if index % 256 == 255:
                came |= self._came(point, known)
        came |= self._came(point, known)
        lost, self._lost = self._lost, wire.lost()
        if self._lost != lost:
            raise wire.Lost(f"{self._lost - lost} packets were thrown away by full queues")
        return [index in came for index in range(len(packets))]

    def _came(self, point: str, known: dict[int, Sent]) -> set[int]:
        if point == "INPUT":
            self._drain_cables()
            arrived: Iterable[bytes] = self._sockets.received()
        else:
            arrived = (data for cable in self._cables.values() for data in cable.received())
        return {
            sent.place for data in arrived if (sent := known.get(number_of(data) or 0)) and _same(data, sent, point)
        }

    def _drain(self) -> None:
        self._drain_cables()
        for _ in self._sockets.received():
            pass

    def _drain_cables(self) -> None:
        for cable in self._cables.values():
            for _ in cable.received():
                pass


def _same(data: bytes, sent: Sent, point: str) -> bool:
    """Whether it is the packet itself. What reaches a program is: errors and answers go out by an interface."""
    if point == "INPUT":
        return True
    proto = data[9] if data[0] >> 4 == 4 else data[6]
    return len(data) == sent.length and proto == sent.proto


@contextmanager
def host(layout: Layout, folder: Path) -> Iterator[Kernel]:
    """A host with that layout and no rules, in a namespace of its own. Raises NotPossible."""
    with Namespace() as namespace:
        made = Kernel(namespace, layout, folder)
        try:
            yield made
        finally:
            made.close()
