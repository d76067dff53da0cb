"""What the readers of flow logs hand to the engine, and what comes of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from evidence.flowlogs.engine import Engine
from evidence.rules import Lines, Unread

WORD: Final = 8  # bytes that a processor takes at once
MOST_NAMED: Final = 1000  # unread lines of one file that are named; all of them are counted

REJECTED, ACCEPTED = 0, 1  # the kind of a record that shows traffic

# One record in the one language of all formats, in this order. An empty text is "the log does not say".
# hint: 1 = the source began it, -1 = the destination did, 0 = the record does not tell.
# other: the initiator's port, or the ICMP type (port: its code). status: OK, NODATA or SKIPDATA.
COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("sensor", "VARCHAR"), ("src", "VARCHAR"), ("dst", "VARCHAR"), ("sport", "USMALLINT"), ("dport", "USMALLINT"),
    ("proto", "UTINYINT"), ("packets", "UBIGINT"), ("bytes", "UBIGINT"), ("first", "UINTEGER"), ("last", "UINTEGER"),
    ("action", "VARCHAR"), ("status", "VARCHAR"), ("hint", "TINYINT"), ("hidden", "BOOLEAN"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plain:
    """A file as plain bytes on disk, or as it was while it was read. `cut`: why it is not whole ("" = it is); `ended`:
    its last line has an end."""

    name: str
    path: Path
    sha256: str
    lines: int
    cut: str
    tail: str = ""  # the last line, where it had no end
    ended: bool = True
    received: int | None = None  # when it came, in seconds since 1970


class Field(NamedTuple):
    """One field of a line. A text of `words` (eight bytes each), a whole number up to `top`, or one of `codes`; a field
    that is none of these is passed over."""

    name: str = ""
    words: int = 0
    top: int = 0
    codes: dict[bytes, int] = {}


@dataclass(frozen=True, slots=True)
class Table:
    """Where the engine finds records: a relation in SQL that gives COLUMNS, and what was said about the lines.

    `header`: lines that are not records. `unknown`: columns the format does not know, which are named and not read.
    `icmp`: whether the log has the types of ICMP; without, its ports of 0 say nothing.
    """

    sql: str
    header: int
    unknown: tuple[str, ...] = ()
    icmp: bool = True


class Columns(NamedTuple):
    """How lines can be taken apart by the column (evidence.flowlogs.fields), which is cheaper than by the engine.

    `header`: lines before the records. `sql`: the records in the relation `batch`, COLUMNS but for the texts, which are
    words (sensor0 to sensor2, src0, src1, dst0, dst1), and `kind` for action and status. `table`: the engine's own way
    to a file of lines that are written otherwise.
    """

    fields: tuple[Field, ...]
    header: int
    sql: str
    table: Callable[[Path], Table]


GapKind = Literal["nodata", "skipdata", "cut", "unread", "aside", "clock", "sampling", "missing", "hidden"]


@dataclass(frozen=True, slots=True)
class Gap:
    """What a log does not show, and why. `sensor` "" = all of the file's; hours since 1970, both included."""

    kind: GapKind
    sensor: str
    first_hour: int
    last_hour: int
    records: int
    because: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """The same, after every line was looked at by itself: only what is whole goes to the engine.

    `total`: how many records there are to account for, where they are no lines (JSON, XML); None: the file's lines.
    """

    tables: tuple[Table, ...]
    ignored: int
    failed: int
    unread: tuple[Unread, ...]
    total: int | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Rolled:
    """One file, rolled up. `days`: day (since 1970) -> its Parquet. `alike`: equal for equal records in any order."""

    format: str
    name: str
    sha256: str
    lines: Lines
    unread: tuple[Unread, ...]
    unknown: tuple[str, ...]
    gaps: tuple[Gap, ...]
    days: dict[int, Path] = field(default_factory=dict)
    records: int = 0
    alike: str = ""


class FlowFormat(Protocol):
    """A kind of flow log. `sniff`: 0..1; `table`: the quick way, None when lines must be looked at one by one.

    `BY_LINES`: what its account counts; else it counts objects, as JSON stands on as many lines as its tool likes.
    """

    @property
    def NAME(self) -> str: ...

    @property
    def BY_LINES(self) -> bool: ...

    def sniff(self, head: bytes, name: str) -> float: ...

    def table(self, plain: Plain, engine: Engine) -> Table | None: ...

    def sift(self, plain: Plain, engine: Engine, into: Path) -> Sifted: ...


@dataclass
class Naming:
    """Collects the lines nobody understood: all are counted, the first thousand named."""

    name: str
    failed: int = 0
    unread: list[Unread] = field(default_factory=list)

    def fail(self, line: int, text: str, reason: str) -> None:
        """One more of them."""
        self.failed += 1
        if len(self.unread) < MOST_NAMED:
            self.unread.append(Unread(self.name, line, text[:500], reason, ""))


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a plain file from 1, without their ends; bytes that are no UTF-8 become U+FFFD."""
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            yield number, line.rstrip(b"\r\n").decode("utf-8", "replace")
