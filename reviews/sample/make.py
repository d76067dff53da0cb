"""`python -m reviews.sample.make`: writes the sample organisation's rule files and servers.csv from its register.

The files are committed; this is how they came to be. A test writes them again and compares. A month's folder holds
all of a host's dumps, and is there only where they differ from the month after it.
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from reviews.sample import dumps
from reviews.sample.plan import HERE, MONTHS, NOW, WITHOUT_RULES, HostPlan, Plan

NFT_HOSTS = frozenset({"lb-01", "app-01", "app-02", "mon-01", "log-01", "ns-01", "file-02", "test-app-01"})
SHARE_DUMPS: Mapping[str, tuple[str, Callable[..., str]]] = {
    "file-01": ("exportfs.txt", dumps.exportfs),
    "file-02": ("testparm.txt", dumps.testparm),
    "test-file-01": ("exports", dumps.exports_file),
}
COLUMNS = ("name", "system", "zone", "role", "environment", "addresses", "critical", "high_value")


def files_of(plan: HostPlan) -> dict[str, str]:
    """File name -> text of everything a host shows."""
    found = {"ip-addr.json": dumps.ip_addr(plan), "ip-route.json": dumps.ip_route(plan), "ss.txt": dumps.ss(plan)}
    if plan.name in NFT_HOSTS:
        found["nft.json"] = dumps.nft(plan)
    elif plan.name not in WITHOUT_RULES:
        found |= {f"{dumps.TOOLS[family]}-save.txt": dumps.iptables(plan, family) for family in dumps.FAMILIES}
    if plan.name in SHARE_DUMPS:
        name, write = SHARE_DUMPS[plan.name]
        found[name] = write(plan.exports)
    return found


def everything() -> dict[str, str]:
    """Path below this folder -> text of every file that is made."""
    plan = Plan()
    made = {"servers.csv": servers(plan)}
    for name in plan.names:
        months = [files_of(plan.host(name, month)) for month in range(len(MONTHS))]
        for month, files in enumerate(months):
            if month == NOW or files != months[month + 1]:
                made |= {f"rules/{name}/{MONTHS[month]}/{file}": text for file, text in files.items()}
    return made


def servers(plan: Plan) -> str:
    """The servers as a table, the way people keep them: to try the import with."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in plan.register["servers"]:
        flags = {key: "yes" if row.get(key) else "" for key in ("critical", "high_value")}
        table.writerow({key: row.get(key, "") for key in COLUMNS} | flags | {"addresses": "; ".join(row["addresses"])})
    return out.getvalue()


def main(folder: Path = HERE) -> int:
    """Writes the files below `folder`, in place of the rules that are there."""
    shutil.rmtree(folder / "rules", ignore_errors=True)
    for path, text in everything().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
