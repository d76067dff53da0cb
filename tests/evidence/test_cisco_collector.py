"""A Cisco device over real SSH: its configuration whole, or a code that says what is wrong and what to do."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from compliance.actions import estate
from compliance.actions.reconcile_rows import altered_rows
from evidence.actions import access, adding
from evidence.actions.access import Given
from evidence.collectors import cisco
from evidence.collectors.collected import Collected, PullError
from evidence.collectors.keys import Shown, fingerprint
from evidence.models import RuleUse, Source
from tests.evidence.cisco_device import HITS, Device, host_key, running
from tests.evidence.device_site import router
from tests.evidence.site import read
from tests.factories import servers
from tests.people import LONG_AGO, People, everybody

Start = Callable[..., Device]


@pytest.fixture
def start(settings: Any) -> Iterator[Start]:
    """Starts devices; all are stopped at the end."""
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    held: list[Any] = []

    def begin(**said: Any) -> Device:
        context = running(Device(said.pop("config", router()), **said))
        held.append(context)
        return context.__enter__()  # type: ignore[no-any-return]

    yield begin
    for context in held:
        context.__exit__(None, None, None)


def asked(device: Device, *, secret: bytes | None = None, seconds: float = 20, pin: str = "") -> Collected:
    config = {
        "host": "127.0.0.1", "port": device.port, "user": "eastwest", "use": "password", "pin": pin or device.pin,
    }  # fmt: skip
    given = device.password.encode() if secret is None else secret
    return cisco.collect(config, secret=given, since=None, deadline=time.monotonic() + seconds)


def refused(device: Device, **more: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        asked(device, **more)
    assert caught.value.next_step
    assert device.password not in f"{caught.value.what} {caught.value.next_step}"
    return caught.value


@pytest.mark.parametrize("moods", [set(), {"banner"}])
def test_the_configuration_comes_as_the_device_holds_it_and_its_counters_beside_it(
    start: Start, moods: set[str]
) -> None:
    device = start(moods=moods)
    came = asked(device)
    assert came.artefacts[0].content.decode() == router()
    assert (came.artefacts[0].command, came.whole, came.complete) == ("show running-config", True, True)
    assert [(one.content.decode(), one.command) for one in came.beside] == [(HITS, "show access-lists")]
    assert device.said[-1] == "exit"
    assert device.sessions == 1


def test_an_asa_ends_its_pager_in_its_own_words(start: Start) -> None:
    config = (
        "ASA Version 9.8(2)\n" + "".join(f"name 10.0.0.{number} n{number}\n" for number in range(1, 60)) + ": end\n"
    )
    came = asked(start(config=config, moods={"asa"}))
    assert came.artefacts[0].content.decode() == config
    assert came.beside[0].command == "show access-list"


def test_enable_takes_the_second_line_of_the_secret(start: Start) -> None:
    device = start(enable="more rights")
    assert asked(device, secret=b"let me read\nmore rights\n").artefacts[0].content.decode() == router()
    error = refused(device, secret=b"let me read\nwrong")
    assert error.code == "permission"
    assert error.what.startswith("The device does not show its configuration to this account")


@pytest.mark.parametrize(
    ("moods", "code", "word"),
    [
        ({"pager_stuck"}, "truncated", "a page at a time"),
        ({"cut"}, "truncated", "does not close with end"),
        ({"drops"}, "truncated", "closed the line"),
        ({"slow"}, "timeout", "fell silent"),
        ({"refuses"}, "permission", "% Invalid input"),
        ({"no_prompt"}, "timeout", "no prompt"),
    ],
)
def test_each_bad_mood_has_its_code_and_nothing_of_it_counts(
    start: Start, moods: set[str], code: str, word: str
) -> None:
    error = refused(start(moods=moods), seconds=4)
    assert error.code == code
    assert word in error.what


def test_another_host_key_gets_no_password_and_a_wrong_password_is_tried_once(start: Start) -> None:
    device, other = start(), host_key()
    error = refused(device, pin=f"{other.get_name()} {other.get_base64()}")
    assert (error.code, device.said, device.refused) == ("hostkey_changed", [], 0)
    assert refused(device, secret=b"wrong").code == "auth"
    assert device.refused == 1


def test_a_test_of_the_connection_says_each_step(start: Start) -> None:
    device = start(moods={"refuses"})
    config = {"host": "127.0.0.1", "port": device.port, "user": "eastwest", "use": "password", "pin": device.pin}
    steps = cisco.probe(config, secret=device.password.encode(), deadline=time.monotonic() + 20)
    assert [(one.outcome, one.what) for one in steps] == [
        ("ok", "Reach it and know it by its key"), ("ok", "Sign in"), ("ok", "Find its prompt"),
        ("failed", "Ask for its configuration"),
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_as_a_source_it_is_confirmed_read_and_unchanged_until_a_rule_changes(start: Start, tmp_path: Any) -> None:
    assert connection.vendor
    device, people = start(), everybody()
    source = confirmed(device, people)
    first = read(source, people)
    assert (first.state, first.what) == ("ok", first.what)
    assert source.last_good is not None
    assert source.last_good.tier == "good"
    assert source.last_good.networks
    device.config = router(changed="05:05:05", clock=17999999)
    assert read(source, people).state == "unchanged"
    device.config = router(apps=["10.20.20.31", "10.20.20.77"])
    assert read(source, people).state == "ok"
    device.moods = {"cut"}
    assert read(Source.objects.get(pk=source.pk), people).error_code == "truncated"


@pytest.mark.django_db(transaction=True)
def test_a_rule_is_unused_since_its_counter_last_moved_and_that_is_no_change_of_the_rule(
    start: Start, client: Client
) -> None:
    device, people = start(), everybody()
    source = confirmed(device, people)
    first = read(source, people)
    held = RuleUse.objects.get(source=source, rule="ios:acl/APP-IN#10")
    assert (first.state, held.hits, held.told) == ("ok", 42, False)
    assert held.quiet_since == first.seen_at
    assert read(source, people).state == "unchanged"
    assert RuleUse.objects.get(pk=held.pk).quiet_since == first.seen_at
    device.hits = HITS.replace("(42 matches)", "(43 matches)")
    moved = read(source, people)
    now = RuleUse.objects.get(source=source, rule="ios:acl/APP-IN#10")
    assert (moved.state, now.hits, now.quiet_since) == ("unchanged", 43, moved.seen_at)
    assert read(source, people).state == "unchanged"
    client.force_login(people.alex)
    page = client.get(f"/sources/{source.pk}/rules/").content.decode()
    assert "met 43 times, not since" in page
    assert "ios:acl/APP-IN#10" in client.get(f"/sources/{source.pk}/rules/?quiet=0").content.decode()
    assert "ios:acl/APP-IN#10" not in client.get(f"/sources/{source.pk}/rules/?quiet=30").content.decode()
    RuleUse.objects.filter(pk=now.pk).update(quiet_since=LONG_AGO)
    assert "ios:acl/APP-IN#10" in client.get(f"/sources/{source.pk}/rules/?quiet=90").content.decode()
    assert [one.sentence for one in altered_rows() if one.label == "evidence.ruleuse"] == []
    device.hits = ""
    read(source, people)
    assert not RuleUse.objects.exists()  # nothing is said of rules that nobody counts any more


def confirmed(device: Device, people: People) -> Source:
    """The device as a source, its key confirmed by a second person."""
    servers(people)
    server = estate.add_server("core-01", system=people.platform, role="router", by=people.alex, at=LONG_AGO)
    config = {"host": "127.0.0.1", "port": device.port, "user": "eastwest"}
    source = adding.add(server=server, kind="cisco", name="core-01 cisco", config=config, by=people.alex)
    access.set_secret(source, Given("password", value=device.password.encode()), by=people.alex)
    key = device.key.get_base64()
    shown = Shown("ssh", f"127.0.0.1:{device.port}", device.key.get_name(), key, fingerprint(key))
    pin = access.propose_pin(source, shown, by=people.alex)
    access.confirm_pin(pin, fingerprint=fingerprint(key), because="At the console.", by=people.olga)
    return source
