"""What the policy and the register say of a request, on the pages where it is written and decided on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compliance.actions.policy import is_asked, look_at
from compliance.models import ChangeRecord, PolicyCheck, State, User
from compliance.permissions import may
from compliance.policy.check import Hit
from compliance.policy_facts import ASKABLE
from compliance.what_if import preview, preview_of

OPEN = (State.DRAFT, State.SUBMITTED)


def change(subject: ChangeRecord, person: User) -> dict[str, Any]:
    """For who decides: while it is open, what the policy in force says and what it would open; then what was kept."""
    if not is_asked(subject):
        return {}
    if subject.state in OPEN:
        checked = look_at(subject)
        said = shown(checked.hits, checked.version.ref)
        if may(person, "request_exception", subject) is None:
            said["except_url"] = f"/changes/{subject.ref}/except/"
        then = kept_when(subject, PolicyCheck.When.SUBMITTED)
        if then is not None and then.version.content_hash != checked.version.content_hash:
            said["since"] = f"When it was sent, {then.version.ref} was in force."
        told = preview_of(subject, person) if subject.material["kind"] in ASKABLE else None
        return {"policy": said, **({"preview": told} if told else {})}
    then = kept_when(subject, PolicyCheck.When.APPROVED) or kept_when(subject, PolicyCheck.When.SUBMITTED)
    return {"policy": kept(then)} if then is not None else {}


def kept_when(change: ChangeRecord, when: str) -> PolicyCheck | None:
    """The last check of that kind that was kept with the record."""
    rows = PolicyCheck.objects.filter(change=change, when=when).select_related("version").order_by("-pk")
    return rows.first()


def kept(check: PolicyCheck) -> dict[str, Any]:
    """What was known then."""
    said = [Hit(**{**row, "controls": tuple(row["controls"])}) for row in check.hits]
    return shown(said, check.version.ref) | {"at": check.at, "when": check.get_when_display()}


def shown(hits: Iterable[Hit], version: str) -> dict[str, Any]:
    """Context of parts/policy.html."""
    listed = list(hits)
    return {"hits": listed, "version": version, "blocked": any(hit.level == "block" for hit in listed)}


__all__ = ["change", "kept", "preview", "shown"]
