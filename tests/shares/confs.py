"""Random smb.conf: few words, so that their combinations meet."""

from __future__ import annotations

import random
from typing import Final

TOKENS: Final = (
    "10.1.1.", "10.1.", "10.", "10.1.1.5", "10.1.1.0/24", "10.1.0.0/255.255.0.0", "10.2.0.0/16", "ALL", "192.0.2.9",
    "fd01::/64", "fd01::5", "fd01:1::/32", "127.", "10.1.2.77", "0.0.0.0/0", "LOCAL", "nohost.invalid",
)  # fmt: skip
WORDS: Final = ("games", "backup", "nobody", "games backup", "backup, nobody", "@games", "+backup", "%S", "mallory")
YES_NO: Final = ("Yes", "No")


def hosts_list(rng: random.Random) -> str:
    """One to four words with an EXCEPT between them now and then."""
    found: list[str] = []
    for place in range(rng.randint(1, 4)):
        if place and rng.random() < 0.3:
            found.append("EXCEPT")
        found.append(rng.choice(TOKENS))
    return rng.choice([" ", ", "]).join(found)


def overall(rng: random.Random) -> str:
    """What [global] says beyond what every server of the bed needs."""
    rows: list[tuple[str, str]] = [("map to guest", rng.choice(["Never", "Bad User", "Bad Password"]))]
    if rng.random() < 0.35:
        rows.append((rng.choice(["hosts allow", "allow hosts"]), hosts_list(rng)))
    if rng.random() < 0.25:
        rows.append((rng.choice(["hosts deny", "deny hosts"]), hosts_list(rng)))
    if rng.random() < 0.5:
        rows.append((rng.choice(["server min protocol", "min protocol"]), rng.choice(["NT1", "SMB2_02", "SMB2_10"])))
    if rng.random() < 0.15:
        rows.append(("server smb encrypt", rng.choice(["required", "desired", "off"])))
    if rng.random() < 0.15:
        rows.append(("server signing", rng.choice(["mandatory", "auto"])))
    if rng.random() < 0.15:
        rows.append(("read only", "No"))  # a default for every share
    if rng.random() < 0.15:
        rows.append(("guest ok", "Yes"))
    rows.append(("usershare max shares", "0"))
    return _said(rows)


def shares(rng: random.Random, paths: dict[str, str]) -> str:
    """A section for each name."""
    return "".join(f"[{name}]\n" + _said([("path", path), *_share(rng)]) for name, path in paths.items())


def _share(rng: random.Random) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    choices: tuple[tuple[float, str, tuple[str, ...]], ...] = (
        (0.5, rng.choice(["read only", "writeable", "write ok", "writable"]), YES_NO),
        (0.5, rng.choice(["guest ok", "public"]), YES_NO),
        (0.12, "guest only", YES_NO),
        (0.35, "valid users", WORDS),
        (0.2, "invalid users", WORDS),
        (0.2, "write list", WORDS),
        (0.2, "read list", WORDS),
        (0.1, "admin users", WORDS),
        (0.1, "force user", ("games", "nobody")),
        (0.12, "smb encrypt", ("required", "desired", "off")),
        (0.08, "available", YES_NO),
    )
    for chance, name, values in choices:
        if rng.random() < chance:
            rows.append((name, rng.choice(values)))
    if rng.random() < 0.4:
        rows.append((rng.choice(["hosts allow", "allow hosts"]), hosts_list(rng)))
    if rng.random() < 0.3:
        rows.append((rng.choice(["hosts deny", "deny hosts"]), hosts_list(rng)))
    rng.shuffle(rows)
    return rows


def _said(rows: list[tuple[str, str]]) -> str:
    return "".join(f"\t{name} = {value}\n" for name, value in rows)
