"""`./run manage ledger`: how it stands, its export and state dump, a checkpoint now."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.actions import checkpoints, ledger_adopt, ledger_export, ledger_seal
from compliance.errors import Refused
from compliance.models import LedgerHead, LedgerInbox, User


class Command(BaseCommand):
    """Seals what waits first, so that nothing of before is missing in what it writes."""

    help = "How the ledger stands; --export FILE and --state FILE write it for eastwest verify --ledger."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What to write, and where."""
        parser.add_argument("--export", type=Path, help="write the log to this file")
        parser.add_argument("--state", type=Path, help="write every governed row to this file")
        parser.add_argument("--adopt", action="store_true", help="take over rows that were changed past Eastwest")
        parser.add_argument("--because", default="", help="why (with --adopt); it stays in the ledger")
        parser.add_argument("--by", default="", help="e-mail address of the administrator who answers for it")
        parser.add_argument("--checkpoint", action="store_true", help="sign and publish a checkpoint now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Does it, and says on stdout how the ledger stands. Exit 1 when something about it needs attention."""
        try:
            if options["adopt"]:
                person = User.objects.filter(email=options["by"].lower(), is_active=True).first()
                if options["by"] and person is None:
                    raise CommandError(f"There is nobody with the address {options['by']}.")
                self.stdout.write(f"{ledger_adopt.adopt(by=person, because=options['because'])} rows were taken over")
            ledger_seal.drain(wait=True)
            if options["checkpoint"]:
                checkpoints.checkpoint("asked for by command")
            log, rows = ledger_export.write(options["export"], options["state"])
        except (Refused, OSError) as wrong:
            raise CommandError(str(wrong)) from wrong
        head = LedgerHead.objects.first()
        self.stdout.write(head.seal if head else "Nothing is sealed yet.")
        if log:
            self.stdout.write(f"{options['export']}: {log} lines")
        if rows:
            self.stdout.write(f"{options['state']}: {rows - 1} rows")
        self.stdout.write(f"{LedgerInbox.objects.waiting().count()} waiting to be sealed")
        troubles = checkpoints.troubles()
        if troubles:
            raise CommandError("\n".join(f"{one.what} {one.next_step}" for one in troubles))
