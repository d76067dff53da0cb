"""A real sshd, well and unwell: what comes is whole or has its code, and a wrong host gets nothing of ours."""

from __future__ import annotations

import ipaddress
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest

from evidence.actions.access import new_key
from evidence.collectors import linux, ssh
from evidence.collectors.collected import BOOT_ID, HOST_KEY, Collected, PullError
from evidence.collectors.keys import public_half
from evidence.host import read_host
from evidence.models.sources import ErrorCode
from tests.evidence.sshd import PATH, WRAPPER, Sshd, missing
from tests.house.source import TOP

KEY = new_key()
PUBLIC = public_half(KEY)
NAMES = "iptables-save ip6tables-save nft ip ss exportfs testparm"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if missing():
        pytest.skip(missing())
    made = Sshd(tmp_path / "sshd")
    made.let_in(PUBLIC)
    yield made
    made.stop()


def collected(sshd: Sshd, seconds: float = 30, secret: bytes = KEY, **config: Any) -> Collected:
    return ssh.collect(sshd.config(**config), secret=secret, since=None, deadline=time.monotonic() + seconds)


def refused(sshd: Sshd, seconds: float = 30, secret: bytes = KEY, **config: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        collected(sshd, seconds, secret, **config)
    error = caught.value
    assert error.what
    assert error.next_step
    assert len(error.what) < 600
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", error.what)
    return error


def programs(folder: Path, **said: str) -> str:
    """A folder with only these programs (`_` for `-` in names), and what the wrapper itself needs. Gives its PATH."""
    folder.mkdir()
    for name in ("cat", "sed", "id", "mktemp", "rm", "wc", "head", "date", "timeout", "sleep", "tr", "yes", "printf"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    for name, script in said.items():
        place = folder / name.replace("_", "-")
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)
    return str(folder)


SAVE = "printf '*filter\\n:INPUT DROP [0:0]\\n:FORWARD DROP [0:0]\\n:OUTPUT DROP [0:0]\\nCOMMIT\\n'"


def test_everything_on_the_list_comes_in_one_session_and_is_read(sshd: Sshd) -> None:
    found = collected(sshd.start())
    assert found.whole
    commands = {one.command for one in (*found.artefacts, *found.beside)}
    assert {"iptables-save -c", "nft -j list ruleset", "ip -j addr", "ss -tulpnH", "cat /proc/mounts"} <= commands
    assert found.device[HOST_KEY] == sshd.fingerprint
    assert found.device[BOOT_ID] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert len({one.observed_at for one in found.artefacts}) == 1
    reading = read_host(found.artefacts)
    assert {"INPUT", "FORWARD", "OUTPUT"} <= {point.name for point in reading.points}
    assert (sshd.folder / "log").read_text().count("Accepted publickey") == 1


def test_the_list_of_the_host_is_the_list_of_the_collector_and_of_the_sudoers_file() -> None:
    text = WRAPPER.read_text()
    rows = [line.split(" ", 1) for line in re.search(r"<<'LIST'\n(.*?)\nLIST\n", text, re.S)[1].splitlines()]  # type: ignore[index]
    assert {words for _, words in rows} == set(linux.COMMANDS)
    sudoers = (TOP / "deploy" / "linux" / "eastwest-pull.sudoers").read_text().replace("\\\n", "")
    listed = re.search(r"Cmnd_Alias EASTWEST_PULL =(.*)", sudoers)[1]  # type: ignore[index]
    granted = {" ".join(one.replace('""', "").split()) for one in listed.split(",")}
    bare = {re.sub(r"^/(?:usr/)?s?bin/", "", one) for one in granted}
    assert bare == {words for kind, words in rows if kind == "R"}
    assert all(one.startswith("/") for one in granted)


@pytest.mark.parametrize(
    "wish",
    ["id", "rm -rf /", "ip -j addr; id", "ip -j addr\nid", "/etc/shadow", "cat /etc/shadow", "*", "ip  -j addr", "sh"],
)
def test_the_key_may_ask_for_nothing_else(sshd: Sshd, wish: str) -> None:
    sshd.start()
    with ssh.signed_in(sshd.config(), KEY, time.monotonic() + 20) as session:
        status, said = ssh.ran(session, wish, time.monotonic() + 20)
    assert (status, said) == (126, b"")
    with pytest.raises(PullError) as caught:
        ssh.refuse_status(status, said)
    assert caught.value.code == ErrorCode.PERMISSION


def test_one_line_of_the_list_may_be_asked_for_alone(sshd: Sshd) -> None:
    steps = ssh.probe(sshd.start().config(), secret=KEY, deadline=time.monotonic() + 20)
    assert [step.outcome for step in steps] == ["ok", "ok", "ok"]


def test_the_key_opens_no_terminal_no_forwarding_and_no_files(sshd: Sshd) -> None:
    sshd.start()
    with ssh.signed_in(sshd.config(), KEY, time.monotonic() + 20) as session:
        channel = session.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.get_pty()
        with pytest.raises(paramiko.ChannelException):
            session.open_channel("direct-tcpip", ("127.0.0.1", sshd.port), ("127.0.0.1", 1))
    with ssh.signed_in(sshd.config(), KEY, time.monotonic() + 20) as session:
        channel = session.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("sftp")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_every_kind_of_host_key_is_known_again(sshd: Sshd, kind: str) -> None:
    sshd.new_host_key(kind)
    shown = ssh.look(sshd.start().config(), deadline=time.monotonic() + 20)
    assert (f"{shown.algorithm} {shown.public}", shown.fingerprint) == (sshd.pin, sshd.fingerprint)
    assert collected(sshd).whole


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_another_host_key_ends_it_before_anything_of_ours_is_shown(sshd: Sshd, kind: str) -> None:
    before = sshd.pin
    sshd.new_host_key(kind)
    error = refused(sshd.start(), pin=before)
    assert error.code == ErrorCode.HOSTKEY_CHANGED
    log = (sshd.folder / "log").read_text()
    assert "Accepted" not in log
    assert "for root" not in log.split("Server listening")[-1]
    steps = ssh.probe(sshd.config(pin=before), secret=KEY, deadline=time.monotonic() + 20)
    assert [step.outcome for step in steps] == ["failed", "skipped", "skipped"]


def test_without_a_confirmed_key_nothing_is_even_connected(sshd: Sshd) -> None:
    error = refused(sshd.start(), pin="")
    assert error.code == ErrorCode.CONFIG
    assert "confirmed" in error.what
    assert "Connection from" not in (sshd.folder / "log").read_text()


def test_a_wrong_key_is_one_failed_sign_in_and_never_two(sshd: Sshd) -> None:
    error = refused(sshd.start(), secret=new_key())
    assert error.code == ErrorCode.AUTH
    assert sshd.attempts() <= 1
    assert (sshd.folder / "log").read_text().count("Connection from") == 1


def test_a_password_right_and_wrong(sshd: Sshd) -> None:
    sshd.mounts = {}
    sshd.answers(f"#!/bin/sh\nexec '{WRAPPER}'\n")
    sshd.start(password="a lantern on the wall")
    assert collected(sshd, secret=b"a lantern on the wall", use="password").whole
    error = refused(sshd, secret=b"canary-wrong", use="password")
    assert (error.code, "canary" in error.what + error.next_step) == (ErrorCode.AUTH, False)
    assert sshd.attempts() == 1


def test_a_way_of_signing_in_that_the_host_does_not_take_is_said(sshd: Sshd) -> None:
    error = refused(sshd.start(), secret=b"canary-typed", use="password")
    assert error.code == ErrorCode.AUTH
    assert "publickey" in error.what
    assert sshd.attempts() == 0


@pytest.mark.parametrize("user", ["", "-oProxyCommand=id", "a b", "root\nx"])
def test_what_is_no_account_is_not_sent(sshd: Sshd, user: str) -> None:
    assert refused(sshd.start(), user=user).code == ErrorCode.CONFIG


def test_what_is_no_key_is_said_without_a_word_of_it(sshd: Sshd) -> None:
    error = refused(sshd.start(), secret=b"-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n")
    assert (error.code, "canary" in error.what) == (ErrorCode.CONFIG, False)


def test_a_host_that_hangs_is_given_up_in_time(sshd: Sshd) -> None:
    sshd.answers("#!/bin/sh\necho eastwest-pull/1 1700000000 0a0a\nexec sleep 60\n")
    sshd.start()
    began = time.monotonic()
    assert refused(sshd, seconds=2).code == ErrorCode.TIMEOUT
    assert time.monotonic() - began < 5


def test_one_command_that_hangs_is_named_and_the_others_come(sshd: Sshd, tmp_path: Path) -> None:
    said = programs(
        tmp_path / "bin", iptables_save=SAVE, ip6tables_save=SAVE, ss="exec sleep 60", chronyc="exec sleep 60"
    )
    sshd.wrapper(PATH=said, each_s="1")
    found = collected(sshd.start())
    assert [one for one in found.missing if one.startswith("ss ")] == ["ss -tulpnH (failed with 124)"]
    assert not found.complete
    assert "iptables-save -c" in {one.command for one in found.artefacts}


def test_missing_programs_are_not_empty_answers(sshd: Sshd, tmp_path: Path) -> None:
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ip6tables_save=SAVE, ipset="exit 0"))
    found = collected(sshd.start())
    assert found.complete
    assert {"nft -j list ruleset (not installed)", "exportfs -s (not installed)"} <= set(found.missing)
    assert [one.content for one in found.artefacts if one.command == "ipset save"] == [b""]
    assert not [one for one in found.missing if one.startswith("ipset")]


