"""What a format module must keep, tried on files: `python -m evidence.contract MODULE FILE…` (docs/own-format.md).

One line for each promise; exit 0 where all are kept, 1 where one is not, 2 where the module or a file cannot be taken.
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from compliance.traffic.boxes import FAMILIES, FULL, Box, box_of, contains
from evidence import reading_json
from evidence.formats.cursor import lines_of
from evidence.formats.evaluate import Evaluator
from evidence.formats.joined import RAISED
from evidence.formats.table import FORMATS, HEAD, SURE
from evidence.rules import Action, Artefact, FormatError, Reading

CUTS: Final = 60  # places at which each file is cut short
STRANGE: Final = (b"", b"\n\n", b"\xff\xfe\x00", b"{}", b"<a/>", b"# nothing\n", b"-" * 5000)
LEADS: Final = frozenset({Action.JUMP, Action.GOTO})
Promise = Callable[[Any, Sequence[Artefact]], Iterator[str]]


def knows_itself(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """sniff gives a number from 0 to 1: at least a half for its own files, less for strange ones"""
    for file in files:
        said = module.sniff(file.content[:HEAD], file.name)
        if not (isinstance(said, float) and SURE <= said <= 1):
            yield f"sniff says {said!r} of {file.name}"
        better = [one.NAME for one in FORMATS if one.sniff(file.content[:HEAD], file.name) >= said]
        if better:
            yield f"{file.name} is taken by {', '.join(better)}"
    for content in STRANGE:
        said = module.sniff(content, "strange")
        if not (isinstance(said, float) and 0 <= said < SURE):
            yield f"sniff says {said!r} of {content[:20]!r}"


def counts_every_line(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """each line of each file is consumed, ignored or unread, and what is unread is named"""
    for file in files:
        reading = module.read([file])
        held, lines = reading.lines.get(file.name), len(lines_of(file))
        if held is None or held.total != lines:
            yield f"{file.name} has {lines} lines, and {held.total if held else 'none'} are accounted for"
        elif bool(held.unread) != bool(reading.unread):
            yield f"{file.name} has {held.unread} unread lines, and {len(reading.unread)} are named"


def hangs_together(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """points name chains, rules lead to chains, ids are one rule's, boxes lie in their family"""
    for file in files:
        reading: Reading = module.read([file])
        if reading.format != module.NAME:
            yield f"the reading of {file.name} says it is of the format {reading.format!r}"
        chains = {chain.name for chain in reading.chains}
        for point in reading.points:
            gone = (name for name in point.stages if name not in chains)
            yield from (f"{point.name} names {name}, which is no chain" for name in gone)
        for chain in reading.chains:
            texts = {(rule.id, rule.origin.first) for rule in chain.rules}
            again = [name for name, times in Counter(name for name, _ in texts).items() if times > 1]
            yield from (f"{name} is the id of rules in several lines" for name in again)
            for rule in chain.rules:
                if rule.action in LEADS and rule.target not in chains:
                    yield f"{rule.id} leads to {rule.target!r}, which is no chain"
                if not all(contains(FULL[rule.family], box) and _is_box(box) for box in rule.boxes):
                    yield f"{rule.id} has a box outside IPv{rule.family}"


def _is_box(box: Box) -> bool:
    return all(box[at] <= box[at + 1] for at in range(0, 10, 2))


def survives_storage(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """a reading is the same after it was stored"""
    for file in files:
        reading = module.read([file])
        if reading_json.load(reading_json.dump(reading)) != reading:
            yield f"the reading of {file.name} is another one after it was stored"


def answers(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """every packet is permitted, denied or unproven at every point, and the reason is said"""
    for file in files:
        reading = module.read([file])
        for point in reading.points:
            for family in FAMILIES if point.model == "first-match" else ():
                for port in (22, 443):
                    box = box_of(family, src=(1, 1), dst=(2, 2), proto=6, sport=40000, dport=port)
                    for piece in Evaluator(reading, point).pieces(family, box):
                        if not (piece.rule or piece.because):
                            yield f"{point.name} of {file.name} gives no reason for {piece.decision}"


def refuses_cleanly(module: Any, files: Sequence[Artefact]) -> Iterator[str]:
    """a file that is cut short is read in part or refused with a FormatError, and nothing else is raised"""
    for file in files:
        size = len(file.content)
        cuts = {size * step // CUTS for step in range(CUTS)}
        for content in (*(file.content[:at] for at in sorted(cuts)), *STRANGE):
            try:
                module.read([Artefact(file.name, content)])
            except FormatError:
                continue
            except RAISED as error:
                yield f"{file.name} cut at {len(content)} raises {type(error).__name__}: {error}"
                break


PROMISES: Final[tuple[Promise, ...]] = (
    knows_itself, counts_every_line, hangs_together, survives_storage, answers, refuses_cleanly,
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Tries each promise on all files; gives the exit status."""
    if len(words) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(words[0])
        files = [Artefact(Path(path).name, Path(path).read_bytes()) for path in words[1:]]
    except (ImportError, OSError) as error:
        print(f"{words[0]}: {error}", file=sys.stderr)
        return 2
    failed = 0
    for promise in PROMISES:
        try:
            broken = list(promise(module, files))
        except RAISED as error:
            broken = [f"{type(error).__name__}: {error}"]
        failed += bool(broken)
        print(f"{'kept  ' if not broken else 'BROKEN'} {promise.__doc__}")
        for sentence in broken[:5]:
            print(f"       {sentence}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
