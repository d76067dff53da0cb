"""`./run manage register`: the register as the YAML that `eastwest check` reads, out and in again."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.actions import imports
from compliance.errors import Refused
from compliance.models import User
from compliance.register_file import write_text
from compliance.standing import register_on, with_systems


class Command(BaseCommand):
    help = "Prints what is authorised on a day as a register file; --import asks for what a register file says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=_day, help="the end of this day, as 2026-11-21 (today unless said otherwise)")
        parser.add_argument("--import", dest="import_file", metavar="FILE", help="a register file to bring in")
        parser.add_argument("--by", metavar="EMAIL", help="who brings it in")
        parser.add_argument("--system", default="", help="whose is what the file gives to no system")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes the register to standard output; or with --import, what became of each row."""
        if options["import_file"]:
            self.bring_in(options)
            return
        register = with_systems(register_on(options["day"] or timezone.localdate()))
        self.stdout.write(write_text(register), ending="")

    def bring_in(self, options: dict[str, Any]) -> None:
        """Tries the file, and imports all of it when nothing is wrong. Raises CommandError with every line to mend."""
        person = User.objects.filter(email=options["by"] or "").first()
        if person is None:
            raise CommandError(f"Nobody has the address {options['by']}. Say who brings it: --by EMAIL.")
        path, said = Path(options["import_file"]), {"system": options["system"]}
        try:
            table = imports.keep(path.name, path.read_bytes(), kind=imports.REGISTER, by=person)
            result = imports.dry_run(table, mapping=said, by=person)
            self.refuse(result)
            if not options["dry_run"]:
                imports.carry_out(table, mapping=said, by=person)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except Refused as refused:
            raise CommandError(f"{refused.what} {refused.why} {refused.next_step}".strip()) from refused
        for line in result.preview:
            self.stdout.write(f"line {line.row}, {line.what}: {line.text}")
        done = "Nothing is written yet" if options["dry_run"] else "Imported; what is asked for waits for its approvals"
        self.stdout.write(f"{result.new} new, {result.changed} changed, {result.same} as they are. {done}.")

    def refuse(self, result: imports.Result) -> None:
        """Names every line that cannot be imported."""
        if result.bad:
            named = [f"line {bad.row}: {bad.problem} {bad.fix}".strip() for bad in result.bad]
            raise CommandError("\n".join(["Nothing was imported.", *named]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no day. Write it as 2026-11-21.") from None
