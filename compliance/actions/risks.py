"""Accepted risks and exceptions: asked for, decided by the authorising officer, revoked, renewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.exceptions import seal
from compliance.models import Notice, RiskAcceptance, System, User
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from compliance.risk_eyes import officer_of

LONGEST: Final = timedelta(days=366)  # an exception is for a year at most; then it is decided on again
BASELINE: Final = timedelta(days=183)  # what was not decided one by one is, within six months
State = RiskAcceptance.State


def request(
    *,
    system: System,
    kind: str,
    key: str,
    about: str,
    path: str = "",
    extent: Sequence[Mapping[str, Any]] = (),
    rating: str,
    reason: str,
    alternate_control: str,
    ends_on: date,
    plan: str = "",
    renews: RiskAcceptance | None = None,
    by: User,
    at: datetime | None = None,
) -> RiskAcceptance:
    """Asks that something be left open until a day, at most a year ahead. Nothing is accepted by asking."""
    moment = at or timezone.now()
    check(by, asking_verb(kind), system, at=moment)
    if kind == RiskAcceptance.Kind.BASIS and renews is not None:
        raise Refused(
            f"{renews.ref} is not renewed.",
            "A provisional baseline ends: by then each of its connections is decided on by itself.",
            "Keep what is needed under Recertify, and ask for the removal of the rest.",
        )
    refuse_unsaid(rating, reason, alternate_control, ends_on, day_of(moment), longest(kind))
    with transaction.atomic():
        System.objects.select_for_update().get(pk=system.pk)  # of two who ask at once the second sees the first
        waiting = RiskAcceptance.objects.filter(kind=kind, key=key, state=State.REQUESTED).first()
        if waiting is not None:
            raise Refused(
                "Nothing was asked for.", f"{waiting.ref} waits for a decision about the same.", "Wait for it first."
            )
        risk = RiskAcceptance.objects.create(
            system=system, kind=kind, key=key, about=about[:300], path=path, extent=list(extent), rating=rating,
            reason=reason.strip(), alternate_control=alternate_control.strip(), ends_on=ends_on, plan=plan.strip(),
            requested_by=by, requested_at=moment, renews=renews,
        )  # fmt: skip
        record("request_risk", risk, by=by, at=moment, because=risk.reason, ends_on=ends_on.isoformat(), rating=rating)
        if system.authorising_officer is not None:
            told = f"{risk.ref} waits for your decision: {risk.about}"
            tell_one(system.authorising_officer, risk, "decide", told, risk.reason, moment)
    return risk


def asking_verb(kind: str) -> str:
    """By what verb a kind is asked for: who may ask for a connection may ask for the exception that it needs."""
    kinds = (RiskAcceptance.Kind.RULE, RiskAcceptance.Kind.BASIS)
    return "request_exception" if kind in kinds else "request_risk"


def longest(kind: str) -> timedelta:
    """For how long a kind may be left open at most."""
    return BASELINE if kind == RiskAcceptance.Kind.BASIS else LONGEST


def accept(
    risk: RiskAcceptance, *, by: User, because: str = "", seen_version: int | None = None, at: datetime | None = None
) -> RiskAcceptance:
    """The authorising officer, or their delegate, accepts exactly this, until its day."""
    return decide(risk, State.ACCEPTED, by=by, because=because, seen=seen_version, at=at or timezone.now())


def refuse(
    risk: RiskAcceptance, *, by: User, because: str, seen_version: int | None = None, at: datetime | None = None
) -> RiskAcceptance:
    """It is not accepted; what is open is to be mended. The reason is required."""
    said(because, risk)
    return decide(risk, State.REFUSED, by=by, because=because, seen=seen_version, at=at or timezone.now())


def decide(
    risk: RiskAcceptance, state: str, *, by: User, because: str, seen: int | None, at: datetime
) -> RiskAcceptance:
    """Either decision: one conditional UPDATE, sealed when it accepts."""
    verb = "accept_risk" if state == State.ACCEPTED else "refuse_risk"
    with transaction.atomic():
        row = RiskAcceptance.objects.select_related("system__authorising_officer").get(pk=risk.pk)
        check(by, "decide_risk", row, at=at)
        if state == State.ACCEPTED and row.ends_on < day_of(at):
            raise Refused(f"{row.ref} is not accepted.", "Its day is past.", "Refuse it; it can be asked for anew.")
        officer = officer_of(by, row.system, at)
        waiting = RiskAcceptance.objects.filter(pk=row.pk, state=State.REQUESTED, version=seen or row.version)
        moved = waiting.exclude(requested_by=by).update(
            state=state, version=F("version") + 1, decided_by=by, decided_at=at, decision_note=because.strip(),
            decided_for=officer if officer != by else None,
        )  # fmt: skip
        if not moved:
            raise overtaken(row)
        row.refresh_from_db()
        if state == State.ACCEPTED:
            RiskAcceptance.objects.filter(pk=row.pk).update(seal=seal(row))
            row.refresh_from_db()
        place = officer.pk if officer and officer != by else None
        record(verb, row, by=by, at=at, because=because, after=row.seal, in_place_of=place)
        moved_on(row, at)
        if row.requested_by:
            what = "accepted" if state == State.ACCEPTED else "not accepted"
            tell_one(row.requested_by, row, what, f"{row.ref} is {what}: {row.about}", because or row.reason, at)
    risk.refresh_from_db()
    return risk


def revoke(risk: RiskAcceptance, *, by: User, because: str, at: datetime | None = None) -> RiskAcceptance:
    """From now on it is not accepted any more. The authorising officer or a delegate does it, with a reason."""
    moment = at or timezone.now()
    with transaction.atomic():
        row = RiskAcceptance.objects.select_related("system__authorising_officer").get(pk=risk.pk)
        check(by, "revoke_risk", row, at=moment)
        said(because, row)
        moved = RiskAcceptance.objects.filter(pk=row.pk, state=State.ACCEPTED, version=row.version).update(
            state=State.REVOKED,
            version=F("version") + 1,
            revoked_by=by,
            revoked_at=moment,
            revoked_note=because.strip(),
        )
        if not moved:
            raise overtaken(row)
        row.refresh_from_db()
        record("revoke_risk", row, by=by, at=moment, because=because)
        moved_on(row, moment)
        for person in {row.requested_by, row.system.owner} - {None, by}:
            if person is not None:
                tell_one(person, row, "revoked", f"{row.ref} is revoked: {row.about}", because, moment)
    risk.refresh_from_db()
    return risk


def moved_on(risk: RiskAcceptance, at: datetime) -> None:
    """The rooms above are told in the same transaction (settings.RISK_MOVED): what they show follows at once."""
    for dotted in settings.RISK_MOVED:
        import_string(dotted)(risk, at)


def tell_one(person: User, risk: RiskAcceptance, what: str, subject: str, body: str, at: datetime) -> None:
    """One message about a risk, once."""
    key = f"risk:{risk.pk}:{what}:{person.pk}"
    kind = Notice.DECISION if what == "decide" else Notice.OUTCOME
    tell(person, key=key, subject=subject[:200], body=body, path=f"/risks/{risk.ref}/", kind=kind, at=at)


def refuse_unsaid(rating: str, reason: str, control: str, ends_on: date, today: date, most: timedelta) -> None:
    """Refuses what lacks a part that everybody relies on; all sentences at once."""
    wrong = []
    if rating not in RiskAcceptance.Rating.values:
        wrong.append("Rate it: low, medium or high.")
    if not reason.strip():
        wrong.append("Say why it is to be left open.")
    if not control.strip():
        wrong.append("Say what holds instead.")
    if not today < ends_on <= today + most:
        wrong.append(f"Choose a day to come, at most {'a year' if most > BASELINE else 'six months'} from today.")
    if wrong:
        raise Refused("This cannot be asked for yet.", " ".join(wrong), "Complete it and send it again.")


def said(because: str, risk: RiskAcceptance) -> None:
    """A no needs a reason that somebody reads."""
    if not because.strip():
        raise Refused(f"{risk.ref} stays as it is.", "No reason was given.", "Say why in a sentence.")


def overtaken(risk: RiskAcceptance) -> Refused:
    """Somebody was quicker, or it changed since it was read."""
    now = RiskAcceptance.objects.select_related("decided_by", "revoked_by").get(pk=risk.pk)
    who, when = (now.revoked_by, now.revoked_at) if now.revoked_by else (now.decided_by, now.decided_at)
    stands = f"It is {now.get_state_display().lower()}"
    if when is not None:
        local = timezone.localtime(when)
        stands += f", by {who} at {local:%H:%M} on {local.day} {local:%B %Y}"
    return Refused(f"Nothing was done to {now.ref}.", f"{stands}.", "Read it again, then decide.")
