"""The register as a YAML file: read with care, written so that it reads back the same."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from compliance.register import RegisterError, Wanted, wanted

LARGEST = 32 * 1024 * 1024  # bytes; 10,000 connections take about 3 MB
MOST_NODES = 2_000_000
DEEPEST = 12

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _StrictLoader(_Loader):  # type: ignore[misc, valid-type]
    """The safe loader, and a key that stands twice is refused: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str) or key.value in seen:
                raise RegisterError([f"{_place(key)}: key {key.value!r} stands twice or is no text"])
            seen.add(key.value)
        made: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return made


class _PlainDumper(_Dumper):  # type: ignore[misc, valid-type]
    """The safe dumper without aliases, which the reader refuses."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def read_text(content: str | bytes) -> dict[str, Any]:
    """The register of a YAML text: a mapping of plain values. Raises RegisterError with what is wrong and where.

    Aliases, anchors, tags of other types, more than one document, keys that stand twice and oversized or
    over-nested files are refused.
    """
    if len(content) > LARGEST:
        raise RegisterError([f"the file is larger than {LARGEST // 2**20} MB"])
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        _look_over(text)
        loaded = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (built on the safe loader)
    except UnicodeDecodeError as wrong:
        raise RegisterError([f"the file is not UTF-8 text (byte {wrong.start})"]) from wrong
    except yaml.YAMLError as wrong:
        raise RegisterError([f"the file is not YAML: {_one_line(wrong)}"]) from wrong
    except (ValueError, OverflowError) as wrong:
        if isinstance(wrong, RegisterError):
            raise
        raise RegisterError([f"a value cannot be read: {wrong}"]) from wrong
    if not isinstance(loaded, dict):
        raise RegisterError(["the file is not a register: it must have servers, connections or shares at its top"])
    return loaded


def lines_of(content: str | bytes) -> dict[tuple[str, int], int]:
    """(part, number of the row from 1) -> the line where it begins, of a text that read_text took."""
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    top = yaml.compose(text, Loader=_Loader)
    found: dict[tuple[str, int], int] = {}
    for key, rows in top.value if isinstance(top, yaml.MappingNode) else ():
        if isinstance(rows, yaml.SequenceNode):
            found.update({(key.value, n): one.start_mark.line + 1 for n, one in enumerate(rows.value, 1)})
    return found


def _look_over(text: str) -> None:
    """Before anything is built: count nodes and depth, refuse aliases."""
    nodes = depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RegisterError([f"{_place(event)}: anchors and aliases (& and *) are not accepted"])
        documents += isinstance(event, yaml.DocumentStartEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if nodes > MOST_NODES:
            raise RegisterError([f"the file has more than {MOST_NODES:,} values"])
        if depth > DEEPEST:
            raise RegisterError([f"{_place(event)}: nested deeper than {DEEPEST} levels"])
    if documents > 1:
        raise RegisterError([f"the file holds {documents} documents; a register is one"])


def _place(node: yaml.Event | yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}" if node.start_mark else "somewhere"


def _one_line(wrong: yaml.YAMLError) -> str:
    mark = getattr(wrong, "problem_mark", None)
    place = f" (line {mark.line + 1})" if mark is not None else ""
    return f"{getattr(wrong, 'problem', None) or str(wrong).splitlines()[0]}{place}"


def write_text(register: Mapping[str, Any]) -> str:
    """The register as YAML in its own order; read_text gives the same values back."""
    text: str = yaml.dump(dict(register), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def read_file(path: Path) -> dict[str, Any]:
    """read_text of a file. Raises RegisterError, also when the file cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as wrong:
        raise RegisterError([f"{path}: {wrong.strerror}"]) from wrong
    return read_text(content)


def wanted_of(path: Path) -> Wanted:
    """What a register file authorises today. Raises RegisterError."""
    return wanted(read_file(path))
