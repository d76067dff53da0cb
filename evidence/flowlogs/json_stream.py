"""Objects out of a file of JSON, one after another, in bounded memory: an array, one a line, or `{"records": […]}`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evidence.flowlogs.rows import Odd

CHUNK: Final = 1024 * 1024
LARGEST: Final = 64 * 1024 * 1024  # characters of one object
BEFORE: Final = re.compile(r"[\s,\[\]\ufeff]*")
RECORDS: Final = re.compile(r"\s*\{\s*\"records\"\s*:\s*\[")
END: Final = re.compile(r"[\s,\]}]*")


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | Odd]]:
    """Number (from 1) and object; at what is none of them the file ends, and the last one says why."""
    decoder = json.JSONDecoder()
    number, text, ended, begun = 0, "", False, False
    with path.open(encoding="utf-8", errors="replace") as source:
        while True:
            text = text[BEFORE.match(text).end() :]  # type: ignore[union-attr]
            if not begun and (inner := RECORDS.match(text)):
                text, begun = text[inner.end() :], True
                continue
            begun = begun or bool(text)
            try:
                if not text:
                    raise json.JSONDecodeError("nothing yet", text, 0)
                found, end = decoder.raw_decode(text)
            except (json.JSONDecodeError, RecursionError) as error:
                more = "" if len(text) > LARGEST else source.read(max(CHUNK, len(text)))
                if more:
                    text += more
                    continue
                ended = END.fullmatch(text) is not None
                if not ended:
                    reason = (
                        "it is not whole, or not JSON" if isinstance(error, ValueError) else "it is nested too deep"
                    )
                    yield number + 1, Odd(f"{reason}; nothing after it was read")
                return
            number += 1
            yield number, found if isinstance(found, dict) else Odd("it is no object")
            text = text[end:]
