"""Lines of fields, one blank between two, taken apart by the column: a hundred thousand lines in one go, by numpy.

Eight bytes of every line are looked at as one number. The first of them below "!" says how long the field is, and
arithmetic on all eight gives its digits. Only what is written plainly is taken: each field there and one blank behind
it, a line feed behind the last, whole numbers in digits, no dash for "not said". Any other line is handed on as it is,
for whoever looks closer: nothing is guessed here, and nothing dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evidence.flowlogs.shapes import WORD, Field

Words: TypeAlias = NDArray[np.uint64]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Lengths: TypeAlias = NDArray[np.integer[Any]]
Arrays: TypeAlias = dict[str, NDArray[np.generic]]

PIECE: Final = 4 * 2**20  # bytes looked at in one go: what comes of each column stays in the processor's cache
ROWS: Final = 2**20  # of one batch: some hundred megabytes, touched as far as they are filled
SKIPPED: Final = 5  # words that a field nobody reads may have
SHORTEST: Final = 16  # bytes of a line, on average: blank lines by the million are none of this reader's
SHORT: Final = 10**WORD - 1  # what one word can say in digits
ODDEST: Final = 0.25  # share of lines handed on beyond which this way gains nothing
MARK: Final = "\ufeff".encode()  # of a file that says it is UTF-8
BLANK, FEED, DASH = 0x20, 0x0A, np.uint64(0x2D)
PRINTED: Final = np.uint64(0x2121212121212121)  # "!", above the blank and all signs that are not printed
HIGHS: Final = np.uint64(0x8080808080808080)
DIGITS: Final = np.uint64(0x3030303030303030)
ABOVE_NINE: Final = np.uint64(0x7676767676767676)  # sets the highest bit of each byte that was above 9
NONE, ONE, TWO, HALF, BITS = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(7), np.uint64(64)
TENS: Final = np.array([10**n for n in range(WORD + 1)], dtype=np.uint64)
PAIRS: Final = np.uint64(0x000000FF000000FF)
HUNDREDS, MILLIONS = np.uint64(100 + (1000000 << 32)), np.uint64(1 + (10000 << 32))
TEN, EIGHT, SIXTEEN, LOW = np.uint64(10), np.uint64(8), np.uint64(16), np.uint64(32)


class TooOdd(Exception):
    """The lines are written otherwise, so many or in such a way that the file had better be read another way."""


class Reader:
    """Lines of these fields; those that are not written plainly go to `rest` with their ends.

    Afterwards: `lines`, how many there were, and `tail`, what stands behind the last line feed.
    """

    def __init__(self, fields: Sequence[Field], rest: BinaryIO) -> None:
        self.lines, self.tail = 0, ""
        self._fields, self._rest = fields, rest

    def batches(self, chunks: Iterable[bytes], header: int) -> Iterator[Arrays]:
        """The lines after `header` (0 or 1) of them, up to ROWS at a time: name of a field -> its values, by the line.

        A text of n words comes as NAME0 to NAMEn-1, eight bytes each, the first lowest, zeros behind its end. The
        arrays are filled anew for the next batch. `chunks`: some plain bytes each, PIECE at most. Raises TooOdd.
        """
        held: Arrays = {}
        filled = seen = odd = 0
        self.lines = header
        if sys.byteorder != "little":  # the first byte of a word is to be its lowest
            raise TooOdd
        for piece in self._pieces(_without(header, iter(chunks))):
            found = piece.read(self._fields)
            seen += piece.number
            odd += piece.hand_on(self._rest)
            if odd > ODDEST * seen:
                raise TooOdd
            number = piece.number if piece.whole else int(np.count_nonzero(piece.plain))
            if filled + number > ROWS:
                yield {name: values[:filled] for name, values in held.items()}
                filled = 0
            for name, values in found.items():
                if name not in held:
                    held[name] = np.empty(ROWS, values.dtype)
                held[name][filled : filled + number] = values if piece.whole else values[piece.plain]
            filled += number
        self.lines += seen
        if filled:
            yield {name: values[:filled] for name, values in held.items()}

    def _pieces(self, chunks: Iterator[bytes]) -> Iterator[_Piece]:
        """Whole lines, some megabytes at a time."""
        beyond = (len(self._fields) + 1) * WORD * (SKIPPED + 1)  # as far as a line that is none can lead
        room = np.zeros(PIECE + beyond, np.uint8)
        plain = room.data
        filled = 0
        for chunk in chain(chunks, (None,)):
            if chunk is None or filled + len(chunk) > PIECE:
                feeds = _feeds(room, filled)
                if feeds.size * SHORTEST > PIECE:
                    raise TooOdd
                if feeds.size:
                    yield _Piece(room, feeds)
                    end = int(feeds[-1]) + 1
                    plain[: filled - end] = bytes(plain[end:filled])
                    filled -= end
            if chunk is not None:
                if filled + len(chunk) > PIECE:
                    raise TooOdd
                plain[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
        self.tail = bytes(plain[:filled]).decode("utf-8", "replace")


def _without(header: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if not header:
            yield chunk
            continue
        _, feed, left = chunk.partition(b"\n")
        if not feed:
            raise TooOdd
        header = 0
        yield left


def texts(words: Sequence[Words]) -> NDArray[np.object_]:
    """Words of texts, the first ones first -> the texts."""
    spelt = np.stack(words, axis=1)
    if spelt.dtype != np.uint64:  # of a float the last bytes would be others
        raise TypeError(f"words came as {spelt.dtype}")
    written: list[bytes] = spelt.view(f"S{WORD * len(words)}").ravel().tolist()
    return np.array([one.decode("ascii") for one in written], dtype=object)


def _feeds(room: Bytes, filled: int) -> Places:
    """Where the line feeds stand: by the word, as few words hold one."""
    room[filled : filled + WORD] = 0
    bytes_ = room[: -(-filled // WORD) * WORD]
    found = (bytes_ == FEED).view(np.uint64)
    places = np.flatnonzero(found != NONE)
    inside = found[places]
    if np.any(np.bitwise_count(inside) > 1):  # two in one word
        return np.flatnonzero(bytes_ == FEED)
    return np.asarray(places * WORD + (np.bitwise_count(inside - ONE) >> 3), np.int64)


def _before(word: Words) -> tuple[Words, NDArray[np.bool_]]:
    """A bit for each bit before the first byte of a word that is below "!", and whether that byte is a blank."""
    ends = word - PRINTED
    ends &= ~word
    ends &= HIGHS
    ends &= NONE - ends  # the lowest alone: those above it may owe their bit to it
    blank = (ends >> TWO & word) != NONE  # of all bytes up to 0x20 only that one has the bit 0x20
    ends >>= HALF
    ends -= ONE
    return ends, blank


class _Piece:
    """Some lines. `plain`: of each, whether all of it was read so far; `whole`: whether all were."""

    def __init__(self, room: Bytes, feeds: Places) -> None:
        self.number, self.whole = feeds.size, True
        self.plain = np.ones(feeds.size, np.bool_)
        self._room, self._feeds = room, feeds
        self._starts = np.zeros_like(feeds)
        self._starts[1:] = feeds[:-1] + 1
        self._at = self._starts

    def read(self, fields: Sequence[Field]) -> Arrays:
        """The fields of all lines, in their order."""
        found: Arrays = {}
        passed = 0
        for place, field in enumerate(fields):
            self._last = place == len(fields) - 1
            if field.words:
                found |= {f"{field.name}{n}": word for n, word in enumerate(self._text(field.words))}
            elif field.codes:
                found[field.name] = self._code(field.codes)
            elif field.top:
                found[field.name] = self._number(field.top)
            elif place >= passed:
                run = len(list(takewhile(lambda one: not one.name, fields[place:])))
                if place + run < len(fields) and self._same(run):
                    passed = place + run
                else:
                    self._close(*self._measured(self._look(SKIPPED), cut=False))
        self.whole = bool(self.plain.all())
        return found

    def _same(self, number: int) -> bool:
        """Goes behind fields that nobody reads, where every line has what the first one has; else stays."""
        first = self._room[self._at[0] :][: WORD * SKIPPED].tobytes().split(b" ")[: number + 1]
        size = len(b" ".join(first[:number])) + 1
        if len(first) <= number or not all(one.replace(b"-", b"").isalnum() for one in first[:number]):
            return False
        words = -(-size // WORD)
        found = self._look(words)
        unlike = found ^ found[:, :1]
        unlike[-1] <<= BITS - np.uint64(8 * (size - WORD * (words - 1)))  # what stands behind them
        if unlike.any():
            return False
        self._at = self._at + size
        return True

    def hand_on(self, rest: BinaryIO) -> int:
        """Writes the lines that are not plain; how many they were. Raises TooOdd where one of them would be another in
        a file of its own."""
        if self.whole:
            return 0
        odd = np.flatnonzero(~self.plain)
        for start, feed in zip(self._starts[odd].tolist(), self._feeds[odd].tolist(), strict=True):
            line = self._room[start : feed + 1].tobytes()
            if b"\r" in line or line.startswith(MARK):  # the engine passes over these at a beginning
                raise TooOdd
            rest.write(line)
        return int(odd.size)

    def _look(self, words: int) -> Words:
        """The next words of each line: one row a word. Forty bytes are fetched as quickly as eight."""
        size = WORD * words
        every = np.ndarray((self._room.size - size + 1,), f"V{size}", self._room, strides=(1,))
        return np.ascontiguousarray(every[self._at].view("<u8").reshape(-1, words).T)

    def _close(self, length: Lengths, closed: NDArray[np.bool_]) -> None:
        """Goes behind a field of that length. `closed`: whether a blank is known to stand there."""
        end = self._at + length
        if self._last:
            closed = end == self._feeds
        elif not closed.all():
            closed |= self._room[end] == BLANK
        self.plain &= closed
        self.plain &= length > 0
        self._at = end + 1

    def _text(self, words: int) -> list[Words]:
        found = list(self._look(words))
        length, closed = self._measured(found, cut=True)
        if any(np.bitwise_or.reduce(one) & HIGHS for one in found):
            for one in found:
                self.plain &= (one & HIGHS) == NONE
        self.plain &= found[0] != DASH
        self._close(length, closed)
        return found

    def _measured(self, words: Iterable[Words], *, cut: bool) -> tuple[Lengths, NDArray[np.bool_]]:
        """How long the fields in these words are, and which end before a blank. `cut`: what is behind becomes zero."""
        length, closed = np.zeros(self.number, np.uint8), np.zeros(self.number, np.bool_)
        goes_on = True
        for word in words:
            if not np.any(goes_on):
                word &= NONE
                continue
            before, blank = _before(word)
            before *= goes_on
            step = np.bitwise_count(before) >> 3
            length += step
            blank &= goes_on
            closed |= blank
            if cut:
                word &= before
            goes_on = step == WORD
        return length, closed

    def _code(self, codes: dict[bytes, int]) -> NDArray[np.uint8]:
        (word,) = self._look(1)
        before, blank = _before(word)
        word &= before
        found, known = np.zeros(self.number, np.uint8), np.zeros(self.number, np.bool_)
        for spelt, code in codes.items():
            here = word == np.uint64(int.from_bytes(spelt, "little"))
            known |= here
            found += here * np.uint8(code)
        self.plain &= known
        self._close(np.bitwise_count(before) >> 3, blank)
        return found

    def _number(self, top: int) -> NDArray[np.generic]:
        word, *more = self._look(1 if top <= SHORT else 2)
        before, closed = _before(word)
        bits = np.bitwise_count(before)
        found = self._digits(word, bits)
        length = bits >> 3
        longer = length == WORD
        if more and longer.any():
            which = slice(None) if longer.all() else np.flatnonzero(longer)
            before, closed[which] = _before(more[0][which])
            bits = np.bitwise_count(before)
            low = self._digits(more[0][which], bits, which)
            found[which] = found[which] * TENS[bits >> 3] + low
            length[which] += bits >> 3
        self.plain &= found <= np.uint64(top)
        self._close(length, closed)
        return found.astype(np.min_scalar_type(top))

    def _digits(self, word: Words, bits: NDArray[np.uint8], which: slice | Places = slice(None)) -> Words:
        """The number in the first `bits` of a word; a line with something else there than digits is not plain."""
        word ^= DIGITS
        word <<= BITS - bits  # the last digit comes to the highest byte, nothing is a digit 0
        above = word + ABOVE_NINE
        above |= word
        above &= HIGHS
        if np.bitwise_or.reduce(above):
            self.plain[which] &= above == NONE
        pairs = word >> EIGHT
        word *= TEN
        pairs += word  # each second byte: two digits
        word = pairs >> SIXTEEN
        pairs &= PAIRS
        word &= PAIRS
        pairs *= HUNDREDS
        word *= MILLIONS
        pairs += word
        pairs >>= LOW
        return pairs
