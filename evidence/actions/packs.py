"""Audit packs: asked for by a person or the month's end, built by a job, taken away under somebody's name."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance import notices
from compliance.actions import checkpoints
from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.announcing import announce
from compliance.errors import Refused
from compliance.models import Job, Notice, System, User
from compliance.permissions import check
from compliance.run import Run
from evidence.actions import pack_pieces
from evidence.artefacts import write_whole
from evidence.models import Pack, PackDownload
from evidence.packs import binder, parts, redaction, seal
from evidence.packs.given_key import open_given
from evidence.packs.ledger_files import slice_of
from evidence.packs.render import RenderError, RenderUnavailable
from evidence.packs.section import Scope, Section
from evidence.packs.sections.aliases import aliases
from evidence.packs.sections.cover import face
from evidence.packs.sections.known import comparison, read_once
from evidence.packs.sections.raw import provenance

# Protective markings from the lowest to the highest (PSPF); a marking outside the list is below them all.
MARKINGS: Final = ("UNOFFICIAL", "OFFICIAL", "OFFICIAL: Sensitive", "PROTECTED", "SECRET", "TOP SECRET")
LEAST: Final = {"NC": "", "OS": MARKINGS[2], "P": MARKINGS[3], "S": MARKINGS[4], "TS": MARKINGS[5]}
FIRST_DAYS: Final = 5  # of a month: how long the schedule still makes the pack of the month before


def ask(
    *,
    systems: Sequence[System],
    since: date,
    until: date,
    by: User,
    at: datetime | None = None,
    marking: str | None = None,
    as_of: datetime | None = None,
    profile: str = Pack.Profile.FULL,
) -> Pack:
    """A pack to be built by a job. `as_of`: nothing recorded later is in it; default now, or the end of `until`.

    `marking` default is the organisation's; never below the highest classification among the systems.
    """
    if profile not in Pack.Profile.values:
        raise Refused("No pack was asked for", f"There is no profile {profile!r}.", "Choose one of those offered.")
    moment = at or timezone.now()
    if not systems:
        raise Refused("No pack was asked for", "No system was chosen.", "Choose at least one.")
    for system in systems:
        check(by, "build_pack", system, at=moment)
    if since > until:
        raise Refused("No pack was asked for", "The period ends before it begins.", "Choose the days again.")
    with transaction.atomic():
        cut = as_of or cut_off(until, moment)
        return asked(systems, (since, until), cut, marking or "", by, moment, profile)


def asked(
    systems: Sequence[System], period: tuple[date, date], as_of: datetime, marking: str, by: User | None, at: datetime,
    profile: str = Pack.Profile.FULL,
) -> Pack:  # fmt: skip
    """The row, its job and the ledger's, in the caller's transaction."""
    pack = Pack.objects.create(
        since=period[0],
        until=period[1],
        as_of=as_of,
        marking=marked(systems, marking),
        profile=profile,
        sample=any(system.organisation.is_sample for system in systems),
        asked_by=by,
        asked_at=at,
    )
    pack.systems.set(systems)
    pack.job = enqueue("build_pack", key=f"pack:{pack.pk}", args={"pack": pack.pk}, by=by)
    pack.save(update_fields=["job"])
    names = sorted(system.name for system in systems)
    record("ask_pack", pack, by=by, at=at, systems=names, since=str(period[0]), until=str(period[1]),
           profile=profile)  # fmt: skip
    return pack


def cut_off(until: date, at: datetime) -> datetime:
    """The end of the period's last day, or now when that is still to come: what was mended later is not mended then."""
    return min(at, datetime.combine(until + timedelta(days=1), time(), timezone.get_current_timezone()))


def marked(systems: Sequence[System], marking: str) -> str:
    """The highest of the marking asked for (or the organisations' own) and what the systems' classifications need."""
    wanted = [marking] if marking else [system.organisation.marking for system in systems]
    least = [LEAST[system.classification] for system in systems]
    return max([*wanted, *least], key=lambda one: MARKINGS.index(one) if one in MARKINGS else -1)


def signing_key(at: datetime) -> seal.Seal:
    """The key that packs are signed with: the one that is named in the settings, or the installation's own.

    SealError where a key is named and does not open: nothing is signed by another one instead.
    """
    if settings.PACK_KEY_FILE is not None:
        return open_given(settings.PACK_KEY_FILE, settings.PACK_KEY_PASSWORD_FILE, at=at)
    return seal.open_seal(settings.KEYS, at=at)


