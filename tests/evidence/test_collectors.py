"""Folders of dumps: read whole, by name, and only where nobody else could have written; this machine's own commands."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from evidence.collectors import directory, local
from evidence.collectors.collected import Collected, PullError
from evidence.formats.table import detect
from evidence.gates import digest_of
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact
from tests.evidence.site import APP, allow_in, put, save

STRANGER = 65534  # nobody


def collected(folder: Path, **config: str) -> Collected:
    return directory.collect({"path": str(folder), **config}, secret=None, since=None, deadline=time.monotonic() + 10)


def refused(folder: Path, **config: str) -> PullError:
    with pytest.raises(PullError) as caught:
        collected(folder, **config)
    assert caught.value.what
    assert caught.value.next_step
    return caught.value


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    folder = put(tmp_path / "pay db", allow_in(APP, "5432"))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_a_folder_of_ones_own_is_read(dumps: Path) -> None:
    said = collected(dumps)
    assert [one.name for one in said.artefacts] == ["ip6tables-save.txt", "iptables-save.txt"]
    assert (said.complete, said.missing) == (True, ())


@pytest.mark.parametrize("which", ["folder", "file"])
def test_what_everybody_may_write_is_refused_and_the_step_named_mends_it(dumps: Path, which: str) -> None:
    place = dumps if which == "folder" else dumps / "iptables-save.txt"
    place.chmod(place.stat().st_mode | stat.S_IWOTH)
    error = refused(dumps)
    assert error.code == ErrorCode.PERMISSION
    assert "by everybody" in error.what
    assert os.system(error.next_step.partition(": ")[2]) == 0  # noqa: S605 the very words a person would paste
    assert len(collected(dumps).artefacts) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("which", ["folder", "file"])
def test_what_belongs_to_somebody_else_is_refused_and_the_step_named_mends_it(dumps: Path, which: str) -> None:
    place = dumps if which == "folder" else dumps / "iptables-save.txt"
    os.chown(place, STRANGER, -1)
    error = refused(dumps)
    assert error.code == ErrorCode.PERMISSION
    assert "belongs to nobody" in error.what
    assert os.system(error.next_step.partition(": ")[2]) == 0  # noqa: S605 the very words a person would paste
    assert len(collected(dumps).artefacts) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_service_that_is_not_root_trusts_root_and_itself(dumps: Path) -> None:
    for above in (dumps.parent, *list(dumps.parents)[1:3]):
        above.chmod(0o755)
    os.chown(dumps / "iptables-save.txt", STRANGER, -1)
    os.seteuid(STRANGER)
    try:
        said = collected(dumps)
    finally:
        os.seteuid(0)
    assert len(said.artefacts) == 2


def test_a_pattern_chooses_and_what_it_leaves_out_is_counted(dumps: Path) -> None:
    (dumps / "notes.md").write_text("written by hand")
    (dumps / "iptables-save.old").symlink_to(dumps / "iptables-save.txt")
    assert refused(dumps).code == ErrorCode.CONFIG
    said = collected(dumps, pattern="*.txt")
    assert [one.name for one in said.artefacts] == ["ip6tables-save.txt", "iptables-save.txt"]
    assert said.missing == ("2 files not named *.txt",)
    assert refused(dumps, pattern="*.json").code == ErrorCode.EMPTY


@pytest.mark.parametrize("odd", ["link", "fifo", "folder", "socket"])
def test_what_is_no_plain_file_is_refused_and_never_waited_for(dumps: Path, odd: str) -> None:
    place = dumps / "odd"
    if odd == "link":
        place.symlink_to("/etc/shadow")
    elif odd == "fifo":
        os.mkfifo(place)
    elif odd == "folder":
        place.mkdir()
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(place))
    assert refused(dumps).code == ErrorCode.CONFIG


def test_the_rest_of_the_folder_s_troubles(dumps: Path) -> None:
    assert refused(Path("relative")).code == ErrorCode.CONFIG
    assert refused(dumps / "iptables-save.txt").code == ErrorCode.CONFIG
    shutil.rmtree(dumps)
    assert refused(dumps).code == ErrorCode.UNREACHABLE
    dumps.mkdir()
    assert refused(dumps).code == ErrorCode.EMPTY


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **said: str) -> None:
    """A machine that has only these programs: each says its text (two words: and fails)."""
    folder.mkdir()
    for name, text in said.items():
        place = folder / name.replace("_", "-")
        place.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n" if text != "fails" else "#!/bin/sh\nexit 3\n")
        place.chmod(0o755)
    monkeypatch.setattr(local, "PLACES", f"{folder}")
    shutil.copy(shutil.which("cat") or "/bin/cat", folder / "cat")


def this_machine() -> Collected:
    return local.collect({}, secret=None, since=None, deadline=time.monotonic() + 10)


def test_tools_that_are_not_there_are_named_and_so_are_those_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", monkeypatch, iptables_save=save(), ss="fails", ipset="")
    said = this_machine()
    assert [one.command for one in said.artefacts] == ["iptables-save -c", "ipset save"]
    assert said.complete
    assert "ss -tulpnH" in said.missing
    assert {"ip6tables-save (not installed)", "nft (not installed)", "testparm (not installed)"} <= set(said.missing)
    assert not [one for one in said.missing if one.startswith("ipset")]  # it said that there is no set


def test_sets_come_along_where_a_format_reads_them_and_are_named_where_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = "create trusted hash:net family inet hashsize 1024 maxelem 65536\nadd trusted 10.20.20.0/24\n"
    programs(tmp_path / "bin", monkeypatch, iptables_save=save(), ipset=dump)
    said = this_machine()
    brought = [one for one in said.artefacts if one.command == "ipset save"]
    named = [one for one in said.missing if one.startswith("ipset save")]
    assert len(brought) + len(named) == 1
    assert not brought or (brought[0].content == dump.encode() and detect(brought[0]))


def test_a_packet_filter_that_fails_makes_it_incomplete_and_none_at_all_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", monkeypatch, iptables_save=save(), nft="fails")
    assert not this_machine().complete
    programs(tmp_path / "none", monkeypatch, ss="")
    with pytest.raises(PullError) as caught:
        this_machine()
    assert caught.value.code == ErrorCode.DEPENDENCY


def test_whom_a_host_met_changes_nothing_about_its_rules() -> None:
    rules, none = (
        Artefact("iptables-save.txt", save(*lines).encode(), "iptables-save -c") for lines in ([allow_in(APP, "1")], [])
    )
    before, after = (
        Artefact("neigh.json", f'[{{"dst":"{one}","dev":"eth0","state":["REACHABLE"]}}]'.encode(), "ip -j neigh show")
        for one in ("10.20.30.99", "10.20.30.98")
    )
    assert digest_of([rules, before]) == digest_of([rules, after]) == digest_of([rules])
    assert digest_of([rules, before]) != digest_of([none, before])
