"""`eastwest check`: the rules of one host against a register file, each verdict with its rule, line and example.

With --host the host's own points, shares and sockets are judged; without it the files are a firewall's, and every
connection is judged at FORWARD. The files of a cloud account are judged at the interfaces of the registered servers and
along the whole path; there --host takes one server out of them, and what servers filter by themselves is named as not
given. Use of connections and pairs of other servers are not
looked at: that needs flow logs and the evidence of every host.
"""

from __future__ import annotations

import argparse
import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from compliance.register import RegisterError, Wanted
from compliance.register_file import wanted_of
from compliance.traffic.shares import Origin
from evidence.attachments import attachments, is_fabric
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import reading_of
from evidence.commands.packet import spelt
from evidence.formats.aws_lists import MEMBERS
from evidence.proposals import Proposals
from evidence.rules import Reading, Verdict
from evidence.share_verdicts import Row
from evidence.verdicts import Judgement, judge, roll_up

FIREWALL = "firewall"  # the name of the host when none was given
ACCOUNT = "account"  # the name of a cloud account whose files are given
NEEDS_HOST = ("INPUT", "OUTPUT")
AS_AUTHORISED = frozenset({Verdict.implemented})
NOT_KNOWN = frozenset({Verdict.not_verifiable, Verdict.stale, Verdict.unreachable})
# About use, which no rule shows.
NOT_ASKED = frozenset({Verdict.usage_unknown})


def run(asked: argparse.Namespace) -> Answer:
    """One judgement for each authorised connection at each point of the host, and what goes beyond."""
    try:
        wanted = wanted_of(Path(asked.register))
    except RegisterError as wrong:
        raise Refusal(f"{asked.register} was not used:\n  " + "\n  ".join(wrong.problems)) from wrong
    host, point = _place(wanted, asked.host, asked.point)
    reading = reading_of(asked.rules)
    if is_fabric(reading):
        return _account(asked, wanted, reading)
    entries = _entries(wanted, reading, host, point)
    if any(one.name == point and one.model == "first-match" for one in reading.points):
        reading = replace(reading, points=tuple(one for one in reading.points if one.name == point))
    found = judge(entries, {host: reading}, before=None, flows=None, at=date.today())
    asked_of = {entry.id for entry in entries.entries if entry.required}
    kept = [one for one in found if _concerns(one, host, point) or _is_late(one, asked_of)]
    return _answer(kept, entries, host, reading)


def _answer(kept: list[Judgement], entries: Wanted, host: str, reading: Reading) -> Answer:
    sources = _sources(reading)
    proposals = Proposals(entries, kept, {host: reading})
    verdicts = [_verdict(one, sources, proposals) for one in kept]
    findings = any(one.verdict not in AS_AUTHORISED | NOT_KNOWN for one in kept)
    unproven = any(one.verdict in NOT_KNOWN for one in kept) or bool(reading.unread)
    summary = _summary(kept, entries, reading)
    data = {"verdicts": verdicts, "summary": summary}
    return Answer(status(findings=findings, unproven=unproven), data, _text(verdicts, summary))


def _account(asked: argparse.Namespace, wanted: Wanted, reading: Reading) -> Answer:
    """The interfaces of the registered servers (of one of them, with --host), and the paths between them."""
    held = attachments(wanted.servers, {ACCOUNT: reading})
    if not held:
        raise Refusal(
            "No interface in these files has an address of a registered server. Give describe-network-interfaces."
        )
    if asked.host and asked.host not in held:
        raise Refusal(f"No interface in these files has an address of {asked.host}. It stands in another account.")
    mine = {one.interface for name, every in held.items() if asked.host in {None, name} for one in every}
    reading = replace(reading, addresses={name: kept for name, kept in reading.addresses.items() if name in mine})
    points = [point.name for point in reading.points]
    if asked.point and asked.point.casefold() not in {name.casefold() for name in points}:
        raise Refusal(f"There is no point {asked.point} in these files. They have {spelt(points)}.")
    found = judge(wanted, {ACCOUNT: reading}, before=None, flows=None, at=date.today())
    kept = [
        one for one in found if _concerns(one, ACCOUNT, "") or (one.verdict is Verdict.unfiltered and not asked.host)
    ]
    if asked.point:
        kept = [one for one in kept if one.point.partition("/")[2].casefold() == asked.point.casefold()]
    answer = _answer(kept, wanted, ACCOUNT, reading)
    later = _later(reading)
    unseen = [name for name in held if asked.host in {None, name} and any(one.point in _own(name) for one in found)]
    text = [f"later: {one['rule']} lets in whoever joins {one['group']}; today {one['now']}" for one in later]
    if unseen:
        text.append(f"what {', '.join(unseen)} filter by themselves is not in these files, and not judged here")
    data = {**answer.data, "later_members": later, "filters_not_in_these_files": unseen}
    return replace(answer, data=data, text="\n".join([answer.text, *text]))


def _own(name: str) -> tuple[str, ...]:
    """The places of a server's own packet filter."""
    return tuple(f"{name}/{point}" for point in NEEDS_HOST)


