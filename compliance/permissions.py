"""The whole permission model on one page: who may do what, on what, and when not. Pages, jobs and commands ask here.

Deny by default: a verb that is not in the tables, or a role that is not in its row, may not. A role counts for the
system it was granted for, or for all when it was granted without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance import asking, risk_eyes
from compliance.errors import NotAllowed, Refused
from compliance.four_eyes import need_for, why_not_decide
from compliance.models import TRANSITIONS, ChangeRecord, Job, Question, RiskAcceptance, Role, State, System, User
from compliance.policy_eyes import why_not_policy
from compliance.risk_eyes import BY_OFFICER

EVERYBODY: Final = tuple(Role.values)
DECIDE: Final = (Role.SYSTEM_OWNER, Role.MANAGER)
ASK: Final = (Role.REQUESTER, Role.SYSTEM_OWNER, Role.ENGINEER)
OPERATE: Final = (Role.ENGINEER, Role.ADMINISTRATOR)

# What is not a step of a change record (those stand in TRANSITIONS): verb → the roles that may.
VERBS: Final[dict[str, tuple[str, ...]]] = {
    "see": EVERYBODY,
    "request": ASK,
    "amend": ASK,
    "retire_connection": ASK,
    "ask_again": ASK,
    "ask_question": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "answer_question": ASK,
    "import": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "widen": ASK,
    "narrow": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "decommission": ASK,
    "add_server": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "manage_estate": (Role.ADMINISTRATOR,),
    "manage_people": (Role.ADMINISTRATOR,),
    "set_up": (Role.ADMINISTRATOR,),
    "set_stages": (Role.ADMINISTRATOR,),
    "delegate": DECIDE,
    "manage_tokens": (Role.ADMINISTRATOR,),
    "manage_integrations": (Role.ADMINISTRATOR,),
    "load_catalogue": (Role.ADMINISTRATOR,),
    "state_control": DECIDE,
    "add_source": OPERATE,
    "edit_source": OPERATE,
    "pull": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "confirm_pin": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "say_path": (Role.SYSTEM_OWNER, Role.ENGINEER),
    "set_aside": (Role.SYSTEM_OWNER, Role.ENGINEER),
    "accept_shrink": (Role.SYSTEM_OWNER, Role.ENGINEER),
    "compare": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER, Role.ADMINISTRATOR),
    "see_jobs": OPERATE,
    "cancel_job": OPERATE,
    "acknowledge": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "request_risk": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "request_exception": (*ASK, Role.MANAGER),
    "attest_login": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "attest": (Role.SYSTEM_OWNER, Role.ENGINEER, Role.ADMINISTRATOR),
    "download_attestation": (Role.AUDITOR, Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "examine_logs": (Role.AUDITOR, Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "plan_removal": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "build_pack": (Role.AUDITOR, Role.SYSTEM_OWNER, Role.MANAGER),
    "download_pack": (Role.AUDITOR, Role.SYSTEM_OWNER, Role.MANAGER),
    "share_pack": DECIDE,
    "ask_evidence": (Role.AUDITOR,),
    "answer_evidence": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "plan_test": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "decide_test": DECIDE,
    "plan_review": DECIDE,
    "set_holidays": (Role.MANAGER, Role.ADMINISTRATOR),
    "run_review": DECIDE,
    "close_review": DECIDE,
    "start_campaign": (Role.MANAGER, Role.ADMINISTRATOR),
    "decide_campaign": (Role.SYSTEM_OWNER,),
    "close_campaign": (Role.MANAGER, Role.ADMINISTRATOR),
    "add_action": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "close_action": (Role.SYSTEM_OWNER, Role.MANAGER, Role.ENGINEER),
    "propose_policy": DECIDE,
    "adopt_policy": DECIDE,
}
# What holds for every system is decided by those whose role is for the whole organisation
ORGANISATION_WIDE: Final = frozenset({"propose_policy", "adopt_policy"})

# People and the estate belong to no one system: a role for one system does not do
WHOLE_INSTALLATION: Final = frozenset(
    {
        "manage_estate",
        "manage_people",
        "manage_tokens",
        "manage_integrations",
        "set_up",
        "set_holidays",
        "load_catalogue",
    }
)
# What a role decides: not in the first day of one that a single administrator gave
DECISIONS: Final = frozenset({"approve", "reject", "accept", "adopt_policy"})
# What no program does, whatever roles its token has
BY_PEOPLE_ONLY: Final = WHOLE_INSTALLATION | frozenset(
    {"approve", "reject", "decide_risk", "revoke_risk",
     "plan_removal", "attest_login", "attest", "accept_shrink", "confirm_pin", "say_path", "propose_policy",
     "adopt_policy", "state_control", "answer_question", "plan_test", "decide_test", "share_pack",
     "ask_evidence", "answer_evidence", "examine_logs", "plan_review", "run_review", "close_review",
     "start_campaign", "decide_campaign", "close_campaign"}
)  # fmt: skip
EVERY_SYSTEM: Final = 0  # the id of no system: only a role for all of them counts there

# Said by the machine itself (a job, no person): the steps that need proof, not agreement.
BY_ITSELF: Final = frozenset(verb for verb, step in TRANSITIONS.items() if "system" in step.roles)


def may(person: Any, verb: str, obj: Any, *, at: datetime | None = None) -> Refused | None:
    """None when the person may; else what is refused, why, and what would help. `obj` None asks "anywhere at all".

    `person` None is Eastwest itself: it verifies, disputes and retires change records, and decides nothing.
    """
    if person is None:
        return None if verb in BY_ITSELF else Refused(f"Nobody is named who would {spoken(verb)}.")
    if not isinstance(person, User) or not person.is_active:
        return Refused("You are not signed in.", "", "Sign in first.")
    if person.is_service and verb in BY_PEOPLE_ONLY:
        return NotAllowed(f"A program may not {spoken(verb)}{named(obj)}.", "It came in by a token.", "A person does.")
    with person.grants_read_once():
        return _may(person, verb, obj, at or timezone.now())


def _may(person: User, verb: str, obj: Any, now: datetime) -> Refused | None:
    """The same, of somebody who is signed in."""
    if verb in BY_OFFICER and isinstance(obj, RiskAcceptance):
        return risk_eyes.why_not(person, verb, obj, now)
    roles = TRANSITIONS[verb].roles if verb in TRANSITIONS else VERBS.get(verb, ())
    systems: list[int | None] = [EVERY_SYSTEM] if verb in WHOLE_INSTALLATION else systems_of(obj)
    spans = hasattr(obj, "systems") or isinstance(obj, Job)
    enough = all if spans else any  # what spans systems (a pack) shows all of them at once
    if not (enough(person.holds(roles, system, now) for system in systems) or meets_need(person, verb, obj, now)):
        return NotAllowed(
            f"You may not {spoken(verb)}{named(obj)}.",
            f"That takes the role {listed(roles)}{of_systems(systems, obj)}." if roles else "Nobody may.",
            "Ask an administrator for the role, or somebody who holds it to do it." if roles else "",
        )
    deciding = (person.holds(roles, system, now, deciding=True) for system in systems)
    if verb in DECISIONS and not (enough(deciding) or meets_need(person, verb, obj, now)):
        return NotAllowed(
            f"You may not {spoken(verb)}{named(obj)} yet.",
            "One administrator gave you the role alone: nothing is decided in it for a day, so that others can see it.",
            "Wait for the day, or ask somebody who has held the role for longer.",
        )
    if verb in ORGANISATION_WIDE:
        return not_them(why_not_policy(person, verb, obj, now))
    if isinstance(obj, ChangeRecord) and verb in TRANSITIONS:
        return wrong_state(verb, obj) or not_them(wrong_person(verb, obj, person, now))
    if isinstance(obj, ChangeRecord) and verb == "ask_again":
        return not_again(obj)
    if isinstance(obj, (ChangeRecord, Question)) and verb in ("ask_question", "answer_question"):
        return asking.refused(person, verb, obj, now)
    return None


def meets_need(person: User, verb: str, obj: Any, at: datetime) -> bool:
    """Whether somebody without the role decides all the same: as a delegate, or as who is named for a stage."""
    deciding = verb in ("approve", "reject") and isinstance(obj, ChangeRecord) and obj.state == State.SUBMITTED
    given = deciding and obj.needs.filter(approval__approver=person).exists()  # told that they agreed already
    return deciding and (given or need_for(person, obj, at) is not None)


def check(person: Any, verb: str, obj: Any, *, at: datetime | None = None) -> None:
    """Raises what `may` says."""
    refused = may(person, verb, obj, at=at)
    if refused is not None:
        raise refused


def wrong_state(verb: str, change: ChangeRecord) -> Refused | None:
    """Whether the table knows no such step from where the change stands."""
    if change.state in TRANSITIONS[verb].sources:
        return None
    return Refused(
        f"{change.ref} cannot be {DONE[verb]} now.",
        f"It is {change.get_state_display().lower()}; that step is possible only while it is "
        f"{' or '.join(TRANSITIONS[verb].sources)}.",
        "Look at the record again: somebody may have been quicker.",
    )


def not_again(change: ChangeRecord) -> Refused | None:
    """Whether a new draft can be made from it: only from what was turned down, and not from a removal."""
    again = change.kind in (ChangeRecord.Kind.NEW, ChangeRecord.Kind.AMEND)
    if change.state in (State.REJECTED, State.WITHDRAWN) and again:
        return None
    return Refused(
        f"{change.ref} cannot be asked for again.",
        f"It is {change.get_state_display().lower()}: only what was rejected or withdrawn, and is no removal, can be.",
        "Ask from the page of what it is about instead.",
    )


def not_them(refused: Refused | None) -> NotAllowed | None:
    """The same refusal, told apart from one by the record's state: somebody else might do it now."""
    if refused is None:
        return None
    return NotAllowed(refused.what, refused.why, refused.next_step, link=refused.link)


