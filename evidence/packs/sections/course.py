"""The course of each change record up to the cut-off: carried out first, stages, questions, rules that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import Approval, ApprovalNeeded, ChangeRecord, Question, State
from evidence.models import RuleChange
from evidence.packs.course import Asked, Course, Moved
from evidence.packs.section import Cell, Scope, Table

QUESTIONS: Final = ("change", "asked_by", "asked_at", "question", "answered_by", "answered_at", "answer")
RULES: Final = ("change", "host", "point", "seen_at", "direction", "rule", "outcome", "because")
COLUMNS: Final = ("carried_out_before_approval", "in_place_of", "waiting_for", "questions", "rule_changes")


def courses(
    rows: Sequence[ChangeRecord], states: Mapping[int, str], given: Mapping[int, Sequence[Approval]], scope: Scope
) -> dict[int, Course]:
    """Change → its course by the cut-off, where it stood in these states. Rules of systems outside the scope are
    counted, not shown."""
    keys, end = [row.pk for row in rows], scope.as_of
    asked, moved, elsewhere = questions(keys, end), rule_changes(keys, scope), beyond(keys, scope)
    needs: dict[int, list[ApprovalNeeded]] = defaultdict(list)
    for need in ApprovalNeeded.objects.filter(change_id__in=keys).select_related("system", "person"):
        needs[need.change_id].append(need)
    found = {}
    for row in rows:
        met = {one.needed_id for one in given[row.pk]}
        asking = needs[row.pk] if sent(row, end) and states[row.pk] == State.SUBMITTED else []
        waiting = [staged(one) for one in sorted(asking, key=lambda one: (one.stage, one.pk)) if one.pk not in met]
        mine, shown = tuple(asked.get(row.pk, ())), tuple(moved.get(row.pk, ()))
        found[row.pk] = Course(first(row, end), tuple(waiting), mine, shown, elsewhere.get(row.pk, 0))
    return found


def sent(row: ChangeRecord, end: datetime) -> bool:
    """Whether it had been submitted by then: before, nobody's agreement is waited for."""
    return row.submitted_at is not None and row.submitted_at <= end


def first(row: ChangeRecord, end: datetime) -> str:
    """That an urgent change was carried out before its approval, and when that was given; "" when it was not."""
    done = row.implemented_at
    if row.urgency != ChangeRecord.Urgency.URGENT or done is None or done > end:
        return ""
    decided = row.decided_at if row.decided_at is not None and row.decided_at <= end else None
    if decided is not None and decided <= done:
        return ""
    after = f"decided {said(decided)}" if decided else "not decided by the cut-off"
    return f"Carried out first, as an urgent change: done {said(done)}, {after}."


def said(moment: datetime) -> str:
    """A moment in words."""
    return f"{timezone.localtime(moment):%-d %B %Y, %H:%M}"


def staged(need: ApprovalNeeded) -> str:
    """A need in words, with its stage where it is a further one."""
    return need.label if need.stage == 1 else f"{need.label}, stage {need.stage}"


def capacity(approval: Approval) -> str:
    """In what capacity somebody agreed; what a further stage is called, with its number."""
    need = approval.needed
    plain = str(approval.get_capacity_display())
    return plain if need.stage == 1 else f"{need.title or plain}, stage {need.stage}"


def agreed(approval: Approval) -> str:
    """Who agreed, and in whose place."""
    return f"{approval.approver}{f', in place of {approval.in_place_of}' if approval.in_place_of else ''}"


def questions(keys: Sequence[int], end: datetime) -> dict[int, list[Asked]]:
    """Change → what was asked by then; an answer of later is none yet."""
    found: dict[int, list[Asked]] = defaultdict(list)
    rows = Question.objects.filter(change_id__in=keys, asked_at__lte=end).order_by("asked_at", "pk")
    for row in rows.select_related("asked_by", "answer__answered_by"):
        answer = getattr(row, "answer", None)
        replied = answer is not None and answer.answered_at <= end
        more = (str(answer.answered_by), answer.answered_at, answer.text) if answer and replied else ("", None, "")
        found[row.change_id].append(Asked(str(row.asked_by), row.asked_at, row.text, *more))
    return found


def rule_changes(keys: Sequence[int], scope: Scope) -> dict[int, list[Moved]]:
    """Change → the rules that were seen to change for it by then, in the systems of the scope."""
    found: dict[int, list[Moved]] = defaultdict(list)
    for row in seen(keys, scope).filter(system__name__in=scope.systems).select_related("server"):
        where, text = f"{row.server}/{row.point}", row.rule_text or row.rule
        because = "" if row.outcome == RuleChange.Outcome.RECORDED else row.because
        way, outcome = row.get_direction_display().lower(), row.get_outcome_display()
        found[row.change_id or 0].append(Moved(where, row.at, way, text, outcome, because))
    return found


def beyond(keys: Sequence[int], scope: Scope) -> dict[int, int]:
    """Change → how many rules of other systems changed for it."""
    found: dict[int, int] = defaultdict(int)
    for key in seen(keys, scope).exclude(system__name__in=scope.systems).values_list("change_id", flat=True):
        found[key or 0] += 1
    return found


def seen(keys: Sequence[int], scope: Scope) -> QuerySet[RuleChange]:
    """Rules that changed for one of these records by the cut-off."""
    return RuleChange.objects.filter(change_id__in=keys, at__lte=scope.as_of).order_by("at", "pk")


def cells(course: Course, given: Sequence[Approval]) -> tuple[Cell, ...]:
    """For the list of change records."""
    places = "; ".join(f"{one.approver} for {one.in_place_of}" for one in given if one.in_place_of)
    return (
        bool(course.first), places or None, "; ".join(course.waiting) or None, len(course.asked),
        len(course.moved) + course.elsewhere,
    )  # fmt: skip


def tables(every: Sequence[tuple[str, Course]]) -> tuple[Table, Table]:
    """The complete lists of questions and of rules that changed; `every`: ref and course."""
    asked = [
        (ref, one.person, one.at, one.text, one.answered_by or None, one.answered_at, one.answer or None)
        for ref, course in every
        for one in course.asked
    ]
    moved: list[tuple[Cell, ...]] = [
        (ref, *one.where.split("/", 1), one.at, one.direction, one.rule, one.outcome, one.because)
        for ref, course in every
        for one in course.moved
    ]
    return Table("change-questions", QUESTIONS, asked), Table("change-rules", RULES, moved)
