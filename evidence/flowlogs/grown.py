"""Whether one version of a file holds all of another: files that grow are fetched more than once.

An append blob, a log that is still written, one that was renamed meanwhile: the later version begins where the earlier
did. It holds it when each row of the earlier stands in it as well, begun in the same second and counting no less.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evidence.flowlogs.engine import Engine, quoted

LEFT: Final = """
SELECT count(*), count(*) FILTER (NOT EXISTS (
  SELECT 1 FROM read_parquet([{later}]) l
  WHERE l.sensor IS NOT DISTINCT FROM e.sensor AND l.family = e.family AND l.src_hi = e.src_hi AND l.src_lo = e.src_lo
    AND l.dst_hi = e.dst_hi AND l.dst_lo = e.dst_lo AND l.proto = e.proto AND l.port IS NOT DISTINCT FROM e.port
    AND l.other IS NOT DISTINCT FROM e.other AND l.sure = e.sure AND l.accepted = e.accepted AND l.hour = e.hour
    AND l.first = e.first AND l.last >= e.last AND l.flows >= e.flows AND l.packets >= e.packets
    AND l.bytes >= e.bytes))
FROM read_parquet([{earlier}]) e
"""


def holds_all(engine: Engine, later: Sequence[Path], earlier: Sequence[Path]) -> bool:
    """Whether the rolled-up days `later` hold all rows of `earlier`. Of no rows at all nothing is said: False."""
    if not later or not earlier:
        return False
    named = {key: ", ".join(quoted(one) for one in paths) for key, paths in (("later", later), ("earlier", earlier))}
    ((rows, left),) = engine.rows(LEFT.format(**named))
    return bool(rows) and not left