def test_no_packet_filter_at_all_and_one_that_may_not_be_read_are_told_apart(sshd: Sshd, tmp_path: Path) -> None:
    sshd.wrapper(PATH=programs(tmp_path / "none"))
    assert refused(sshd.start()).code == ErrorCode.DEPENDENCY
    sshd.stop()
    denies = "echo 'Permission denied (you must be root)' >&2; exit 4"
    sshd.wrapper(PATH=programs(tmp_path / "denied", iptables_save=denies, nft=denies))
    error = refused(sshd.start())
    assert error.code == ErrorCode.PERMISSION
    assert "you must be root" in error.what


def test_a_filter_or_share_list_that_fails_makes_it_incomplete(sshd: Sshd, tmp_path: Path) -> None:
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ip6tables_save="exit 3", exportfs="exit 1"))
    found = collected(sshd.start())
    assert not found.complete
    assert {"ip6tables-save -c (failed with 3)", "exportfs -s (failed with 1)"} <= set(found.missing)


def test_the_wrapper_is_not_installed(sshd: Sshd) -> None:
    sshd.let_in(PUBLIC, forced="/usr/local/sbin/nothing-of-the-kind")
    assert refused(sshd.start()).code == ErrorCode.DEPENDENCY


def whole(sshd: Sshd) -> bytes:
    """A true stream of this machine."""
    sshd.start()
    with ssh.signed_in(sshd.config(), KEY, time.monotonic() + 20) as session:
        _, stream = ssh.ran(session, linux.PROGRAM, time.monotonic() + 20)
    return stream


