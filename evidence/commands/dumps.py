"""Files given on the command line: read with care, each by its own format, and joined as one host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.commands.answer import Refusal
from evidence.formats.cursor import FILE_CAP
from evidence.host import read_host
from evidence.rules import Artefact, FormatError, Reading


def artefact(path: str) -> Artefact:
    """The bytes of a file under the name it was given. Raises Refusal."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_CAP + 1)
    except OSError as wrong:
        raise Refusal(f"{path} cannot be read: {wrong.strerror}.") from wrong
    if len(content) > FILE_CAP:
        raise Refusal(f"{path} is too large: the limit is {FILE_CAP // 2**20} MiB. Give the plain configuration alone.")
    return Artefact(path, content)


def reading_of(paths: Sequence[str]) -> Reading:
    """All files as the one host they come from. Raises Refusal on the first that cannot be read."""
    if len(set(paths)) != len(paths):
        raise Refusal("A file is given twice. Give each dump once.")
    try:
        return read_host([artefact(path) for path in paths])
    except FormatError as wrong:
        raise Refusal(str(wrong)) from wrong
