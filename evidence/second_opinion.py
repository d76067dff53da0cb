"""What AWS Config says of the lists of an account, beside what their reading shows: agreement supports ours.

Compared are its managed rules whose meaning is a matter of one list. Where the reading leaves it open, or the rule is
another, nothing is compared. What was read decides either way (docs/adr/0030); a disagreement is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from compliance.traffic.boxes import TOP
from evidence.attachments import is_fabric
from evidence.case import Case, Host
from evidence.formats.aws_config import (
    CLOSED,
    COMMON,
    COMPARED,
    MET,
    NOT_MET,
    RESULT,
    RULE,
    SSH,
    TO_GATEWAY,
)
from evidence.formats.aws_lists import TABLE
from evidence.judgement import Judgement
from evidence.rules import Action, Certainty, Reading, Rule, Statement, Verdict

PORTS: Final = {SSH: (22,), COMMON: (20, 21, 3389, 3306, 4333)}  # as AWS documents their defaults
TCP: Final = 6
SUBJECT: Final = "AWS Config on "


class Opinion(NamedTuple):
    """A result that is compared. `shown`: the rule that was read and is against the managed one; None: none is."""

    said: Statement
    managed: str
    shown: Rule | None

    @property
    def agrees(self) -> bool:
        """Whether the reading shows the same."""
        return (self.said.value == NOT_MET) is (self.shown is not None)


def opinions(reading: Reading, about: str = "") -> Iterator[Opinion]:
    """Every result that can be compared with what was read, or those about one list or table."""
    rules = {one.subject: one for one in reading.statements if one.about == RULE and one.value in COMPARED}
    chains = {chain.name: chain.rules for chain in reading.chains}
    points = {one.point.partition("/")[0] for one in reading.unread}
    for one in reading.statements:
        asked = rules.get(one.detail("rule")) if one.about == RESULT else None
        if (
            asked is None
            or about not in {"", one.subject}
            or one.value not in {MET, NOT_MET}
            or points & {"", one.subject}
        ):
            continue
        held = [*chains.get(f"{TABLE}:{one.subject}/in", ()), *chains.get(f"{TABLE}:{one.subject}/out", ()),
                *chains.get(f"{TABLE}:{one.subject}/away", ())]  # fmt: skip
        found = [rule for rule in held if rule.action is Action.PERMIT and _against(rule, asked)]
        sure = [rule for rule in found if not rule.residue]
        if held and (sure or not found):  # what is only in doubt is not compared
            yield Opinion(one, asked.value, sure[0] if sure else None)


def _against(rule: Rule, asked: Statement) -> bool:
    """Whether a rule of ours is what the managed rule is about."""
    managed = asked.value
    if managed == TO_GATEWAY:
        return rule.chain.endswith("/away") and rule.origin.uid.rpartition(" ")[2].startswith("igw-") and (
            rule.id.partition("#")[2].partition(">")[0] in {"0.0.0.0/0", "::/0"}
        )  # fmt: skip
    if managed == CLOSED:
        return not rule.chain.endswith("/away")
    given = [value for key, value in asked.details if key.lower().startswith("blockedport") and value.isdigit()]
    ports = [int(one) for one in given] if given and managed == COMMON else PORTS[managed]
    anybody = (0, TOP[rule.family])
    return rule.chain.endswith("/in") and any(
        box[:2] == anybody and box[4] <= TCP <= box[5] and any(box[8] <= port <= box[9] for port in ports)
        for box in rule.boxes
    )


def disagreements(case: Case) -> Iterator[Judgement]:
    """One judgement for each result that is at odds with what was read."""
    for host in case.hosts.values():
        for one in opinions(host.reading) if is_fabric(host.reading) else ():
            if not one.agrees:
                yield _judgement(host, one)


def _judgement(host: Host, one: Opinion) -> Judgement:
    name, resource = one.said.detail("rule"), one.said.subject
    ours = f"{one.shown.id} stands against it" if one.shown else "no rule that was read stands against it"
    because = (
        f"AWS Config and the reading of {host.name} are at odds about {resource}: {name} ({one.managed}) is "
        f"{one.said.value}, as of {one.said.detail('at') or 'an unknown time'}; {ours}. What was read is believed: "
        "look at when each of them looked"
    )
    return Judgement(
        Verdict.not_verifiable, Certainty.unproven, f"{SUBJECT}{resource} ({name})", f"{host.name}/{resource}",
        one.shown.id if one.shown else "", (), None, because,
    )  # fmt: skip


def supported(reading: Reading, rule: str) -> str:
    """The end of a sentence on a rule of an account: which results say the same; "" where none does."""
    resource = rule.partition(":")[2].partition("/")[0]
    if not is_fabric(reading) or not any(one.about == RESULT for one in reading.statements):
        return ""
    named = [one.said.detail("rule") for one in opinions(reading, resource)
             if one.agrees and one.shown is not None and one.shown.id == rule]  # fmt: skip
    return f". AWS Config says the same by {', '.join(dict.fromkeys(named))}" if named else ""