def test_cut_anywhere_it_is_truncated_and_never_less_evidence(sshd: Sshd) -> None:
    stream = whole(sshd)
    linux.heard(stream)
    places = sorted({len(stream) - 1, *range(0, len(stream), max(1, len(stream) // 200))})
    for place in places:
        with pytest.raises(PullError) as caught:
            linux.heard(stream[:place])
        assert caught.value.code == ErrorCode.TRUNCATED, place
    with pytest.raises(PullError):
        linux.heard(stream + b"-- end 3\n")


@pytest.mark.parametrize(
    "end", ["exit 0", "exit 1", "kill -9 $PPID; sleep 5", "kill -9 $$"], ids=["early", "failed", "line", "killed"]
)
def test_a_stream_that_breaks_off_over_the_line_is_truncated(sshd: Sshd, end: str) -> None:
    sshd.answers(f"#!/bin/sh\n'{WRAPPER}' | head -c 5000\n{end}\n")
    assert refused(sshd.start()).code == ErrorCode.TRUNCATED


def test_a_line_of_ten_megabytes_is_no_evidence(sshd: Sshd, tmp_path: Path) -> None:
    flood = "head -c 10485760 /dev/zero | tr '\\0' x"
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=f"{SAVE}; {flood}"))
    error = refused(sshd.start())
    assert error.code == ErrorCode.PARSE
    assert "10485760 bytes" in error.what


def test_an_answer_without_end_is_capped_at_the_host_and_named(sshd: Sshd, tmp_path: Path) -> None:
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ss="exec yes"), most="100000")
    found = collected(sshd.start())
    assert not found.complete
    assert any(one.startswith("ss -tulpnH (more than 0 MB, cut off") for one in found.missing)


