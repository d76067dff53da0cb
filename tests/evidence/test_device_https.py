"""FortiGate and Palo Alto over real HTTPS: everything they hold, whole, or a code that says what is wrong."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import Client

from compliance.actions import estate
from compliance.traffic.witness import Witness
from evidence.actions import access, adding, knowing
from evidence.actions.access import Given
from evidence.artefacts import read_back
from evidence.collectors import device_https, fortios, panos
from evidence.collectors.collected import Collected, PullError
from evidence.formats.evaluate import decide
from evidence.host import read_host
from evidence.models import Source
from tests.evidence.device_api import PALO, TOKEN, Api, FortiGate, PaloAlto, answering
from tests.evidence.site import read
from tests.evidence.vault import certificates
from tests.factories import servers
from tests.people import LONG_AGO, everybody

PG = Witness(4, 0x0A14141F, 0x0A141E1F, 6, 40_000, 5432, None, None)
OTHER = Witness(4, 0x0A141420, 0x0A141E1F, 6, 40_000, 5432, None, None)
BOTH: Any = pytest.mark.parametrize(("made", "by"), [(FortiGate, fortios), (PaloAlto, panos)])


@pytest.fixture
def run(pems: tuple[Path, Path], settings: Any) -> Iterator[Any]:
    """Starts devices; all are stopped at the end."""
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    with ExitStack() as stack:
        yield lambda made: stack.enter_context(answering(made(pems[0])))


def config(device: Api, pem: Path, **more: Any) -> dict[str, Any]:
    """As way_in gives it: the confirmed certificate is `trusted`."""
    return {"host": "127.0.0.1", "port": device.port, "trusted": pem.read_text(), **more}


def asked(by: ModuleType, device: Api, pem: Path, *, seconds: float = 20, token: bytes = TOKEN.encode()) -> Collected:
    came = by.collect(config(device, pem), secret=token, since=None, deadline=time.monotonic() + seconds)
    assert isinstance(came, Collected)
    return came


def refused(by: ModuleType, device: Api, pem: Path, **more: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        asked(by, device, pem, **more)
    assert caught.value.next_step
    assert TOKEN not in f"{caught.value.what} {caught.value.next_step}"
    return caught.value


@BOTH
def test_all_of_it_comes_is_understood_and_the_token_stands_in_no_address(
    run: Any, pems: tuple[Path, Path], made: Any, by: ModuleType
) -> None:
    device = run(made)
    came = asked(by, device, pems[1])
    assert (came.complete, came.whole, came.missing) == (True, True, ())
    reading = read_host(list(came.artefacts))
    assert [(u.reason, u.text) for u in reading.unread] == []
    [forward] = [one for one in reading.points if one.name == "FORWARD"]
    assert decide(reading, forward, PG).decision == "permit"
    assert decide(reading, forward, OTHER).decision == "deny"
    assert len(came.beside) == 1
    assert all(TOKEN not in path for path, _ in device.asked)
    assert not any(TOKEN in one.command for one in (*came.artefacts, *came.beside))


@BOTH
@pytest.mark.parametrize(
    ("mood", "code", "word"),
    [
        ("401", "auth", "take the"), ("429", "rate_limited", "too often"), ("503", "unreachable", "503"),
        ("cut", "truncated", "cut short"), ("half", "truncated", "cut short"), ("slow", "timeout", "did not finish"),
        ("html", "parse", "is no answer"), ("redirects", "config", "leads elsewhere"), ("floods", "truncated", "short"),
    ],
)  # fmt: skip
def test_each_bad_mood_has_its_code(
    run: Any, pems: tuple[Path, Path], made: Any, by: ModuleType, mood: str, code: str, word: str
) -> None:
    device = run(made)
    device.moods, device.wait = {mood}, "77"
    error = refused(by, device, pems[1], seconds=2 if mood == "slow" else 20)
    assert (error.code, word in error.what) == (code, True), error.what
    assert error.retry_after == (77 if mood in ("429", "503") else None)


@BOTH
def test_a_wrong_token_and_another_certificate(
    run: Any, pems: tuple[Path, Path], made: Any, by: ModuleType, tmp_path: Path
) -> None:
    device = run(made)
    assert refused(by, device, pems[1], token=b"wrong").code == "auth"
    assert refused(by, device, pems[1], token=b"").code == "config"
    assert refused(by, device, pems[1], token=b"two words").code == "config"
    before = len(device.asked)
    _, other = certificates(tmp_path)
    assert refused(by, device, other).code == "tls"
    alone = {"host": "127.0.0.1", "port": device.port}  # no authority of this machine knows it
    with pytest.raises(PullError) as caught:
        by.collect(alone, secret=TOKEN.encode(), since=None, deadline=time.monotonic() + 5)
    assert (caught.value.code, "Test the connection" in caught.value.next_step) == ("tls", True)
    assert len(device.asked) == before


@BOTH
def test_where_nobody_may_lead_us_nothing_goes(
    run: Any, pems: tuple[Path, Path], made: Any, by: ModuleType, settings: Any
) -> None:
    device = run(made)
    settings.MAY_REACH = []
    assert refused(by, device, pems[1]).code == "config"
    assert device.asked == []


def test_every_virtual_domain_is_asked_and_pages_are_put_together(run: Any, pems: tuple[Path, Path]) -> None:
    gate = run(FortiGate)
    gate.vdoms, gate.most = ["root", "dmz"], 1
    came = asked(fortios, gate, pems[1])
    assert came.complete
    names = [one.name for one in came.artefacts]
    assert {"root--firewall.policy.json", "root--firewall.policy-2.json", "dmz--firewall.policy.json"} <= set(names)
    reading = read_host([one for one in came.artefacts if not one.name.startswith("dmz")])
    assert reading.unread == ()
    first = [one for one in came.artefacts if not one.name.startswith("dmz") and "policy-2" not in one.name]
    assert [one.reason for one in read_host(first).unread] == [
        "more rows of this answer follow, and they were not given"
    ]


@pytest.mark.parametrize(
    ("refusing", "missing"),
    [("firewall/policy", "firewall policy of root"), ("dmz router/static", "router static of dmz"),
     ("system/vdom", "list of virtual domains")],
)  # fmt: skip
def test_what_is_refused_is_named(run: Any, pems: tuple[Path, Path], refusing: str, missing: str) -> None:
    gate = run(FortiGate)
    gate.vdoms, gate.refused = ["root", "dmz"], {refusing}
    came = asked(fortios, gate, pems[1])
    assert not came.complete
    assert missing in came.missing


def test_a_table_edited_between_two_pages_is_read_again_and_one_that_must_be_there_is_missed(
    run: Any, pems: tuple[Path, Path]
) -> None:
    gate = run(FortiGate)
    gate.most, gate.moods = 1, {"edited"}
    assert "was changed while it was read" in refused(fortios, gate, pems[1]).what
    gate.moods, gate.missing = set(), {*gate.missing, "system/zone"}
    assert asked(fortios, gate, pems[1]).missing == ("system zone of root",)


def test_without_counters_the_rules_still_count(run: Any, pems: tuple[Path, Path]) -> None:
    gate, palo = run(FortiGate), run(PaloAlto)
    gate.refused, palo.no_counters = {"monitor"}, True
    for by, device in ((fortios, gate), (panos, palo)):
        came = asked(by, device, pems[1])
        assert (came.complete, came.beside) == (True, ())
        assert came.missing == (("what Panorama pushed to it (the account may not ask)",) if by is panos else ())


def test_an_administrator_of_one_virtual_system_sees_not_enough(run: Any, pems: tuple[Path, Path]) -> None:
    palo = run(PaloAlto)
    start, end = PALO.index("<mgt-config>"), PALO.index("<network>")
    middle = "<devices><entry name='localhost.localdomain'>"
    palo.config = PALO[:start] + middle + PALO[end:]
    came = asked(panos, palo, pems[1])
    assert (came.complete, len(came.missing)) == (False, 1)
    palo.moods = {"no_rights"}
    assert refused(panos, palo, pems[1]).code == "permission"
    palo.moods, palo.config = set(), '<!DOCTYPE a [<!ENTITY b "c">]><response status="success"><result/></response>'
    assert "document type" in refused(panos, palo, pems[1]).what


def test_what_panorama_pushed_is_asked_for_and_stands_before_the_own_rules(run: Any, pems: tuple[Path, Path]) -> None:
    palo = run(PaloAlto)
    assert len(asked(panos, palo, pems[1]).artefacts) == 1
    rule = "".join(
        f"<{one}><member>any</member></{one}>" for one in ("from", "to", "source", "destination", "application")
    )
    palo.pushed[""] = (
        "<policy><panorama><pre-rulebase><security><rules><entry name='stop'>" + rule +
        "<service><member>any</member></service><action>deny</action></entry></rules></security></pre-rulebase>"
        "</panorama></policy>"
    )  # fmt: skip
    came = asked(panos, palo, pems[1])
    assert [one.name for one in came.artefacts] == ["127.0.0.1.xml", "all--pushed.xml"]
    reading = read_host(came.artefacts)
    said = decide(reading, "FORWARD", PG)
    assert (said.decision, said.rule, said.origin and said.origin.name) == (
        "deny",
        "panos:panorama/pre#stop",
        "all--pushed.xml",
    )
    palo.moods = {"half"}
    assert refused(panos, palo, pems[1]).code == "truncated"


@BOTH
def test_a_test_of_the_connection_says_each_step(run: Any, pems: tuple[Path, Path], made: Any, by: ModuleType) -> None:
    device = run(made)
    steps = by.probe(config(device, pems[1]), secret=TOKEN.encode(), deadline=time.monotonic() + 20)
    assert [one.outcome for one in steps] == ["ok"] * 4
    steps = by.probe(config(device, pems[1]), secret=b"wrong", deadline=time.monotonic() + 20)
    assert [one.outcome for one in steps] == ["ok", "failed", "skipped", "skipped"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("made", "kind"), [(FortiGate, "fortios"), (PaloAlto, "panos")])
def test_as_a_source_its_certificate_is_confirmed_and_its_last_good_reading_stays(
    run: Any, made: Any, kind: str, client: Client
) -> None:
    device, people = run(made), everybody()
    servers(people)
    server = estate.add_server("edge-01", system=people.platform, role="firewall", by=people.alex, at=LONG_AGO)
    where = {"host": "127.0.0.1", "port": device.port}
    source = adding.add(server=server, kind=kind, name="edge-01", config=where, by=people.alex)
    assert not source.pulls.exists()  # it waits for its token
    client.force_login(people.alex)
    asking = client.get(f"/sources/{source.pk}/secret/").content.decode()
    assert ("The token or password" in asking, "private key" in asking) == (True, False)
    access.set_secret(source, Given("password", value=TOKEN.encode()), by=people.alex)
    assert read(source, people).error_code == "tls"
    source = Source.objects.get(pk=source.pk)
    assert knowing.unknown(source)
    step, shown = knowing.looked(source, time.monotonic() + 10)
    assert (step.outcome, shown is not None) == ("ok", True)
    assert shown is not None
    pin = knowing.asked_about(source, shown, by=people.alex)
    assert pin is not None
    access.confirm_pin(pin, fingerprint=pin.fingerprint, because="At its console.", by=people.olga)
    first = read(Source.objects.get(pk=source.pk), people)
    assert (first.state, first.what) == ("ok", first.what)
    assert all(TOKEN.encode() not in read_back(one.stored) for one in first.artefacts.all())
    assert all(b"$5$abcdefgh$secret" not in read_back(one.stored) for one in first.artefacts.all())
    good = Source.objects.get(pk=source.pk).last_good
    assert good is not None
    assert good.tier == "good"
    assert good.networks
    uses = {row.rule.rpartition("#")[2]: row for row in source.uses.all()}
    met = uses["7" if kind == "fortios" else "apps to db"]
    assert (met.hits > 0, met.told, met.quiet_since.year) == (True, True, 2023)
    assert read(Source.objects.get(pk=source.pk), people).state == "unchanged"
    device.moods = {"half"}
    assert read(Source.objects.get(pk=source.pk), people).error_code == "truncated"
    device.moods, device.wait = {"429"}, "600"
    assert read(Source.objects.get(pk=source.pk), people).error_code == "rate_limited"
    assert Source.objects.get(pk=source.pk).last_good == good
    assert device_https.where(where) == f"127.0.0.1:{device.port}"
