"""The text of a FortiOS configuration as a tree: `config` tables with their `edit` entries and `set` fields.

A saved configuration is a list of commands: an entry that is edited again is changed, `append` adds to a field, `move`
puts an entry elsewhere, and so all of them are carried out in order. Words stand in double quotes, in which a backslash
escapes the next sign and lines may end. With virtual domains the tables of each stand in `config vdom`, those of the
device in `config global`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evidence.formats.cursor import Line
from evidence.rules import FormatError

COMMANDS = frozenset(
    {"config", "edit", "set", "unset", "append", "unselect", "next", "end", "delete", "move", "clone", "purge"}
)
PROMPT = re.compile(r"(?P<host>[\w.-]{1,64})(?: \([^()]{1,80}\))? [#$](?: |$)(?P<rest>.*)")
PART = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|'(?![^']*')|\\.|[^\s"'\\])+)""", re.DOTALL)
INNER = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^"'\\]+|'""", re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
CLOSES = re.compile(r'(?:[^"\\]|\\.|\\$)*"')
PAGER = "--More--"
MOST_LOOKED_AT = 4 * 2**20  # characters, again at each line of a value that may end there; FortiOS holds 32 KiB in one
ROOT = "root"  # what a device without virtual domains calls its only one
ZERO = "0.0.0.0"  # noqa: S104 (the address that stands for none, and with a mask of its own for all)
DEEPEST = 32  # tables in one another
AGAIN = "Take the configuration again and give the whole output."
# A service is of one kind: what was said of another kind is forgotten
KIND_FIELDS = ("tcp-portrange", "udp-portrange", "udplite-portrange", "sctp-portrange", "icmptype", "icmpcode",
               "protocol-number")  # fmt: skip


@dataclass(slots=True)
class Field:
    """The words behind a key, and the line that said them last."""

    values: list[str]
    line: int


@dataclass(slots=True)
class Entry:
    """What stands between `edit` and `next`, or directly in a table. `again`: lines at which it is edited once more.

    `odd`: commands in it that nobody knows; `text`: its source.
    """

    name: str
    first: int
    last: int
    text: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)
    odd: list[Line] = field(default_factory=list)

    def words(self, key: str) -> list[str]:
        """The words of a field; none when it is not set."""
        held = self.fields.get(key)
        return held.values if held is not None else []

    def word(self, key: str, default: str = "") -> str:
        """The first word of a field."""
        return next(iter(self.words(key)), default)

    def rows(self, path: str) -> list[Entry]:
        """The entries of a table in it."""
        held = self.tables.get(path)
        return list(held.entries.values()) if held is not None else []


@dataclass(slots=True)
class Table:
    """`config PATH … end` of one virtual domain ("" = of the device). `own`: what is set in it without any entry."""

    path: str
    vdom: str
    own: Entry
    entries: dict[str, Entry] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tree:
    """A whole configuration. `loose`: lines that stand in no table; `around`: comments, prompts, empty lines."""

    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    vdoms: list[str] = field(default_factory=list)
    loose: list[Line] = field(default_factory=list)
    around: list[int] = field(default_factory=list)
    framed: list[int] = field(default_factory=list)  # `config vdom`, `edit NAME`, `end`

    def table(self, path: str, vdom: str) -> Table | None:
        """A table of a virtual domain, or of the device."""
        return self.tables.get((vdom, path))


@dataclass(slots=True)
class _Frame:
    """An open `config`: a table, or (without one) the frame around the tables of a domain or of the device."""

    table: Table | None
    entry: Entry | None = None
    top: Table | None = None  # whose lines these are
    is_vdoms: bool = False


def words_of(text: str) -> tuple[list[str], str]:
    """The words of a text, and what of it stands behind a quotation mark that is still open ("" = none is)."""
    if '"' not in text and "'" not in text and "\\" not in text:
        return text.split(), ""
    found: list[str] = []
    place = start = 0
    while (part := PART.match(text, place)) is not None:
        found.append(_plain(part[1]))
        start, place = part.start(), part.end()
    if not text[place:].strip():
        return found, ""
    if found and not text[place].isspace():  # the word before goes on behind the mark
        found.pop()
        place = start
    return found, text[place:]


def _plain(part: str) -> str:
    """A word without its quotation marks and escapes."""
    if '"' not in part and "'" not in part and "\\" not in part:
        return part
    return "".join(_piece(piece[0]) for piece in INNER.finditer(part))


def _piece(piece: str) -> str:
    if len(piece) > 1 and piece[0] == '"':
        return ESCAPED.sub(r"\1", piece[1:-1]) if "\\" in piece else piece[1:-1]
    if len(piece) > 1 and piece[0] == "'":
        return piece[1:-1]
    return piece[1:] if piece[0] == "\\" else piece


