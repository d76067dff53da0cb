"""What stands on every page: the navigation with its counts, who is signed in, and for which organisation."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string

from compliance.actions.checkpoints import troubles
from compliance.models import ChangeRecord, Connection, Organisation, Outbound, User
from compliance.views.audit import WATCHERS
from compliance.views.keeping import kept

# label, address, icon, name of its count in `counts` ("" = none)
MENU: Final[tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]] = (
    (
        "Overview",
        (
            ("Evidence", "/evidence/", "file-check", ""),
            ("Inbox", "/inbox/", "inbox", "inbox"),
            ("Notices", "/notices/", "bell", "notices"),
        ),
    ),
    (
        "Register",
        (
            ("Connections", "/connections/", "network", "connections"),
            ("File shares", "/shares/", "folder-symlink", "shares"),
            ("Servers", "/servers/", "server", ""),
            ("Administration", "/admin-paths/", "key-round", ""),
            ("Inventory", "/inventory/", "radar", "strangers"),
            ("Changes", "/changes/", "git-pull-request-arrow", "changes"),
            ("Policy", "/policy/", "scroll-text", ""),
        ),
    ),
    (
        "Assurance",
        (
            ("Findings", "/findings/", "triangle-alert", "findings"),
            ("Accepted risks", "/risks/", "scale", ""),
            ("Rule changes", "/rule-changes/", "git-compare-arrows", ""),
            ("Campaigns", "/campaigns/", "list-todo", ""),
            ("Attestations", "/attestations/", "pen-line", ""),
            ("Frameworks", "/controls/", "library-big", ""),
            ("Reviews", "/reviews/", "calendar-check", "reviews"),
            ("Audit packs", "/packs/", "shield-check", ""),
            ("Audit log", "/audit/", "scroll-text", "ledger"),
        ),
    ),
    (
        "Collection",
        (
            ("Sources", "/sources/", "plug", "sources"),
            ("Flow logs", "/flows/", "activity", ""),
            ("Learn", "/learn/", "graduation-cap", ""),
            ("Set-up", "/setup/", "list-checks", ""),
            ("Help", "/help/", "circle-question-mark", ""),
        ),
    ),
)
MOST: Final = 999  # what the menu counts to
UNDER_WAY: Final = ("submitted", "approved", "implemented", "disputed")  # changes that the menu counts
ALARMING: Final = {"findings", "ledger", "sources", "strangers"}


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context for base.html: nav, me, organisation. Counts of the rooms above come by settings.NAV_COUNTS."""
    person = getattr(request, "user", None)
    if not isinstance(person, User):
        way_in = "/accounts/oidc/oidc/login/" if settings.OIDC_ISSUER else ""
        return {"nav": [], "me": None, "organisation": None, "oidc_url": way_in}
    organisation = kept(person, "organisation", own_organisation)
    counts = kept_counts(person) | {"notices": Outbound.objects.for_user(person).filter(read_at__isnull=True).count()}
    return {
        "nav": [{"label": label, "items": [item(row, counts, request.path) for row in rows]} for label, rows in MENU],
        "me": {
            "name": str(person),
            "initials": person.initials,
            "role": ", ".join(sorted({grant.get_role_display() for grant in person.roles_held()})) or "No role yet",
            "account_url": "/accounts/2fa/",
        },
        "organisation": {"name": organisation.name, "sample": organisation.is_sample} if organisation else None,
    }


def kept_counts(person: User) -> dict[str, int]:
    """The counts of all rooms, taken anew when anybody decided anything (compliance/views/keeping.py)."""
    return kept(person, ("menu", person.pk), lambda: every_count(person))


def every_count(person: User) -> dict[str, int]:
    """The counts of all rooms."""
    numbers = own_counts(person)
    for dotted in settings.NAV_COUNTS:
        numbers |= import_string(dotted)(person)
    return numbers


def own_organisation() -> Organisation | None:
    """Whose installation this is."""
    return Organisation.objects.filter(kind=Organisation.Kind.OWN).order_by("pk").first()


def own_counts(person: User) -> dict[str, int]:
    """The counts of this room."""
    return {
        "inbox": ChangeRecord.objects.waiting_for(person).count(),
        "connections": own_first(person, Connection.objects.filter(kind=Connection.Kind.NETWORK)),
        "shares": own_first(person, Connection.objects.filter(kind=Connection.Kind.SHARE)),
        # of their own systems; what another asks of them stands in the inbox
        "changes": at_most(of_own(person, ChangeRecord.objects.filter(state__in=UNDER_WAY))),
        "ledger": len(troubles()) if person.holds(WATCHERS) else 0,
    }


def of_own(person: User, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows of the systems in which somebody holds a role."""
    systems = person.system_ids()
    return rows if systems is None else rows.filter(system__in=systems)


def own_first(person: User, rows: Any) -> int:
    """How many of these rows somebody may see. Where those of their own systems are more than is counted, nobody needs
    to be asked for those that they see for another reason, which takes ten times as long."""
    own = at_most(of_own(person, rows))
    return own if own > MOST else at_most(rows.for_user(person))


def at_most(rows: QuerySet[Any]) -> int:
    """How many rows; beyond `MOST` it is not counted how many more, as this is asked for every page."""
    return rows.order_by()[: MOST + 1].count()


def shown(number: int) -> str:
    """A count for the menu: "999+" where there are more."""
    return str(number) if number <= MOST else f"{MOST}+"


def item(row: tuple[str, str, str, str], counts: dict[str, int], path: str) -> dict[str, Any]:
    """One line of the menu."""
    label, url, icon, count = row
    number = counts.get(count, 0)
    return {
        "label": label,
        "url": url,
        "icon": icon,
        "count": shown(number) if number else "",
        "alert": count in ALARMING and number > 0,
        "current": path.startswith(url),
    }