@pytest.mark.parametrize("said", ["yes", "cat /dev/zero", "yes $(printf '%0900d' 7)"])
def test_a_host_that_never_stops_is_broken_off_at_once(sshd: Sshd, said: str) -> None:
    sshd.answers(f"#!/bin/sh\nexec {said}\n")
    began = time.monotonic()
    assert refused(sshd.start()).code == ErrorCode.PARSE
    assert time.monotonic() - began < 10


def test_a_host_that_never_stops_behind_a_good_beginning_is_capped(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "MOST", 2**20)
    sshd.answers("#!/bin/sh\necho eastwest-pull/1 1700000000 0a0a\nexec yes\n")
    assert refused(sshd.start()).code == ErrorCode.TRUNCATED


def test_escapes_and_markup_are_shown_as_text_and_short(sshd: Sshd, tmp_path: Path) -> None:
    evil = r"printf '\033]0;owned\007\033[2J<script>alert(1)</script>\342\200\256%0500d\n' 7 >&2; exit 3"
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ip6tables_save=evil, sshd=evil))
    found = collected(sshd.start())
    for one in found.missing:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", one)
        assert len(one) < 300
    sshd.stop()
    sshd.answers(r"""#!/bin/sh
printf '\033[31mWelcome <b>to</b> \342\200\256evil\r\n'; exec cat /dev/zero""")
    error = refused(sshd.start())
    assert (error.code, "\x1b" in error.what, "\u202e" in error.what) == (ErrorCode.PARSE, False, False)


def test_an_answer_that_holds_the_marks_of_the_stream_stays_an_answer(sshd: Sshd, tmp_path: Path) -> None:
    forged = r"printf -- '-- end 1\n-- 1 0 5 0 0 nft list ruleset\nhello\n-- end 2\n'"
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ip6tables_save=SAVE, ss=forged))
    found = collected(sshd.start())
    [said] = [one.content for one in found.artefacts if one.command == "ss -tulpnH"]
    assert said.startswith(b"-- end 1\n")
    assert not found.beside or all(b"hello" not in one.content for one in found.beside if "nft" in one.command)


def test_legacy_tables_that_no_program_shows_are_rules_nobody_has_seen() -> None:
    frames = [
        linux.Frame("iptables-save -c", 0, b"*filter\nCOMMIT\n", b"", False),
        linux.Frame("iptables-legacy-save", None, b"", b"", False),
        linux.Frame("cat /proc/net/ip_tables_names", 0, b"filter\n", b"", False),
    ]
    found = linux.understood(linux.Heard(None, "-", tuple(frames)), ssh.datetime.now(ssh.UTC), {})
    assert not found.complete
    assert any("the kernel holds its tables: filter" in one for one in found.missing)


@contextmanager
def listener(behave: Any) -> Iterator[int]:
    """Something on a port that is no SSH server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.close()
        thread.join(5)


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (lambda line: time.sleep(3), ErrorCode.TIMEOUT),
        (lambda line: None, ErrorCode.UNREACHABLE),
        (lambda line: line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200), ErrorCode.UNREACHABLE),
        (lambda line: line.sendall(b"SSH-2.0-x\r\n" + b"\0" * 4000), ErrorCode.UNREACHABLE),
    ],
    ids=["silent", "closes", "no ssh", "rubbish"],
)
def test_what_is_no_ssh_server_is_told_apart(behave: Any, code: str) -> None:
    with listener(behave) as port:
        config = {"host": "127.0.0.1", "port": port, "user": "x", "pin": f"ssh-ed25519 {PUBLIC.split()[1]}"}
        with pytest.raises(PullError) as caught:
            ssh.collect(config, secret=KEY, since=None, deadline=time.monotonic() + 2)
    assert caught.value.code == code


def test_nobody_listens_and_nobody_is_there_are_two_sentences(sshd: Sshd) -> None:
    error = refused(sshd)
    assert error.code == ErrorCode.UNREACHABLE
    assert "nothing listens" in error.what


def test_the_whole_wrapper_is_posix_shell() -> None:
    for shell in ("dash", "bash --posix"):
        done = subprocess.run(
            [*shell.split(), "-n", str(WRAPPER)], capture_output=True, check=False, env={"PATH": PATH}
        )
        assert done.returncode == 0, done.stderr
