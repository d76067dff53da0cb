"""A ledger of a million entries, checked offline: the one verifier, in a process of its own, as an auditor runs it.

The entries are as the sequencer writes them (who, when, what, the salted hashes of the rows a verb left), with the head
and a checkpoint from outside. Making them takes longer than the check.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from mmap import mmap
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure
from compliance.ledger import merkle, notes
from compliance.ledger.keys import Keys, pem

ENTRIES: Final = int(os.environ.get("BENCH_ENTRIES", "1000000"))
BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
VERIFIER: Final = Path(__file__).parents[1] / "evidence" / "packs" / "verify_ledger.py"
# The verifier, then the most memory it had: ru_maxrss of a child counts what its parent had when it was made
RUN: Final = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(*(row for row in open("/proc/self/status") if row.startswith("VmHWM")), file=sys.stderr)
"""
VERBS: Final = ("request", "submit", "approve", "implement", "verify", "view", "grant", "retire")


def figures() -> Iterator[Figure]:
    """Seconds and MB of the check of a sound log; that one altered entry in it is found."""
    with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as room:
        place = Path(room)
        write(place)
        size = (place / "log").stat().st_size // 1_000_000
        seconds, megabytes, said = checked(place)
        beside = {"entries": said["entries"], "export_mb": size, "sound": said["ok"]}
        yield Figure("ledger verified offline", seconds, "s of processor time", goal=20, beside=beside)
        yield Figure("memory of the verifier", megabytes, "MB", goal=64)
        alter(place / "log")
        seconds, _, said = checked(place)
        found = [one["seq"] for one in said["findings"]]
        yield Figure("ledger with one altered entry", seconds, "s of processor time", beside={"found": found})
        yield Figure("altered entries not found", float(ENTRIES // 2 not in found), "entries", goal=0)


def write(place: Path) -> None:
    """The export, its key and a checkpoint."""
    keys, frontier = Keys(place / "keys"), merkle.Frontier()
    key = keys.first()
    (place / "key.pem").write_text(pem(key.public_key()))
    with (place / "log").open("wb") as file:
        file.write(line({"format": "eastwest-ledger/1", "origin": keys.origin(), "made": notes.stamp(BEGIN),
                         "checkpoints": [ENTRIES]}))  # fmt: skip
        for number in range(1, ENTRIES + 1):
            data = json.dumps(entry(number), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            leaf = merkle.leaf(data)
            frontier.append(leaf)
            file.write(b'["%s",%s]\n' % (leaf.hex().encode(), data))
        last = BEGIN + timedelta(seconds=ENTRIES + 1)
        note = notes.signed(notes.Note(keys.origin(), ENTRIES, frontier.root(), last), key)
        file.write(line({"head": note}) + line({"checkpoint": note}))
    (place / "checkpoint").write_text(note)


def line(said: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def entry(number: int) -> dict[str, Any]:
    """One entry, of a usual length."""
    at = notes.stamp(BEGIN + timedelta(seconds=number))
    uid = str(uuid.UUID(bytes=hashlib.sha256(b"%d" % -number).digest()[:16], version=4))
    rows = [["compliance.changerecord", number % 5000, hashlib.sha256(b"%d" % number).hexdigest()]]
    actor = {"id": number % 90, "name": "Rita Rahman", "roles": ["requester"], "methods": ["password"], "mfa": False}
    return {
        "format": 2, "uid": uid, "time": at, "actor": {**actor, "confirmed_at": at},
        "request": {"via": "page", "id": f"{number:016x}"}, "verb": VERBS[number % len(VERBS)],
        "object": {"type": "compliance.changerecord", "id": number % 5000, "version": 2}, "before": "", "after": "",
        "because": "Read line by line; the window is agreed.", "payload": "", "rows": rows, "seq": number, "sealed": at,
    }  # fmt: skip


def alter(log: Path) -> None:
    """One word of the entry in the middle, past Eastwest."""
    with log.open("r+b") as file, mmap(file.fileno(), 0) as whole:
        at = whole.rfind(b"Read line by line", 0, whole.find(b'"seq":%d,' % (ENTRIES // 2)))
        whole[at : at + 4] = b"Skim"


def checked(place: Path) -> tuple[float, float, dict[str, Any]]:
    """Processor seconds and MB of a check in a process of its own, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ["-c", RUN, str(VERIFIER), str(place / "log"), "--key", str(place / "key.pem"), "--json"]
    words = [sys.executable, *words, "--checkpoint", str(place / "checkpoint")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said: dict[str, Any] = json.loads(done.stdout)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, int(done.stderr.split()[-2]) / 1024, said
