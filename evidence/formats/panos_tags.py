"""The filter of a dynamic address group: `'web' and ('prod' or 'test')`, asked of the tags of one address object."""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKEN = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|([()])|([^\s()'"]+))""")
MOST = 500  # words of one filter
DEEPEST = 50  # brackets in one another


def satisfied(expression: str, tags: frozenset[str]) -> bool:
    """Whether tags satisfy a filter. Raises ValueError when the filter is not understood."""
    tokens = list(_tokens(expression))
    if not tokens or len(tokens) > MOST:
        raise ValueError(expression)
    value, at = _either(tokens, 0, tags, 0)
    if at != len(tokens):
        raise ValueError(expression)
    return value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """(kind, word): a tag, a bracket, or `and` and `or`."""
    at, text = 0, text.strip()
    while at < len(text):
        hit = TOKEN.match(text, at)
        if hit is None or hit.end() == at:
            raise ValueError(text)
        at = hit.end()
        tag = hit[1] if hit[1] is not None else hit[2]
        if tag is not None:
            yield "tag", tag
        elif hit[3]:
            yield "bracket", hit[3]
        elif hit[4].lower() in {"and", "or"}:
            yield "word", hit[4].lower()
        elif hit[4].lower() == "not":
            raise ValueError(text)
        else:
            yield "tag", hit[4]


def _either(tokens: list[tuple[str, str]], at: int, tags: frozenset[str], depth: int) -> tuple[bool, int]:
    value, at = _both(tokens, at, tags, depth)
    while tokens[at : at + 1] == [("word", "or")]:
        other, at = _both(tokens, at + 1, tags, depth)
        value = value or other
    return value, at


def _both(tokens: list[tuple[str, str]], at: int, tags: frozenset[str], depth: int) -> tuple[bool, int]:
    value, at = _one(tokens, at, tags, depth)
    while tokens[at : at + 1] == [("word", "and")]:
        other, at = _one(tokens, at + 1, tags, depth)
        value = value and other
    return value, at


def _one(tokens: list[tuple[str, str]], at: int, tags: frozenset[str], depth: int) -> tuple[bool, int]:
    if at >= len(tokens) or depth > DEEPEST:
        raise ValueError("it ends too early, or its brackets are too deep")
    kind, word = tokens[at]
    if kind == "tag":
        return word in tags, at + 1
    if (kind, word) == ("bracket", "("):
        value, at = _either(tokens, at + 1, tags, depth + 1)
        if tokens[at : at + 1] != [("bracket", ")")]:
            raise ValueError("a bracket is not closed")
        return value, at + 1
    raise ValueError(word)
