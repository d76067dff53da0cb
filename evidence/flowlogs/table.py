"""Every flow log this version reads, which of them a file is, and the way of one file from its bytes to its days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from evidence.flowlogs import aws_parquet, aws_vpc, azure, conntrack_list, firewall_log, netfilter_log, nfdump, zeek
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rollup import roll_up
from evidence.flowlogs.shapes import Columns, FlowFormat, Rolled
from evidence.flowlogs.unpacked import Packed
from evidence.rules import FormatError

FLOW_FORMATS: Final[tuple[FlowFormat, ...]] = (
    aws_vpc, aws_parquet, nfdump, azure, zeek, conntrack_list, netfilter_log, firewall_log,
)  # fmt: skip
# Those whose lines can be taken apart by the column: the beginning of a file and its name -> how, or None.
BY_COLUMNS: Final[dict[str, Callable[[bytes, str], Columns | None]]] = {aws_vpc.NAME: aws_vpc.columns}
HEAD: Final = 64 * 1024
SURE: Final = 0.5


def detect(head: bytes, packed: Packed) -> FlowFormat:
    """The format of a file, by its first plain bytes and its name. Raises FormatError that says what can be given."""
    best, found = max(((one.sniff(head, packed.name), one) for one in FLOW_FORMATS), key=lambda pair: pair[0])
    if best >= SURE:
        return found
    if not head.strip():
        why = packed.cut or "it is empty, which no flow log is: one that saw nothing has a header"
        raise FormatError(f"{packed.name} holds no flows", why, "Look whether the log still runs.")
    names = ", ".join(one.NAME for one in FLOW_FORMATS)
    raise FormatError(f"{packed.name} is not read", "it is like none of the flow logs known", f"Known are {names}.")


def read_file(engine: Engine, source: Path, into: Path, *, name: str = "", received: int | None = None) -> Rolled:
    """One file as it came, rolled up into days. Raises FormatError; then nothing of it is used."""
    packed = Packed(source, name=name)
    head = packed.head(HEAD)
    format_ = detect(head, packed)
    by_columns = BY_COLUMNS.get(format_.NAME)
    columns = by_columns(head, packed.name) if by_columns else None
    return roll_up(engine, format_, packed, into, columns=columns, received=received)
