"""The one verifier in a child process with limits: a hostile pack costs its own seconds, and never the web server.

`check_in_child` is the parent's side. The child is `python -m evidence.packs.verify_child`: it takes
{"path", "fingerprint", "authority", "cpu_s", "memory"} on stdin, limits itself, runs evidence/packs/verify.py over the
file and writes what `eastwest verify --json` would say.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess  # the child is this very module, run by the interpreter that runs now
import sys
from pathlib import Path
from typing import Any, Final

from evidence.packs import verify
from evidence.parse import limit_child

CPU_S: Final = 60
WALL_S: Final = 90.0
MEMORY: Final = 1024 * 2**20  # bytes of address space
NOT_A_PACK: Final = 2
OUT_OF_MEMORY: Final = 3
OFFLINE: Final = "python3 verify.py PACK.zip does the same check without a limit, on any machine."


class NotChecked(Exception):
    """The check did not come to an end: nothing is known of the pack. `why` is the half of a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def check_in_child(
    path: Path,
    fingerprint: str | None = None,
    authority: Path | None = None,
    *,
    cpu_s: int = CPU_S,
    wall_s: float = WALL_S,
    memory: int = MEMORY,
) -> dict[str, Any]:
    """The verifier's report (`Report.as_json`) of the ZIP at `path`, signed by `fingerprint` where one is given, and
    stamped by the authority whose certificates (PEM) the file `authority` holds.

    Raises verify.NotAPack, and NotChecked when the check needed more than it may have or ended by itself: the pack is
    then neither sound nor not sound.
    """
    whose = {"fingerprint": fingerprint, "authority": str(authority) if authority else None}
    asked = {"path": str(path), **whose, "cpu_s": cpu_s, "memory": memory}
    status, said = run_child(json.dumps(asked).encode(), wall_s)
    if status == OUT_OF_MEMORY:
        raise NotChecked(f"it needs more than {memory >> 20} MB of memory")
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise NotChecked(f"it takes more than {cpu_s} seconds of processor time, or the system stopped it")
    if status not in (0, NOT_A_PACK):
        raise NotChecked(f"the verifier stopped unexpectedly (status {status})")
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        raise NotChecked("the verifier's answer was lost") from None
    if status == NOT_A_PACK:
        raise verify.NotAPack(str(answer["error"]))
    return answer


def run_child(asked: bytes, wall_s: float) -> tuple[int, bytes]:
    """The child's exit status and output. Raises NotChecked when the time by the clock is over."""
    child = subprocess.Popen(
        [sys.executable, "-E", "-s", "-m", "evidence.packs.verify_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(asked, timeout=wall_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # the openssl it may be waiting for goes with it
        child.communicate()
        raise NotChecked(f"it takes longer than {wall_s:g} seconds") from None
    return child.returncode, said


def main() -> int:
    """The child: one request on stdin, one answer on stdout; the exit status says which kind it is."""
    asked = json.load(sys.stdin)
    limit_child(int(asked["cpu_s"]), int(asked["memory"]))
    try:
        answer = verify.verify(asked["path"], asked["fingerprint"], asked["authority"]).as_json()
    except verify.NotAPack as error:
        json.dump({"error": str(error)}, sys.stdout)
        return NOT_A_PACK
    except MemoryError:
        return OUT_OF_MEMORY
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
