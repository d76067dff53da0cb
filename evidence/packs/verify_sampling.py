#!/usr/bin/env python3
"""Draws a sample, and says whether one was drawn as its seed has it: python3 verify_sampling.py SAMPLE.json [--json]

Python 3.8 or later and nothing else. The rule is this, and whoever has the ids and the seed gets the same rows on any
machine: the rank of a row is SHA-256 over the seed, one zero byte and the row's id, all in UTF-8, written as 64 hex
digits; the sample is the rows with the smallest ranks, the smallest first. Two rows of one id are one row.
Exit status: 0 drawn as it says, 1 not, 2 no sample at all.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MEMBER, FORMAT = "sampling.json", "eastwest-sampling/1"
RULE = "SHA-256 of seed, zero byte and id, in hex; the smallest ranks, smallest first"


class NotASample(Exception):
    """The file is no sample of this form; the text says why."""


def rank(seed: str, key: str) -> str:
    """The rank of a row's id under a seed: 64 hex digits."""
    return hashlib.sha256(seed.encode("utf-8") + b"\0" + key.encode("utf-8")).hexdigest()


def draw(ids: Iterable[str], seed: str, size: int) -> list[str]:
    """The ids that the seed chooses, at most `size`, the smallest rank first."""
    return sorted(set(ids), key=lambda key: (rank(seed, key), key))[: max(0, size)]


def digest(ids: Iterable[str]) -> str:
    """What a population is known by: SHA-256 over its ids in order, each with a line end."""
    return hashlib.sha256("".join(f"{key}\n" for key in sorted(set(ids))).encode("utf-8")).hexdigest()


def wrong_with(document: Mapping[str, Any], listed: Callable[[str], list[str] | None]) -> list[str]:
    """What is wrong with the samples of a document, in sentences; [] when each row was drawn as the seed has it.

    `listed` gives the ids of a list of the pack by its path, None where there is none: then the ids that the document
    itself holds are taken. Raises NotASample for a document of another form.
    """
    try:
        if document["format"] != FORMAT or document["rule"] != RULE:
            raise NotASample("it is of a form this version does not know")
        return [problem for one in document["samples"] for problem in wrong_in(one, listed)]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotASample(f"it is of a form this version does not know: {error}") from error


def wrong_in(sample: Mapping[str, Any], listed: Callable[[str], list[str] | None]) -> list[str]:
    """What is wrong with one sample."""
    name, seed, size = str(sample["population"]), str(sample["seed"]), int(sample["size"])
    own = sample.get("ids")
    held = listed(str(sample["list"]))
    ids = own if held is None else held
    if ids is None:
        return [f"{name}: {sample['list']} is not there, so nothing shows what was drawn from"]
    found = []
    if own is not None and held is not None and set(own) != set(held):
        found.append(f"{name}: its ids are not those of {sample['list']}")
    if digest(ids) != sample["population_sha256"] or len(set(ids)) != sample["population_size"]:
        found.append(f"{name}: what it was drawn from is not what {sample['list']} lists")
    chosen = draw(ids, seed, size)
    drawn = [(str(row["id"]), str(row["rank"])) for row in sample["rows"]]
    if drawn != [(key, rank(seed, key)) for key in chosen]:
        others = sorted({key for key, _ in drawn} - set(chosen)) or sorted(set(chosen) - {key for key, _ in drawn})
        named = f": {', '.join(others[:5])}" if others else ", or their order or rank"
        found.append(f"{name}: the seed “{seed}” chooses other rows{named}")
    return found


def column(content: bytes, name: str = "id") -> list[str]:
    """One column of a list of the pack."""
    return [row.get(name) or "" for row in csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))]


def check_pack(report: Any, names: Sequence[str], read: Callable[[str], bytes]) -> None:
    """Adds to a pack's report (verify.py) what is wrong with its samples; they are drawn again from the lists."""
    if MEMBER not in names:
        report.not_checked.append("samples: the pack holds none")
        return
    if MEMBER in report.members:
        return  # named already

    def listed(path: str) -> list[str] | None:
        return column(read(path)) if path in names and path not in report.members else None

    try:
        for problem in wrong_with(json.loads(read(MEMBER)), listed):
            report.name(MEMBER, problem)
    except (NotASample, ValueError, RecursionError) as error:
        report.name(MEMBER, f"cannot be read: {error}")


def main(argv: list[str] | None = None) -> int:
    """The command, for a sample that was taken from the page; gives the exit status."""
    parser = argparse.ArgumentParser(prog="verify_sampling.py", description="Draws a sample again from its seed.")
    parser.add_argument("sample", help="sampling.json of a pack, beside its data/, or the JSON taken from the page")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(argv)
    try:
        wrong, said = check_file(asked.sample)
    except NotASample as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stdout.write((json.dumps({"ok": not wrong, "problems": wrong}) if asked.json else said) + "\n")
    return 1 if wrong else 0


def check_file(path: str) -> tuple[list[str], str]:
    """What is wrong with the sample in a file, and the same as lines for a person. Raises NotASample."""
    try:
        document = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise NotASample(f"{path} is no sample: {error}") from error

    def beside(name: str) -> list[str] | None:
        place = Path(path).parent / "data" / Path(name).name
        return column(place.read_bytes()) if place.is_file() else None

    wrong = wrong_with(document, beside)
    drawn = [f"  {one['population']}: {len(one['rows'])} of {one['population_size']}, seed “{one['seed']}”"
             for one in document["samples"]]  # fmt: skip
    head = f"{path}: {'NOT drawn as it says' if wrong else 'drawn as it says'}"
    return wrong, "\n".join([head, *(f"  {problem}" for problem in wrong), *drawn])


if __name__ == "__main__":
    sys.exit(main())
