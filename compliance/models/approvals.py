"""Whether a change was really approved: derived from its approvals each time, never read from a flag."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import models

from compliance.models.changes import Approval, ApprovalNeeded, Capacity, ChangeRecord

# what of a change is looked at: a register of a hundred thousand is read whole each night
SEALED_OF: Final = ("material", "content_hash", "requested_by", "last_edited_by")
CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
CAPACITIES: Final = dict(Capacity.choices)
FEWEST_PEOPLE = 2  # four eyes are two people, whatever a system asks on top


class Need(NamedTuple):
    """What a seal is taken over, of an ApprovalNeeded: fifty rows of a list ask for a hundred of these."""

    pk: int
    capacity: str
    system_id: int
    stage: int
    title: str
    person_id: int | None


class Given(NamedTuple):
    """The same of an Approval."""

    pk: int
    needed_id: int
    requested_by_id: int
    approver_id: int
    capacity: str
    in_place_of_id: int | None
    content_hash: str
    at: datetime
    because: str
    seal: str


def canonical(value: Any) -> bytes:
    """One way to write a value as JSON: keys in order, no blanks. What hashes and seals are taken over."""
    return CANONICAL.encode(value).encode()


def content_hash(material: Any) -> str:
    """The hash that an approval is bound to (SHA-256 of the canonical JSON, hex)."""
    return hashlib.sha256(canonical(material)).hexdigest()


def seal(change: ChangeRecord, needs: Iterable[ApprovalNeeded | Need], approval: Approval | Given) -> str:
    """HMAC-SHA256 over the approval, the whole list of needs and the people it must not come from."""
    said = {
        "change": change.pk,
        "needs": sorted(asked_of(need) for need in needs),
        "needed": approval.needed_id,
        "requested_by": change.requested_by_id,
        "last_edited_by": change.last_edited_by_id,
        "approver": approval.approver_id,
        "capacity": approval.capacity,
        "content_hash": approval.content_hash,
        "at": approval.at.timestamp(),
        "because": approval.because,
    }
    if approval.in_place_of_id is not None:
        said["in_place_of"] = approval.in_place_of_id
    return hmac.new(settings.APPROVAL_KEY.encode(), canonical(said), hashlib.sha256).hexdigest()


def asked_of(need: ApprovalNeeded | Need) -> tuple[Any, ...]:
    """A need as it is sealed. What a first stage says is as short as before there were others: old seals hold."""
    first = (need.pk, need.capacity, need.system_id)
    return first if need.stage == 1 else (*first, need.stage, need.title, need.person_id)


def shortfall(change: ChangeRecord, needs: Sequence[Need], given: Sequence[Given]) -> str:
    """Why this change does not count as approved, in a sentence; "" when it does."""
    by_need = {approval.needed_id: approval for approval in given}
    if len(needs) < FEWEST_PEOPLE:
        return "it asks for fewer than two people's agreement"
    if len({approval.approver_id for approval in given}) < len(needs):
        return "not enough different people agreed"
    if sum(need.stage == 1 for need in needs) < FEWEST_PEOPLE:
        return "its first stage asks for fewer than two people's agreement"
    for need in needs:
        approval = by_need.get(need.pk)
        if approval is None:
            whose = need.title or CAPACITIES.get(need.capacity, need.capacity).lower()
            return f"the agreement of the {whose} is missing"
        earlier = [by_need[other.pk] for other in needs if other.stage < need.stage and other.pk in by_need]
        if any(other.at > approval.at for other in earlier):
            return "a later stage agreed before an earlier one was complete"
        if approval.in_place_of_id in (change.requested_by_id, change.last_edited_by_id):
            return "somebody agreed in place of who asked for it"
        if approval.content_hash != change.content_hash:
            return "what was agreed to is not what it says now"
        if approval.approver_id in (change.requested_by_id, change.last_edited_by_id):
            return "somebody agreed to their own change"
        if approval.requested_by_id != change.requested_by_id or approval.capacity != need.capacity:
            return "an approval does not belong to this change"
        if not hmac.compare_digest(approval.seal, seal(change, needs, approval)):
            return "an approval was not given through Eastwest: its seal is wrong"
    if content_hash(change.material) != change.content_hash:
        return "its content was altered after it was hashed"
    return ""


def shortfalls(changes: Any, known_at: datetime | None = None) -> dict[int, str]:
    """For each of these changes (ids or a query of ids) that does not count as approved: why."""
    return {change.pk: why for change, why in looked_at(changes, known_at) if why}


def looked_at(changes: Any, known_at: datetime | None = None) -> list[tuple[ChangeRecord, str]]:
    """Each of these changes with why it does not count as approved, "" where it does."""
    return proven(changes).looked_at(known_at)


class Proven:
    """Changes (ids or a query of ids) with all that was asked and given for them, read once, asked as of any moment."""

    def __init__(self, changes: Any = ()) -> None:
        self.needs: dict[int, list[Need]] = defaultdict(list)
        self.given: dict[int, list[Given]] = defaultdict(list)
        self.rows: dict[int, ChangeRecord] = {}
        self._said: dict[tuple[int, frozenset[int]], str] = {}
        if isinstance(changes, models.QuerySet) or changes:
            self._read(changes)

    def _read(self, changes: Any) -> None:
        among = "in" if isinstance(changes, models.QuerySet) else "among"
        change_of: dict[int, int] = {}
        needs = ApprovalNeeded.objects.filter(**{f"change_id__{among}": changes}).order_by("pk")
        for change, *rest in needs.values_list("change_id", *Need._fields):
            need = Need._make(rest)
            self.needs[change].append(need)
            change_of[need.pk] = change
        asked = {f"needed__change_id__{among}": changes} if among == "in" else {"needed_id__among": change_of}
        for row in Approval.objects.filter(**asked).values_list(*Given._fields):
            given = Given._make(row)
            if given.needed_id in change_of:  # else it came while this was being read
                self.given[change_of[given.needed_id]].append(given)
        rows = ChangeRecord.objects.filter(**{f"pk__{among}": changes}).only(*SEALED_OF)
        self.rows |= {change.pk: change for change in rows}

    def of(self, changes: Any) -> Proven:
        """Of these alone; what was read of them before is not read again."""
        wanted = {one if isinstance(one, int) else next(iter(one.values())) for one in changes}
        missing = wanted - self.rows.keys()
        if missing:
            self._read(missing)
        found = Proven()
        found.needs, found.given, found._said = self.needs, self.given, self._said
        found.rows = {key: self.rows[key] for key in sorted(wanted & self.rows.keys())}
        return found

    def looked_at(
        self, known_at: datetime | None = None, among: Iterable[int] | None = None
    ) -> list[tuple[ChangeRecord, str]]:
        """Each (or each `among` them) with why it does not count as approved as known then, "" where it does."""
        rows = self.rows.values() if among is None else [self.rows[key] for key in among]
        return [(change, self._shortfall(change, known_at)) for change in rows]

    def _shortfall(self, change: ChangeRecord, known_at: datetime | None) -> str:
        given = [one for one in self.given[change.pk] if known_at is None or one.at <= known_at]
        key = change.pk, frozenset(one.pk for one in given)
        if key not in self._said:  # the same approvals say the same in every month
            self._said[key] = shortfall(change, self.needs[change.pk], given)
        return self._said[key]

    def without_force(
        self, day: date, known_at: datetime | None = None, among: Iterable[int] | None = None
    ) -> set[int]:
        """The ids that authorised nothing on that day: not approved, or resting on a risk nobody accepts."""
        from compliance.baseline import without_risk

        rows = self.looked_at(known_at, among)
        approved = {change.pk: change.material for change, why in rows if not why}
        return {*(change.pk for change, why in rows if why), *without_risk(approved, day, known_at)}


def unproven_changes(changes: Any, known_at: datetime | None = None) -> list[int]:
    """The ids among these that do not count as approved."""
    return sorted(shortfalls(changes, known_at))


def without_force(changes: Any, day: date, known_at: datetime | None = None) -> list[int]:
    """The ids among these that authorised nothing on that day: not approved, or resting on a risk nobody accepts."""
    return sorted(proven(changes).without_force(day, known_at))


@contextmanager
def read_once() -> Iterator[None]:
    """Within it, what was asked and given for a change is read once: while one pack is gathered, no longer."""
    token = _kept.set(Proven())
    try:
        yield
    finally:
        _kept.reset(token)


def proven(changes: Any) -> Proven:
    """The changes (ids or a query of ids) with their approvals, from before where they were read within `read_once`."""
    kept = _kept.get()
    return Proven(changes) if kept is None else kept.of(changes)


_kept: ContextVar[Proven | None] = ContextVar("approvals_read", default=None)
