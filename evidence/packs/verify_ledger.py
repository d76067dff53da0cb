#!/usr/bin/env python3
"""Checks a ledger export against its key and one old checkpoint:

    python3 verify_ledger.py EXPORT --key KEY.pem --checkpoint NOTE [--state DUMP] [--json]

Needs Python 3.8 or later and the openssl command, nothing else, and works without a network, in one pass: a million
entries take some seconds and some ten megabytes (a state dump needs memory for its rows). Keep the key and the notes
where nobody who holds the database can reach them: they are what makes the answer worth anything.

Checked: every entry's number, hash, id and time; the root over all entries against the seal and against every
checkpoint, given or in the export, and who signed them; that each new key was named by the old one; and, with
--state, every governed row against what the ledger said of it last. What was not checked is always listed.
Exit status: 0 sound, 1 not sound, 2 no ledger export at all (or wrong use).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

try:
    from evidence.packs.verify_notes import (
        Ids,
        NotALedger,
        Note,
        Tree,
        notes_of,
        openssl_holds,
        raw_key,
        read_note,
        rotation_text,
        same_key,
        signed_by,
    )  # fmt: skip
except ImportError:  # on its own, with the other file beside it
    from verify_notes import (  # type: ignore[import-not-found, no-redef]
        Ids,
        NotALedger,
        Note,
        Tree,
        notes_of,
        openssl_holds,
        raw_key,
        read_note,
        rotation_text,
        same_key,
        signed_by,
    )  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evidence.packs.verify_notes import Holds

FORMAT, STATE_FORMAT = "eastwest-ledger/1", "eastwest-state/1"
ROTATE = "rotate_key"
AT_MOST = 1000  # findings that are listed; more are counted
SIGNATURES = 200  # of checkpoints in the export, the newest, that are checked: each is a call of openssl


class Finding(NamedTuple):
    """What is wrong; `seq` is the entry's number where it is about one."""

    seq: int | None
    problem: str


@dataclass
class Report:
    """What was found. `covered`: up to which entry a given checkpoint vouches; `entries`: how many there are."""

    entries: int = 0
    covered: int = 0
    origin: str = ""
    sealed_at: str = ""
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    not_checked: list[str] = field(default_factory=list)
    rows: int = 0

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings

    def name(self, seq: int | None, problem: str) -> None:
        """Notes what is wrong."""
        if len(self.findings) < AT_MOST:
            self.findings.append(Finding(seq, problem))
        else:
            self.more += 1

    def as_json(self) -> dict[str, Any]:
        """The shape of `eastwest verify --ledger --json`."""
        listed = [{"seq": one.seq, "problem": one.problem} for one in self.findings]
        head = {"ok": self.ok, "entries": self.entries, "covered": self.covered, "origin": self.origin}
        tail = {"sealed_at": self.sealed_at, "rows": self.rows, "not_checked": self.not_checked}
        return {**head, "findings": listed, "more": self.more, **tail}


