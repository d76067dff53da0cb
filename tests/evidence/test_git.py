"""Repositories of configurations: what was committed, by whom and when; a rewritten history; hostile ones refused."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any

import pytest

from compliance.actions import changes
from compliance.errors import Refused
from evidence.actions import sources
from evidence.collectors import git, mirror
from evidence.collectors.collected import Collected, PullError
from evidence.models import Finding
from evidence.models.sources import ErrorCode
from tests.evidence.repositories import Repository, served
from tests.evidence.site import APP, Site, allow_in, read, save
from tests.factories import servers
from tests.people import everybody

WEB, DATA = "hosts/web-01/iptables-save.txt", "hosts/db-01/iptables-save.txt"
MONTH_AGO = (datetime.now(UTC) - timedelta(days=30)).replace(microsecond=0)


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Repository:
    settings.VAR = tmp_path / "var"
    made = Repository(tmp_path / "srv" / "configs.git")
    made.commit({WEB: save(allow_in(APP, "443")), DATA: save()}, "CHG-7 web-01 lets the proxy in", at=MONTH_AGO)
    return made


def collected(
    repository: Repository, *, secret: bytes | None = None, since: str | None = None, **config: str
) -> Collected:
    asked = {"url": str(repository.place), "path": "hosts/web-01", **config}
    return git.collect(asked, secret=secret, since=since, deadline=time.monotonic() + 20)


def refused(repository: Repository, **config: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        collected(repository, **config)
    assert caught.value.what.endswith((".", "…")) or ":" in caught.value.what
    assert caught.value.next_step
    return caught.value


def test_a_host_s_files_come_with_who_committed_them_and_when(repository: Repository) -> None:
    tip = repository.git("rev-parse", "HEAD")
    said = collected(repository)
    assert [(one.name, one.content.decode(), one.command) for one in said.artefacts] == [
        ("iptables-save.txt", save(allow_in(APP, "443")), "iptables-save -c")
    ]
    assert said.artefacts[0].observed_at == MONTH_AGO
    assert (said.cursor, said.device["author"], said.device["subject"]) == (
        tip, "Oxidized <ox@sample.example>", "CHG-7 web-01 lets the proxy in"
    )  # fmt: skip
    one = collected(repository, path=WEB)
    assert [each.name for each in one.artefacts] == ["iptables-save.txt"]


def test_what_it_shows_is_as_old_as_the_host_s_own_commit_unless_the_source_says_otherwise(
    repository: Repository,
) -> None:
    today = datetime.now(UTC).replace(microsecond=0)
    repository.commit({DATA: save(allow_in(APP, "5432"))}, "db-01", at=today)
    assert collected(repository).seen_at == MONTH_AGO
    assert collected(repository, alive_by="branch").seen_at == today
    assert collected(repository, path="hosts/db-01").seen_at == today


def test_a_rewritten_history_is_said_and_an_ordinary_one_is_not(repository: Repository) -> None:
    first = collected(repository)
    repository.commit({WEB: save(allow_in(APP, "22"))}, "opened by hand")
    second = collected(repository, since=first.cursor)
    assert "rewritten" not in second.device
    repository.git("reset", "-q", "--hard", first.cursor)
    repository.commit({WEB: save(allow_in(APP, "443"))}, "nothing was ever opened")
    third = collected(repository, since=second.cursor)
    assert third.device["rewritten"] == second.cursor
    assert "rewritten" not in collected(repository, since=third.cursor).device


def test_a_history_that_was_lost_with_the_mirror_is_not_taken_on_trust(repository: Repository, settings: Any) -> None:
    first = collected(repository)
    repository.commit({WEB: save()}, "closed")
    repository.git("commit", "-q", "--amend", "-m", "another past", at=MONTH_AGO)
    settings.VAR = settings.VAR / "fresh"
    assert "rewritten" not in collected(repository, since=first.cursor).device
    assert collected(repository, since="0" * 40).device["rewritten"] == "0" * 40


def test_links_and_repositories_within_are_refused_and_nothing_outside_is_read(repository: Repository) -> None:
    os.symlink("/etc/passwd", repository.place / "hosts/web-01/passwd.txt")
    repository.commit({}, "a link")
    error = refused(repository)
    assert (error.code, "a link" in error.what) == (ErrorCode.CONFIG, True)


@pytest.mark.parametrize(
    ("config", "code", "word"),
    [
        ({"path": "hosts/gone-01"}, ErrorCode.EMPTY, "nothing at hosts/gone-01"),
        ({"path": "../web-01"}, ErrorCode.CONFIG, "no path inside"),
        ({"branch": "--upload-pack=touch /tmp/x"}, ErrorCode.CONFIG, "no name of a branch"),
        ({"branch": "other"}, ErrorCode.CONFIG, "no such branch"),
        ({"url": "/srv/nowhere.git"}, ErrorCode.UNREACHABLE, "is not there"),
        ({"url": "ext::sh -c date"}, ErrorCode.CONFIG, "begins neither"),
        ({"url": "git://example.org/x.git"}, ErrorCode.CONFIG, "begins neither"),
        ({"url": "https://me:pass@example.org/x.git"}, ErrorCode.CONFIG, "holds a name or a password"),
        ({"url": "https://127.0.0.1/x.git"}, ErrorCode.CONFIG, "this machine itself"),
        ({"url": "https://169.254.169.254/x.git"}, ErrorCode.CONFIG, "a cloud keeps"),
    ],
)
def test_what_leads_nowhere_or_where_nobody_may_lead_us_is_refused(
    repository: Repository, config: dict[str, str], code: ErrorCode, word: str
) -> None:
    error = refused(repository, **config)
    assert (error.code, word in error.what) == (code, True), error.what


def test_a_repository_of_somebody_else_on_this_machine_is_refused(repository: Repository) -> None:
    repository.place.chmod(0o777)
    assert refused(repository).code == ErrorCode.PERMISSION


def test_a_commit_of_tomorrow_is_no_evidence(repository: Repository) -> None:
    repository.commit({WEB: save()}, "soon", at=datetime.now(UTC) + timedelta(hours=3))
    error = refused(repository)
    assert "yet to come" in error.what


def test_hooks_and_filters_of_the_repository_are_never_run(repository: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hook = repository.place / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    repository.commit({".gitattributes": "* filter=x", ".lfsconfig": "[lfs]\nurl = https://127.0.0.1/"}, "a filter")
    repository.git("config", "filter.x.smudge", f"touch {mark}")
    collected(repository)
    assert not mark.exists()


class Gate:
    """Answers requests itself when it is told to, and remembers what was shown to it."""

    def __init__(self) -> None:
        self.status, self.wanted, self.shown, self.waits, self.asks = 0, "", [""], 0.0, ""

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        self.shown.append(request.headers.get("Authorization", ""))
        time.sleep(self.waits)
        if self.wanted and self.shown[-1] != self.wanted:
            return self.answer(request, 401)
        return bool(self.status) and self.answer(request, self.status)

    def answer(self, request: BaseHTTPRequestHandler, status: int) -> bool:
        """An answer without a body."""
        request.send_response(status)
        if status == 401:
            request.send_header("WWW-Authenticate", "Basic realm=git")
        if status in (301, 302):
            request.send_header("Location", "https://localhost:1/elsewhere.git")
        if self.asks:
            request.send_header("Retry-After", self.asks)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True


@pytest.fixture
def remote(repository: Repository, tmp_path: Path, settings: Any) -> Iterator[tuple[Gate, dict[str, str]]]:
    """The repository behind HTTPS; the gate, and the source's settings."""
    import ipaddress

    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
    gate = Gate()
    with served(repository.place.parent, tmp_path, gate) as (port, certificate):
        yield gate, {"url": f"https://localhost:{port}/configs.git", "trusted": certificate.read_text()}


