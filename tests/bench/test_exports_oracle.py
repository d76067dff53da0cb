"""`/etc/exports` against exportfs itself: what we read of the file is what we read of the real server's own answer."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from compliance.traffic.shares import Share
from evidence.formats import exportfs, exports
from evidence.rules import Artefact

TOOLS = all(map(shutil.which, ("exportfs", "unshare", "mount")))
SCRIPT = """
mount -t tmpfs none /var/lib/nfs && touch /var/lib/nfs/etab /var/lib/nfs/rmtab || exit 77
mount --bind exports /etc/exports || exit 77
exportfs -ra 2>/dev/null
exportfs -s 2>/dev/null
"""
CLIENTS = ("10.1.1.1", "10.1.2.0/24", "10.2.0.0/255.255.0.0", "10.1.1.*", "@group", "*", "2001:db8::/32", "2001:db8::1")
OPTIONS = (
    "ro", "rw", "sec=sys", "sec=krb5:krb5i", "sec=krb5p", "root_squash", "no_root_squash", "all_squash", "anonuid=0",
    "no_all_squash", "sync", "insecure",
)  # fmt: skip
Row = tuple[str, str, str, str, str]


def option_list(rng: random.Random) -> str:
    """One to five options in any order."""
    return ",".join(rng.choice(OPTIONS) for _ in range(rng.randint(1, 5)))


def exports_file(rng: random.Random, folder: Path) -> str:
    """Forty exports of real folders, each client once a path; a third with default options or a stray blank."""
    lines = []
    for number in range(40):
        path = folder / f"{'with blank ' if number % 5 == 0 else ''}{number}"
        path.mkdir()
        named = f'"{path}"' if number % 5 == 0 else str(path)
        defaults = f" -{option_list(rng)}" if rng.random() < 0.3 else ""
        clients = rng.sample(CLIENTS, rng.randint(0, 3))
        asked = [f"{one}({option_list(rng)})" if rng.random() < 0.8 else one for one in clients]
        if "*" not in clients and clients and rng.random() < 0.2:
            asked.append("(rw)")
        lines.append(f"{named}{defaults} " + rng.choice([" ", " \\\n   "]).join(asked))
    return "\n".join(lines) + "\n"


def rows(shares: tuple[Share, ...]) -> set[Row]:
    """The shares without their places; a client in the words that both texts lead to."""
    return {(one.path, str(one.clients), one.access, one.security, one.squash) for one in shares}


@pytest.mark.skipif(not TOOLS, reason="exportfs, unshare or mount is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace of our own needs root")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_file_says_what_the_server_does(tmp_path: Path, seed: int) -> None:
    text = exports_file(random.Random(seed), tmp_path)
    (tmp_path / "exports").write_text(text)
    command = ["unshare", "--mount", "sh", "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("this machine allows no mount in a namespace")
    shown = exportfs.read([Artefact("exportfs", done.stdout.encode())])
    meant = exports.read([Artefact("exports", text.encode())])
    assert len(shown.shares) > 40
    assert not shown.unread
    assert not meant.unread
    assert rows(meant.shares) == rows(shown.shares)
