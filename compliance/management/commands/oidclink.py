"""`manage.py oidclink PERSON SUB --by ADMIN`: an administrator says which `sub` of the provider a person is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.actions.oidc import link
from compliance.errors import Refused
from compliance.models import User


class Command(BaseCommand):
    help = "Links a person with their sub at the organisation's OpenID Connect provider."

    def add_arguments(self, parser: CommandParser) -> None:
        """People by e-mail address."""
        parser.add_argument("person")
        parser.add_argument("sub")
        parser.add_argument("--by", required=True, help="the administrator who says so")

    def handle(self, *args: Any, **options: Any) -> None:
        """One verb; its refusal is the command's error."""
        people = {name: User.objects.filter(email=options[name].strip().lower()).first() for name in ("person", "by")}
        if None in people.values():
            raise CommandError("There is nobody with that address.")
        try:
            link(people["person"], options["sub"], by=people["by"])  # type: ignore[arg-type]
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{people['person']} is {options['sub']}.")