def build(pack: Pack, *, run: Run | None = None, at: datetime | None = None) -> Pack:
    """Builds, seals and publishes a pack that was asked for. One that cannot be rendered or sealed ends as failed."""
    moment = at or timezone.now()
    if pack.state == Pack.State.BUILT:
        return pack
    scope = scope_of(pack)
    try:
        key = seal.looked_up(signing_key(moment), moment)
        plan = parts.read(pack_pieces.folder_of(pack)) if run is not None else None
        if plan is None:
            key = seal.timed(key, settings.TIMESTAMP_URL, settings.TIMESTAMP_CA_FILE)
            made, sections = prepared(pack, scope, key, run, moment)
            summary = summed(sections)
            said(run, "Setting the pages and signing")
            plan = laid_out(pack, made, sections, key, run)
        if plan is None or run is None:
            bound = binder.bound(made, sections, key, appendices=pack.profile == Pack.Profile.PRINTED)
        else:
            pack_pieces.wait(pack, plan, run)
            said(run, "Putting the pages together and signing")
            summary, moment = pack_pieces.summary_of(pack), plan.made_at
            if key.stamps is None and not plan.head["not_held"]:  # the pages say that there is a stamp
                key = seal.timed(key, settings.TIMESTAMP_URL, settings.TIMESTAMP_CA_FILE)
            bound = binder.complete(plan, key)
    except (RenderError, seal.SealError, Refused) as error:
        return failed(pack, str(error), run, moment)
    said(run, "Keeping the files")
    digest = keep(pack, bound)
    with finish(run):
        publish(pack, scope, summary, bound, digest, moment)
    pack_pieces.clear(pack)
    pack.refresh_from_db()
    return pack


def prepared(
    pack: Pack, scope: Scope, key: seal.Seal, run: Run | None, at: datetime
) -> tuple[binder.Prepared, list[Section]]:
    """All that the pack is made of, but its pages."""
    with uncollected():
        with read_once():
            sections = gathered(scope, run)
            part = slice_of(scope, because=f"{pack.ref}")
            front = replace(face(pack, scope, at), sealed=part.sealed if part else None)
            kept, origins = part.members if part else (), provenance(scope)
        if scope.profile == Pack.Profile.REDACTED:
            front, sections = redaction.redacted(front, sections, aliases())
            kept, origins = tuple(redaction.ledger(kept)), {}
        return binder.prepared(front, sections, key, provenance=origins, ledger=kept), sections


@contextmanager
def uncollected() -> Iterator[None]:
    """Python does not look for rubbish meanwhile: of what is gathered nothing is, and looking took an eighth of the
    time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def laid_out(
    pack: Pack, made: binder.Prepared, sections: Sequence[Section], key: seal.Seal, run: Run | None
) -> parts.Plan | None:
    """The plan of a pack whose lists are printed, its pieces handed out; None for one that is made at once."""
    if run is None or pack.profile != Pack.Profile.PRINTED:
        return None
    try:
        plan = binder.begin(pack_pieces.folder_of(pack), made, sections, key)
    except RenderUnavailable:
        return None
    pack_pieces.hand_out(pack, plan, summed(sections))
    return plan


def summed(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """What the row of a pack says of its sections."""
    return [
        {"slug": s.slug, "title": s.title, "state": s.state, "because": s.because, "controls": list(s.controls)}
        for s in sections
    ]


def scope_of(pack: Pack) -> Scope:
    """What the sections are told."""
    names = tuple(pack.systems.order_by("name").values_list("name", flat=True))
    profile = Pack.Profile.FULL if pack.profile == Pack.Profile.PRINTED else pack.profile
    return Scope(names, pack.since, pack.until, pack.as_of, profile)


def gathered(scope: Scope, run: Run | None) -> list[Section]:
    """Every section of settings.PACK_SECTIONS, in its order."""
    paths = settings.PACK_SECTIONS
    found: list[Section] = []
    for number, path in enumerate(paths):
        if run is not None:
            run.step(f"Gathering part {number + 1} of {len(paths)}", number, len(paths))
        found.append(import_string(path)(scope))
    return found


def said(run: Run | None, text: str) -> None:
    """Progress, where there is a job to show it."""
    if run is not None:
        run.step(text)


def finish(run: Run | None) -> AbstractContextManager[Any]:
    """The fenced end of the job, or a plain transaction."""
    return run.finish() if run is not None else transaction.atomic()


def keep(pack: Pack, bound: binder.Bound) -> str:
    """Writes the ZIP and the document beside it; gives the ZIP's SHA-256. Another try has other names."""
    sha256 = hashlib.sha256(bound.archive).hexdigest()
    stem = f"{pack.ref}-{sha256[:12]}"
    write_whole(Path(settings.PACKS) / f"{stem}.zip", bound.archive)
    write_whole(Path(settings.PACKS) / f"{stem}{Path(bound.name).suffix}", bound.document)
    return sha256


