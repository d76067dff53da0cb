"""Counters of rules, kept with each reading: since when a rule's counter shows no use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from evidence.artefacts import Damaged
from evidence.commands.rule_edits import plain
from evidence.hits import Met
from evidence.models import RuleUse, Source
from evidence.readings import load
from evidence.rules import FormatError, Reading

LONGEST_ID = 300  # characters: what is longer is not kept
AT_ONCE = 500  # rows of one statement


def others(before: Reading, now: Reading) -> frozenset[str]:
    """The ids under which another rule stands than before: where rules have the number of their place, one that is put
    between them moves all behind it."""
    was = _texts(before)
    return frozenset(name for name, text in _texts(now).items() if was.get(name, text) != text)


def anew(source: Source, now: Reading) -> frozenset[str]:
    """The same beside the last good reading of a source. Where its stored bytes are damaged or lost, every id: what was
    counted before cannot be told to be of the same rules, and no good reading is refused for that."""
    if source.last_good is None:
        return frozenset()
    try:
        return others(load(source.last_good), now)
    except (Damaged, OSError, FormatError):
        return frozenset(_texts(now))


def _texts(reading: Reading) -> dict[str, str]:
    return {rule.id: plain(rule) for chain in reading.chains for rule in chain.rules}


def note_hits(source: Source, met: Mapping[str, Met], seen: datetime, anew: Collection[str] = ()) -> None:
    """Keeps what the counters show at `seen`. In the caller's transaction.

    `anew`: ids that mean another rule now, whose counters begin with this reading.

    A counter that is what it was goes on being quiet; one that is another, higher or lower, may have moved until now. A
    rule that is not counted any more is forgotten; so are all where a reading brings no counters. A counter that is
    lower than before was set back: what it counted until then is not known any more.
    """
    known = {row.rule: row for row in RuleUse.objects.filter(source=source)}
    gone = [row.pk for rule, row in known.items() if rule not in met]
    for start in range(0, len(gone), AT_ONCE):
        RuleUse.objects.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    changed = []
    for rule, said in met.items():
        row = known.get(rule) if rule not in anew else None
        told = said.last is not None
        since = min(said.last, seen) if said.last is not None else seen
        if row is not None and not told and row.hits == said.hits and not row.told:
            since = row.quiet_since
        back = row.set_back_at if row is not None else None
        if row is not None and said.hits < row.hits:
            back = seen
        if row is None or (row.hits, row.quiet_since, row.told) != (said.hits, since, told):
            changed.append(
                RuleUse(source=source, rule=rule, hits=said.hits, quiet_since=since, told=told, set_back_at=back,
                        counted_since=row.counted_since if row is not None else seen)
            )  # fmt: skip
    RuleUse.objects.bulk_create(
        [row for row in changed if len(row.rule) <= LONGEST_ID],
        batch_size=AT_ONCE // 4,
        update_conflicts=True,
        unique_fields=["source", "rule"],
        update_fields=["hits", "quiet_since", "told", "set_back_at", "counted_since"],
    )
