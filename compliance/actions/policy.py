"""The policy: which version is in force, what it says of a request, and how it changes (two people, as for a change).

`hold` is called by the steps of a change record: what a rule of severity "block" meets is not sent and not approved,
by whatever door it comes; what the policy said is kept with the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.actions.ledger import record
from compliance.actions.policy_widening import WIDENED, widening_hits
from compliance.errors import Refused
from compliance.models import ChangeRecord, PolicyCheck, PolicyDecision, PolicyVersion, User
from compliance.models.approvals import canonical, content_hash
from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.policy import shipped
from compliance.policy.check import Exempt, Hit, blocked
from compliance.policy.check import check as check_pure
from compliance.policy.content import Policy, PolicyError, from_json
from compliance.policy.facts import Asked
from compliance.policy.shipped import Described
from compliance.policy_facts import ASKABLE, asked_of, inventory, reasons_of

Excepting = Callable[[Hit, Mapping[str, Any], datetime], Exempt | None]
SHIPPED_BECAUSE: Final = "As shipped with Eastwest."


class NotPermitted(Refused):
    """The policy stops it. `hits`: the rules that do."""

    def __init__(self, change: ChangeRecord, hits: Sequence[Hit]) -> None:
        first = hits[0]
        others = f" (and {len(hits) - 1} more)" if len(hits) > 1 else ""
        super().__init__(
            f"{change.ref} is not permitted by the policy: {first.title}{others}.",
            " ".join(hit.what for hit in hits),
            f"{first.do} What must be so all the same needs a dated exception first: it is asked for beside the rule.",
            link=("Read the policy", "/policy/"),
        )
        self.hits = tuple(hits)


class Checked(NamedTuple):
    """What a version says of a request."""

    version: PolicyVersion
    hits: tuple[Hit, ...]


def in_force(at: datetime | None = None) -> PolicyVersion:
    """The version that counts at that time: the newest one adopted by a second person, else the one as shipped.

    The shipped one is not in the database until a request was checked against it. A version whose seal or hash is
    wrong is passed over: it was not adopted through Eastwest.
    """
    version: PolicyVersion
    for version in PolicyVersion.objects.adopted(at):
        if not version.fault():
            return version
    content = shipped.shipped().as_json()
    return PolicyVersion(
        number=0, content=content, content_hash=content_hash(content), because=SHIPPED_BECAUSE, shipped=True
    )


def kept(version: PolicyVersion) -> PolicyVersion:
    """The version as a row. The shipped one is written when something is first kept beside it."""
    if version.pk:
        return version
    there = PolicyVersion.objects.filter(shipped=True, content_hash=version.content_hash).first()
    return there or PolicyVersion.objects.create(
        number=next_number(),
        content=version.content,
        content_hash=version.content_hash,
        because=version.because,
        shipped=True,
    )


def next_number() -> int:
    """The number of the next version."""
    return (PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1


def read(version: PolicyVersion) -> Policy:
    """The policy a version says."""
    return _read(version.content_hash, canonical(version.content).decode())


@lru_cache(maxsize=8)
def _read(digest: str, text: str) -> Policy:
    return from_json(json.loads(text), shipped.settings())


def excepted(hit: Hit, material: Mapping[str, Any], at: datetime) -> Exempt | None:
    """The dated exception somebody decided on for this hit of this request, if any holds at that time.

    Exceptions that stand in the policy itself are seen to by the check. Those decided on as records of their own come
    from the functions that settings.POLICY_EXCEPTIONS names; nothing is excepted where none of them says so.
    """
    for dotted in settings.POLICY_EXCEPTIONS:
        ask: Excepting = import_string(dotted)
        found = ask(hit, material, at)
        if found is not None and found.until >= day_of(at):
            return found
    return None


def look(
    material: Mapping[str, Any],
    justification: Mapping[str, str],
    *,
    system_id: int,
    connection_id: int | None = None,
    at: datetime | None = None,
) -> Checked:
    """What the policy in force says of this request; nothing is written. A removal meets no rule here.

    A widening is asked about by what it newly authorises, connection by connection.
    """
    moment = at or timezone.now()
    version = in_force(moment)
    if material.get("kind") not in (*ASKABLE, *WIDENED):
        return Checked(version, ())
    policy = read(version)
    reasons = reasons_of(justification, system_id=system_id, beside=connection_id)

    def of(asked: Asked, rules: Sequence[Described]) -> tuple[Hit, ...]:
        return check_pure(
            policy, rules, asked, on=day_of(moment), inventory=inventory(asked),
            excepted=lambda hit: excepted(hit, material, moment),
        )  # fmt: skip

    if material["kind"] in WIDENED:
        return Checked(version, widening_hits(material, reasons, policy, moment, of))
    return Checked(version, of(asked_of(material, reasons, policy, moment), shipped.described()))


def look_at(change: ChangeRecord, at: datetime | None = None) -> Checked:
    """What the policy in force says of a change record. A removal opens nothing and is not asked about."""
    if change.kind == ChangeRecord.Kind.RETIRE:
        return Checked(in_force(at), ())
    why = getattr(change, "justification", None)
    reasons = {key: getattr(why, key, "") for key in ("business_need", "security_implications", "data_carried")}
    return look(change.material, reasons, system_id=change.system_id, connection_id=change.connection_id, at=at)


def is_asked(change: ChangeRecord) -> bool:
    """Whether the policy has rules about what this record asks for."""
    return change.kind != ChangeRecord.Kind.RETIRE and change.material.get("kind") in (*ASKABLE, *WIDENED)


def hold(change: ChangeRecord, when: str, *, at: datetime) -> PolicyCheck | None:
    """Refuses what the policy does not permit, and keeps what it said otherwise. In the step's own transaction."""
    if not is_asked(change):
        return None
    checked = look_at(change, at)
    stopped = blocked(checked.hits)
    if stopped:
        raise NotPermitted(change, stopped)
    return PolicyCheck.objects.create(
        change=change,
        version=kept(checked.version),
        when=when,
        content_hash=change.content_hash,
        hits=[hit.as_json() for hit in checked.hits],
        at=at,
    )


