"""Sides and requests to ask the policy about, and a small ordinary estate of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from compliance.policy import check as checking
from compliance.policy.check import Hit
from compliance.policy.content import Policy, Setting
from compliance.policy.facts import EVERYWHERE, Asked, Reasons, Side, spans_of
from compliance.policy.shipped import described, shipped
from compliance.traffic import addresses
from compliance.traffic.witness import NOBODY

TODAY = date(2026, 11, 21)
GOOD = Reasons(
    need="The pay run reads the hours of all staff each night.",
    security="Read only, over TLS, from one server, with an account of its own.",
    data="Hours and staff numbers.",
)


ORDINARY = Side((), (), "app", "production", "application", "OS", "Payroll")


def server(name: str, ip: str = "10.20.20.31", **known: Any) -> Side:
    """A server of the estate."""
    return replace(ORDINARY, names=(name,), ranges=(addresses.parse(ip),), **known)


APP = server("pay-app-01")
WEB = server("web-01", "10.20.10.11", role="web", zone="dmz")
DATABASE = server("pay-db-01", "10.20.30.31", role="database", zone="data")
FILES = server("file-01", "10.20.30.41", role="file server", zone="data")
JUMP = server("jump-01", "10.20.40.10", role="jump host", zone="management")
TEST = server("test-app-01", "10.20.50.11", environment="test", zone="test")
BLANK = Side(("old-01",), (addresses.parse("10.20.60.9"),), system="Payroll", classification="OS")
EVERYONE = Side(("internet",), EVERYWHERE, outside="everyone")
STRANGER = Side(("some-site",), (addresses.parse("203.0.113.9"),), outside="internet")
BANK = Side(("bank",), (addresses.parse("198.51.100.40"),), outside="party", organisation="Bank", agreement="AG-7")
STAFF = Side(("staff",), (addresses.parse("10.80.0.0/16"),), outside="users")


def asked(source: Side | tuple[Side, ...], destination: Side, *services: str, **changed: Any) -> Asked:
    """A request between two ends."""
    sources = source if isinstance(source, tuple) else (source,)
    said = {"reasons": GOOD} | changed
    return Asked(((sources, (destination,)),), spans_of(services or ("tcp/8443",)), **said)


def policy(**rules: dict[str, Any]) -> Policy:
    """The policy as shipped, with these parameters (`any_address={"published_zones": (…)}`)."""
    known = shipped()
    changed: dict[str, Setting] = dict(known.rules)
    for name, parameters in rules.items():
        rule = changed[name.replace("_", "-")]
        changed[name.replace("_", "-")] = replace(rule, parameters={**rule.parameters, **parameters})
    return replace(known, rules=changed)


def hits(request: Asked, told: Policy | None = None, **more: Any) -> dict[str, Hit]:
    """Rule → its gravest hit."""
    found = checking.check(told or shipped(), described(), request, on=TODAY, inventory=NOBODY, **more)
    return {hit.rule: hit for hit in reversed(found)}


def level(request: Asked, rule: str, told: Policy | None = None) -> str:
    """How a request meets one rule: a level, or "" when it does not."""
    found = hits(request, told).get(rule)
    return found.level if found else ""
