"""A PAN-OS configuration sorted into what it is made of: virtual systems, device groups, shared objects, rulebases.

A whole configuration, one exported part of it, an answer of the API and `set` lines all come here as one tree of words;
a part that stands alone (a rulebase, its rules) is one of the first virtual system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from evidence.formats.panos_known import (
    DOUBTFUL,
    NETWORK,
    OBJECTS,
    ROOT,
    RULEBASES,
    SECTIONS,
    ZONE,
    ZONE_KINDS,
    ZONE_NETWORK,
)
from evidence.formats.panos_tree import USED, Node

FIRST = "vsys1"
BOOKS = {"pre-rulebase": "pre", "rulebase": "local", "post-rulebase": "post"}
WRAPPERS = frozenset({"config", "response", "result", "data", "running-config"})


@dataclass(slots=True)
class Rulebase:
    """The rules of one place in their order. `others`: with the name of their rulebase."""

    security: list[Node] = field(default_factory=list)
    nat: list[Node] = field(default_factory=list)
    others: list[tuple[str, Node]] = field(default_factory=list)
    defaults: dict[str, Node] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return not (self.security or self.nat or self.others or self.defaults)


@dataclass(slots=True, eq=False)
class Scope:
    """A place in which objects and rules are defined. `above`: the device group that stands above it."""

    name: str
    node: Node | None = None
    above: str = ""
    objects: dict[str, list[Node]] = field(default_factory=dict)
    books: dict[str, Rulebase] = field(default_factory=lambda: {name: Rulebase() for name in BOOKS.values()})
    zones: dict[str, tuple[str, list[str], Node]] = field(default_factory=dict)  # kind, interfaces
    imported: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)

    def has_rules(self) -> bool:
        """Whether any rule stands in it."""
        return not all(book.is_empty() for book in self.books.values())


@dataclass(slots=True)
class Template:
    """What Panorama gives devices for their network: its parts of the network, and zones by virtual system."""

    networks: list[Node] = field(default_factory=list)
    vsys: dict[str, Scope] = field(default_factory=dict)


@dataclass(slots=True)
class Config:
    """Everything of a configuration that matters to traffic."""

    shared: Scope = field(default_factory=lambda: Scope("shared"))
    pushed: Scope = field(default_factory=lambda: Scope("panorama"))
    vsys: dict[str, Scope] = field(default_factory=dict)
    groups: dict[str, Scope] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    stacks: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)  # templates, devices
    networks: list[Node] = field(default_factory=list)
    managed: Node | None = None  # where it says that Panorama manages it
    no_ipv6: Node | None = None
    parents_told: bool = False

    def system(self, name: str = FIRST) -> Scope:
        """A virtual system, made when it is first named."""
        return self.vsys.setdefault(name, Scope(name))

    def group(self, name: str) -> Scope:
        """A device group, made when it is first named."""
        return self.groups.setdefault(name, Scope(name))


def sorted_out(root: Node) -> Config:
    """What a tree is made of. What is left untaken in it is unread."""
    config = Config()
    _root(config, root)
    return config


def _root(config: Config, node: Node) -> None:
    for child in node.children:
        _root_section(config, child)


def _root_section(config: Config, child: Node) -> None:
    handler = HANDLERS.get(child.word)
    if child.state or child.kind == "text":
        return
    if child.kind == "entry":
        _lone_entry(config, child)
    elif child.word in WRAPPERS:
        child.state = USED
        _root(config, child)
    elif handler is not None:
        child.state = USED
        handler(config, child)
    elif child.word in ROOT:
        child.ignore()
    else:
        _section(config, config.system(), child)


def _lone_entry(config: Config, node: Node) -> None:
    """An entry that was exported alone: a device, a virtual system, or one rule."""
    words = {one.word for one in node.tags()}
    node.state = USED
    if words & {"vsys", "network", "deviceconfig", "device-group"}:
        _root(config, node)
    elif words & {"source", "destination"} and "from" in words:
        (config.system().books["local"].nat if _translates(node) else config.system().books["local"].security).append(
            node
        )
    elif words & {*BOOKS, "zone", "import"}:
        _scope(config, config.system(node.word), node)
    else:
        node.state = ""


def _devices(config: Config, node: Node) -> None:
    for entry in node.entries():
        _root(config, entry)


def _systems(config: Config, node: Node) -> None:
    for entry in node.entries():
        _scope(config, config.system(entry.word), entry)


def _groups(config: Config, node: Node) -> None:
    for entry in node.entries():
        _scope(config, config.group(entry.word), entry)


def _shared(config: Config, node: Node) -> None:
    _scope(config, config.shared, node)


def _pushed(config: Config, node: Node) -> None:
    """On a device what Panorama has pushed to it; on Panorama itself, and where it is named, settings."""
    for child in node.children:
        if child.word in {*BOOKS, *OBJECTS} and child.kind != "text":
            _section(config, config.pushed, child)
        elif child.word in {"local-panorama", "panorama-server"}:
            child.use()
            config.managed = config.managed or child
        elif child.word in {"panorama", "vsys"}:
            child.state = USED
            for entry in child.entries() if child.word == "vsys" else (child,):
                _pushed(config, entry)
        else:
            child.ignore()


def _readonly(config: Config, node: Node) -> None:
    """Where Panorama keeps which device group stands below which."""
    devices = node.take("devices")
    for device in devices.entries() if devices is not None else ():
        held = device.take("device-group")
        for entry in held.entries() if held is not None else ():
            config.parents_told = True
            config.group(entry.word).above = entry.says("parent-dg") or config.group(entry.word).above
    for one in node.children:
        _rest_ignored(one)


def _rest_ignored(node: Node) -> None:
    """What nobody took below it says nothing."""
    if not node.state:
        node.ignore()
    elif not node.whole:
        for child in node.children:
            _rest_ignored(child)


def _settings(config: Config, node: Node) -> None:
    system, setting = node.take("system"), node.take("setting")
    if system is not None:
        for word in ("panorama", "panorama-server"):
            found = system.take(word)
            if found is not None:
                config.managed = config.managed or found.use()
    session = setting.take("session") if setting is not None else None
    if session is not None:
        said = session.take("ipv6-firewalling")
        if said is not None and said.text() == "no":
            config.no_ipv6 = said
    for one in node.children:
        _rest_ignored(one)


def _templates(config: Config, node: Node) -> None:
    for entry in node.entries():
        template = config.templates.setdefault(entry.word, Template())
        inner = entry.take("config")
        _template(template, inner) if inner is not None else None
        for one in entry.children:
            _rest_ignored(one)


def _template(template: Template, inner: Node) -> None:
    held = Config(vsys=template.vsys)
    devices = inner.take("devices")
    for device in devices.entries() if devices is not None else ():
        for child in device.children:
            if child.word in {"network", "vsys"}:
                _root_section(held, child)
    template.networks += held.networks


def _stacks(config: Config, node: Node) -> None:
    for entry in node.entries():
        templates, devices = entry.take("templates"), entry.take("devices")
        members = templates.values() if templates is not None else []
        serials = [one.word for one in devices.entries()] if devices is not None else []
        known = config.stacks.setdefault(entry.word, ([], []))
        known[0].extend(members)
        known[1].extend(serials)
        for one in entry.children:
            _rest_ignored(one)


def _network(config: Config, node: Node) -> None:
    config.networks.append(node)
    for child in node.children:
        if child.word in NETWORK:
            child.ignore()


def _lone_rules(config: Config, node: Node) -> None:
    """The rules of one rulebase, exported alone: of which one, is told by what stands in them."""
    book = config.system().books["local"]
    for entry in node.entries():
        (book.nat if _translates(entry) else book.security).append(entry)


def _lone_security(config: Config, node: Node) -> None:
    _rules(node, config.system().books["local"].security)


HANDLERS: dict[str, Callable[[Config, Node], None]] = {
    "devices": _devices,
    "vsys": _systems,
    "device-group": _groups,
    "shared": _shared,
    "panorama": _pushed,
    "policy": _pushed,
    "readonly": _readonly,
    "deviceconfig": _settings,
    "template": _templates,
    "template-stack": _stacks,
    "network": _network,
    "rules": _lone_rules,
    "security": _lone_security,
}


def _translates(node: Node) -> bool:
    return any(
        node.has(word) for word in ("source-translation", "destination-translation", "nat-type", "to-interface")
    )  # fmt: skip


def _scope(config: Config, scope: Scope, node: Node) -> None:
    scope.node = scope.node or node
    for child in node.children:
        if child.kind != "text":
            _section(config, scope, child)


def _section(config: Config, scope: Scope, child: Node) -> None:
    """One section of a place; one that nobody knows is left, and so unread."""
    word = child.word
    if word in BOOKS:
        child.state = USED
        _book(scope.books[BOOKS[word]], child)
    elif word in OBJECTS:
        child.state = USED
        scope.objects.setdefault(word, []).extend(child.entries())
    elif word == "zone":
        child.state = USED
        for entry in child.entries():
            _zone(scope, entry)
    elif word == "import":
        child.state = USED
        network = child.take("network")
        held = network.take("interface") if network is not None else None
        scope.imported += held.values() if held is not None else []
        for one in child.children:
            _rest_ignored(one)
    elif word == "devices":
        child.state = USED
        for entry in child.entries():
            scope.devices.append(entry.word)
            entry.use()
    elif word == "parent-dg":
        child.state = USED
        config.parents_told = True
        scope.above = child.text() or scope.above
    elif word in {"network", "vsys", "deviceconfig"} and scope.name in config.vsys:
        _root_section(config, child)
    elif word in SECTIONS:
        child.ignore()


def _book(book: Rulebase, node: Node) -> None:
    for child in node.children:
        if child.word == "security":
            child.state = USED
            _rules(child, book.security)
        elif child.word == "nat":
            child.state = USED
            _rules(child, book.nat)
        elif child.word == "default-security-rules":
            child.state = USED
            found: list[Node] = []
            _rules(child, found)
            book.defaults.update({one.word: one for one in found})
        elif child.word in DOUBTFUL:
            child.state = USED
            found = []
            _rules(child, found)
            book.others += [(child.word, one) for one in found]
        elif child.word in RULEBASES:
            child.ignore()


def _rules(node: Node, book: list[Node]) -> None:
    held = node.take("rules")
    if held is not None:
        book += held.entries()


def _zone(scope: Scope, node: Node) -> None:
    for child in node.children:
        if child.word in ZONE:
            child.ignore()
    network = node.take("network")
    kind, held = "", []
    if network is not None:
        for child in network.children:
            if child.word in ZONE_KINDS:
                child.state = USED
                kind = child.word
                held += child.values()
            elif child.word in ZONE_NETWORK:
                child.ignore()
    known = scope.zones.get(node.word)
    scope.zones[node.word] = (kind, [*(known[1] if known else ()), *held], node)
