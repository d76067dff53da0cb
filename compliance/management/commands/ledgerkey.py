"""`./run manage ledgerkey`: the ledger's public key, for the auditor; --rotate replaces it."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.actions import ledger_keys
from compliance.errors import Refused
from compliance.models import User


class Command(BaseCommand):
    """Prints the key in force on stdout, its fingerprint on stderr."""

    help = "The public key that the ledger is sealed with; --rotate makes a new one that both keys sign for."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to replace it, why, and who does."""
        parser.add_argument("--rotate", action="store_true", help="replace it; the old private key is destroyed")
        parser.add_argument("--because", default="", help="why (with --rotate)")
        parser.add_argument("--by", default="", help="e-mail address of the administrator who does it")

    def handle(self, *args: Any, **options: Any) -> None:
        """The key."""
        try:
            if options["rotate"]:
                person = User.objects.filter(email=options["by"].lower(), is_active=True).first()
                if options["by"] and person is None:
                    raise CommandError(f"There is nobody with the address {options['by']}.")
                ledger_keys.rotate(by=person, because=options["because"])
            self.stdout.write(ledger_keys.public_key(), ending="")
            self.stderr.write(f"SHA-256 {ledger_keys.fingerprint()}")
        except Refused as wrong:
            raise CommandError(" ".join(filter(None, (wrong.what, wrong.why, wrong.next_step)))) from wrong
