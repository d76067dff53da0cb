"""`./run manage secrets`: how many are kept under which key; `rotate` makes a new key and seals them all anew."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from compliance.errors import Refused
from compliance.models import User
from evidence.actions import access
from evidence.models import SourceSecret


class Command(BaseCommand):
    """Says nothing of the secrets but how many there are."""

    help = "Counts what sources sign in with; rotate replaces the key that stored values are sealed under."

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
        elsewhere = SourceSecret.objects.exclude(reference="").count()
        self.stdout.write(f"{elsewhere} referred to")
        for row in SourceSecret.objects.exclude(sealed="").values("sealed_with").annotate(count=Count("pk")):
            self.stdout.write(f"{row['count']} sealed with {row['sealed_with']}")
