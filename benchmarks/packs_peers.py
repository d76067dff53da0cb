"""Other programs that set tables on pages, on the same rows: typst (https://typst.app) and reportlab.

Neither makes a tagged PDF/A of it, so they say how far one could go, not what would do.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Rows = Sequence[Sequence[str]]


def measured(work: Callable[[Sequence[str], Rows], bytes], heads: Sequence[str], rows: Rows) -> float | str:
    """Processor seconds of one peer, or that it is not installed here."""
    started = time.process_time()
    try:
        made = work(heads, rows)
    except ImportError as missing:
        return f"not installed ({missing.name})"
    if not made.startswith(b"%PDF-"):
        return "made no PDF"
    return round(time.process_time() - started, 2)


def typst(heads: Sequence[str], rows: Rows) -> bytes:
    """The table by typst."""
    import typst as program

    def cell(value: str) -> str:
        said = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{said}"'

    cells = ",".join(cell(value) for row in (heads, *rows) for value in row)
    source = f'#set page(paper: "a4", margin: 20mm)\n#set text(size: 7.2pt)\n#table(columns: {len(heads)}, {cells})'
    made: Any = program.compile(source.encode())
    return bytes(made)


def reportlab(heads: Sequence[str], rows: Rows) -> bytes:
    """The table by reportlab."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["BodyText"]
    style.fontSize, style.leading = 7.2, 10
    out = io.BytesIO()
    page = SimpleDocTemplate(out, pagesize=A4)
    table = [[Paragraph(value, style) for value in row] for row in (heads, *rows)]
    page.build([LongTable(table, repeatRows=1, colWidths=[page.width / len(heads)] * len(heads))])
    return out.getvalue()


PEERS: Final[Mapping[str, Callable[[Sequence[str], Rows], bytes]]] = {"typst": typst, "reportlab": reportlab}
