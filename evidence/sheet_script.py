"""The script of a test sheet for one host, what it prints, and what an outcome means. Pure.

The script opens a TCP connection and closes it; it sends nothing, needs no rights, and takes what every Linux has:
sh, date, and bash with timeout, or nc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from evidence.packs.manifest import path_part

MARK: Final = "eastwest-test/1"
WAIT_S: Final = 5
MOST_BYTES: Final = 1 << 20
OPEN, REFUSED, SILENT, UNTRIED = "open", "refused", "silent", "untried"
AS_EXPECTED, DIFFERS, UNDECIDED = "as expected", "differs", "not decided"
STAMP: Final = "%Y%m%d%H%M"
SCRIPT: Final = """#!/bin/sh
# Test sheet {sheet} for the host {host}. It opens TCP connections and closes them at once; it sends nothing.
# Run it on {host} between {first} and {last} UTC, and bring what it prints:
#   sh {name}.sh > {name}.txt
LC_ALL=C
export LC_ALL
say() {{ printf '{mark} %s at=%s\\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"; }}
say "begin sheet={sheet} pairs={sha256} host={host}"
now=$(date -u +{stamp})
if [ "$now" -lt {low} ] || [ "$now" -gt {high} ]; then
  say "end rows=0 why=outside-the-window"
  exit 3
fi
tool=none
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  case $(timeout {wait} bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1) in
    *"No such file"*) ;;
    *) tool=bash ;;
  esac
fi
if [ "$tool" = none ] && command -v nc >/dev/null 2>&1; then tool=nc; fi
try() {{
  began=$(date +%s)
  case $tool in
    bash) timeout {wait} bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" >/dev/null 2>&1 ;;
    nc) nc -z -w {wait} "$2" "$3" >/dev/null 2>&1 ;;
    *) say "row=$1 observed=untried how=none"; return ;;
  esac
  code=$?
  took=$(($(date +%s) - began))
  if [ "$code" -eq 0 ]; then seen=open
  elif [ "$code" -eq 124 ] || [ "$took" -ge $(({wait} - 1)) ]; then seen=silent
  else seen=refused
  fi
  say "row=$1 observed=$seen how=$tool"
}}
{tries}
say "end rows={rows}"
"""


class Heard(NamedTuple):
    """What a script printed: when it began, what each row gave, whether it came to its end."""

    began_at: datetime
    outcomes: dict[int, str]
    whole: bool


class NotHeard(ValueError):
    """What was brought is not what this host's script of this sheet prints; the text says why."""


def script(sheet: str, sha256: str, host: str, pairs: Iterable[Mapping[str, Any]], window: Sequence[datetime]) -> str:
    """The script of one host. Nothing in it comes from people but the host's name, made safe."""
    mine = [pair for pair in pairs if pair["from"] == host]
    low, high = (moment.astimezone(UTC) for moment in window)
    name = path_part(host)
    tries = "\n".join(f"try {int(pair['row'])} {numeric(pair['target'])} {int(pair['port'])}" for pair in mine)
    return SCRIPT.format(
        sheet=sheet, sha256=sha256, host=name, name=f"{sheet}-{name}".lower(), mark=MARK, wait=WAIT_S,
        stamp=f"'{STAMP}'", first=f"{low:%Y-%m-%d %H:%M}", last=f"{high:%Y-%m-%d %H:%M}",
        low=f"{low:{STAMP}}", high=f"{high:{STAMP}}", tries=tries, rows=len(mine),
    )  # fmt: skip


def numeric(address: str) -> str:
    """An IPv4 address, and nothing else."""
    if not re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}", address):
        raise ValueError(f"{address} is no IPv4 address")
    return address


def text_of(content: bytes) -> str:
    """What a script printed as text: UTF-8, or UTF-16 with its mark, as PowerShell's `>` writes it."""
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return content.decode("utf-16" if marked else "utf-8-sig", "replace")


def heard(text: str, sheet: str, sha256: str, host: str, rows: Iterable[int]) -> Heard:
    """What one host's script said. Raises NotHeard; a line that is not understood is never passed over."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [fields(line) for line in lines]
    if not said or said[0][0] != "begin":
        raise NotHeard("it does not begin as the script begins")
    first, mine = said[0][1], set(rows)
    for name, wanted in (("sheet", sheet), ("pairs", sha256), ("host", path_part(host))):
        if first.get(name) != wanted:
            raise NotHeard(f"it is of {name} {first.get(name, 'nothing')[:80]}, and not of {wanted}")
    outcomes: dict[int, str] = {}
    ended: dict[str, str] | None = None
    for kind, found in said[1:]:
        if ended is not None or kind == "begin":
            raise NotHeard("it is more than one run")
        if kind == "end":
            ended = found
            continue
        row, seen = int(found["row"]), found["observed"]
        if row not in mine or row in outcomes:
            raise NotHeard(f"it has a row {row} that the sheet does not have for this host, or has it twice")
        outcomes[row] = seen
    if ended is not None and "why" in ended:
        raise NotHeard("the script was run outside its window, and tried nothing")
    if ended is not None and int(ended.get("rows", "-1")) != len(mine):
        raise NotHeard("its end counts other rows than the sheet has for this host")
    return Heard(moment(first), outcomes, ended is not None and set(outcomes) == mine)


def fields(line: str) -> tuple[str, dict[str, str]]:
    """A line's kind (begin, row, end) and its fields."""
    words = line.split(" ")
    found = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    kind = "row" if "row" in found else words[1] if len(words) > 1 else ""
    right = words[0] == MARK and kind in ("begin", "row", "end") and len(line) <= 400
    if right and kind == "row":
        right = re.fullmatch(r"\d{1,6}", found["row"]) is not None
        right = right and found.get("observed") in (OPEN, REFUSED, SILENT, UNTRIED)
    if right and kind == "end":
        right = re.fullmatch(r"\d{1,6}", found.get("rows", "")) is not None
    if not right:
        raise NotHeard(f"a line is not understood: {line[:80]}")
    return kind, found


def moment(found: Mapping[str, str]) -> datetime:
    """When a line was printed."""
    try:
        return datetime.strptime(found.get("at", ""), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotHeard("it does not say when it was run") from None


class Told(NamedTuple):
    """What a row came to: as expected, differs or not decided, and why."""

    verdict: str
    why: str


def told(pair: Mapping[str, Any], observed: str | None, answered: Iterable[str]) -> Told:
    """What an outcome means. `answered`: the targets that answered anybody in this sheet, so that they were there."""
    if observed is None or observed == UNTRIED:
        return Told(UNDECIDED, "it was not tried")
    if observed == REFUSED:
        return Told(UNDECIDED, "it was turned down at once: nothing listens there, or a rule rejects it")
    if pair["expected"] == OPEN:
        right = observed == OPEN
        return Told(AS_EXPECTED, "it got through") if right else Told(DIFFERS, "nothing answered")
    if observed == OPEN:
        return Told(DIFFERS, "it got through, and nobody authorised it")
    if pair["to"] not in answered:
        return Told(UNDECIDED, f"nothing answered, and nothing in this sheet shows that {pair['to']} was there")
    return Told(AS_EXPECTED, "nothing answered")
