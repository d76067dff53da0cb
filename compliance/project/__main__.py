"""`python -m compliance.project start|prepare|doctor|backup|restore`: what `./run` hands over to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from compliance.errors import Refused

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")


def say(*lines: str) -> None:
    """Lines for the person at the terminal."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def start(_words: Sequence[str]) -> int:
    """Runs everything until a signal comes."""
    from compliance.project.prepare import prepare

    prepare()
    from django.conf import settings

    from compliance.actions.people import first_link
    from compliance.project.supervise import stack

    refuse_taken_port(settings.PORT)
    parts = stack(settings.VAR, web=True, port=settings.PORT, pulls=settings.PULL_SLOTS)
    with ended_by_signal(), last_checkpoint(), parts as running:
        running.until_web_answers(settings.PORT)
        say(f"Eastwest is at {settings.SITE_URL}")
        link = first_link()
        if link:
            say(f"Set it up, once, within a day: {link}")
        say("Stop it with Ctrl-C.")
        while True:
            time.sleep(1)
            running.mend(say)


def prepare_only(_words: Sequence[str]) -> int:
    """Migrates and makes the fonts, and starts nothing."""
    from compliance.project.prepare import prepare

    prepare()
    return 0


def doctor(_words: Sequence[str]) -> int:
    """Says what is well and what is not; 1 when something is not."""
    from compliance.project.doctor import examine, report

    return report(examine(), sys.stdout)


def backup(words: Sequence[str]) -> int:
    """Copies the records into one file; its path is the last line on stdout."""
    from compliance.project.backup import back_up

    target = Path(words[0]) if words else None
    sys.stdout.write(f"{back_up(target)}\n")
    say("The keys (var/keys) are not in it: keep a copy of them elsewhere, apart from this file.")
    return 0


def restore(words: Sequence[str]) -> int:
    """Puts a backup back; what was there is kept beside it."""
    from compliance.project.backup import restore_from

    if not words:
        raise Refused("Nothing to restore from.", "The file is missing.", "Write: ./run restore FILE")
    kept = restore_from(Path(words[0]))
    say("Restored.", *([f"What was there before is in {kept}"] if kept else []))
    return 0


def refuse_taken_port(port: int) -> None:
    """Refuses, before anything is started, a port that another program holds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as taken:
            raise Refused(
                f"Port {port} cannot be used.", f"{taken.strerror}.", f"Choose another: EASTWEST_PORT={port + 1} ./run"
            ) from None


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """INT, TERM and HUP end the block in an orderly way, and quietly."""

    def end(_number: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the parts are being stopped: a second Ctrl-C changes nothing
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with contextlib.suppress(KeyboardInterrupt):
        yield
    say("Stopped.")


@contextlib.contextmanager
def last_checkpoint() -> Iterator[None]:
    """When everything has stopped, the ledger's last checkpoint goes to the near places; a failure is only said."""
    from django.db import DatabaseError

    from compliance.actions.checkpoints import last_words

    try:
        yield
    finally:
        try:
            last_words()
        except (DatabaseError, Refused) as wrong:
            say(f"The last checkpoint of the ledger was not published: {wrong}")


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "start": start,
    "prepare": prepare_only,
    "doctor": doctor,
    "backup": backup,
    "restore": restore,
}


def main(words: Sequence[str]) -> int:
    """Runs one command; 1 when it was refused, 2 when there is no such command."""
    if not words or words[0] not in COMMANDS:
        say(f"usage: python -m compliance.project {'|'.join(COMMANDS)}")
        return 2
    try:
        return COMMANDS[words[0]](words[1:])
    except Refused as refused:
        say(refused.what, refused.why, refused.next_step)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
