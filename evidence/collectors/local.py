"""This machine's own read-only commands: what it filters, shares and listens on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evidence.collectors.collected import BOOT_ID, Collected, PullError, Step
from evidence.formats.table import detect
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact, FormatError

# the whole list of what is ever run; all of them only read
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("iptables-save", "-c"),
    ("ip6tables-save", "-c"),
    ("iptables-legacy-save",),
    ("ip6tables-legacy-save",),
    ("nft", "-j", "list", "ruleset"),
    ("ipset", "save"),
    ("ip", "-j", "addr"),
    ("ip", "-j", "route", "show", "table", "all"),
    ("ip", "-j", "neigh", "show"),
    ("ss", "-tulpnH"),
    ("exportfs", "-s"),
    ("testparm", "-s", "--suppress-prompt"),
)
BOOTED = Path("/proc/sys/kernel/random/boot_id")  # another one after each start
ONE_S = 30.0  # the longest one command may take
FILTERS = frozenset({"iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save", "nft"})
# The members of sets that rules of iptables name. Where no format reads them, such rules are not understood; said here.
SETS = "ipset"
INSTALLED = "(not installed)"
PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """Runs every command that is installed; what was not run or failed is named. No packet filter at all is an error.

    `complete` is False when a packet filter's command is there and failed: then nothing of it may be believed.
    """
    artefacts: list[Artefact] = []
    missing: list[str] = []
    for words in COMMANDS:
        program = shutil.which(words[0], path=PLACES)
        if program is None:
            missing.append(f"{words[0]} (not installed)")
            continue
        said = run([program, *words[1:]], min(ONE_S, deadline - time.monotonic()))
        if said is None:
            missing.append(" ".join(words))
        else:  # one that says nothing has said that there is nothing: it ended well
            artefact = Artefact(name(words), said, " ".join(words), datetime.now(UTC))
            if words[0] == SETS and not is_read(artefact):
                missing.append(f"{' '.join(words)} (no format of this version reads it)")
            else:
                artefacts.append(artefact)
    if not any(artefact.command.split()[0] in FILTERS for artefact in artefacts):
        tried = [each for each in missing if not each.endswith(INSTALLED)]
        raise PullError(
            ErrorCode.PERMISSION if tried else ErrorCode.DEPENDENCY,
            f"This machine's packet filter could not be read{f': {tried[0]} failed' if tried else ''}.",
            "Run Eastwest with the right to read it (root or CAP_NET_ADMIN), or use a folder of dumps.",
        )
    failed = [each for each in missing if each.split()[0] in FILTERS and not each.endswith(INSTALLED)]
    return Collected(
        tuple(artefacts), cursor="", complete=not failed, missing=tuple(missing), whole=True, device=booted()
    )


def booted() -> dict[str, str]:
    """The kernel's own name of this start of the machine; nothing where it has none."""
    try:
        return {BOOT_ID: BOOTED.read_text().strip()}
    except OSError:
        return {}


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Which of the commands are installed, and whether a packet filter's own may be run. Its answer is thrown away."""
    programs = {words[0]: shutil.which(words[0], path=PLACES) for words in COMMANDS}
    there = [name for name, place in programs.items() if place]
    found = Step("Find the commands", "ok", f"Installed: {', '.join(there) or 'none'}.")
    absent = [name for name, place in programs.items() if not place]
    if absent:
        found = Step(found.what, "ok", f"{found.said} Not installed, so not read: {', '.join(absent)}.")
    filters = [words for words in COMMANDS if words[0] in FILTERS and programs[words[0]]]
    may = "Read a packet filter's rules"
    if not filters:
        return found, Step(may, "failed", "No packet filter's command is installed.", "Install iptables or nftables.")
    for words in filters:
        if run([str(programs[words[0]]), *words[1:]], min(ONE_S, deadline - time.monotonic())) is None:
            return found, Step(may, "failed", f"{' '.join(words)} failed.", "Run Eastwest as root.")
    return found, Step(may, "ok", f"{', '.join(words[0] for words in filters)} may be run.")


def is_read(artefact: Artefact) -> bool:
    """Whether some format knows it."""
    try:
        detect(artefact)
    except FormatError:
        return False
    return True


def name(words: tuple[str, ...]) -> str:
    """The artefact's name: the command without its dashes."""
    return "-".join(word.lstrip("-") for word in words)


def run(words: list[str], seconds: float) -> bytes | None:
    """What the command says; None when it failed or took too long."""
    if seconds <= 0:
        return None
    try:
        done = subprocess.run(  # a literal list of read-only commands, no shell
            words,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={"PATH": PLACES, "LC_ALL": "C", "HOME": os.devnull},
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None
