"""The template library of packs (`{% load packs %}`): days, moments, counts and marks, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.words import status

register = template.Library()
NOT_MEASURED = "\u2013"  # explained under each table that uses it
# The sign drawn before a word (pack.css draws it, no font needs it): a shape for each kind of wrong.
SHAPES: Mapping[str, str] = {
    "implemented": "dot", "permits_more": "up", "share_wider": "up", "not_implemented": "down",
    "approved_not_done": "down", "no_listener": "ring", "unused": "ring", "silent_baseline": "ring",
    "review_overdue": "ring", "review_missed": "ring",
    "usage_unknown": "query", "not_verifiable": "query", "stale": "query", "unreachable": "query",
}  # fmt: skip
BY_TONE: Mapping[str, str] = {"ok": "dot", "warn": "up", "bad": "cross", "off": "ring"}


@register.filter
def day(value: date | None) -> str:
    """7 October 2026; a dash when there is none."""
    return f"{value.day} {value:%B %Y}" if value else NOT_MEASURED


@register.filter
def moment(value: datetime | None, zone: str) -> str:
    """7 Oct 2026, 18:30 AEDT, in the time zone named; a dash when there is none."""
    if value is None:
        return NOT_MEASURED
    local = value.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


@register.filter
def count(value: int | None) -> str:
    """1,020, or a dash for what was not measured (never 0)."""
    return NOT_MEASURED if value is None else f"{value:,}"


@register.filter
def label(name: str, kind: str) -> str:
    """The words for a state: `{{ change.state|label:"change" }}`."""
    return status(kind, name).label


@register.simple_tag
def mark(kind: str, name: str) -> SafeString:
    """A state as sign, word and colour: `{% mark "verdict" gap.verdict %}`."""
    known = status(kind, name)
    shape = SHAPES.get(str(name)) if kind == "verdict" else None
    return format_html(
        '<span class="mark t-{}"><i class="sg sg-{}"></i>{}</span>',
        known.tone,
        shape or BY_TONE[known.tone],
        known.label,
    )


@register.filter
def grouped(fingerprint: str) -> str:
    """A hash in groups of four, as people compare it."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