def clean(text: str) -> str:
    """A line without what a pager or a terminal left in it."""
    if "\r" in text or "\x08" in text or PAGER in text:
        text = text.rpartition("\r")[2].replace("\x08", "")
        text = text.replace(PAGER, "", 1)
    return text.strip()


class Reader:
    """Carries out the commands of one file."""

    def __init__(self, name: str, lines: Sequence[Line]) -> None:
        self.tree = Tree()
        self._name, self._lines = name, lines
        self._frames: list[_Frame] = []
        self._vdom = ""
        self._open: list[Line] = []  # lines whose quotation mark is not closed
        self._said: list[str] = []  # the words before it, and what stands behind it
        self._rest: list[str] = []
        self._looked_at = 0  # characters, for the value that is open
        for line in lines:
            self._line(line)
        if self._open:
            raise self._open_mark()
        if self._frames:
            raise FormatError(f"{name} is cut off", f"an `end` is missing after line {lines[-1].number}", AGAIN)

    def _open_mark(self) -> FormatError:
        return FormatError(
            f"{self._name} is cut off", f"a quotation mark is open after line {self._open[0].number}", AGAIN
        )

    def _line(self, line: Line) -> None:
        if self._open:
            self._open.append(line)
            self._rest.append(line.text)
            if '"' in line.text and CLOSES.match(line.text):
                self._joined()
            return
        text = clean(line.text)
        if not text or text[0] == "#":
            self.tree.around.append(line.number)
            return
        prompt = PROMPT.fullmatch(text) if " #" in text or " $" in text else None
        if prompt is not None and prompt["host"] not in COMMANDS:
            text = prompt["rest"].strip()
            if text.split(None, 1)[:1] == [] or text.split(None, 1)[0] not in COMMANDS:
                self.tree.around.append(line.number)
                return
        self._command(line, text)

    def _joined(self) -> None:
        """The lines of a value that ends here, or goes on with another one."""
        text = "\n".join(self._rest)
        self._looked_at += len(text)
        if self._looked_at > MOST_LOOKED_AT:
            raise self._open_mark()
        more, rest = words_of(text)
        self._said += more
        self._rest = [rest]
        if rest:
            return
        lines, self._open = self._open, []
        self._carry_out(lines[0], self._said)
        for line in lines[1:]:
            self._put(line.number, self.tree.around)

    def _command(self, line: Line, text: str) -> None:
        said, rest = words_of(text)
        if rest:
            self._open, self._said, self._rest, self._looked_at = [line], said, [rest], 0
            return
        self._carry_out(line, said)

    def _carry_out(self, line: Line, said: list[str]) -> None:
        do = DOES.get(said[0]) if said else None
        before = self._frames[-1] if self._frames else None
        if do is None or not do(self, line, said):
            self._odd(line)
            return
        frame = self._frames[-1] if said[0] == "config" and self._frames else before
        self._put(line.number, self.tree.framed, frame)

    def _put(self, number: int, elsewhere: list[int], frame: _Frame | None = None) -> None:
        frame = frame or (self._frames[-1] if self._frames else None)
        if frame is not None and frame.top is not None:
            frame.top.lines.append(number)
        else:
            elsewhere.append(number)

    def _odd(self, line: Line) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.table is None or frame.top is None:
            self.tree.loose.append(line)
            return
        frame.top.lines.append(line.number)
        (frame.entry or frame.table.own).odd.append(line)

    def _config(self, line: Line, said: list[str]) -> bool:
        path = " ".join(said[1:])
        if not path or len(self._frames) >= DEEPEST:
            return False
        outer = self._frames[-1] if self._frames else None
        if outer is None and path in {"vdom", "global"}:
            self._frames.append(_Frame(None, is_vdoms=path == "vdom"))
        elif outer is None or outer.table is None:
            table = self.tree.tables.get((self._vdom, path))
            if table is None:
                table = Table(path, self._vdom, Entry("", line.number, line.number, line.text.strip()))
                self.tree.tables[self._vdom, path] = table
            self._frames.append(_Frame(table, top=table))
        else:
            holder = outer.entry or outer.table.own
            table = holder.tables.get(path)
            if table is None:
                table = Table(path, self._vdom, Entry("", line.number, line.number, line.text.strip()))
                holder.tables[path] = table
            self._frames.append(_Frame(table, top=outer.top))
        return True

    def _edit(self, line: Line, said: list[str]) -> bool:
        frame = self._frames[-1] if self._frames else None
        if frame is None or len(said) != 2:
            return False
        name = said[1]
        if frame.table is None:
            if not frame.is_vdoms:
                return False
            self._vdom = name
            if name not in self.tree.vdoms:
                self.tree.vdoms.append(name)
            return True
        self._close(frame, line.number - 1)
        held = frame.table.entries.get(name)
        if held is not None and name == "0":  # the next free number
            name, held = f"0 of line {line.number}", None
        if held is None:
            held = frame.table.entries[name] = Entry(name, line.number, line.number)
        else:
            held.again.append(line.number)
        frame.entry = held
        return True

    def _set(self, line: Line, said: list[str]) -> bool:
        holder = self._holder()
        if holder is None or len(said) < 2:
            return False
        key, values = said[1], said[2:]
        held = holder.fields.get(key)
        if key == "protocol" and held is not None and held.values != values:
            for other in KIND_FIELDS:
                holder.fields.pop(other, None)
        holder.fields[key] = Field(values, line.number)
        return True

    def _append(self, line: Line, said: list[str]) -> bool:
        holder = self._holder()
        if holder is None or len(said) < 3:
            return False
        held = holder.fields.setdefault(said[1], Field([], line.number))
        held.values = [*held.values, *said[2:]]
        return True

    def _unset(self, line: Line, said: list[str]) -> bool:
        holder = self._holder()
        if holder is None or len(said) != 2:
            return False
        holder.fields.pop(said[1], None)
        if said[1] == "icmptype":
            holder.fields.pop("icmpcode", None)
        return True

    def _unselect(self, line: Line, said: list[str]) -> bool:
        holder = self._holder()
        if holder is None or len(said) < 3 or said[1] not in holder.fields:
            return False
        held = holder.fields[said[1]]
        held.values = [value for value in held.values if value not in said[2:]]
        return True

    def _next(self, line: Line, said: list[str]) -> bool:
        frame = self._frames[-1] if self._frames else None
        if frame is None or len(said) != 1:
            return False
        if frame.table is None:
            self._vdom = ""
            return frame.is_vdoms
        if frame.entry is None:
            return False
        self._close(frame, line.number)
        return True

    def _end(self, line: Line, said: list[str]) -> bool:
        if not self._frames or len(said) != 1:
            return False
        frame = self._frames.pop()
        if frame.table is None:
            self._vdom = ""
        else:
            self._close(frame, line.number)
        return True

    def _delete(self, line: Line, said: list[str]) -> bool:
        table = self._between()
        return table is not None and len(said) == 2 and table.entries.pop(said[1], None) is not None

    def _purge(self, line: Line, said: list[str]) -> bool:
        table = self._between()
        if table is None:
            return False
        table.entries.clear()
        return True

    def _clone(self, line: Line, said: list[str]) -> bool:
        table = self._between()
        if table is None or len(said) != 4 or said[2] != "to" or said[1] not in table.entries:
            return False
        old = table.entries[said[1]]
        fields = {key: Field(list(held.values), held.line) for key, held in old.fields.items()}
        made = Entry(said[3], line.number, line.number, line.text.strip(), fields, dict(old.tables))
        if said[3] in table.entries:
            return False
        table.entries[said[3]] = made
        return True

    def _move(self, line: Line, said: list[str]) -> bool:
        table = self._between()
        if table is None or len(said) != 4 or said[2] not in {"before", "after"} or said[1] == said[3]:
            return False
        if said[1] not in table.entries or said[3] not in table.entries:
            return False
        names = [name for name in table.entries if name != said[1]]
        names.insert(names.index(said[3]) + (said[2] == "after"), said[1])
        held = dict(table.entries)
        table.entries.clear()
        table.entries.update((name, held[name]) for name in names)
        return True

    def _holder(self) -> Entry | None:
        frame = self._frames[-1] if self._frames else None
        return None if frame is None or frame.table is None else frame.entry or frame.table.own

    def _between(self) -> Table | None:
        """The open table, where no entry of it is open."""
        frame = self._frames[-1] if self._frames else None
        return None if frame is None or frame.entry is not None else frame.table

    def _close(self, frame: _Frame, last: int) -> None:
        entry = frame.entry
        if entry is None:
            return
        start = entry.again[-1] if entry.again else entry.first
        said = "\n".join(line.text.strip() for line in self._lines[start - 1 : last])
        entry.text = f"{entry.text}\n{said}" if entry.text else said
        entry.last = max(entry.last, last)
        frame.entry = None


Does = Callable[[Reader, Line, list[str]], bool]
DOES: dict[str, Does] = {
    "config": Reader._config,
    "edit": Reader._edit,
    "set": Reader._set,
    "append": Reader._append,
    "unset": Reader._unset,
    "unselect": Reader._unselect,
    "next": Reader._next,
    "end": Reader._end,
    "delete": Reader._delete,
    "purge": Reader._purge,
    "clone": Reader._clone,
    "move": Reader._move,
}