def test_over_https_the_token_goes_in_a_header_and_stays_out_of_words_and_errors(
    repository: Repository, remote: tuple[Gate, dict[str, str]]
) -> None:
    gate, config = remote
    gate.wanted = "Basic " + base64.b64encode(b"git:tok-123").decode()
    assert collected(repository, secret=b"tok-123\n", **config).artefacts
    error = refused(repository, secret=b"wrong-456", **config)
    assert (error.code, "wrong-456" in error.what, "456" in str(error)) == (ErrorCode.AUTH, False, False)
    assert refused(repository, **config).code == ErrorCode.AUTH


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, ErrorCode.PERMISSION), (404, ErrorCode.CONFIG), (429, ErrorCode.RATE_LIMITED), (302, ErrorCode.UNREACHABLE)],
)
def test_what_the_server_answers_has_its_code(
    repository: Repository, remote: tuple[Gate, dict[str, str]], status: int, code: ErrorCode
) -> None:
    gate, config = remote
    gate.status = status
    assert refused(repository, **config).code == code


@pytest.mark.parametrize(("asks", "wait"), [("900", 900.0), ("", None), ("soon", None)])
def test_a_server_that_asks_to_be_left_alone_is_heard_and_no_token_is_kept_of_it(
    repository: Repository, remote: tuple[Gate, dict[str, str]], asks: str, wait: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    gate, config = remote
    traces, plain = [], mirror.waiting

    def watched(trace: IO[bytes]) -> float | None:
        trace.seek(0)
        traces.append(trace.read())
        return plain(trace)

    monkeypatch.setattr(mirror, "waiting", watched)
    gate.status, gate.asks = 429, asks
    error = refused(repository, secret=b"tok-123", **config)
    assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, wait)
    assert gate.shown[-1].startswith("Basic ")
    [trace] = traces
    assert b"429" in trace
    assert gate.shown[-1].removeprefix("Basic ").encode() not in trace


