"""The steps of a change record: submit, approve, reject, withdraw, implement, verify, dispute.

Each verb: check, write, ledger, on_commit. The write is one conditional UPDATE on state and version, so that of two
people who click in the same moment one wins and the other is told. The passed record is brought up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from compliance.actions import notices, policy
from compliance.actions.carrying import refuse_moved
from compliance.actions.ledger import record
from compliance.actions.versions import authorise, hold_register
from compliance.announcing import announce_change
from compliance.baseline import refuse_unfounded
from compliance.business_days import last_moment
from compliance.capacities import held
from compliance.errors import Refused
from compliance.four_eyes import need_for, needs_for, waiting
from compliance.models import TRANSITIONS, Approval, ApprovalNeeded, ChangeRecord, PolicyCheck, State, User
from compliance.models.approvals import content_hash, seal, shortfalls
from compliance.permissions import check
from compliance.signals import change_decided, change_implemented, change_submitted

FIRST: Final = "It was carried out before it was approved."
RAN: Final = "It ran before anybody asked for it: it was learned from the rules."


def submit(
    change: ChangeRecord, *, by: User, seen_version: int | None = None, at: datetime | None = None
) -> ChangeRecord:
    """Asks for the agreements it needs; from here on its content and its needs are frozen."""
    moment = at or timezone.now()
    with step(change, "submit", by=by, at=moment, seen=seen_version) as row:
        hold_register()  # what it is read through is not added to between this step and the next look
        refuse_altered(row)
        if row.kind == ChangeRecord.Kind.WIDEN and row.created_at != moment:
            refuse_moved(row, moment, "sent")  # a draft of it may be old
        policy.hold(row, PolicyCheck.When.SUBMITTED, at=moment)
        needs = [ApprovalNeeded(change=row, **need._asdict()) for need in needs_for(row)]
        ApprovalNeeded.objects.bulk_create(needs)
        move(row, "submit", submitted_at=moment)
        asked = [[need.capacity, need.system_id, need.stage, need.person_id] for need in needs]
        record("submit", row, by=by, at=moment, after=row.content_hash, needs=asked)
        notices.tell_deciders(row, moment)
        announce_change("change.submitted", row, at=moment, urgency=row.urgency)
        transaction.on_commit(lambda: change_submitted.send(ChangeRecord, change=row, at=moment))
    return change


def approve(
    change: ChangeRecord, *, by: User, because: str = "", seen_version: int | None = None, at: datetime | None = None
) -> ChangeRecord:
    """One person's agreement to what they saw. With the last one it is approved, and what it says is authorised.

    `seen_version`: the version the person read; a later one is refused, never decided unread.
    """
    moment = at or timezone.now()
    with step(change, "approve", by=by, at=moment, seen=seen_version) as row:
        refuse_altered(row)
        refuse_unfounded(row, moment)
        hold_still(row, by)
        agree(row, by, because, moment)
        if not row.needs.filter(approval__isnull=True).exists():
            decided(row, by, moment)
        else:
            notices.tell_deciders(row, moment)  # of the next stage, if this agreement completed one; nobody twice
    return change


def hold_still(change: ChangeRecord, by: User) -> None:
    """Locks the record for this decision, and only if it is still what was read and not the decider's own."""
    own = Q(requested_by=by) | Q(last_edited_by=by)
    still = ChangeRecord.objects.filter(pk=change.pk, state=State.SUBMITTED, version=change.version).exclude(own)
    if not still.update(version=F("version")):
        raise overtaken(change)


def agree(change: ChangeRecord, by: User, because: str, at: datetime) -> None:
    """Writes the approval of the need this person meets, bound to the hash and sealed."""
    with by.grants_read_once():
        need = need_for(by, change, at)
        if need is None:
            raise overtaken(change)
        way = held(by, need, change, at)
    approval = Approval(
        needed=need,
        in_place_of=way.officer if way else None,
        requested_by=change.requested_by,
        approver=by,
        capacity=need.capacity,
        content_hash=change.content_hash,
        at=at,
        because=because.strip(),
    )
    approval.seal = seal(change, change.needs.all(), approval)
    try:
        with transaction.atomic():
            approval.save(force_insert=True)
    except IntegrityError as error:
        raise overtaken(change) from error
    record(
        "approve", change, by=by, at=at, after=change.content_hash, because=because,
        capacity=need.capacity, system=need.system_id, seal=approval.seal, in_place_of=approval.in_place_of_id,
    )  # fmt: skip


