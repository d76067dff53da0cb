"""Each rule both ways: what it stops, what it lets pass, and what it cannot tell. And what holds for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from compliance.catalogue import controls
from compliance.policy.check import Exempt
from compliance.policy.content import Cell, Policy, PolicyError, Waiver, from_json
from compliance.policy.facts import Asked, ShareAsked, Side, alike
from compliance.policy.pairs import NIGHTLY, PAIR_RULES, by_matrix
from compliance.policy.reasons import ASKED_RULES
from compliance.policy.shipped import described, settings, shipped
from compliance.policy.spans import EVERY, common, without
from compliance.traffic.residual import same_traffic
from compliance.traffic.services import parse
from tests.policy.sides import (
    APP,
    BANK,
    BLANK,
    DATABASE,
    EVERYONE,
    FILES,
    GOOD,
    JUMP,
    STAFF,
    STRANGER,
    TEST,
    TODAY,
    WEB,
    asked,
    hits,
    level,
    policy,
    server,
)  # fmt: skip

ABOUT_ENDS = [
    # rule, stopped, level, passes
    ("any-address", asked(EVERYONE, APP), "block", asked(EVERYONE, WEB, "tcp/443")),
    ("any-address", asked(APP, EVERYONE), "block", asked(server("mail-01", role="mail relay"), EVERYONE, "tcp/25")),
    ("any-address", asked(server("mail-01", role="mail relay"), EVERYONE, "tcp/443"), "block", asked(APP, BANK)),
    ("internet-to-back-end", asked(STRANGER, DATABASE), "block", asked(STRANGER, WEB)),
    ("internet-to-back-end", asked(EVERYONE, FILES), "block", asked(STAFF, FILES)),
    ("server-to-internet", asked(APP, STRANGER), "block", asked(APP, BANK)),
    ("server-to-internet", asked(server("ns-01", role="name server"), STRANGER, "tcp/443"), "block",
     asked(server("ns-01", role="name server"), STRANGER, "udp/53", "tcp/53")),
    ("database-from-application", asked(WEB, DATABASE, "tcp/5432"), "serious", asked(APP, DATABASE, "tcp/5432")),
    ("database-from-application", asked(WEB, DATABASE, "tcp/5000-6000"), "serious", asked(WEB, DATABASE, "tcp/9100")),
    ("database-from-application", asked(server("hr-app-01", system="HR"), DATABASE, "tcp/5432"), "serious",
     asked(WEB, FILES, "tcp/5432")),
    ("production-and-development", asked(TEST, APP), "serious", asked(WEB, APP)),
    ("production-and-development", asked(APP, TEST), "serious",
     asked(TEST, server("log-01", role="log server"), "tcp/6514")),
    ("cleartext", asked(WEB, APP, "tcp/20-25"), "serious", asked(WEB, APP, "tcp/443")),
    ("files-between-servers", asked(WEB, APP, "tcp/445"), "serious", asked(WEB, FILES, "tcp/445")),
    ("administration-from-bastion", asked(WEB, APP, "tcp/22"), "serious", asked(JUMP, APP, "tcp/22")),
    ("administration-from-bastion", asked(STAFF, APP, "tcp/3389"), "serious", asked(STAFF, JUMP, "tcp/22")),
    ("classification", asked(APP, server("secret-01", classification="S")), "serious", asked(APP, WEB)),
    ("other-organisation", asked(APP, replace(BANK, agreement="")), "warn", asked(APP, BANK)),
]  # fmt: skip

UNTOLD = [
    ("internet-to-back-end", asked(STRANGER, BLANK)),
    ("database-from-application", asked(WEB, BLANK, "tcp/5432")),
    ("database-from-application", asked(BLANK, DATABASE, "tcp/5432")),
    ("production-and-development", asked(BLANK, APP)),
    ("files-between-servers", asked(WEB, BLANK, "tcp/2049")),
    ("administration-from-bastion", asked(BLANK, APP, "tcp/22")),
    ("classification", asked(APP, server("odd-01", classification="COSMIC"))),
]


@pytest.mark.parametrize(("rule", "stopped", "expected", "passes"), ABOUT_ENDS)
def test_a_rule_about_two_ends(rule: str, stopped: Asked, expected: str, passes: Asked) -> None:
    assert level(stopped, rule) == expected
    assert level(passes, rule) == ""
    hit = hits(stopped)[rule]
    assert hit.packet, "a hit between known addresses shows a packet"
    assert "→" in hit.what
    assert hit.why
    assert hit.do


@pytest.mark.parametrize(("rule", "request_"), UNTOLD)
def test_what_nobody_recorded_is_said_and_never_taken_for_permitted(rule: str, request_: Asked) -> None:
    assert level(request_, rule) == "unknown"


REQUESTS = [
    ("any-service", asked(WEB, APP, "any"), asked(WEB, APP, "tcp/443")),
    ("any-service", asked(WEB, APP, "tcp"), asked(WEB, APP, "gre")),
    ("any-service", asked(WEB, APP, "udp/0-65535"), asked(WEB, APP, "icmp")),
    ("wide-ports", asked(WEB, APP, "tcp/8000-8100"), asked(WEB, APP, "tcp/8000-8010")),
    ("share-undeclared", asked(WEB, FILES, "tcp/445"),
     asked(WEB, FILES, "tcp/445", share=ShareAsked("smb", "hr", "ro", "encrypt"))),
    ("encryption", asked(WEB, FILES, "tcp/2049", share=ShareAsked("nfs", "/srv", "ro", "sys")),
     asked(WEB, FILES, "tcp/2049", share=ShareAsked("nfs", "/srv", "ro", "krb5p"))),
    ("encryption", asked(server("a", classification="P"), APP, "tcp/8080", reasons=replace(GOOD, security="One way.")),
     asked(server("a", classification="P"), APP, "tcp/8080")),
    ("justification-short", asked(WEB, APP, reasons=replace(GOOD, need="Reports.")), asked(WEB, APP)),
    ("justification-short", asked(WEB, APP, reasons=replace(GOOD, security="")), asked(WEB, APP)),
    ("justification-empty", asked(WEB, APP, reasons=replace(GOOD, need="Legacy. Required as before.")),
     asked(WEB, APP, reasons=replace(GOOD, need="The legacy cash register sends its daily totals until March."))),
    ("justification-repeated", asked(WEB, APP, reasons=replace(GOOD, repeated_in=("CHG-1", "CHG-2", "CHG-3"))),
     asked(WEB, APP, reasons=replace(GOOD, repeated_in=("CHG-1",)))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "stopped", "passes"), REQUESTS)
def test_a_rule_about_the_request(rule: str, stopped: Asked, passes: Asked) -> None:
    assert level(stopped, rule) == shipped().rules[rule].severity
    assert level(passes, rule) == ""


def matrix(*cells: Cell, otherwise: str = "never") -> Policy:
    return replace(policy(), cells=cells, otherwise=otherwise)  # type: ignore[arg-type]


def test_the_zone_matrix_first_line_decides() -> None:
    told = matrix(
        Cell("dmz", "app", "allowed", ("tcp/8443",)),
        Cell("dmz", "app", "reason", ("tcp/8080",)),
        Cell("*", "data", "never"),
    )
    assert level(asked(WEB, APP, "tcp/8443"), "zone-matrix", told) == ""
    assert level(asked(WEB, APP, "tcp/8080"), "zone-matrix", told) == "warn"
    assert level(asked(WEB, APP, "tcp/8443-8444"), "zone-matrix", told) == "block"
    assert level(asked(APP, DATABASE), "zone-matrix", told) == "block"
    assert level(asked(APP, STRANGER), "zone-matrix", matrix(Cell("app", "outside", "allowed"))) == ""
    assert level(asked(BLANK, APP), "zone-matrix", told) == "unknown"
    assert level(asked(BLANK, APP), "zone-matrix", shipped()) == "", "a matrix that forbids nothing asks nothing"


SERVICES = st.sampled_from(["tcp/22", "tcp/443", "tcp/400-500", "udp/53", "udp", "tcp", "icmp/8", "gre", "any"])
CELLS = st.builds(
    Cell,
    st.sampled_from(["*", "app", "data"]),
    st.sampled_from(["*", "app", "data"]),
    st.sampled_from(["allowed", "reason", "never"]),
    st.lists(SERVICES, max_size=3).map(tuple),
)


@settings_of(deadline=None)
@given(st.lists(CELLS, max_size=5), st.sampled_from(["allowed", "reason", "never"]))
def test_the_matrix_decides_every_service_exactly_once(cells: list[Cell], otherwise: str) -> None:
    decided = by_matrix(cells, otherwise, "app", "data")  # type: ignore[arg-type]
    boxes = [(0, 0, 0, 0, *span) for spans in decided.values() for span in spans]
    assert same_traffic(boxes, [(0, 0, 0, 0, *span) for span in without(EVERY, ())])  # nothing left
    for one, spans in decided.items():
        for other, others in decided.items():
            assert one == other or not [span for span in common(spans, others) if real(span)]


def real(span: tuple[int, ...]) -> bool:
    """ICMP types and codes above 255 are no packets."""
    return not (span[0] == span[1] and span[0] in (1, 58) and (span[2] > 255 or span[4] > 255))


@settings_of(deadline=None)
@given(SERVICES, SERVICES)
def test_less_is_asked_less_is_met(wide: str, narrow: str) -> None:
    """A request that lies inside another one meets no rule about ends that the wider one does not meet."""
    if common((parse(narrow).span,), (parse(wide).span,)) != (parse(narrow).span,):
        return
    for source in (WEB, TEST, STRANGER, JUMP, BLANK):
        for target in (APP, DATABASE, FILES, BLANK):
            inner, outer = hits(asked(source, target, narrow)), hits(asked(source, target, wide))
            ends = {rule.id for rule in described() if rule.pairs}
            assert ends & inner.keys() <= ends & outer.keys()


def test_a_group_meets_what_each_of_its_members_meets() -> None:
    group = tuple(server(f"web-{number:02}", f"10.20.10.{number}", role="web") for number in range(1, 60))
    assert len(alike(group)) == 1
    one = hits(asked((*group, APP), DATABASE, "tcp/5432"))["database-from-application"]
    assert "web-01, web-02, web-03 and 56 more" in one.what
    assert "pay-app-01" not in one.what


def test_a_dated_exception_of_the_policy_lowers_and_ends() -> None:
    until = TODAY + timedelta(days=30)
    waiver = Waiver("server-to-internet", "pay-app-01", "some-site", ("tcp/443",), until, "Until the proxy is there.")
    told = replace(policy(), waivers=(waiver,))
    under = hits(asked(APP, STRANGER, "tcp/443"), told)["server-to-internet"]
    assert under.level == "note"
    assert str(until) in under.excepted
    assert level(asked(APP, STRANGER, "tcp/443", "tcp/80"), "server-to-internet", told) == "block"
    assert level(asked(WEB, STRANGER, "tcp/443"), "server-to-internet", told) == "block"
    past = replace(policy(), waivers=(replace(waiver, until=TODAY - timedelta(days=1)),))
    assert level(asked(APP, STRANGER, "tcp/443"), "server-to-internet", past) == "block"
    among = asked((APP, server("pay-app-02")), STRANGER, "tcp/443")
    assert level(among, "server-to-internet", told) == "block", "an exception for one member excepts no other"


def test_an_exception_decided_on_elsewhere_lowers_its_own_rule_only() -> None:
    exempt = Exempt(date(2027, 1, 31), "RSK-4", "Accepted by the authorising officer.")
    found = hits(asked(TEST, STRANGER), excepted=lambda hit: exempt if hit.rule == "server-to-internet" else None)
    assert found["server-to-internet"].level == "note"
    assert "RSK-4" in found["server-to-internet"].excepted


def test_a_rule_that_is_off_says_nothing_and_severity_is_as_set() -> None:
    told = shipped()
    off = {**told.rules, "any-service": replace(told.rules["any-service"], on=False)}
    assert level(asked(WEB, APP, "any"), "any-service", replace(told, rules=off)) == ""
    mild = {**told.rules, "any-service": replace(told.rules["any-service"], severity="note")}
    assert level(asked(WEB, APP, "any"), "any-service", replace(told, rules=mild)) == "note"


def test_a_leg_by_way_of_another_server_is_asked_about_too() -> None:
    request = Asked((((WEB,), (JUMP,)), ((JUMP,), (DATABASE,))), asked(WEB, APP, "tcp/5432").services, reasons=GOOD)
    assert level(request, "database-from-application") == "serious"


def test_every_rule_is_described_and_supports_known_controls() -> None:
    known = {one.id for one in controls()}
    assert {rule.id for rule in described()} == {*PAIR_RULES, *ASKED_RULES, "zone-matrix"}
    assert not set(PAIR_RULES) & set(ASKED_RULES)
    assert set(NIGHTLY) <= {rule.id for rule in described() if rule.pairs}
    for rule in described():
        assert rule.controls, rule.id
        assert set(rule.controls) <= known, rule.id
        assert rule.pairs == (rule.id in PAIR_RULES or rule.id == "zone-matrix")


def test_a_policy_reads_back_and_everything_wrong_is_said_at_once() -> None:
    told = replace(
        matrix(Cell("app", "data", "allowed", ("tcp/5432",))),
        waivers=(Waiver("cleartext", "*", "old-01", (), date(2027, 3, 1), "Until it is replaced."),),
    )
    assert from_json(told.as_json(), settings()) == told
    wrong = told.as_json()
    wrong["rules"]["wide-ports"]["parameters"]["most_ports"] = "many"
    wrong["rules"]["cleartext"]["severity"] = "mild"
    wrong["rules"]["cleartext"]["parameters"]["colour"] = "red"
    wrong["rules"]["nothing"] = {"on": True, "severity": "warn"}
    wrong["matrix"]["cells"].append({"from": "app", "to": "", "decision": "never", "services": ["tcp/99999"]})
    wrong["exceptions"][0]["until"] = "some day"
    with pytest.raises(PolicyError) as said:
        from_json(wrong, settings())
    assert len(said.value.problems) == 5, said.value.problems


def test_a_version_from_before_a_rule_takes_the_rule_as_shipped() -> None:
    old = shipped().as_json()
    del old["rules"]["classification"]
    assert from_json(old, settings()).rules["classification"] == settings()["classification"]


def test_sides_without_addresses_still_meet_rules() -> None:
    named_only = Side(("updates.example",), (), outside="internet")
    assert level(asked(APP, named_only), "server-to-internet") == "block"
    assert hits(asked(APP, named_only))["server-to-internet"].packet == ""
