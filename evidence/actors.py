"""Who changed the lists of a cloud account, by its own audit log: said beside a change, never in place of its record.

The log names the object that was changed; several people may have changed it, so the newest of them are named with
their times, and nobody is left out silently.
"""

from __future__ import annotations

from evidence.attachments import interface_of, is_fabric
from evidence.formats.cloudtrail import ABOUT
from evidence.judgement import counted
from evidence.rules import Reading, Statement

MOST_NAMED = 3


def actors(reading: Reading, point: str, rule: str) -> str:
    """The end of a sentence on a change of a rule at a point; "" for what is no account, or where nobody is named."""
    if not is_fabric(reading):
        return ""
    named = {rule.partition(":")[2].partition("/")[0], interface_of(reading, point)} - {""}
    found = [one for one in reading.statements if one.about == ABOUT and one.subject in named]
    if not found:
        return ""
    distinct = list({(one.value, one.detail("event"), one.detail("at")): one for one in found}.values())
    more = len(distinct) - MOST_NAMED
    said = "; ".join(_said(one) for one in distinct[:MOST_NAMED])
    return f". CloudTrail names {said}" + (f" and {counted(more, 'earlier act')}" if more > 0 else "")


def _said(one: Statement) -> str:
    origin = f" from {one.detail('from')}" if one.detail("from") else ""
    return f"{one.value} ({one.detail('event')} on {one.subject}, {one.detail('at')}{origin})"