def propose(
    content: Mapping[str, Any], *, because: str, by: User, seen: int, at: datetime | None = None
) -> PolicyVersion:
    """A new version is proposed. It changes nothing until somebody else adopts it.

    `seen`: the number of the version it was made from (0: as shipped); when another is in force by now, it is refused.
    """
    moment = at or timezone.now()
    check(by, "propose_policy", None, at=moment)
    policy = readable(content)
    if not because.strip():
        raise Refused("Nothing was proposed.", "No reason was given.", "Say why in a sentence: others rely on it.")
    with transaction.atomic():
        base = in_force(moment)
        if base.number != seen:
            raise Refused(
                "Nothing was proposed.",
                f"Another version is in force since you opened the page: {base.ref}.",
                "Read what changed, then propose again.",
            )
        said = policy.as_json()
        if content_hash(said) == base.content_hash:
            raise Refused("Nothing was proposed.", "It says what is in force already.", "Change something first.")
        version = PolicyVersion(
            number=next_number(),
            content=said,
            content_hash=content_hash(said),
            because=because.strip(),
            base=base if base.pk else None,
            proposed_by=by,
            proposed_at=moment,
        )
        try:
            with transaction.atomic():
                version.save(force_insert=True)
        except IntegrityError as error:
            raise Refused(
                "Nothing was proposed.", "Somebody proposed one in the same moment.", "Read theirs, then send again."
            ) from error
        record("propose_policy", version, by=by, at=moment, before=base.content_hash, after=version.content_hash,
               because=because)  # fmt: skip
    return version


def readable(content: Mapping[str, Any]) -> Policy:
    """The policy that a content says; everything wrong with it at once."""
    try:
        return from_json(content, shipped.settings())
    except PolicyError as error:
        raise Refused("This is no policy yet.", " ".join(error.problems), "Mend it and send it again.") from error


def adopt(version: PolicyVersion, *, by: User, because: str = "", at: datetime | None = None) -> PolicyVersion:
    """A second person takes a proposed version into force, for every request from now on."""
    moment = at or timezone.now()
    check(by, "adopt_policy", version, at=moment)
    readable(version.content)
    base = in_force(moment)
    if (version.base_id or 0) != (base.pk or 0):
        raise Refused(
            f"Version {version.number} was not adopted.",
            f"It was made from another version than the one in force by now ({base.ref}).",
            "Have it proposed anew from the one in force; what it would change is then shown.",
        )
    return decide(version, PolicyDecision.Outcome.ADOPTED, by=by, because=because, at=moment)


def turn_down(version: PolicyVersion, *, by: User, because: str, at: datetime | None = None) -> PolicyVersion:
    """A second person says no to a proposed version. The reason is required."""
    moment = at or timezone.now()
    check(by, "adopt_policy", version, at=moment)
    if not because.strip():
        raise Refused(
            f"Version {version.number} stays as it is.", "No reason was given.", "Say why: who proposed it reads it."
        )
    return decide(version, PolicyDecision.Outcome.REJECTED, by=by, because=because, at=moment)


def decide(version: PolicyVersion, outcome: str, *, by: User, because: str, at: datetime) -> PolicyVersion:
    """The decision's row, bound to the content and sealed. One a version, whoever is quicker."""
    overtaken = Refused(
        f"Nothing was done to version {version.number}.", "It is decided on already.", "Read the page again."
    )
    if version.shipped or version.proposed_by is None:
        raise overtaken
    if content_hash(version.content) != version.content_hash:
        raise Refused(f"Version {version.number} goes no further.", "Its content was altered.", "Propose it anew.")
    with transaction.atomic():
        decision = PolicyDecision(
            version=version,
            outcome=outcome,
            proposed_by=version.proposed_by,
            decided_by=by,
            at=at,
            because=because.strip(),
            content_hash=version.content_hash,
        )
        decision.seal = decision.right_seal()
        try:
            with transaction.atomic():
                decision.save(force_insert=True)
        except IntegrityError as error:
            raise overtaken from error
        verb = "adopt_policy" if outcome == PolicyDecision.Outcome.ADOPTED else "reject_policy"
        record(verb, version, by=by, at=at, after=version.content_hash, because=because, seal=decision.seal)
    return version
