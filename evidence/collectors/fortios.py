"""A FortiGate over its REST API: every table that says what it lets through, of every virtual domain, page by page.

What it answers is kept as it came, a file for each page. A table that it refuses to show is named, and then nothing of
the reading counts; one that its version does not have says 404. Counters of policies come beside the tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from evidence.collectors import device_https
from evidence.collectors.collected import Collected, PullError, Step
from evidence.collectors.device_https import KNOW, Device
from evidence.formats.fortios_device import LEARNING, SDWAN
from evidence.formats.fortios_tables import BESIDE, GROUPS, OBJECTS, POLICY_TABLES, VIPS
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

ROLE: Final = "Give its profile the rights of docs/sources/fortios.md, and the token the trusted hosts it needs."
STEPS: Final = (KNOW, "Sign in and list its virtual domains", "Ask for its policies", "Ask for their counters")
PAGE: Final = 1000  # rows of one answer
MOST_PAGES: Final = 200  # of one table
VDOMS: Final = "system vdom"
ROOT: Final = "root"
VDOM: Final = re.compile(r"[A-Za-z0-9_.-]{1,31}")
# Of the whole device
GLOBAL: Final = (
    "system global", "system interface", "system admin", "system vdom-link", "system switch-interface",
    "system virtual-switch", "system physical-switch",
)  # fmt: skip
# What every version has: without it nothing is known
CORE: Final = frozenset(
    {"firewall policy", "firewall address", "firewall addrgrp", "firewall service custom", "firewall service group",
     "firewall vip", "firewall local-in-policy", "system interface", "system zone", "system settings", "router static"}
)  # fmt: skip
OF_A_DOMAIN: Final = tuple(
    dict.fromkeys(
        (*POLICY_TABLES, *BESIDE, *VIPS, *GROUPS,
         *(one for pair in OBJECTS.values() for group in pair for one in group),
         "firewall service custom", "firewall service group", "firewall policy46", "firewall policy64",
         "firewall ttl-policy", "firewall ipmacbinding setting", "firewall ipmacbinding table",
         "firewall multicast-address", "firewall multicast-address6", "firewall schedule group",
         "firewall schedule onetime", "firewall schedule recurring", "system zone", "system settings",
         "system external-resource", "system gre-tunnel", "system virtual-wire-pair", "system link-monitor",
         "router static", "router static6", "router policy", "router policy6", "vpn ipsec phase1-interface",
         "vpn ipsec phase1", "vpn ipsec manualkey", "vpn ssl settings", *LEARNING, *SDWAN)
    )
)  # fmt: skip
REFUSED: Final = frozenset({403})
# A version without a table says one of these of it
NOT_THERE: Final = frozenset({404, 405})


class Table(NamedTuple):
    """One table of one virtual domain; `vdom` "": of the whole device."""

    path: str
    vdom: str

    @property
    def named(self) -> str:
        """As people say it."""
        return f"{self.path} of {self.vdom}" if self.vdom else self.path

    @property
    def file(self) -> str:
        """The beginning of the names of its files."""
        return f"{self.vdom or 'global'}--{dotted(self.path).replace('/', '.')}"


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """Every table that is read, of `config["host"]`, by the token `secret`. Raises PullError."""
    asked = device(config, secret, deadline)
    vdoms, listing, missing = domains(asked)
    artefacts = list(listing)
    for table in tables(vdoms):
        answers = rows_of(asked, table, several=len(vdoms) > 1)
        if answers is None:
            missing.append(table.named)
        else:
            artefacts += answers
    beside = [one for vdom in vdoms for one in counters(asked, vdom)]
    return Collected(
        tuple(artefacts), cursor="", complete=not missing, missing=tuple(missing), whole=True, beside=tuple(beside)
    )


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Know it, sign in, ask for its virtual domains, its policies and their counters: each step with its outcome."""
    return device_https.tried(STEPS, trying(config, secret, deadline))