def wrong_person(verb: str, change: ChangeRecord, person: User, at: datetime) -> Refused | None:
    """Whether this step is not for this person, though the role would do: four eyes, and whose request it is."""
    if verb in ("approve", "reject"):
        return why_not_decide(person, verb, change, at)
    if verb == "act_first":
        return not_first(change)
    if verb == "edit" and change.connection_id is None:
        return Refused(f"{change.ref} is not edited.", "It is about the estate.", "Withdraw it, and ask anew.")
    if verb == "edit" and change.requested_by_id != person.pk:
        return Refused(f"You cannot edit {change.ref}.", f"{change.requested_by} asked for it.", "They can.")
    theirs = change.requested_by_id == person.pk or person.holds([Role.SYSTEM_OWNER], change.system_id, at)
    if verb == "withdraw" and not theirs:
        return Refused(f"You cannot withdraw {change.ref}.", f"{change.requested_by} asked for it.", "They can.")
    return None


def not_first(change: ChangeRecord) -> Refused | None:
    """Whether it must wait for its approval like any other: only an urgent change is carried out before, and once."""
    if change.urgency != ChangeRecord.Urgency.URGENT:
        why = "It is a routine change: those are carried out when they are approved."
        return Refused(f"{change.ref} is not carried out first.", why, "Withdraw it and ask for an urgent one.")
    if change.implemented_at is not None:
        return Refused(f"{change.ref} is not carried out twice.", "It was carried out already.", "Its approval is due.")
    return None


