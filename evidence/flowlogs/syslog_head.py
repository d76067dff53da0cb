"""What stands before a message of the system log: when, and which host. Some devices write the year, most do not."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from evidence.flowlogs.rows import Odd

PRIORITY: Final = re.compile(r"<\d{1,3}>(?:1 )?")
ISO: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) (\S{1,255}) ")
BSD: Final = re.compile(
    r"[*.]?([A-Z][a-z]{2}) {1,2}(\d{1,2})( \d{4})? (\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:(?: [A-Z]{2,5})?: ?| )(\S{0,255}) ?"
)
HALF_A_YEAR: Final = 183 * 86_400


def head(text: str, received: int | None) -> tuple[int, str, str]:
    """(seconds since 1970, host, what follows). A time that names no zone is taken as UTC; one that names no year is of
    the half year before and after the file came (`received`). Raises Odd."""
    text = text[found.end() :] if (found := PRIORITY.match(text)) else text
    if iso := ISO.match(text):
        return int(datetime.fromisoformat(iso[1].replace("Z", "+00:00")).timestamp()), iso[2], text[iso.end() :]
    if bsd := BSD.match(text):
        month, day, year, hours, host = bsd.groups()
        if year:
            return _moment(f"{month} {day} {hours}", int(year)), host, text[bsd.end() :]
        if received is None:
            raise Odd("its time names no year, and when the file came is not known")
        came = datetime.fromtimestamp(received, UTC).year
        moment = _moment(f"{month} {day} {hours}", came)
        if moment - received > HALF_A_YEAR:  # December, read in January
            moment = _moment(f"{month} {day} {hours}", came - 1)
        return moment, host, text[bsd.end() :]
    raise Odd("it carries no time")


def _moment(text: str, year: int) -> int:
    return int(datetime.strptime(f"{year} {text} +0000", "%Y %b %d %H:%M:%S %z").timestamp())
