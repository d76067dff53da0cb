"""A bare mirror of somebody's git repository, brought up to date by the git command and asked about one branch.

Nothing of the repository is ever carried out: no hooks, no submodules, no filters, no configuration but what stands
here. Commits that were once seen stay in the mirror, so that a rewritten history is noticed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from django.conf import settings

from evidence.collectors.collected import PullError
from evidence.collectors.https import asked_to_wait
from evidence.models.sources import ErrorCode

PLACES: Final = "/usr/bin:/bin:/usr/local/bin"
ENVIRONMENT: Final = {
    "PATH": PLACES,
    "LC_ALL": "C.UTF-8",
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:file",
    "GIT_LFS_SKIP_SMUDGE": "1",
}
SET: Final = (  # never followed elsewhere, never tidied away, every object looked at
    ("http.followRedirects", "false"),
    ("fetch.fsckObjects", "true"),
    ("gc.auto", "0"),
    ("core.hooksPath", os.devnull),
    ("submodule.recurse", "false"),
)
ASKS: Final = re.compile(r"<= Recv header: retry-after: ([^\r\n]{1,60})", re.IGNORECASE)
TRACED: Final = 2**20  # bytes of a trace that are looked at
FIELDS: Final = "%H%x00%cI%x00%an%x00%ae%x00%s"
# What git says on stderr (with LC_ALL=C), to codes and words of ours. The first that fits counts.
SAID: Final[tuple[tuple[str, ErrorCode, str, str], ...]] = (
    ("certificate", ErrorCode.TLS, "The repository's host shows a certificate that is not accepted.",
     "Test the connection: it shows the certificate, and a second person compares and confirms it."),
    ("authentication failed", ErrorCode.AUTH, "The repository's host refused to let us in.", "Renew the secret."),
    ("could not read username", ErrorCode.AUTH, "The repository's host asks for a name and a secret.",
     "Give the source a token that may read the repository."),
    ("returned error: 429", ErrorCode.RATE_LIMITED, "The repository's host was asked too often.", "Read less often."),
    ("returned error: 403", ErrorCode.PERMISSION, "The repository may not be read.",
     "Give the token the right to read."),
    ("couldn't find remote ref", ErrorCode.CONFIG, "The repository has no such branch.", "Correct the branch."),
    ("dubious ownership", ErrorCode.PERMISSION, "The repository belongs to somebody else on this machine.",
     "Let it belong to the user the service runs as."),
    ("not found", ErrorCode.CONFIG, "There is no such repository, or it is not for us to see.", "Correct the address."),
    ("does not appear to be a git repository", ErrorCode.CONFIG, "There is no repository.", "Correct the address."),
    ("early eof", ErrorCode.TRUNCATED, "The repository came only in part.", "The next pull fetches the rest."),
    ("remote end hung up", ErrorCode.TRUNCATED, "The repository came only in part.", "The next pull fetches the rest."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Commit:
    """Who committed what, and when, as the repository says."""

    sha: str
    at: datetime
    author: str
    email: str
    subject: str

    def as_dict(self) -> dict[str, str]:
        """For the pull's record."""
        return {"commit": self.sha, "at": self.at.isoformat(), "author": f"{self.author} <{self.email}>",
                "subject": self.subject}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit's tree. `mode` is git's: 100644 a plain file, 120000 a link, 160000 a repository within."""

    mode: str
    blob: str
    size: int
    path: str


class Mirror:
    """The mirror of one repository at `url`. `secrets`: settings for the fetch alone, given by environment."""

    def __init__(
        self, url: str, deadline: float, *, secrets: Sequence[tuple[str, str]] = (),
        options: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.url, self.deadline, self.secrets, self.options = url, deadline, secrets, options
        program = shutil.which("git", path=PLACES)
        if program is None:
            raise PullError(ErrorCode.DEPENDENCY, "The git command is not installed.", "apt-get install git")
        self.program = program
        self.place = Path(settings.VAR) / "git" / hashlib.sha256(url.encode()).hexdigest()[:32]

    def fetch(self, branch: str) -> str:
        """Brings the branch up to date, whatever it was before, and gives its newest commit. Raises PullError."""
        with self._alone():
            if not (self.place / "HEAD").exists():
                self._run("init", "-q", "--bare", str(self.place), inside=False)
            ref = f"refs/heads/{branch}"
            self._run("fetch", "-q", "--no-tags", "--force", "--", self.url, f"+{ref}:{ref}", remote=True)
            return self._run("rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip()

    def holds(self, sha: str, *, within: str) -> bool:
        """Whether the history of a commit holds an older one."""
        return self._asked("merge-base", "--is-ancestor", sha, within) == 0

    def newest(self, commit: str, path: str = "") -> Commit | None:
        """The newest commit of that history, or the newest that changed something under `path`."""
        said = self._run("log", "-1", f"--format={FIELDS}", commit, "--", *([f":(literal){path}"] if path else []))
        if not said.strip():
            return None
        sha, at, author, email, subject = said.decode("utf-8", "replace").rstrip("\n").split("\0", 4)
        return Commit(sha, datetime.fromisoformat(at), author[:200], email[:200], subject[:300])

    def entries(self, commit: str, path: str) -> Iterator[Entry]:
        """The file of that name, or all files under the folder of that name."""
        found = self._run("ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--", f"{path}" or ".")
        for row in filter(None, found.split(b"\0")):
            facts, _, name = row.partition(b"\t")
            mode, _, blob, size = facts.decode("ascii").split()
            yield Entry(mode, blob, int(size) if size.isdigit() else 0, name.decode("utf-8", "backslashreplace"))

    def content(self, entry: Entry) -> bytes:
        """The bytes of a file."""
        return self._run("cat-file", "blob", entry.blob)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One fetch at a time: several sources may share a repository."""
        self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.place.with_suffix(".lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > self.deadline:
                        raise too_long() from None
                    time.sleep(0.05)
            yield

    def _run(self, *words: str, inside: bool = True, remote: bool = False) -> bytes:
        with tempfile.TemporaryFile() as trace:  # without a name: it is gone with the last who has it open
            done = self._done(words, inside=inside, trace=trace if remote else None)
            if done.returncode == 0:
                return done.stdout
            raise self._understood(done.stderr.decode("utf-8", "replace"), trace)

    def _asked(self, *words: str) -> int:
        return self._done(words, inside=True).returncode

    def _done(
        self, words: Sequence[str], *, inside: bool, trace: IO[bytes] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise too_long()
        begin = [self.program, *([f"--git-dir={self.place}"] if inside else [])]
        try:
            return subprocess.run(  # the words are ours, an address only behind "--"
                [*begin, *words], capture_output=True, check=False, timeout=left, env=self._environment(trace),
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise too_long() from None

    def _environment(self, trace: IO[bytes] | None) -> Mapping[str, str]:
        """Settings go by environment and not by words: what is in the words, everybody on the machine can read.

        `trace`: what goes to a server has one, for the headers of its answers; git itself says only their status.
        """
        held = [*SET, *((*self.options, *self.secrets) if trace else ())]
        found = {**ENVIRONMENT, "GIT_CONFIG_COUNT": str(len(held))}
        for number, (key, value) in enumerate(held):
            found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        if trace:
            found |= {"GIT_TRACE_CURL": f"/proc/{os.getpid()}/fd/{trace.fileno()}", "GIT_TRACE_CURL_NO_DATA": "1"}
        return found

    def _understood(self, said: str, trace: IO[bytes]) -> PullError:
        lower = said.lower()
        for words, code, what, next_step in SAID:
            if words in lower:
                wait = waiting(trace) if code == ErrorCode.RATE_LIMITED else None
                return PullError(code, what, next_step, retry_after=wait)
        for _, value in self.secrets:
            said = said.replace(value, "…")
        last = (said.strip().splitlines() or ["git says nothing"])[-1][:300]
        return PullError(
            ErrorCode.UNREACHABLE, f"The repository could not be fetched: {last}", "Check its address and the network."
        )


def waiting(trace: IO[bytes]) -> float | None:
    """For how many seconds the last answer in a trace asks to be left alone; None when it does not."""
    trace.seek(0)
    asks = ASKS.findall(trace.read(TRACED).decode("utf-8", "replace"))
    return asked_to_wait(asks[-1], datetime.now(UTC)) if asks else None


def too_long() -> PullError:
    """The time for one host is over."""
    return PullError(ErrorCode.TIMEOUT, "Fetching the repository took too long.", "Look at the host, or at its size.")
