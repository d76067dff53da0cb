"""A calendar as text (RFC 5545), by hand: escaped, folded at 75 octets, times in UTC. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

FOLD: Final = 75  # octets of a line, at most
ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


class Event(NamedTuple):
    """One entry: a moment with its length, or a whole day."""

    uid: str
    at: datetime | date
    title: str
    text: str
    url: str
    changed: datetime
    length: timedelta = timedelta(hours=1)


def written(name: str, events: Iterable[Event]) -> str:
    """The calendar. The same events give the same text."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Eastwest//Reviews//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
        f"X-WR-CALNAME:{plain(name)}",
    ]  # fmt: skip
    for event in events:
        lines += entry(event)
    return "".join(f"{piece}\r\n" for line in [*lines, "END:VCALENDAR"] for piece in folded(line))


def entry(event: Event) -> Iterator[str]:
    """The lines of one entry."""
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{utc(event.changed)}"
    if isinstance(event.at, datetime):
        yield f"DTSTART:{utc(event.at)}"
        yield f"DTEND:{utc(event.at + event.length)}"
    else:
        yield f"DTSTART;VALUE=DATE:{event.at:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{event.at + timedelta(days=1):%Y%m%d}"
        yield "TRANSP:TRANSPARENT"
    yield f"SUMMARY:{plain(event.title)}"
    if event.text:
        yield f"DESCRIPTION:{plain(event.text)}"
    yield f"URL:{event.url}"
    yield "END:VEVENT"


def utc(at: datetime) -> str:
    """A moment as the format writes it."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def plain(text: str) -> str:
    """Text in which no sign ends a value or a line; other control characters are left out."""
    kept = "".join(sign for sign in text.replace("\r\n", "\n") if sign == "\n" or sign.isprintable())
    return kept.translate(ESCAPED)


def folded(line: str) -> Iterator[str]:
    """A line in pieces of at most 75 octets, cut between characters; each further one begins with a blank."""
    piece, size = "", 0
    for sign in line:
        wide = len(sign.encode())
        if size + wide > FOLD:
            yield piece
            piece, size = " ", 1
        piece, size = piece + sign, size + wide
    yield piece
