"""File shares in the language both the register and the evidence speak, and where a statement stands in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compliance.traffic.boxes import Box


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule stands: artefact digest or name, file name, first and last line (from 1), its text."""

    artefact: str
    name: str
    first: int
    last: int
    text: str
    uid: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Residue:
    """A part of a rule that we could not model. It makes the rule's effect possible, never certain."""

    what: Literal["match", "action", "object", "nat"]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Share:
    """A file share as exported or as authorised. `clients`: boxes (source side) or names as written."""

    server: str
    path: str
    protocol: Literal["nfs", "smb"]
    clients: tuple[Box | str, ...]
    access: Literal["ro", "rw"]
    security: str
    squash: str
    users: tuple[str, ...]
    residue: tuple[Residue, ...]
    origin: Origin
