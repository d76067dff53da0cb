"""The populated installation that `./run bench web` asks: sessions of fifty people, the pages they open, a second copy.

Run as `python -m benchmarks.web_site sessions` with EASTWEST_VAR (and DATABASE_URL) of a populated place: one session
for each person, as JSON {"sessions": {email: cookie}, "pages": {email: [[name, address, sort, often], …]}}.
Run as `python -m benchmarks.web_site copy URL`: the rows of the place's SQLite database into that empty PostgreSQL one.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from benchmarks.web_load import Page
    from compliance.models import User

USERS: Final = 50
ROWS: Final = 5_000  # copied at once
# Tables that each database has by itself after its migrations
BY_ITSELF: Final = frozenset({"django_migrations", "django_content_type", "auth_permission", "eastwest_cache"})


def sessions() -> dict[str, str]:
    """A session for each of fifty people: owners, managers, engineers, auditors, requesters."""
    from django.conf import settings
    from django.test import Client

    from compliance.models import User

    found = {}
    for person in User.objects.exclude(email="admin@example.org").order_by("pk")[:USERS]:
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        found[person.email] = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return found


def pages(person: User, draw: random.Random) -> Iterator[Page]:
    """What somebody opens: the lists, their filters and later pages, words they look for, and single records."""
    from benchmarks.web_load import Page
    from compliance.models import ChangeRecord, Connection, Server, System
    from evidence.models import Finding, Source

    connections, servers = Connection.objects.for_user(person), Server.objects.for_user(person)
    findings, changes = Finding.objects.for_user(person).standing(), ChangeRecord.objects.for_user(person)
    system = System.objects.for_user(person).first()
    deep = max(1, connections.count() // 100)
    yield Page("connections", "/connections/", "list", 6)
    yield Page("connections, a later page", f"/connections/?page={draw.randint(1, deep)}", "list", 2)
    yield Page("connections of one verdict", "/connections/?verdict=not_implemented", "list", 2)
    yield Page("connections of one system", f"/connections/?system={quote(str(system))}", "list", 2)
    yield Page("connections soon to be reviewed", "/connections/?term=soon", "list")
    yield Page("shares", "/shares/", "list", 2)
    yield Page("shares as served", "/shares/served/", "list")
    yield Page("servers", "/servers/", "list", 4)
    yield Page("administration", "/admin-paths/", "list")
    yield Page("changes", "/changes/", "list", 4)
    yield Page("changes that wait", "/changes/?state=submitted", "list", 2)
    yield Page("findings", "/findings/", "list", 6)
    yield Page("findings of one verdict", "/findings/?verdict=permits_more", "list", 2)
    yield Page("rule changes", "/rule-changes/", "list")
    yield Page("sources", "/sources/", "list", 2)
    yield Page("coverage", "/coverage/", "list")
    yield Page("inventory", "/inventory/", "list")
    yield Page("learn", "/learn/", "list")
    yield Page("risks", "/risks/", "list")
    yield Page("reviews", "/reviews/", "list")
    yield Page("notices", "/notices/", "list", 2)
    yield Page("audit log", "/audit/", "list")
    for kind in ("zones", "groups", "parties"):
        yield Page(kind, f"/{kind}/", "list")
    yield Page("inbox", "/inbox/", "inbox", 8)
    yield Page("inbox, asked by me", "/inbox/?tab=asked", "inbox", 2)
    server = any_of(servers, draw)
    if server is not None:
        yield Page("search for a server", f"/search/?q={server.name}", "search", 3)
        yield Page("search for an address", f"/search/?q={server.addresses.all()[0].ip}", "search", 2)
        yield Page("server", f"/servers/{server.name}/", "record", 2)
    yield Page("search for a service", f"/search/?q=tcp/{draw.randint(1024, 32767)}", "search", 2)
    yield Page("connections that name a service", f"/connections/?q=tcp/{draw.randint(1024, 32767)}", "search")
    for name, rows in (("connection", connections), ("finding", findings), ("change", changes)):
        row = any_of(rows, draw)
        if row is not None:
            yield Page(name, f"/{name}s/{row.ref}/", "record", 3)
    source = any_of(Source.objects.for_user(person), draw)
    if source is not None:
        yield Page("source", f"/sources/{source.pk}/", "record")
    yield Page("month", "/evidence/", "month", 4)
    yield Page("recertify", "/connections/recertify/", "whole")


def any_of(rows: Any, draw: random.Random) -> Any:
    """One of them, by lot; None of none."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:2000])
    return rows.get(pk=draw.choice(keys)) if keys else None


def everything() -> dict[str, Any]:
    """Sessions and pages of everybody."""
    from compliance.models import User

    cookies = sessions()
    people = User.objects.in_bulk(list(cookies), field_name="email")
    walks = {email: list(pages(people[email], random.Random(f"pages/{email}"))) for email in cookies}  # noqa: S311
    return {"sessions": cookies, "pages": walks}


def copy(url: str) -> dict[str, int]:
    """Every row of the default database into the one of the URL, whose tables are there and empty."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connections

    from benchmarks.populate.rows import plain
    from compliance.project import env

    connections.databases["copy"] = connections.databases["default"] | env.database(url, sqlite=Path("unused"))
    target, written = connections["copy"], {}
    models = [
        model for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in BY_ITSELF
    ]  # fmt: skip
    with target.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # foreign keys come in any order
        for model in models:
            fields = [field for field in model._meta.concrete_fields if field.column and not field.generated]
            names = ", ".join(target.ops.quote_name(str(field.column)) for field in fields)
            table = target.ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 (names of models)
            rows = model._base_manager.order_by("pk").values_list(*(field.attname for field in fields))
            count = 0
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as into:
                for row in rows.iterator(chunk_size=ROWS):
                    into.write_row([plain(f, value, target) for f, value in zip(fields, row, strict=True)])
                    count += 1
            written[model._meta.label_lower] = count
        for statement in target.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")  # as one is that has run for a while
    target.close()
    return written


def main(words: list[str]) -> int:
    """One of the two."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
    import django

    django.setup()
    json.dump(everything() if words[0] == "sessions" else copy(words[1]), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