def publish(
    pack: Pack, scope: Scope, sections: list[dict[str, Any]], bound: binder.Bound, zip_sha256: str, at: datetime
) -> None:
    """The row, the ledger's, and word to who asked. In the caller's transaction."""
    Pack.objects.filter(pk=pack.pk).update(
        state=Pack.State.BUILT,
        comparison=comparison(scope),
        built_at=at,
        zip_sha256=zip_sha256,
        pdf_sha256=hashlib.sha256(bound.document).hexdigest(),
        manifest_sha256=bound.manifest_sha256,
        fingerprint=bound.fingerprint,
        zip_size=len(bound.archive),
        sections=sections,
        counts=dict(bound.counts["verdicts"]),
        problem=bound.notice,
    )
    checkpoints.ask(f"pack {pack.pk}")
    record("build_pack", pack, by=None, at=at, manifest=bound.manifest_sha256, zip=zip_sha256, signer=bound.fingerprint)
    gaps = sum(section["state"] != "held" for section in sections)
    body = f"{pack.ref} is built and signed. {gaps} of its {len(sections)} parts are partial or missing; it says why."
    tell(pack, f"{pack.ref} is ready", body, at)
    announce("pack.ready", title=body, path=f"/packs/{pack.ref}/", about=pack.systems.all(), at=at,
             sha256=zip_sha256, gaps=gaps)  # fmt: skip


def failed(pack: Pack, problem: str, run: Run | None, at: datetime) -> Pack:
    """No pack came of it: the row says why, and so does the word to who asked."""
    with finish(run):
        end_failed(pack, problem, at)
    pack_pieces.clear(pack)
    pack.refresh_from_db()
    return pack


def end_failed(pack: Pack, problem: str, at: datetime) -> None:
    """The row, the ledger's, and word to who asked. In the caller's transaction."""
    Pack.objects.filter(pk=pack.pk).update(state=Pack.State.FAILED, problem=problem)
    record("fail_pack", pack, by=None, at=at, because=problem)
    tell(pack, f"{pack.ref} could not be built", problem, at)
    announce("pack.failed", title=problem, path=f"/packs/{pack.ref}/", about=pack.systems.all(), at=at)


def abandoned(job: Job) -> None:
    """The job was given up or cancelled: the pack that waits for it ends as failed, and says why."""
    for pack in Pack.objects.filter(job=job, state=Pack.State.QUEUED).select_related("asked_by"):
        cancelled = job.state == Job.State.CANCELLED
        why = "It was cancelled." if cancelled else f"Building it failed {job.tries} times. {job.said}"
        end_failed(pack, why.strip(), job.finished_at or timezone.now())
        pack_pieces.clear(pack)


def ask_again(pack: Pack, *, by: User, at: datetime | None = None) -> Pack:
    """Another pack of the same systems, period, profile and marking, where this one came to nothing."""
    if pack.state != Pack.State.FAILED:
        raise Refused(f"{pack.ref} is not built again", "It did not fail.", "Ask for another on the page of packs.")
    systems = list(pack.systems.select_related("organisation").order_by("pk"))
    return ask(systems=systems, since=pack.since, until=pack.until, marking=pack.marking, by=by, at=at,
               profile=pack.profile)  # fmt: skip


def tell(pack: Pack, subject: str, body: str, at: datetime) -> None:
    """A message to who asked, if a person did."""
    if pack.asked_by is not None:
        key, path = f"pack:{pack.pk}:{subject}", f"/packs/{pack.ref}/"
        notices.tell(pack.asked_by, key=key, subject=subject, body=body, path=path, kind=Notice.PACK, at=at)


def path_of(pack: Pack, what: str = "zip") -> Path:
    """Where the ZIP or the document lies. Raises Refused when the pack is not built or its file is gone.

    `what` "pdf" gives the HTML pages where no PDF could be made (pack.problem says so).
    """
    if pack.state != Pack.State.BUILT:
        raise Refused(f"{pack.ref} cannot be opened", "It is not built.", "Wait for it, or ask for it again.")
    stem = f"{pack.ref}-{pack.zip_sha256[:12]}"
    wanted = {"zip": (".zip",), "pdf": (".pdf", ".html")}.get(what, ())
    found = next((place for end in wanted if (place := Path(settings.PACKS) / f"{stem}{end}").is_file()), None)
    if found is None:
        why = "The file is not where it was put."
        raise Refused(f"{pack.ref} cannot be opened", why, "Restore var/packs from a backup, or build the pack again.")
    return found


def download(pack: Pack, *, by: User, what: str, at: datetime | None = None) -> Path:
    """The file to hand over; who took it stands in the register of downloads and in the ledger."""
    check(by, "download_pack", pack, at=at)
    place = path_of(pack, what)
    moment = at or timezone.now()
    with transaction.atomic():
        PackDownload.objects.create(pack=pack, person=by, at=moment, what=what)
        record("download_pack", pack, by=by, at=moment, what=what, zip=pack.zip_sha256)
    return place


def due(now: datetime) -> None:
    """In the first days of a month: the pack of the month before for all systems, once, asked for by nobody."""
    today = timezone.localtime(now).date()
    systems = list(System.objects.select_related("organisation").order_by("pk"))
    if today.day > FIRST_DAYS or not systems:
        return
    until = today.replace(day=1) - timedelta(days=1)
    since = until.replace(day=1)
    with transaction.atomic():
        System.objects.select_for_update().get(pk=systems[0].pk)  # two ticks at once: the second waits and sees
        if not Pack.objects.filter(since=since, until=until, asked_by__isnull=True).exists():
            asked(systems, (since, until), cut_off(until, now), "", None, now)
