"""`manage.py setuplink PERSON --by ADMINISTRATOR`: a one-time link for somebody who has no password, or lost it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.actions.people import first_link, set_up_link
from compliance.errors import Refused
from compliance.models import User


class Command(BaseCommand):
    """Prints the address on stdout. Without a person: the first administrator's, until somebody can sign in."""

    help = "Makes a one-time link with which a person sets a password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Both by e-mail address."""
        parser.add_argument("person", nargs="?", default="")
        parser.add_argument("--by", default="", help="the administrator who gives the link")

    def handle(self, *args: Any, **options: Any) -> None:
        """One verb; its refusal is the command's error."""
        try:
            link = self.link(options["person"], options["by"])
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        if not link:
            raise CommandError("Somebody can sign in already. Name the person, and --by an administrator.")
        self.stdout.write(link)

    def link(self, person: str, by: str) -> str:
        """The address for this person, or the first one."""
        if not person:
            return first_link()
        token = set_up_link(self.known(person), by=self.known(by) if by else None)
        return f"{settings.SITE_URL}/setup/link/{token}/"

    def known(self, email: str) -> User:
        """The person of an e-mail address."""
        found = User.objects.filter(email=email.strip().lower()).first()
        if found is None:
            raise CommandError(f"There is nobody with the address {email}.")
        return found
