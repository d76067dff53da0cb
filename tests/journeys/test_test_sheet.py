"""The script of a test sheet across a real cable, against the rules of a real kernel."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from evidence.sheet_script import AS_EXPECTED, DIFFERS, UNDECIDED, heard, script, told
from tests.journeys.host import COLLECTOR, Host, host
from tests.oracle import namespace

pytestmark = pytest.mark.kernel
IP, HASH = "10.20.30.11", "cd" * 32
PORTS = {1: ("open", 5432), 2: ("closed", 22), 3: ("closed", 5433)}
PAIRS: list[dict[str, Any]] = [
    {"row": number, "expected": expected, "from": "app", "to": "db", "target": IP, "port": port}
    for number, (expected, port) in PORTS.items()
]


def tried(folder: Path) -> dict[int, tuple[str, str]]:
    """Runs the script where this thread stands; what each row saw and what it means."""
    window = (timezone.now() - timedelta(minutes=2), timezone.now() + timedelta(minutes=5))
    path = folder / "sheet.sh"
    path.write_text(script("TST-1", HASH, "app", PAIRS, window))
    ran = subprocess.run(["sh", str(path)], capture_output=True, text=True, check=True, env={"PATH": namespace.PATH})
    seen = heard(ran.stdout, "TST-1", HASH, "app", list(PORTS)).outcomes
    answered = {"db"} if {"open", "refused"} & set(seen.values()) else set()
    return {pair["row"]: (seen[pair["row"]], told(pair, seen[pair["row"]], answered).verdict) for pair in PAIRS}


def allow(machine: Host, port: int, target: str) -> None:
    """A rule for the collector's address."""
    machine.run(f"iptables-nft -I INPUT -s {COLLECTOR} -p tcp --dport {port} -j {target}")


def test_what_the_kernel_lets_through_is_what_the_sheet_says(tmp_path: Path) -> None:
    if why := namespace.missing():
        pytest.skip(why)
    with host(tmp_path, IP) as machine:
        machine.closed()
        machine.run("iptables-nft -F INPUT")  # everything is dropped: the host might as well be gone
        for port in (5432, 22):
            machine.listens(port)
        nobody = tried(tmp_path)
        assert nobody == {1: ("silent", DIFFERS), 2: ("silent", UNDECIDED), 3: ("silent", UNDECIDED)}
        allow(machine, 5432, "ACCEPT")
        machine.run("iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
        assert tried(tmp_path) == {1: ("open", AS_EXPECTED), 2: ("silent", AS_EXPECTED), 3: ("silent", AS_EXPECTED)}
        allow(machine, 22, "ACCEPT")
        allow(machine, 5433, "REJECT --reject-with tcp-reset")
        machine.run("iptables-nft -P OUTPUT ACCEPT")
        assert tried(tmp_path) == {1: ("open", AS_EXPECTED), 2: ("open", DIFFERS), 3: ("refused", UNDECIDED)}