class Ledger:
    """One pass over an export: feed it the lines, then ask `finish`."""

    def __init__(self, key: str, given: list[Note], holds: Holds = openssl_holds) -> None:
        self.key, self.given, self.holds = key, given, holds
        raw_key(key)
        self.report = Report()
        self.tree, self.ids = Tree(), Ids()
        self.sealed = ""
        self.wanted = {note.size for note in given}
        self.roots: dict[int, bytes] = {0: self.tree.root()}
        self.rotations: list[tuple[int, Mapping[str, str]]] = []
        self.head: Note | None = None
        self.inside: list[Note] = []
        self.sizes: list[int] = []
        self.last: dict[tuple[str, int], tuple[int, str]] | None = None

    def feed(self, lines: Iterable[bytes]) -> None:
        """All lines of the export. Raises NotALedger when the first is not that of one."""
        rows = iter(lines)
        try:
            first = json.loads(next(rows, b""))
            if first["format"] != FORMAT:
                raise NotALedger(f"the export is of the form {first['format']!r}, which this version does not know")
            self.report.origin = str(first["origin"])
            self.wanted.update(int(size) for size in first.get("checkpoints", []))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NotALedger("the file is not a ledger export") from None
        for line in rows:
            if line[:2] == b'["':
                self.entry(line.rstrip(b"\n"))
            elif line.strip():
                self.other(line)

    def entry(self, line: bytes) -> None:
        """One leaf: `["<hash>",<data>]`. The bytes of the data are hashed as they stand."""
        tree, report = self.tree, self.report
        data = line[68:-1]
        leaf = hashlib.sha256(b"\x00" + data).digest()
        tree.append(leaf)
        number = tree.size
        if line[2:66].decode("ascii", "replace") != leaf.hex():
            report.name(number, "its content is not that of its hash")
        if number in self.wanted:
            self.roots[number] = tree.root()
        try:
            said = json.loads(data)
            if said["seq"] != number:
                report.name(number, f"it says it is #{said['seq']}: an entry is missing, added or moved here")
            if said["sealed"] < self.sealed:
                report.name(number, "it was sealed before the one in front of it: the clock was turned back")
            self.sealed = said["sealed"]
            self.ids.add(said["uid"], number)
            if said["verb"] == ROTATE:
                named = said["key"]
                self.rotations.append((number, {name: str(named[name]) for name in ("old", "new", "by_old", "by_new")}))
            if self.last is not None:
                for label, row, digest in said.get("rows", ()):
                    self.last[label, row] = (number, digest)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            report.name(number, "it is not an entry as Eastwest writes it")

    def other(self, line: bytes) -> None:
        """The head or a checkpoint."""
        try:
            said = json.loads(line)
            if "head" in said:
                self.head = read_note(said["head"])
            elif "checkpoint" in said:
                self.inside.append(read_note(said["checkpoint"]))
            else:
                raise ValueError("unknown")
        except (ValueError, TypeError, RecursionError):
            self.report.name(None, "the export holds a line that is neither entry, seal nor checkpoint")

    def finish(self) -> Report:
        """What is wrong, all told."""
        report = self.report
        report.entries = self.tree.size
        for seq, before in self.ids.repeated():
            report.name(seq, f"it has the id of #{before}")
        keys = self.chain()
        self.judge_head(keys)
        matched: list[int] = [0]
        differs: list[int] = []
        unsigned = max(0, len(self.inside) - SIGNATURES)
        if unsigned:
            report.not_checked.append(f"the signatures of the {unsigned} oldest checkpoints in the export")
        asked = [(note, True, True) for note in self.given]
        asked += [(note, False, place >= unsigned) for place, note in enumerate(self.inside)]
        for note, given, signature in asked:
            verdict = self.judge(note, keys, given=given, signature=signature)
            if verdict is not None:
                (matched if verdict else differs).append(note.size)
        if differs:
            after = max((size for size in matched if size < min(differs)), default=0)
            report.name(None, f"what was changed first stands among #{after + 1} to #{min(differs)}")
        self.report.covered = max((note.size for note in self.given if note.size in matched), default=0)
        if not self.given:
            report.not_checked.append("no checkpoint from outside was given: whether the log was set back is not known")
        elif report.ok and report.entries > report.covered:
            report.not_checked.append(
                f"#{report.covered + 1} to #{report.entries} are newer than the checkpoint given: whether others were "
                "taken back is not known"
            )
        return report

    def chain(self) -> list[tuple[int, str]]:
        """Which key signs from which entry on: [(0, first), (41, second)…], once each names the next and is named."""
        if not self.rotations:
            return [(0, self.key)]
        found = [(0, self.rotations[0][1]["old"])]
        for number, said in self.rotations:
            try:
                text = rotation_text(self.report.origin, said["old"], said["new"])
                both = ((said["old"], said["by_old"]), (said["new"], said["by_new"]))
                good = all(self.holds(key, text, base64.b64decode(sign)) for key, sign in both)
            except (ValueError, NotALedger):
                good = False
            if not good or said["old"] != found[-1][1]:
                self.report.name(number, "the new key is not named by the old one and by itself")
            found.append((number, said["new"]))
        if not any(same_key(self.key, key) for _, key in found):
            self.report.name(None, "the key given is none of those this log was ever sealed with")
        return found

    def key_for(self, size: int, keys: list[tuple[int, str]]) -> str:
        """The key in force when the log had this many entries."""
        return [key for start, key in keys if start <= size][-1]

    def judge_head(self, keys: list[tuple[int, str]]) -> None:
        """The seal: over all entries, by the key in force, not older than the newest entry."""
        report, head = self.report, self.head
        if head is None:
            return report.name(None, "the export holds no seal")
        report.sealed_at = head.at
        if head.origin != report.origin:
            report.name(None, "the seal is that of another ledger")
        if head.size != self.tree.size:
            report.name(None, f"the seal is over {head.size} entries, and there are {self.tree.size}")
        elif head.root != self.tree.root():
            report.name(None, "the entries are not those that were sealed")
        if not self.signed(head, keys):
            report.name(None, "the seal is not signed by the ledger's key")
        if head.at < self.sealed:
            report.name(None, "the seal is older than the newest entry: the clock was turned back")
        return None

    def signed(self, note: Note, keys: list[tuple[int, str]]) -> bool:
        """Whether the key in force at its size signed it."""
        try:
            return signed_by(note, self.key_for(note.size, keys), self.holds)
        except NotALedger:
            return False

    def judge(self, note: Note, keys: list[tuple[int, str]], *, given: bool, signature: bool) -> bool | None:
        """One checkpoint: True when its entries are still those, False when not, None when it cannot say."""
        report, whose = self.report, "the checkpoint given" if given else "a checkpoint in the export"
        same = self.roots.get(note.size) == note.root
        problem = ""
        if note.origin != report.origin:
            problem = f"{whose} is that of another ledger: {note.origin}"
        elif (signature or not same) and not self.signed(note, keys):
            problem = f"{whose} of #{note.size} is not signed by the ledger's key"
        elif note.size > self.tree.size:
            problem = f"the log was cut: {whose} counts {note.size} entries, and there are {self.tree.size}"
        elif self.head is not None and given and note.at > self.head.at and note.size > self.head.size:
            problem = f"the seal is older than {whose}"
        elif not same:
            problem = f"the first {note.size} entries are not those of {whose}, signed at {note.at}"
        if problem:
            report.name(None, problem)
        else:
            return True
        return False if problem.startswith("the first") else None

    def compare(self, lines: Iterable[bytes]) -> None:
        """A state dump against what the log says last of each row. Only after `feed` with `last` set."""
        rows, last = iter(lines), dict(self.last or {})
        try:
            if json.loads(next(rows, b""))["format"] != STATE_FORMAT:
                raise NotALedger("the state dump is of a form this version does not know")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NotALedger("the file given as state is not a state dump") from None
        for line in rows:
            self.row(line, last)
        for (label, key), (seq, digest) in last.items():
            if digest:
                self.report.name(seq, f"{label} {key} is gone, and the ledger does not say so")

    def row(self, line: bytes, last: dict[tuple[str, int], tuple[int, str]]) -> None:
        """One row of the dump."""
        self.report.rows += 1
        try:
            said = json.loads(line)
            label, key, salt = str(said["label"]), int(said["key"]), str(said["salt"])
            plain = json.dumps([label, key, said["values"]], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        except (ValueError, KeyError, TypeError, RecursionError):
            return self.report.name(None, "the state dump holds a line that is no row")
        seq, digest = last.pop((label, key), (None, ""))
        if not digest:
            self.report.name(seq, f"{label} {key} was not written through Eastwest")
        elif hashlib.sha256(salt.encode() + plain.encode("utf-8", "surrogatepass")).hexdigest() != digest:
            self.report.name(seq, f"{label} {key} is not as the ledger left it")
        return None


def verify(
    export: Path, key: str, notes: list[Note], state: Path | None = None, holds: Holds = openssl_holds
) -> Report:
    """The whole check. `key`: PEM. Raises NotALedger; everything else that is wrong is in the report."""
    ledger = Ledger(key, notes, holds)
    if state is not None:
        ledger.last = {}
    try:
        with export.open("rb") as lines:
            ledger.feed(lines)
        if state is not None:
            with state.open("rb") as rows:
                ledger.compare(rows)
    except OSError as error:
        raise NotALedger(f"{error.filename}: {error.strerror}") from error
    if state is None:
        ledger.report.not_checked.append("whether the tables say what the log says: no state dump was given")
    return ledger.finish()


def check_files(export: str, key: str | None, checkpoints: list[str], state: str | None) -> Report:
    """The check of files named on a command line. Raises NotALedger."""
    if not key:
        raise NotALedger("a ledger is checked with --key, the public key you got by another way than the database")
    try:
        pem = Path(key).read_text("ascii")
        notes = [note for path in checkpoints for note in notes_of(Path(path).read_text("utf-8"))]
    except (OSError, ValueError) as error:
        raise NotALedger(f"{error}") from error
    return verify(Path(export), pem, notes, Path(state) if state else None)


def told(report: Report) -> str:
    """The report as lines for a person."""
    head = f"ledger {report.origin}: {'sound' if report.ok else 'NOT sound'}, {report.entries} entries"
    lines = [head + (f", #1 to #{report.covered} as the checkpoint given has them" if report.covered else "")]
    lines += [f"  {f'#{one.seq}' if one.seq else 'log'}: {one.problem}" for one in report.findings]
    lines += [f"  and {report.more} more"] if report.more else []
    return "\n".join(lines + [f"  not checked: {what}" for what in report.not_checked])


def arguments(parser: argparse.ArgumentParser) -> None:
    """What a ledger is checked with."""
    parser.add_argument("--key", help="the ledger's public key (PEM), got by another way than the database")
    parser.add_argument("--checkpoint", action="append", default=[], help="a file of checkpoints kept elsewhere")
    parser.add_argument("--state", help="a state dump made with the export: is every row as the ledger left it?")


def main(argv: list[str] | None = None) -> int:
    """The command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="verify_ledger.py", description="Checks a ledger export without a network.")
    parser.add_argument("export", help="the file made by ./run manage ledger --export")
    arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(argv)
    try:
        report = check_files(asked.export, asked.key, asked.checkpoint, asked.state)
    except NotALedger as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stdout.write((json.dumps(report.as_json()) if asked.json else told(report)) + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