def decided(change: ChangeRecord, by: User, at: datetime) -> None:
    """All have agreed: the state moves, and what was agreed becomes a version."""
    why = shortfalls([change.pk]).get(change.pk)
    if why:
        raise Refused(f"{change.ref} cannot be approved.", f"It would not count: {why}.", "Withdraw it and ask anew.")
    policy.hold(change, PolicyCheck.When.APPROVED, at=at)
    move(change, "approve", only=~Q(requested_by=by) & ~Q(last_edited_by=by), decided_at=at)
    closed = authorise(change, at=at)
    for former in closed:
        if former.state in TRANSITIONS["retire"].sources:
            move(former, "retire")
            record("retire", former, by=None, at=at, because=f"{change.ref} takes its place.")
    record("decide", change, by=None, at=at, after=change.content_hash, state=change.state)
    notices.tell_requester(change, "approved", "", at)
    if change.implemented_at is None and change.rests_on_id is None:
        notices.tell_engineers(change, at)
    announce_change("change.decided", change, at=at, decision="approved")
    done_already(change, at)
    transaction.on_commit(lambda: change_decided.send(ChangeRecord, change=change, decision="approved", at=at))


def reject(change: ChangeRecord, *, by: User, because: str, at: datetime | None = None) -> ChangeRecord:
    """One of those whose agreement it needs says no. The reason is required: the requester reads it."""
    return end(change, "reject", by=by, because=because, at=at or timezone.now())


def withdraw(change: ChangeRecord, *, by: User, because: str, at: datetime | None = None) -> ChangeRecord:
    """Who asked for it, or the system's owner, takes it back."""
    return end(change, "withdraw", by=by, because=because, at=at or timezone.now())


def end(change: ChangeRecord, verb: str, *, by: User, because: str, at: datetime) -> ChangeRecord:
    """The ends without an authorisation: rejected or withdrawn, with the reason."""
    with step(change, verb, by=by, at=at) as row:
        refuse_silence(row, because)
        move(row, verb, decided_at=at, closing_note=because.strip())
        record(verb, row, by=by, at=at, because=because)
        decision = str(row.state)
        if verb == "reject":
            notices.tell_requester(row, decision, because, at)
        if row.implemented_at is not None:
            notices.tell_to_undo(row, decision, at)
        announce_change("change.decided", row, at=at, decision=decision)
        transaction.on_commit(lambda: change_decided.send(ChangeRecord, change=row, decision=decision, at=at))
    return change


def act_first(change: ChangeRecord, *, by: User, because: str, at: datetime | None = None) -> ChangeRecord:
    """An urgent change was carried out before it was approved. Nothing is authorised by that; its approval is due.

    Within two business days (compliance/business_days.py), or it is a finding.
    """
    moment = at or timezone.now()
    with step(change, "act_first", by=by, at=moment) as row:
        refuse_silence(row, because)
        move(row, "act_first", implemented_at=moment, implemented_by=by)
        record("act_first", row, by=by, at=moment, because=because, due=last_moment(moment).isoformat())
        notices.tell_acted_first(row, because, moment)
    return change


def done_already(change: ChangeRecord, at: datetime) -> None:
    """What was carried out first, or was learned from what runs: it goes on to the reading that proves it."""
    if change.implemented_at is not None or change.rests_on_id is not None:
        why = RAN if change.rests_on_id is not None else FIRST
        move(change, "implement", implemented_at=change.implemented_at or at)
        record("implement", change, by=None, at=at, because=why)
        transaction.on_commit(lambda: change_implemented.send(ChangeRecord, change=change, at=at))


