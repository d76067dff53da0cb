"""A month's flow logs of any size, the same on every machine, and a register that authorises half of what they show.

20,000 pairs of which a few are busy and most are quiet, calls and answers apart as AWS writes them, client ports all
over the ephemeral range, three in a hundred rejected. Arithmetic only: no random numbers, no hash of any library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from compliance.register import Entry
from compliance.traffic.boxes import box_of

PAIRS: Final = 20_000
SERVICES: Final = (443, 5432, 8443, 3306, 53, 9092, 22, 514)
START: Final = 1_790_812_800  # 1 October 2026
PER_FILE: Final = 1_000_000
RECORDS: Final = """
COPY (SELECT 2 AS version, '123456789012' AS "account-id",
  printf('eni-%017x', (CASE WHEN call THEN p % 400 ELSE 1000 + p * 17 % 600 END) * 7919) AS "interface-id",
  CASE WHEN call THEN a ELSE b END AS srcaddr, CASE WHEN call THEN b ELSE a END AS dstaddr,
  CASE WHEN call THEN port ELSE service END AS srcport, CASE WHEN call THEN service ELSE port END AS dstport,
  6 AS protocol, 1 + h2 % 200 AS packets, (1 + h2 % 200) * (60 + h1 % 900) AS bytes,
  moment AS start, moment + h1 % 60 AS "end",
  CASE WHEN h1 % 100 < 3 THEN 'REJECT' ELSE 'ACCEPT' END AS action, 'OK' AS "log-status"
FROM (SELECT *, h1 % 2 = 0 AS call, 32768 + h2 // 7 % 28000 AS port, {services}[1 + p % 8] AS service,
        printf('10.%d.%d.%d', 20 + p % 4, p * 31 % 256, p * 7 % 250 + 1) AS a,
        printf('10.%d.%d.%d', 40 + p % 3, p * 17 % 64, p * 13 % 250 + 1) AS b, {start} + i * 3600 // {size} AS moment
      FROM (SELECT i, h // 4 AS h1, (i + {first}) * 40503 * 65537 % 4294967296 // 32 AS h2,
              h % {pairs} * (h // {pairs} % {pairs}) // {pairs} AS p
            FROM (SELECT i, (i + {first}) * 2654435761 % 4294967296 // 16 AS h FROM range({size}) t(i)))))
TO '{path}' (FORMAT csv, DELIMITER ' ', HEADER true, COMPRESSION gzip, QUOTE '')
"""


def written(folder: Path, records: int, *, size: int = PER_FILE) -> list[Path]:
    """Files of `size` records, one hour each, every one on a day of its own."""
    found: list[Path] = []
    with duckdb.connect(config={"threads": 1}) as engine:
        for at in range(-(-records // size)):
            path = folder / f"flows-{at:03d}.log.gz"
            first, start = at * size, START + at * 86_400
            engine.execute(RECORDS.format(services=list(SERVICES), start=start, size=min(size, records - first),
                                          first=first, pairs=PAIRS, path=path))  # fmt: skip
            found.append(path)
    return found


def register(number: int = PAIRS // 2) -> list[Entry]:
    """Authorised connections: every second pair with its service."""
    found: list[Entry] = []
    for at in range(number):
        p = at * 2
        a = (10 << 24) + (20 + p % 4 << 16) + (p * 31 % 256 << 8) + p * 7 % 250 + 1
        b = (10 << 24) + (40 + p % 3 << 16) + (p * 17 % 64 << 8) + p * 13 % 250 + 1
        port = SERVICES[p % 8]
        box = box_of(4, src=(a, a), dst=(b, b), proto=(6, 6), dport=(port, port))
        found.append(Entry(f"CON-{at + 1}", (box,), (), None, "daily"))
    return found
