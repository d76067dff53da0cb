"""What a search finds in this room: findings, sources, packs, and who else spoke of an address."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from compliance.models import Server, User
from compliance.models.written import says
from compliance.views.lists import by_json, by_words
from compliance.views.search import Hit, Part, Sought, part
from compliance.words import VERDICTS
from evidence.models import Finding, FindingMember, ServedShare, Sighting, Source


def find(person: User, sought: Sought) -> Iterable[Part]:
    """By words, and by the names an address means. Named in settings.SEARCHES."""
    words, query = sought.words, sought.query()
    members = FindingMember.objects.standing().filter(by_words(words, "subject")).values("finding_id")
    ways = [says("words", words), Q(pk__in=members)]
    ways += [Q(server__in=Server.objects.filter(name__in=sought.names).values("pk"))] if sought.names else []
    findings = Finding.objects.for_user(person).standing().worst_first()
    yield part("Findings", "triangle-alert", findings, shown_finding, f"/findings/?{query}", ways)
    sources = Source.objects.for_user(person).select_related("server").order_by("name")
    sources = sources.filter(by_words(words, "name", "server__name") | by_json("config", words))
    yield part("Sources", "plug", sources, shown_source)
    shares = ServedShare.objects.for_user(person).current().select_related("server").order_by("server__name", "name")
    shares = shares.filter(by_words(words, "name", "path", "who"))
    yield part("Shares as served", "folder-open", shares, shown_share, f"/shares/served/?{query}")
    if sought.address:
        seen = Sighting.objects.for_user(person).current().filter(ip=sought.address).order_by("pk")
        yield part("Who spoke of it", "scan-search", seen, shown_sighting, f"/inventory/?{query}")


def shown_finding(row: Finding) -> Hit:
    """A finding, with what differs."""
    return Hit(row.ref, f"/findings/{row.ref}/", f"{VERDICTS[row.verdict].label} · {row.because}"[:200])


def shown_source(row: Source) -> Hit:
    """A source, with its server."""
    return Hit(row.name, f"/sources/{row.pk}/", str(row.server))


def shown_share(row: ServedShare) -> Hit:
    """A share that a server offers."""
    return Hit(f"{row.server} {row.name}", f"/shares/served/{row.key}/", f"{row.protocol} to {row.who}"[:200])


def shown_sighting(row: Sighting) -> Hit:
    """Who named an address, and where."""
    return Hit(row.get_kind_display(), f"/inventory/?list=unregistered&q={row.ip or row.name}", row.where)
