"""Template tags of the interface: `{% icon %}`, `{% status %}`, `{% sealed %}`, `{% cells %}`, `ago`, verdict words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide

from compliance.actions.reconcile_rows import PREFIX
from compliance.models import LedgerInbox
from compliance.words import Status
from compliance.words import status as status_of

register = template.Library()

_UNITS = ((86400 * 365, "year", "years"), (86400 * 30, "month", "months"), (86400, "day", "days"))
_SHORT_UNITS = ((3600, "h"), (60, "min"))


@register.simple_tag
def icon(name: str, size: int = 16, css: str = "") -> SafeString:
    """The lucide icon `name` as inline SVG, `size` pixels square, hidden from screen readers."""
    return drawn(name, size, f"icon {css}".rstrip())


@cache  # a page has a hundred, of some dozens in all: drawing them anew was a fifth of its time
def drawn(name: str, size: int, classes: str) -> SafeString:
    """An icon, drawn once."""
    return SafeString(lucide(name, size=size, **{"class": classes, "aria-hidden": "true", "focusable": "false"}))


@register.simple_tag
def cells(row: Sequence[Mapping[str, str]], wide: object = False) -> SafeString:
    """The cells of a strip (.held .icon .title), drawn here: a page of sources has 1,500, most of some thirty kinds."""
    return SafeString("".join(drawn_cell(one["held"], one["title"], one["icon"] if wide else "") for one in row))


@lru_cache(maxsize=1_000)
def drawn_cell(held: str, title: str, sign: str) -> SafeString:
    """One day."""
    return format_html('<i class="cell {}" title="{}">{}</i>', held, title, icon(sign, 11) if sign else "")


@register.inclusion_tag("parts/status.html")
def status(kind: str, name: str, extra: str = "") -> dict[str, object]:
    """A chip with icon and word for state `name` of `kind` (compliance.words.KINDS); `extra` follows the word."""
    return {"status": status_of(kind, name), "extra": extra}


@register.inclusion_tag("parts/sealed.html")
def sealed(ref: str) -> dict[str, object]:
    """The newest entry of the ledger about CHG-42, REV-42 or PCK-42: the number it is sealed under, or it waits."""
    prefix, _, number = ref.partition("-")
    label = next((label for label, known in PREFIX.items() if known == prefix), "")
    rows = LedgerInbox.objects.filter(object_type=label, object_id=int(number) if number.isdecimal() else 0)
    newest = rows.order_by("-pk").values_list("seq", "refused").first()
    return {"ref": ref, "known": newest is not None, "seq": newest[0] if newest else None}


@register.filter
def verdict_label(name: str) -> str:
    """The interface's words for a Verdict name: "permits_more" → "Over-permissive rule"."""
    return status_of("verdict", name).label


@register.filter
def verdict_icon(name: str) -> str:
    """The lucide icon name of a Verdict name."""
    return status_of("verdict", name).icon


@register.filter
def verdict_tone(name: str) -> str:
    """The tone of a Verdict name: ok, warn, bad or off."""
    return status_of("verdict", name).tone


@register.filter
def state_label(name: str, kind: str) -> str:
    """The words for state `name` of `kind`, for places where a chip is too much: `{{ s|state_label:"change" }}`."""
    found: Status = status_of(kind, name)
    return found.label


@register.filter
def short_hash(digest: str) -> str:
    """The first twelve hex digits of a digest in groups of four, as people read it to each other."""
    head = str(digest)[:12]
    return " ".join(head[i : i + 4] for i in range(0, len(head), 4))


@register.filter
def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago `moment` was ("38 min ago", "3 days ago"), or will be ("in 2 h"); None gives "never"."""
    if moment is None:
        return "never"
    seconds = ((now or timezone.now()) - moment).total_seconds()
    span = _span(abs(seconds))
    if not span:
        return "just now"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def _span(seconds: float) -> str:
    for size, one, many in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {one if count == 1 else many}"
    for size, unit in _SHORT_UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return ""
