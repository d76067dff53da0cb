"""`./run manage secrets`: how many are kept under which key; `rotate` makes a new key and seals them all anew."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.errors import Refused
from compliance.models import Receiver, User
from evidence.actions import access
from evidence.models import SourceSecret


class Command(BaseCommand):
    """Says nothing of the secrets but how many there are."""

    help = "Counts secrets; rotate replaces the key that stored values are sealed under."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What to do, who does it, and why."""
        parser.add_argument("what", nargs="?", choices=("show", "rotate"), default="show")
        parser.add_argument("--because", default="", help="why (with rotate); it stays in the ledger")
        parser.add_argument("--by", default="", help="e-mail address of the administrator who does it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Does it."""
        if options["what"] == "rotate":
            person = User.objects.filter(email=options["by"].lower(), is_active=True).first()
            if options["by"] and person is None:
                raise CommandError(f"There is nobody with the address {options['by']}.")
            try:
                count, gone = access.rotate(by=person, because=options["because"] or "asked for by command")
            except Refused as refused:
                raise CommandError(str(refused)) from refused
            self.stdout.write(f"{count} sealed anew; keys destroyed: {', '.join(gone) or 'none'}")
            return
        kept: Counter[str] = Counter()
        elsewhere = 0
        for held in (SourceSecret.objects.all(), Receiver.objects.all()):
            elsewhere += held.exclude(reference="").count()
            kept.update(held.exclude(sealed="").values_list("sealed_with", flat=True))
        self.stdout.write(f"{elsewhere} referred to")
        for key, count in sorted(kept.items()):
            self.stdout.write(f"{count} sealed with {key}")