def implement(change: ChangeRecord, *, by: User, note: str = "", at: datetime | None = None) -> ChangeRecord:
    """The engineer says it is done. What the rules say is read next: a job does that on the bell-rope."""
    moment = at or timezone.now()
    with step(change, "implement", by=by, at=moment) as row:
        move(row, "implement", implemented_at=moment, implemented_by=by, verified_at=None, proof="")
        record("implement", row, by=by, at=moment, because=note)
        transaction.on_commit(lambda: change_implemented.send(ChangeRecord, change=row, at=moment))
    return change


def verify(change: ChangeRecord, *, proof: str, at: datetime | None = None, by: User | None = None) -> ChangeRecord:
    """The rules as read show it done. `proof` is the digest of the verification; a person never does this."""
    moment = at or timezone.now()
    with step(change, "verify", by=by, at=moment) as row:
        if not proof.strip():
            raise Refused(f"{row.ref} cannot be verified.", "There is no proof.", "Read the rules of both ends again.")
        move(row, "verify", verified_at=moment, proof=proof, closing_note="")
        record("verify", row, by=by, at=moment, after=proof)
        notices.tell_requester(row, "verified", "The rules as read show it done.", moment)
        announce_change("change.verified", row, at=moment)
    return change


def dispute(change: ChangeRecord, *, why: str, at: datetime | None = None, by: User | None = None) -> ChangeRecord:
    """What was read, or somebody who knows, says that what was done is not what was approved."""
    moment = at or timezone.now()
    with step(change, "dispute", by=by, at=moment) as row:
        refuse_silence(row, why)
        move(row, "dispute", closing_note=why.strip(), verified_at=None, proof="")
        record("dispute", row, by=by, at=moment, because=why)
        notices.tell_requester(row, "disputed", why, moment)
        announce_change("change.disputed", row, at=moment, because=why)
        notices.tell_engineers(row, moment)
    return change


@contextmanager
def step(
    change: ChangeRecord, verb: str, *, by: User | None, at: datetime, seen: int | None = None
) -> Iterator[ChangeRecord]:
    """One verb on the record as it stands now, in one transaction; the caller's copy is brought up to date."""
    try:
        with transaction.atomic():
            row = ChangeRecord.objects.select_related("system__organisation", "connection").get(pk=change.pk)
            check(by, verb, row, at=at)
            if seen is not None and seen != row.version:
                raise overtaken(row)
            yield row
    finally:
        change.refresh_from_db()


def move(change: ChangeRecord, verb: str, *, only: Q | None = None, **fields: Any) -> None:
    """The conditional UPDATE behind every step: from a state of the table, and from the version that was read."""
    row = TRANSITIONS[verb]
    found = ChangeRecord.objects.filter(only or Q(), pk=change.pk, state__in=row.sources, version=change.version)
    if not found.update(state=row.target, version=F("version") + 1, **fields):
        raise overtaken(change)
    change.refresh_from_db()


def overtaken(change: ChangeRecord) -> Refused:
    """Somebody was quicker, or it changed since it was read."""
    now = ChangeRecord.objects.get(pk=change.pk)
    what = f"Nothing was done to {change.ref}."
    if now.state == State.DRAFT:
        when = timezone.localtime(now.justification.written_at)
        edited = (
            f"It was changed by {now.last_edited_by} at {when:%H:%M} on {when.day} {when:%B %Y} since you opened it."
        )
        return Refused(what, edited, "Compare it with what you typed, then send yours again or leave theirs.")
    state = f"waits for {waiting(now)}" if now.state == State.SUBMITTED else f"is {now.get_state_display().lower()}"
    return Refused(what, f"It changed since you opened it: it {state}.", "Read it again, then decide.")


def refuse_altered(change: ChangeRecord) -> None:
    """What was edited past the verbs goes no further."""
    if content_hash(change.material) != change.content_hash:
        raise Refused(
            f"{change.ref} goes no further.",
            "Its content was altered after it was hashed.",
            "Withdraw it and ask anew; an administrator looks into who altered it.",
        )


def refuse_silence(change: ChangeRecord, because: str) -> None:
    """Some steps need a reason that somebody reads."""
    if not because.strip():
        raise Refused(
            f"{change.ref} stays as it is.", "No reason was given.", "Say why in a sentence: others rely on it."
        )
