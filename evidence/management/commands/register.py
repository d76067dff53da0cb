"""`./run manage register`: the register as the YAML that `eastwest check` reads."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.register_file import write_text
from compliance.standing import register_on


class Command(BaseCommand):
    help = "Prints what is authorised on a day (today unless said otherwise) as a register file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=_day, help="the end of this day, as 2026-11-21")

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes to standard output and nothing else."""
        self.stdout.write(write_text(register_on(options["day"] or timezone.localdate())), ending="")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no day. Write it as 2026-11-21.") from None