def _later(reading: Reading) -> list[dict[str, str]]:
    """The rules of the judged interfaces that name a group: who joins it decides what they let through tomorrow."""
    used = {
        rule.target
        for chain in reading.chains
        if chain.name.partition(":")[2].partition("/")[0] in reading.addresses
        for rule in chain.rules
    }
    return [
        {"rule": one.subject, "group": one.value, "now": one.detail("now")}
        for one in reading.statements
        if one.about == MEMBERS and one.subject.partition("#")[0] in used
    ]


def _place(wanted: Wanted, host: str | None, point: str | None) -> tuple[str, str]:
    """(host, point in capitals or "" for all of the host's). Raises Refusal."""
    point = (point or "").upper()
    if host is None:
        if point in NEEDS_HOST:
            raise Refusal(f"{point} belongs to one host. Say whose dumps these are with --host NAME.")
        return FIREWALL, point or "FORWARD"
    if host not in wanted.servers:
        near = difflib.get_close_matches(host, wanted.servers, n=1)
        raise Refusal(f"The register has no server {host}." + (f" Did you mean {near[0]}?" if near else ""))
    return host, point


def _entries(wanted: Wanted, reading: Reading, host: str, point: str) -> Wanted:
    """The register with the points that are asked for; everything in it stays authorised."""
    known = {one.name for one in reading.points if one.model == "first-match"}
    if point and point not in known | set(NEEDS_HOST) | {"FORWARD"}:
        raise Refusal(f"There is no point {point} in these files. They have {', '.join(sorted(known)) or 'no rules'}.")
    entries = []
    for entry in wanted.entries:
        if point not in {"", *NEEDS_HOST}:
            required: tuple[tuple[str, str], ...] = ((host, point),)
        else:
            required = tuple(pair for pair in entry.required if pair[0] == host and point in {"", pair[1]})
        entries.append(replace(entry, required=required))
    return replace(wanted, entries=tuple(entries))


def _concerns(one: Judgement, host: str, point: str) -> bool:
    name, _, place = one.point.partition("/")
    if one.verdict is Verdict.unknown_server:
        return True  # it is about a zone, and only these dumps were asked about it
    return one.verdict not in NOT_ASKED and name == host and point in {"", place}


def _is_late(one: Judgement, asked_of: set[str]) -> bool:
    """Whether it is the overdue review of a connection that is judged here; those of other hosts are said there."""
    return one.verdict is Verdict.review_overdue and one.subject in asked_of


def _sources(reading: Reading) -> dict[str, Origin]:
    """Rule id -> where it stands; shares and sockets by the ids their findings have."""
    found = {rule.id: rule.origin for chain in reading.chains for rule in chain.rules}
    found.update({Row(share, (), ()).rule: share.origin for share in reading.shares})
    return found


def _verdict(one: Judgement, sources: Mapping[str, Origin], proposals: Proposals) -> dict[str, Any]:
    origin = sources.get(one.rule)
    return {
        "verdict": one.verdict.value,
        "certainty": one.certainty.value,
        "point": one.point.partition("/")[2],
        "rule": one.rule,
        "file": origin.name if origin else "",
        "line": origin.first if origin else 0,
        "connection": one.subject if one.subject in proposals.entries else "",
        "counter_example": one.witness.as_dict() if one.witness else None,
        "proposal": proposals.of(one),
        "family": one.family,
        "because": one.because,
    }


def _summary(kept: list[Judgement], wanted: Wanted, reading: Reading) -> dict[str, Any]:
    ids = {entry.id for entry in wanted.entries}
    rolled = {subject: verdict for subject, verdict in roll_up(kept).items() if subject in ids}
    return {
        "verdicts": dict(sorted(Counter(one.verdict.value for one in kept).items())),
        "connections": dict(sorted(Counter(verdict.value for verdict in rolled.values()).items())),
        "not_judged": len(ids) - len(rolled),
        "unread_lines": sum(lines.unread for lines in reading.lines.values()),
    }


def _text(verdicts: list[dict[str, Any]], summary: dict[str, Any]) -> str:
    lines = []
    for one in verdicts:
        place = f"{one['file']} line {one['line']}: " if one["file"] else ""
        about = f"{one['connection']} " if one["connection"] else ""
        where = f"{about}at {one['point']}" if one["point"] else about.strip()
        lines.append(f"{one['verdict']} ({one['certainty']}) {where}: {place}{one['because']}")
        if one["proposal"]:
            lines += [
                f"    {'proposal: ' if not number else ''}{line}"
                for number, line in enumerate(one["proposal"].split("\n"))
            ]
    counts = ", ".join(f"{count} {name}" for name, count in summary["verdicts"].items()) or "nothing to judge"
    lines.append(f"{counts}; {summary['unread_lines']} unread lines")
    if summary["not_judged"]:
        lines.append(f"{summary['not_judged']} connections of the register do not concern this point or host")
    return "\n".join(lines)
