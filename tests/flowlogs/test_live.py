"""Real traffic in a network namespace, as the kernel's own list and as nfdump tell it: both say who called whom.

Needs root (or CAP_NET_ADMIN), conntrack and nfdump; what is missing is said and skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from evidence.flowlogs.engine import Engine
from tests.flowlogs import live_traffic
from tests.flowlogs.logs import rolled, rows

pytestmark = pytest.mark.kernel
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
CALLER, CALLED = int(ip_address(live_traffic.CLIENT)), int(ip_address(live_traffic.SERVER))


def needs(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool, path=PATH) is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("unshare", "ip", "iptables", "conntrack")
    allowed = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"no network namespace without root or CAP_NET_ADMIN: {allowed.stderr.strip()}")
    folder = tmp_path_factory.mktemp("live")
    script = live_traffic.__file__
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{PATH}"}
    subprocess.run(["unshare", "-n", sys.executable, script, str(folder)], check=True, timeout=60, env=environment)
    return folder


def test_the_kernels_list_tells_who_called_whom(traffic: Path, flow_engine: Engine) -> None:
    found = rolled(flow_engine, traffic / "conntrack.xml", received=int(time.time()))
    assert found.lines.unread == 0
    seen = set(rows(flow_engine, found, "src_lo, dst_lo, proto, port, sure, accepted, flows"))
    assert {(CALLER, CALLED, 6, 5432, 100, True, 3), (CALLER, CALLED, 17, 514, 100, True, 1)} <= seen
    assert not {row for row in seen if row[3] == 22 and row[5]}, "what the filter stopped did not get through"


def test_nfdump_tells_the_same_of_the_same_packets(traffic: Path, flow_engine: Engine) -> None:
    needs("nfpcapd", "nfdump")
    captured = traffic / "captured"
    captured.mkdir()
    words = ["nfpcapd", "-r", str(traffic / "packets.pcap"), "-w", str(captured)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    told = traffic / "flows.json"
    with told.open("wb") as out:
        zone = {**os.environ, "TZ": "UTC"}
        subprocess.run(["nfdump", "-R", str(captured), "-o", "json"], stdout=out, check=True, timeout=60, env=zone)
    found = rolled(flow_engine, told, received=int(time.time()))
    assert found.lines.unread == 0
    assert not found.gaps
    seen = set(rows(flow_engine, found, "src_lo, dst_lo, proto, port, accepted"))
    stopped = (CALLER, CALLED, 6, 22, False)
    assert seen == {(CALLER, CALLED, 6, 5432, True), (CALLER, CALLED, 17, 514, True), stopped}
