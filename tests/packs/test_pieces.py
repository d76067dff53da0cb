"""A pack whose lists are printed, made by jobs: handed out, waited for, put together; cancelled, failed, begun anew."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from compliance.actions import jobs
from compliance.models import Job
from evidence.actions import pack_pieces, packs
from evidence.models import Pack
from evidence.packs import appendices, joining, parts, render, verify
from evidence.packs.seal import open_seal
from tests.evidence.site import compare
from tests.people import everybody

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def few_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lists are enough to be waited for."""
    every = appendices.listed
    monkeypatch.setattr(appendices, "listed", lambda sections: every(sections)[:2])


def asked() -> Pack:
    """A pack of Payroll with its lists printed, laid out by the first turn of its job."""
    people = everybody()
    compare()
    today = timezone.localdate()
    pack = packs.ask(
        systems=[people.payroll], since=today - timedelta(days=20), until=today, by=people.ada,
        profile=Pack.Profile.PRINTED,
    )  # fmt: skip
    assert pack.job is not None
    assert not jobs.run_job(pack.job.pk)  # it waits for its pieces and holds no worker
    pack.refresh_from_db()
    assert pack.state == Pack.State.QUEUED
    return pack


def pieces(pack: Pack) -> list[Job]:
    return list(Job.objects.filter(kind=pack_pieces.KIND, args__pack=pack.pk).order_by("pk"))


def test_it_waits_for_its_pieces_says_how_far_it_is_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = asked()
    first, *others = pieces(pack)
    plan = parts.read(pack_pieces.folder_of(pack))
    assert plan is not None
    assert len(plan.pieces) == 1 + len(others)
    assert jobs.run_job(first.pk)
    assert pack.job is not None
    pack.job.refresh_from_db()
    assert (pack.job.state, pack.job.done, pack.job.of) == (Job.State.QUEUED, 1, len(plan.pieces))
    assert f"1 of {len(plan.pieces)} pieces" in pack.job.step
    made: list[str] = []
    real = render.render_in_child

    def counted(order: render.Order, limits: render.Limits | None = None) -> bytes:
        made.append(order.html)
        return real(order, limits)

    monkeypatch.setattr(parts, "render_in_child", counted)
    jobs.work_off()
    pack.refresh_from_db()
    assert pack.state == Pack.State.BUILT, pack.problem
    assert len(made) == len(others) + 1  # what was made is not made again; the front pages come last
    report = verify.verify(packs.path_of(pack), open_seal(Path(settings.KEYS), at=timezone.now()).fingerprint)
    assert (report.ok, report.trusted) == (True, True), report.members
    assert joining.pages(packs.path_of(pack, "pdf")) > len(plan.pieces)
    assert pack.sections
    assert not pack_pieces.folder_of(pack).exists()


def test_a_piece_that_cannot_be_made_fails_the_pack_with_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = asked()

    def cannot(order: render.Order, limits: render.Limits | None = None) -> bytes:
        raise render.RenderError("The pack's pages could not be made within 1024 MB of memory.")

    monkeypatch.setattr(parts, "render_in_child", cannot)
    assert jobs.run_job(pieces(pack)[0].pk)
    assert pack.job is not None
    jobs.run_job(pack.job.pk)
    pack.refresh_from_db()
    assert (pack.state, pack.problem) == (
        Pack.State.FAILED, "The pack's pages could not be made within 1024 MB of memory."
    )  # fmt: skip
    assert not pack_pieces.folder_of(pack).exists()
    assert {job.state for job in pieces(pack)} <= {Job.State.DONE, Job.State.CANCELLED}


def test_a_cancelled_pack_takes_its_pieces_with_it() -> None:
    pack = asked()
    first = pieces(pack)[0]
    assert pack.job is not None
    assert pack.asked_by is not None
    jobs.cancel(pack.job, by=pack.asked_by)
    pack.refresh_from_db()
    assert (pack.state, pack.problem) == (Pack.State.FAILED, "It was cancelled.")
    assert not pack_pieces.folder_of(pack).exists()
    first.refresh_from_db()
    assert first.state == Job.State.CANCELLED


def test_a_piece_that_is_given_up_is_said_by_the_pack() -> None:
    pack = asked()
    first = pieces(pack)[0]
    waiting = Job.objects.filter(pk=first.pk)
    waiting.update(tries=settings.JOB_MAX_TRIES)
    jobs.abandon(waiting, Job.State.DEAD, timezone.now(), last_error="Its worker stopped in the middle.")
    assert pack.job is not None
    jobs.run_job(pack.job.pk)
    pack.refresh_from_db()
    assert pack.state == Pack.State.FAILED
    assert pack.problem.startswith("Piece 1 of its pages was given up after")
    assert "Its worker stopped in the middle" in pack.problem
