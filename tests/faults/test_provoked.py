"""Every error of a reading, for real: its code, its words, what stays as it was, and what its page says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from evidence.models import ErrorCode, Finding, Snapshot
from tests.evidence.site import read
from tests.faults.provoked import PROVOKED, scene

# A reading that failed says nothing of the host: none of these may come of it
REMOVED = {"not_implemented", "changed_without_record", "no_listener", "unused", "approved_not_done"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", PROVOKED, ids=str)
def test_it_is_named_its_page_says_what_to_do_and_nothing_is_said_to_be_gone(
    code: ErrorCode, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(tmp_path, settings, monkeypatch) as at:
        assert [row.state for row in at.site.read()] == ["ok", "ok"]
        source = PROVOKED[code](at)
        at.site.compare()
        assert at.site.verdict() == "implemented"
        good, kept, before = source.last_good, Snapshot.objects.count(), set(told())
        row = read(source, at.people)
        assert (row.state, row.error_code) == ("failed", code), row.what
        assert row.what.endswith((".", "”"))
        assert row.next_step.endswith((".", "git"))
        assert (source.last_good, Snapshot.objects.count()) == (good, kept)
        at.site.compare()
        assert at.site.verdict() == ("unreachable" if code == ErrorCode.UNREACHABLE else "implemented")
        fresh = [one for one in told() if one not in before]
        assert not [one for one in fresh if one[0] in REMOVED]
        client = Client()
        client.force_login(at.people.erin, backend="allauth.account.auth_backends.AuthenticationBackend")
        page = client.get(f"/sources/{source.pk}/").content.decode()
        assert code.label in page
        assert (source.next_at is None) == bool(source.paused_code)


def told() -> list[tuple[str, str, str]]:
    """What stands open, and what is said to be over."""
    return [(one.verdict, one.subject, one.state) for one in Finding.objects.all()]
