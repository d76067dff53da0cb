"""`hosts allow` and `hosts deny` against testparm itself, which answers for a client's address share by share."""

from __future__ import annotations

import ipaddress
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evidence.formats import samba_hosts

TESTPARM = shutil.which("testparm")
EXACT = (
    "10.1.", "10.", "10.1.2.3", "10.1.2.0/24", "10.1.0.0/255.255.0.0", "ALL", "FAIL", "2001:db8::/32", "2001:db8::5",
    "127.", "11.0.0.0/8", "10.1.2.", "fe80::1", "10.1.2.3/24",
)  # fmt: skip
NAMED = (*EXACT, "[2001:db8:1::]/48", ".example", "@group", "LOCAL")
CLIENTS = ("10.1.9.9", "10.1.2.3", "10.1.2.77", "10.2.2.2", "11.1.1.1", "2001:db8::5", "2001:db8:1::9", "fe80::1")
ANSWER = re.compile(r"^(Allow|Deny) connection from \S+ \(\S+\) to (\S+)", re.MULTILINE)
Lists = tuple[str | None, str | None]


def hosts_list(rng: random.Random, tokens: tuple[str, ...]) -> str:
    """One to four words with an EXCEPT between them now and then."""
    found: list[str] = []
    for place in range(rng.randint(1, 4)):
        if place and rng.random() < 0.3:
            found.append("EXCEPT")
        found.append(rng.choice(tokens))
    return rng.choice([" ", ", ", ","]).join(found)


def asked(lists: dict[str, Lists], client: str, folder: Path) -> dict[str, bool]:
    """What testparm says about a client for every share."""
    text = ["[global]"]
    for name, (allow, deny) in lists.items():
        text += [f"[{name}]", "path = /tmp", *([f"hosts allow = {allow}"] if allow else [])]
        text += [f"hosts deny = {deny}"] if deny else []
    conf = folder / "smb.conf"
    conf.write_text("\n".join(text) + "\n")
    command = [str(TESTPARM), "-s", "--suppress-prompt", str(conf), "nohost.invalid", client]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return {name: word == "Allow" for word, name in ANSWER.findall(said)}


@pytest.mark.skipif(TESTPARM is None, reason="testparm is not installed")
@pytest.mark.parametrize(("tokens", "exact"), [(EXACT, True), (NAMED, False)])
def test_lists_let_in_whom_samba_lets_in(tmp_path: Path, tokens: tuple[str, ...], exact: bool) -> None:
    rng = random.Random(f"{exact}")
    lists: dict[str, Lists] = {
        f"s{number}": (
            hosts_list(rng, tokens) if rng.random() < 0.7 else None,
            hosts_list(rng, tokens) if rng.random() < 0.6 else None,
        )
        for number in range(80)
    }
    for client in CLIENTS:
        address = ipaddress.ip_address(client)
        real = asked(lists, client, tmp_path)
        assert set(real) == set(lists)
        for name, (allow, deny) in lists.items():
            found = samba_hosts.let_in(allow, deny)
            mine = any(low <= int(address) <= high for low, high in found.sides[address.version == 6])
            assert mine == real[name] if exact or not (found.names or found.unsure) else mine or not real[name]


def test_both_lists_apply_and_names_only_ever_widen() -> None:
    network = samba_hosts.let_in("10.1. @group", None)
    share = samba_hosts.let_in("10.1.2.3 10.9.9.9", None)
    found = samba_hosts.both(network, share)
    assert found.sides[0] == (((10 << 24 | 1 << 16 | 2 << 8 | 3),) * 2,)
    assert found.names == ("@group",)
    assert found.unsure == ("@group",)
