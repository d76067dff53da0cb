"""Every flow log this version reads, which of them a file is, and the way of one file from its bytes to its days."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from evidence.flowlogs import aws_parquet, aws_vpc, azure, conntrack_list, netfilter_log, nfdump, zeek
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rollup import roll_up
from evidence.flowlogs.shapes import FlowFormat, Plain, Rolled
from evidence.flowlogs.unpacked import by_lines, unpack
from evidence.rules import FormatError

FLOW_FORMATS: Final[tuple[FlowFormat, ...]] = (
    aws_vpc, aws_parquet, nfdump, azure, zeek, conntrack_list, netfilter_log,
)  # fmt: skip
HEAD: Final = 64 * 1024
SURE: Final = 0.5


def detect(plain: Plain) -> FlowFormat:
    """The format of an unpacked file, by its beginning and its name. Raises FormatError that says what can be given."""
    with plain.path.open("rb") as source:
        head = source.read(HEAD)
    best, found = max(((one.sniff(head, plain.name), one) for one in FLOW_FORMATS), key=lambda pair: pair[0])
    if best >= SURE:
        return found
    if not head.strip():
        why = plain.cut or "it is empty, which no flow log is: one that saw nothing has a header"
        raise FormatError(f"{plain.name} holds no flows", why, "Look whether the log still runs.")
    names = ", ".join(one.NAME for one in FLOW_FORMATS)
    raise FormatError(f"{plain.name} is not read", "it is like none of the flow logs known", f"Known are {names}.")


def read_file(engine: Engine, source: Path, into: Path, *, name: str = "", received: int | None = None) -> Rolled:
    """One file as it came, rolled up into days. Raises FormatError; then nothing of it is used."""
    work = engine.folder / "plain"
    try:
        plain = unpack(source, work, name=name)
        plain = replace(plain, received=received)
        format_ = detect(plain)
        return roll_up(engine, format_, by_lines(plain) if format_.BY_LINES else plain, into, received=received)
    finally:
        work.unlink(missing_ok=True)
