"""What can happen to a file: each way takes a random source, a file and another one of its kind, and gives bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Final

Mutation = Callable[[random.Random, bytes, bytes], bytes]

NUMBERS: Final = (
    b"-1", b"0", b"00", b"256", b"65536", b"4294967296", b"18446744073709551616", b"9" * 40, b"9" * 5000, b"1e309",
    b"0x1", b"1.5", b"-0", b"NaN", b"/0", b"/33", b"/129", b"::", b"0-4294967295", b"5-1",
)  # fmt: skip
WORDS: Final = (
    "\u202e", "\u2028", "\x85", "\x0b", "\x0c", "\ufeff", "\u0660", "\u00b2", "\u0130", "\U0001f4a3", "\u0301" * 30,
    "\x1b[31m", "\\", '"', "'", "`", "$(x)", "%s%n", "{}", "\t\t", " ", "=", "!", ",,", ";", "#", "(", ")", "[", "]",
)  # fmt: skip
ODD: Final = (
    *(text.encode() for text in WORDS),
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\r", b"\r\n", b"\\134", b"\\u0000", b"\\ud800",
)  # fmt: skip
NESTED: Final = ((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b'{"match":{"left":', b"}}"), (b'"', b'"'))


def truncated(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """The beginning alone."""
    return content[: rng.randrange(len(content) + 1)]


def flipped(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A few bytes changed."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        if damaged:
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


def duplicated(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A run of lines again, often somewhere else, sometimes many times."""
    lines = content.splitlines(keepends=True) or [b""]
    start = rng.randrange(len(lines))
    run = lines[start : start + rng.randint(1, 6)] * rng.choice((1, 1, 2, 50))
    place = rng.randrange(len(lines) + 1)
    return b"".join([*lines[:place], *run, *lines[place:]])


def removed(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Some lines, or a part of one, gone."""
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.choice((1, 2, 10, 100)) :]


def spliced(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Lines of another file in between."""
    lines, more = content.splitlines(keepends=True), other.splitlines(keepends=True) or [b""]
    start, place = rng.randrange(len(more)), rng.randrange(len(lines) + 1)
    return b"".join([*lines[:place], *more[start : start + rng.randint(1, 20)], *lines[place:]])


def crossed(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """The beginning of one and the end of another."""
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other) + 1) :]


def renumbered(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Some numbers become others that no field holds."""
    found = list(re.finditer(rb"\d+", content))
    for one in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 3)))), key=lambda one: -one.start()):
        content = content[: one.start()] + rng.choice(NUMBERS) + content[one.end() :]
    return content


def worded(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """A word becomes another word of the two files."""
    found = list(re.finditer(rb"[^\s\"{}\[\]:,]+", content))
    pool = re.findall(rb"[^\s\"{}\[\]:,]+", content + b" " + other)
    for one in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 4)))), key=lambda one: -one.start()):
        content = content[: one.start()] + rng.choice(pool) + content[one.end() :]
    return content


def odd(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Signs that separate lines for some and not for others, that are no text, or that mean something to a shell."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(content) + 1)
        content = content[:place] + rng.choice(ODD) * rng.choice((1, 1, 1, 300)) + content[place:]
    return content


def nested(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Brackets in brackets, closed or not, often around a value that is there."""
    opening, closing = rng.choice(NESTED)
    depth = rng.choice((3, 40, 300, 3_000, 30_000))
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice((0, 1, 5, 30)))
    closed = closing * (depth if rng.random() < 0.7 else 0)
    return content[:start] + opening * depth + content[start:end] + closed + content[end:]


def stretched(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """One line or word far longer than any."""
    place = rng.randrange(len(content) + 1)
    word = rng.choice((b"a", b"1", b" ", b",10.0.0.1", b"!", b"-", b"\\", b"10.0.0.0/8 ", b"a=b,"))
    return content[:place] + word * rng.choice((100, 10_000, 70_000)) + content[place:]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    truncated, flipped, duplicated, removed, spliced, crossed, renumbered, worded, odd, nested, stretched,
)  # fmt: skip