def trying(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Iterator[str]:
    """Does these steps, and says of each what came of it. Raises PullError."""
    asked = device(config, secret, deadline)
    yield asked.known()
    vdoms, _, missing = domains(asked)
    if missing:
        raise PullError(ErrorCode.PERMISSION, f"It does not show the {missing[0]}.", ROLE)
    yield ", ".join(vdoms)
    for vdom in vdoms:
        if rows_of(asked, Table("firewall policy", vdom), several=len(vdoms) > 1) is None:
            raise PullError(ErrorCode.PERMISSION, f"It does not show the policies of {vdom}.", ROLE)
    yield device_https.MAY_READ
    seen = [vdom for vdom in vdoms if counters(asked, vdom)]
    yield device_https.of_counters(bool(seen), "policy")


def device(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Device:
    """The device, with its token in the header that its interface takes."""
    return device_https.device(
        config, secret, header="Authorization", before="Bearer ", deadline=deadline, role=ROLE
    )  # fmt: skip


def domains(asked: Device) -> tuple[list[str], list[Artefact], list[str]]:
    """The names of the virtual domains, the answers that say so, and what of it was refused."""
    table = Table(VDOMS, "")
    try:
        answers = rows_of(asked, table, several=False)
    except PullError as error:
        if error.code in (ErrorCode.AUTH, ErrorCode.RATE_LIMITED, ErrorCode.TIMEOUT, ErrorCode.TLS):
            raise
        answers = []
    if not answers:  # with several of them it wants to be asked about the whole device
        answers = rows_of(asked, table, several=True)
    if not answers:  # whoever may see one of them alone does not learn whether there are others
        return [ROOT], [], ["list of virtual domains"]
    rows = [row for one in answers for row in told(one.content, asked.host, VDOMS)["results"]]
    names = [str(row.get("name", "")) for row in rows if isinstance(row, dict)]
    if not names or not all(map(VDOM.fullmatch, names)):
        what = f"{asked.host} lists no virtual domain that can be asked for."
        raise PullError(ErrorCode.PARSE, what, "Look whether it is a FortiGate.")
    return names, answers, []


def tables(vdoms: list[str]) -> Iterator[Table]:
    """Everything that is asked for."""
    for path in GLOBAL:
        yield Table(path, "")
    for vdom in vdoms:
        for path in OF_A_DOMAIN:
            yield Table(path, vdom)


def rows_of(asked: Device, table: Table, *, several: bool) -> list[Artefact] | None:
    """The answers that hold a table, page by page; [] where its version has none, None where it is refused."""
    found: list[Artefact] = []
    count, revision = 0, None
    for page in range(1, MOST_PAGES + 1):
        scope = f"vdom={quote(table.vdom)}&" if table.vdom else "global=1&" if several else ""
        path = f"/api/v2/cmdb/{dotted(table.path)}?{scope}start={count}&count={PAGE}"
        answer, observed = asked.get(path), datetime.now(UTC)
        if page == 1 and answer.status in REFUSED:
            return None
        if page == 1 and answer.status in NOT_THERE:
            return None if table.path in CORE else []
        device_https.refuse(answer, asked, table.named)
        said = told(answer.body, asked.host, table.path)
        if table.vdom and said.get("vdom", table.vdom) != table.vdom:
            what = f"{asked.host} was asked about {table.named}, and answers about {str(said.get('vdom'))[:40]}."
            raise PullError(ErrorCode.PARSE, what, "Look at the virtual domains the token is for.")
        rows, matched = said["results"], said.get("matched_count")
        if revision not in (None, said.get("revision")):
            what = f"{table.named} was changed while it was read, page by page."
            raise PullError(ErrorCode.TRUNCATED, what, "It is read again.")
        revision = said.get("revision")
        suffix = f"-{page}" if page > 1 else ""
        found.append(Artefact(f"{table.file}{suffix}.json", answer.body, f"GET {path}", observed))
        if not isinstance(rows, list):
            return found
        count += len(rows)
        told_of_more = said.get("limit_reached") is True or len(rows) == PAGE
        more = count < matched if isinstance(matched, int) else told_of_more and bool(rows)
        if not more:
            return found
        if not rows:
            what = f"{asked.host} says that {table.named} holds {matched} rows, and gives {count}."
            raise PullError(ErrorCode.TRUNCATED, what, "It is read again; look at its load.")
    what = f"{table.named} has more than {MOST_PAGES} pages."
    raise PullError(ErrorCode.TRUNCATED, what, "Look what answers there.")


def counters(asked: Device, vdom: str) -> list[Artefact]:
    """How often each policy of a domain was met; [] where that is not shown: no part of what must come whole."""
    path = f"/api/v2/monitor/firewall/policy?vdom={quote(vdom)}"
    try:
        answer, observed = asked.get(path), datetime.now(UTC)
        if answer.status != 200:
            return []
        told(answer.body, asked.host, "the counters")
    except PullError:
        return []
    return [Artefact(f"{vdom}--hits.json", answer.body, f"GET {path}", observed)]


def told(body: bytes, host: str, what: str) -> dict[str, Any]:
    """An answer that says that it went well. Raises PullError: half of one is none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        if body.lstrip()[:1] == b"{":
            raise PullError(
                ErrorCode.TRUNCATED, f"The answer of {host} about {what} was cut short.", "It is read again."
            ) from None
        said = None
    if not isinstance(said, dict) or "results" not in said:
        look = "Look whether a FortiGate answers there, and not a page to sign in on."
        raise PullError(ErrorCode.PARSE, f"What {host} says about {what} is no answer of a FortiGate.", look)
    if said.get("status", "success") != "success" or not isinstance(said["results"], (list, dict)):
        raise PullError(ErrorCode.PARSE, f"{host} says that it could not give {what}.", "Look at its log.")
    return said


def dotted(path: str) -> str:
    """`firewall service custom` as it stands in an address: firewall.service/custom."""
    *above, name = path.split(" ")
    return f"{'.'.join(above)}/{name}"