@pytest.mark.django_db
def test_a_source_whose_server_asks_for_an_hour_is_not_asked_before(
    repository: Repository, remote: tuple[Gate, dict[str, str]]
) -> None:
    gate, config = remote
    people = everybody()
    source = sources.add_source(
        server=servers(people)["pay-db-01"], kind="git", name="pay-db-01 git", by=people.alex,
        config={"path": "hosts/web-01", **config},
    )  # fmt: skip
    gate.status, gate.asks = 429, "3600"
    row = read(source, people)
    assert (row.state, row.error_code) == ("failed", "rate_limited")
    assert source.next_at
    assert row.finished_at
    assert 3600 <= (source.next_at - row.finished_at).total_seconds() <= 1.1 * 3600
    with pytest.raises(Refused, match="was not read"):
        sources.read_now(source, by=people.alex)
    came = len(gate.shown)
    assert sources.due(source.next_at - timedelta(seconds=5)) == 0
    gate.status = 0
    assert (sources.due(source.next_at), read(source, people).state) == (1, "ok")
    assert len(gate.shown) > came


def test_a_certificate_nobody_vouches_for_is_refused_before_the_token_is_sent(
    repository: Repository, remote: tuple[Gate, dict[str, str]]
) -> None:
    gate, config = remote
    error = refused(repository, secret=b"tok-123", **{**config, "trusted": ""})
    assert (error.code, gate.shown) == (ErrorCode.TLS, [""])


def test_a_server_that_never_answers_ends_with_its_deadline(
    repository: Repository, remote: tuple[Gate, dict[str, str]]
) -> None:
    gate, config = remote
    gate.waits = 6
    began = time.monotonic()
    with pytest.raises(PullError) as caught:
        git.collect({"path": "hosts/web-01", **config}, secret=None, since=None, deadline=began + 1.5)
    assert (caught.value.code, time.monotonic() - began < 5) == (ErrorCode.TIMEOUT, True)


@pytest.mark.django_db(transaction=True)
def test_what_was_read_is_compared_and_a_rewritten_history_is_a_finding(tmp_path: Path, settings: Any) -> None:
    settings.VAR = tmp_path / "var"
    site = Site(tmp_path / "site")
    changes.implement(site.change, by=site.people.erin)
    repository, closed = Repository(tmp_path / "configs.git"), save(tool="ip6tables-save")
    place = "hosts/pay-db-01"
    repository.commit(
        {f"{place}/iptables-save.txt": save(allow_in(APP, "5432")), f"{place}/ip6tables-save.txt": closed}
    )
    server = site.servers["pay-db-01"]
    source = sources.add_source(
        server=server, kind="git", name="pay-db-01 git", config={"url": str(repository.place), "path": place},
        by=site.people.alex,
    )  # fmt: skip
    sources.pause(site.sources[1], on=True, by=site.people.alex)
    assert [read(each, site.people).state for each in (site.sources[0], source)] == ["ok", "ok"]
    site.compare()
    assert site.verdict() == "implemented"
    assert not Finding.objects.filter(subject__contains="history without").exists()
    opened = repository.commit({f"{place}/iptables-save.txt": save(allow_in(APP, "1:65535"))}, "opened by hand")
    assert read(source, site.people).state == "ok"
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.commit({}, "nothing happened")
    assert read(source, site.people).state == "ok"
    site.compare()
    found = Finding.objects.standing().get(subject__contains="history without")
    assert (found.verdict, opened[:12] in found.because) == ("changed_without_record", True)
