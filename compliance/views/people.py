"""The people of the installation, with the roles they hold today."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from compliance.actions.people import came_in, fresh_link
from compliance.models import Role, RoleGrant, User
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, filters, page


def people(request: HttpRequest) -> HttpResponse:
    """Everybody, with the roles they hold today."""
    check(signed_in(request), "manage_people", None)
    rows = User.objects.order_by("-is_active", "name")
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(email__icontains=words) | Q(title__icontains=words))
    if request.GET.get("role"):
        rows = rows.filter(role_grants__in=RoleGrant.objects.filter(role=request.GET["role"]).in_force(timezone.now()))
    held: dict[int, list[str]] = {}
    for grant in RoleGrant.objects.in_force(timezone.now()).select_related("system").order_by("role"):
        where = f" of {grant.system}" if grant.system else ""
        held.setdefault(grant.person_id, []).append(f"{grant.get_role_display()}{where}")

    def show(person: User) -> dict[str, Any]:
        return {
            "name": str(person),
            "email": person.email,
            "title": person.title,
            "roles": held.get(person.pk, []) if person.is_active else [],
            "active": person.is_active,
            "link_url": f"/setup/people/{person.pk}/link/" if waits_for_link(person) else "",
            "leave_url": f"/setup/people/{person.pk}/leave/" if person.is_active and person != request.user else "",
        }

    def waits_for_link(person: User) -> bool:
        return person.is_active and not person.is_service and not came_in(person)

    choices = [Choice("role", "Role", Role.choices)]
    context = {
        **page(request, rows.distinct(), show),
        "filters": filters(request, "Name, address or position", choices),
        "total": User.objects.count(),
    }
    return render(request, "compliance/people.html", context)


@require_POST
def link(request: HttpRequest, number: int) -> HttpResponse:
    """A new set-up link for somebody whose first one ran out, shown once."""
    by = signed_in(request)
    check(by, "manage_people", None)
    person = get_object_or_404(User, pk=number, is_active=True)
    token = fresh_link(person, by=by)
    shown = {"person": person, "link": f"{settings.SITE_URL}/setup/link/{token}/"}
    return render(request, "compliance/person_link.html", shown)
