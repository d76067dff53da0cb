"""Devices that answer over real TLS: the REST API of a FortiGate and the XML API of a Palo Alto firewall.

Both keep the tokens they were asked with and the addresses, and misbehave when they are told to.
"""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.evidence.tls import Tls

TOKEN = "fGt0kenOfEastwest"


class Api(Tls):
    """`moods`: how it misbehaves ("401", "429", "503", "cut", "half", "slow", "floods", "html", "redirects").

    `asked`: (path with query, headers) of everything that came.
    """

    def __init__(self, pem: Path, answers: type[Answers]) -> None:
        super().__init__(pem, answers)
        self.moods: set[str] = set()
        self.wait = ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.quiet = threading.Event()

    @property
    def port(self) -> int:
        """Where it answers."""
        return int(self.server_address[1])


class Answers(BaseHTTPRequestHandler, ABC):
    """What both do alike."""

    server: Api

    def do_GET(self) -> None:
        """The answer, or what is wrong."""
        api = self.server
        api.asked.append((self.path, dict(self.headers)))
        moods = api.moods
        status = next((one for one in ("401", "429", "503") if one in moods), "")
        if status:
            self.say(int(status), b"{}")
        elif "redirects" in moods:
            self.say(302, b"", location="https://127.0.0.1:1/login")
        elif "html" in moods:
            self.say(200, b"<html>please sign in</html>")
        elif "floods" in moods:
            self.say(200, b"x" * 4096, length=2**40)
        elif "slow" in moods:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not api.quiet.wait(0.2):
                self.wfile.write(b"{")
        else:
            status_, body = self.answer(urlsplit(self.path).path, parse_qs(urlsplit(self.path).query))
            if "cut" in moods and len(body) > 1:  # the connection ends early
                self.say(status_, body[: len(body) // 2], length=len(body))
            elif "half" in moods:  # whole as HTTP, half as what it says
                self.say(status_, body[: len(body) // 2])
            else:
                self.say(status_, body)

    @abstractmethod
    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """Status and body."""

    def say(self, status: int, body: bytes, length: int | None = None, location: str = "") -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if self.server.wait:
            self.send_header("Retry-After", self.server.wait)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class FortiGate(Api):
    """`tables`: (virtual domain or "", "firewall/policy") → rows. `refused`: paths it shows to nobody.

    `most`: rows of a page at most. `hits`: policy → (hits, last used).
    """

    def __init__(self, pem: Path) -> None:
        super().__init__(pem, OfFortiGate)
        self.tables: dict[tuple[str, str], list[dict[str, Any]] | dict[str, Any]] = forti_tables()
        self.vdoms = ["root"]
        self.refused: set[str] = set()
        self.missing: set[str] = {"firewall.consolidated/policy", "system/virtual-wan-link"}
        self.most = 10_000
        self.hits: dict[int, tuple[int, int]] = {7: (17, 1_700_000_000)}
        self.revision = "1"


class OfFortiGate(Answers):
    """/api/v2/cmdb/… and /api/v2/monitor/firewall/policy"""

    server: FortiGate

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """A table, page by page."""
        gate = self.server
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, b'{"status": "error"}'
        kind, _, name = path.removeprefix("/api/v2/").partition("/")
        vdom = query.get("vdom", [""])[0]
        if name in gate.refused or f"{vdom} {name}" in gate.refused or kind in gate.refused:
            return 403, b'{"status": "error", "http_status": 403}'
        if name in gate.missing:
            return 404, b'{"status": "error", "http_status": 404}'
        if kind == "monitor":
            rows: Any = [
                {"policyid": number, "hit_count": count, "last_used": last, "bytes": count * 9}
                for number, (count, last) in gate.hits.items()
            ]
        elif name == "system/vdom":
            if len(gate.vdoms) > 1 and "global" not in query:
                return 424, b'{"status": "error", "http_status": 424}'
            rows = [{"name": one} for one in gate.vdoms]
        else:
            rows = gate.tables.get((vdom if vdom != "root" or ("root", name) in gate.tables else "", name), [])
        above, _, last = name.rpartition("/")
        said: dict[str, Any] = {"http_method": "GET", "revision": gate.revision}
        if isinstance(rows, list):
            start, count = int(query.get("start", ["0"])[0]), int(query.get("count", ["10000"])[0])
            said["matched_count"] = len(rows)
            rows = rows[start : start + min(count, gate.most)]
            said["limit_reached"] = start + len(rows) < said["matched_count"]
        if "edited" in gate.moods:
            gate.revision += "1"
        said |= {"results": rows, "vdom": vdom or "root", "path": above, "name": last, "status": "success",
                 "http_status": 200, "serial": "FGVM00TM00000000", "version": "v7.2.5", "build": 1517}  # fmt: skip
        return 200, json.dumps(said).encode()


def forti_tables() -> dict[tuple[str, str], list[dict[str, Any]] | dict[str, Any]]:
    """A small FortiGate between the two zones of the small estate."""
    return {
        ("", "system/global"): {"hostname": "edge-01", "admin-sport": 8443},
        ("", "system/interface"): [
            {"name": "app", "vdom": "root", "ip": "10.20.20.1 255.255.255.0", "allowaccess": "ping"},
            {"name": "data", "vdom": "root", "ip": "10.20.30.1 255.255.255.0", "allowaccess": ""},
        ],
        ("", "system/settings"): {"opmode": "nat", "central-nat": "disable"},
        ("", "firewall/address"): [
            {"name": "all", "type": "ipmask", "subnet": "0.0.0.0 0.0.0.0"},
            {"name": "apps", "type": "ipmask", "subnet": "10.20.20.31 255.255.255.255"},
            {"name": "pay-db", "type": "ipmask", "subnet": "10.20.30.31 255.255.255.255"},
        ],
        ("", "firewall.service/custom"): [
            {"name": "PG", "protocol": "TCP/UDP/SCTP", "tcp-portrange": "5432"},
            {"name": "ALL", "protocol": "IP", "protocol-number": 0},
        ],
        ("", "vpn.ipsec/phase1-interface"): [],
        ("", "firewall/policy"): [
            {
                "policyid": 7, "uuid": "11111111-2222-3333-4444-555555555555", "name": "apps to db", "action": "accept",
                "srcintf": [{"name": "app"}], "dstintf": [{"name": "data"}], "srcaddr": [{"name": "apps"}],
                "dstaddr": [{"name": "pay-db"}], "service": [{"name": "PG"}], "schedule": "always", "status": "enable",
            },
            {
                "policyid": 9, "name": "rest", "action": "deny", "srcintf": [{"name": "any"}],
                "dstintf": [{"name": "any"}], "srcaddr": [{"name": "all"}], "dstaddr": [{"name": "all"}],
                "service": [{"name": "ALL"}], "schedule": "always", "status": "enable",
            },
        ],
    }  # fmt: skip


class PaloAlto(Api):
    """`config`: what stands in <config>. `keys`: "" or how it refuses the key. `counted`: rule → (hits, last hit)."""

    def __init__(self, pem: Path) -> None:
        super().__init__(pem, OfPaloAlto)
        self.config = PALO
        self.counted: dict[str, tuple[int, int]] = {"apps to db": (42, 1_700_000_000), "old": (0, 0)}
        self.no_counters = False
        self.pushed: dict[str, str] = {}  # by virtual system ("": none named): what Panorama pushed


class OfPaloAlto(Answers):
    """/api/?type=config&action=show and /api/?type=op&cmd=…"""

    server: PaloAlto

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """The configuration, or counters."""
        device = self.server
        if self.headers.get("X-PAN-KEY") != TOKEN:
            said = b"<response status = 'error' code = '403'><result><msg>Invalid Credential</msg></result></response>"
            return 403, said
        if "no_rights" in device.moods:
            said = b'<response status="error" code="16"><msg><line>Unauthorized request</line></msg></response>'
            return 200, said
        if device.config.startswith("<!DOCTYPE"):
            return 200, device.config.encode()
        if query.get("type") == ["config"]:
            return 200, f'<response status="success"><result>{device.config}</result></response>'.encode()
        if device.no_counters:
            said = b'<response status="error" code="16"><msg><line>Unauthorized request</line></msg></response>'
            return 403, said
        if "pushed-shared-policy" in query["cmd"][0]:
            asked = re.findall(r"<vsys>(vsys\d+)</vsys>", query["cmd"][0])
            said = device.pushed.get(asked[0] if asked else "", "").encode()
            return 200, b'<response status="success"><result>' + said + b"</result></response>"
        vsys = re.findall(r"entry name='(vsys\d+)'", query["cmd"][0])[0]
        rows = "".join(
            f'<entry name="{name}"><latest>yes</latest><hit-count>{count}</hit-count>'
            f"<last-hit-timestamp>{last}</last-hit-timestamp><last-reset-timestamp>0</last-reset-timestamp>"
            f"<first-hit-timestamp>0</first-hit-timestamp></entry>"
            for name, (count, last) in device.counted.items()
        )
        return 200, (
            f'<response status="success"><result><rule-hit-count><vsys><entry name="{vsys}"><rule-base>'
            f'<entry name="security"><rules>{rows}</rules></entry></rule-base></entry></vsys></rule-hit-count></result>'
            "</response>"
        ).encode()


PALO = """<config version="10.1.0" urldb="paloaltonetworks">
<mgt-config><users><entry name="eastwest"><phash>$5$abcdefgh$secret</phash></entry></users></mgt-config>
<devices><entry name="localhost.localdomain">
<deviceconfig><system><hostname>edge-02</hostname></system></deviceconfig>
<network><interface><ethernet>
<entry name="ethernet1/1"><layer3><ip><entry name="10.20.20.1/24"/></ip></layer3></entry>
<entry name="ethernet1/2"><layer3><ip><entry name="10.20.30.1/24"/></ip></layer3></entry>
</ethernet></interface></network>
<vsys><entry name="vsys1">
<zone>
<entry name="app"><network><layer3><member>ethernet1/1</member></layer3></network></entry>
<entry name="data"><network><layer3><member>ethernet1/2</member></layer3></network></entry>
</zone>
<address><entry name="apps"><ip-netmask>10.20.20.31/32</ip-netmask></entry>
<entry name="pay-db"><ip-netmask>10.20.30.31/32</ip-netmask></entry></address>
<service><entry name="PG"><protocol><tcp><port>5432</port></tcp></protocol></entry></service>
<rulebase><security><rules>
<entry name="apps to db" uuid="11111111-2222-3333-4444-555555555555"><from><member>app</member></from>
<to><member>data</member></to><source><member>apps</member></source><destination><member>pay-db</member></destination>
<application><member>any</member></application><service><member>PG</member></service><action>allow</action></entry>
<entry name="old"><from><member>app</member></from><to><member>data</member></to><source><member>any</member></source>
<destination><member>any</member></destination><application><member>any</member></application>
<service><member>any</member></service><action>deny</action></entry>
</rules></security></rulebase>
</entry></vsys>
</entry></devices>
</config>"""


@contextmanager
def answering(server: Api) -> Iterator[Any]:
    """The device while it runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.quiet.set()
        server.shutdown()
        server.server_close()
