"""Bringing a framework's official text, and saying how its controls stand at a system."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.catalogue import Control, controls
from compliance.catalogue.impact import Changed, changed
from compliance.catalogue.oscal import OscalError, Release, read_oscal
from compliance.errors import Refused
from compliance.models import CatalogueRelease, ControlStatement, OfficialControl, Reattestation, System, User
from compliance.models.estate import day_of
from compliance.permissions import check

TO_ANSWER: Final = timedelta(days=30)  # after a release: a review of each month falls within it
BATCH: Final = 300
NOT_LOADED: Final = "Nothing was loaded."


def load_release(data: bytes, *, by: User, at: datetime | None = None) -> CatalogueRelease:
    """Keeps a release with its controls, and asks every system anew for the mapped controls that it changed.

    `data`: the publisher's OSCAL file. The same file again is the release that is there. Raises Refused for a file that
    is none, and for other text under a version that is there already.
    """
    check(by, "load_catalogue", None, at=at)
    moment, sha256 = at or timezone.now(), hashlib.sha256(data).hexdigest()
    try:
        read = read_oscal(data)
    except OscalError as error:
        raise Refused(NOT_LOADED, str(error), "Bring the catalogue in JSON as its publisher gives it out.") from error
    with transaction.atomic():
        there = CatalogueRelease.objects.filter(framework=read.framework, version=read.version).first()
        if there is not None and there.sha256 == sha256:
            return there
        if there is not None:
            raise Refused(
                NOT_LOADED,
                f"{there} is there already, from another file ({there.sha256[:12]}…).",
                "A release is loaded once. Ask its publisher which of the two is theirs.",
            )
        before = newest(read.framework)
        release = CatalogueRelease.objects.create(
            framework=read.framework, version=read.version, published=read.published, oscal_version=read.oscal,
            sha256=sha256, loaded_by=by, loaded_at=moment,
        )  # fmt: skip
        OfficialControl.objects.bulk_create((row(release, read, name) for name in read.controls), batch_size=BATCH)
        asked = ask_anew(before, release, moment) if before and before.published <= release.published else 0
        record(
            "load_catalogue", release, by=by, at=moment, after=sha256, controls=len(read.controls), asked=asked,
            before=str(before or ""),
        )  # fmt: skip
    return release


def row(release: CatalogueRelease, read: Release, name: str) -> OfficialControl:
    """One control of it."""
    one = read.controls[name]
    return OfficialControl(
        release=release, control=one.id, title=one.title, statement=one.statement, revision=one.revision,
        updated=one.updated, applies=list(one.applies), topic=one.topic, withdrawn=one.withdrawn,
    )  # fmt: skip


def newest(framework: str) -> CatalogueRelease | None:
    """The release of a framework that was published last, of those that are here."""
    return CatalogueRelease.objects.filter(framework=framework).order_by("-published", "-pk").first()


def texts(release: CatalogueRelease) -> dict[str, OfficialControl]:
    """Its controls by id."""
    return {one.control: one for one in release.controls.all()}


def mapped(framework: str) -> tuple[Control, ...]:
    """The controls of a framework that our evidence serves."""
    return tuple(one for one in controls() if one.framework.short == framework and one.served != "none")


def impact(before: CatalogueRelease, after: CatalogueRelease) -> list[Changed]:
    """What a release changed of the controls that our evidence serves."""
    wanted = {one.id for one in mapped(after.framework)}
    old, new = texts(before), texts(after)
    return list(changed(old, new, wanted & (old.keys() | new.keys())))


def ask_anew(before: CatalogueRelease, after: CatalogueRelease, at: datetime) -> int:
    """Opens what is to be said anew, for every system; gives how many. What an earlier release asked stays open."""
    found = impact(before, after)
    rows = [
        Reattestation(
            system=system, framework=after.framework, control=one.control, kind=one.kind, before=before, after=after,
            due=day_of(at) + TO_ANSWER, opened_at=at,
        )
        for system in System.objects.all()
        for one in found
    ]  # fmt: skip
    Reattestation.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def state_control(
    system: System, key: str, *, status: str, comment: str, by: User, at: datetime | None = None
) -> ControlStatement:
    """Says how a control (`Control.key`) stands at a system, in one's own name. It answers what releases asked."""
    check(by, "state_control", system, at=at)
    moment, known = at or timezone.now(), by_key().get(key)
    if known is None:
        raise Refused("Nothing was recorded.", f"{key} is no control of our catalogue.", "Choose one of the list.")
    if status not in ControlStatement.Status.values:
        raise Refused("Nothing was recorded.", f"{status!r} is no status.", "Choose one of those offered.")
    if not comment.strip():
        raise Refused("Nothing was recorded.", "Nothing was said.", "Say what it rests on, in a sentence.")
    with transaction.atomic():
        said = ControlStatement.objects.create(
            system=system, framework=known.framework.short, control=known.id, status=status, comment=comment.strip(),
            release=newest(known.framework.short), said_by=by, said_at=moment,
        )  # fmt: skip
        open_ones = Reattestation.objects.filter(system=system, framework=said.framework, control=said.control)
        open_ones.filter(answer__isnull=True).update(answer=said)
        record("state_control", said, by=by, at=moment, after=status, because=said.comment, control=key)
    return said


def by_key() -> Mapping[str, Control]:
    """Every control of our catalogue by its key."""
    return {one.key: one for one in controls()}