DONE: Final[dict[str, str]] = {
    "edit": "edited",
    "submit": "submitted",
    "approve": "approved",
    "reject": "rejected",
    "act_first": "carried out first",
    "withdraw": "withdrawn",
    "implement": "marked as done",
    "verify": "verified",
    "dispute": "disputed",
    "retire": "retired",
}


def systems_of(obj: Any) -> list[int | None]:
    """The systems an object belongs to; [None] where it belongs to none, or the question is "anywhere"."""
    if isinstance(obj, System):
        return [obj.pk]
    if isinstance(obj, ChangeRecord):
        needs = [need.system_id for need in obj.needs.all()] if obj.pk else []  # a page that asks often fetched them
        return list(dict.fromkeys([obj.system_id, *needs]))
    if isinstance(obj, Job):
        told = settings.JOB_SYSTEMS.get(obj.kind)
        return (import_string(told)(obj) if told else []) or [EVERY_SYSTEM]
    if hasattr(obj, "system_id"):
        return [obj.system_id]
    if hasattr(obj, "systems"):
        return list(obj.systems.values_list("pk", flat=True)) or [None]
    for inner in ("connection", "change", "server", "review", "source"):
        if getattr(obj, inner, None) is not None:
            return systems_of(getattr(obj, inner))
    return [None]


def spoken(verb: str) -> str:
    """A verb in a sentence."""
    return verb.replace("_", " ")


def named(obj: Any) -> str:
    """The object in a sentence."""
    ref = getattr(obj, "ref", "")
    return f" {ref}" if ref else ""


def listed(roles: Iterable[str]) -> str:
    """Roles in a sentence."""
    return " or ".join(Role(role).label.lower() if role in Role.values else "of Eastwest itself" for role in roles)


def of_systems(systems: list[int | None], obj: Any) -> str:
    """The systems in a sentence; of one that is asked about by itself the name is known."""
    keys = [key for key in systems if key]
    if isinstance(obj, System) and keys == [obj.pk]:
        return f" for {obj.name}"
    names = System.objects.filter(pk__in=keys).values_list("name", flat=True)
    return f" for {' or '.join(names)}" if names else ""
