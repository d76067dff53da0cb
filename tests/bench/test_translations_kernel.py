"""What is said of translated traffic, asked of the kernel: each packet is sent, and comes to the point or does not.

Needs root (or CAP_NET_ADMIN) and /dev/net/tun; without them the tests say so and are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.traffic import addresses
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision, decide
from evidence.host import read_host
from tests.oracle.kernel import Kernel, host
from tests.oracle.layout import Layout, Link
from tests.oracle.namespace import missing
from tests.oracle.rulesets import Ruleset

pytestmark = pytest.mark.kernel


def _ip(text: str) -> int:
    return addresses.parse_host(text)[1]


def _route(text: str, name: str) -> tuple[int, int, str]:
    span = addresses.parse(text)
    return span.low, span.high, name


LAYOUT = Layout(
    links=(
        Link("wan0", ((4, _ip("198.51.100.1"), 24), (6, _ip("2001:db8:1::1"), 64))),
        Link("lan0", ((4, _ip("10.1.0.1"), 24), (6, _ip("2001:db8:2::1"), 64))),
        Link("dmz0", ((4, _ip("10.2.0.1"), 24), (4, _ip("10.2.0.2"), 24), (6, _ip("2001:db8:3::1"), 64))),
    ),
    routes={
        4: (_route("0.0.0.0/0", "wan0"), _route("10.9.0.0/16", "dmz0")),
        6: (_route("::/0", "wan0"), _route("2001:db8:9::/48", "dmz0")),
    },
)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One host with three interfaces."""
    absent = missing()
    if absent:
        pytest.skip(absent)
    with host(LAYOUT, Path(tmp_path_factory.mktemp("host"))) as made:
        yield made


def _save(nat: str, rest: str, family: int = 4) -> Ruleset:
    heads = "".join(f":{name} ACCEPT [0:0]\n" for name in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"))
    text = f"*nat\n{heads}{nat}COMMIT\n{rest}"
    return Ruleset({"iptables-nft" if family == 4 else "ip6tables-nft": text})


def _filter(rules: str, policy: str = "DROP") -> str:
    heads = "".join(f":{name} {policy} [0:0]\n" for name in ("INPUT", "FORWARD", "OUTPUT"))
    return f"*filter\n{heads}{rules}COMMIT\n"


def _mangle(rules: str) -> str:
    heads = "".join(f":{name} ACCEPT [0:0]\n" for name in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"))
    return f"*mangle\n{heads}{rules}COMMIT\n"


def _packet(src: str, dst: str, dport: int, iif: str | None = None, *, proto: int = 6, sport: int = 40000) -> Witness:
    family, source = addresses.parse_host(src)
    return Witness(family, source, _ip(dst), proto, sport, dport, iif)


def _asked(kernel: Kernel, rules: Ruleset, point: str, packets: list[Witness]) -> list[Decision]:
    """Our decisions, none of which the kernel contradicts."""
    kernel.load(rules)
    read = read_host(kernel.dumps(sets=False))
    came = kernel.passes(point, packets)
    ours = [decide(read, point, packet) for packet in packets]
    for packet, passed, said in zip(packets, came, ours, strict=True):
        assert said.decision in {"unproven", "permit" if passed else "deny"}, (str(packet), passed, said)
    return ours


def _decisions(found: list[Decision]) -> list[str]:
    return [one.decision for one in found]


DNAT = "-A PREROUTING -i wan0 -d 198.51.100.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.0.5:8080\n"
WAN, LAN = "203.0.113.9", "10.1.0.9"


def test_the_filter_sees_the_translated_destination_and_the_new_way_out(kernel: Kernel) -> None:
    allowed = _filter("-A FORWARD -d 10.1.0.5/32 -o lan0 -p tcp -m tcp --dport 8080 -j ACCEPT\n")
    found = _asked(kernel, _save(DNAT, allowed), "FORWARD", [
        _packet(WAN, "198.51.100.1", 80, "wan0"),
        _packet(WAN, "10.1.0.5", 8080, "wan0"),
        _packet(WAN, "10.1.0.5", 80, "wan0"),
    ])  # fmt: skip
    assert _decisions(found) == ["permit", "permit", "deny"]
    assert found[0].rule == "iptables:filter/FORWARD#1"
    assert found[0].path == ("iptables:nat/PREROUTING#1",)
    assert "sent on to 10.1.0.5 port 8080 by iptables:nat/PREROUTING#1" in found[0].because
    as_sent = _filter("-A FORWARD -d 198.51.100.1/32 -p tcp -m tcp --dport 80 -j ACCEPT\n")
    denied = _asked(kernel, _save(DNAT, as_sent), "FORWARD", [_packet(WAN, "198.51.100.1", 80, "wan0")])[0]
    assert (denied.decision, denied.rule) == ("deny", "iptables:filter/FORWARD#policy")
    other_way = _filter("-A FORWARD -o dmz0 -j ACCEPT\n")
    way = _asked(kernel, _save(DNAT, other_way), "FORWARD", [_packet(WAN, "198.51.100.1", 80, "wan0")])
    assert _decisions(way) == ["deny"]


def test_what_is_sent_on_elsewhere_leaves_input(kernel: Kernel) -> None:
    rules = _save(DNAT, _filter("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"))
    found = _asked(kernel, rules, "INPUT", [
        _packet(WAN, "198.51.100.1", 80, "wan0"),
        _packet(WAN, "198.51.100.1", 22, "wan0"),
        _packet(LAN, "198.51.100.1", 80, "lan0"),
    ])  # fmt: skip
    assert _decisions(found) == ["unproven", "permit", "deny"]
    assert "goes to FORWARD and not to INPUT" in found[0].because
    assert found[0].rule == "iptables:nat/PREROUTING#1"


def test_redirect_brings_foreign_traffic_to_the_host(kernel: Kernel) -> None:
    proxy = "-A PREROUTING -i dmz0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128\n"
    rules = _save(proxy, _filter("-A INPUT -d 10.2.0.0/24 -p tcp -m tcp --dport 3128 -j ACCEPT\n"))
    packets = [_packet("10.2.0.9", "203.0.113.80", 80, "dmz0"), _packet("10.2.0.9", "203.0.113.80", 81, "dmz0")]
    found = _asked(kernel, rules, "INPUT", packets)
    assert _decisions(found) == ["permit", "unproven"]
    assert found[0].path == ("iptables:nat/PREROUTING#1",)
    one_of_two = _save(proxy, _filter("-A INPUT -d 10.2.0.1/32 -j ACCEPT\n"))
    chance = _asked(kernel, one_of_two, "INPUT", packets[:1])[0]
    assert chance.decision == "unproven"
    assert "not known which destination" in chance.because
    forward = _asked(kernel, _save(proxy, _filter("-A FORWARD -j ACCEPT\n")), "FORWARD", packets)
    assert _decisions(forward) == ["unproven", "permit"]
    assert "goes to INPUT and not to FORWARD" in forward[0].because


def test_the_source_changes_for_postrouting_only(kernel: Kernel) -> None:
    snat = "-A POSTROUTING -s 10.1.0.0/24 -o wan0 -j SNAT --to-source 198.51.100.7\n"
    mangle = "-A POSTROUTING -s 10.1.0.9/32 -p tcp -m tcp --dport 99 -j DROP\n"
    allowed = _filter("-A FORWARD -s 10.1.0.0/24 -j ACCEPT\n")
    rules = _save(snat, _mangle(mangle) + allowed)
    packets = [_packet(LAN, "203.0.113.80", port, "lan0") for port in (80, 99)]
    assert _decisions(_asked(kernel, rules, "FORWARD", packets)) == ["permit", "deny"]
    late = """table inet late {
        chain post { type filter hook postrouting priority 300; policy accept;
            ip saddr 198.51.100.7 tcp dport 80 drop
            ip saddr 10.1.0.9 tcp dport 99 drop
        }
    }\n"""
    both = Ruleset(_save(snat, allowed).saved, late)
    assert _decisions(_asked(kernel, both, "FORWARD", packets)) == ["deny", "permit"]
    masquerade = _save("-A POSTROUTING -o wan0 -j MASQUERADE\n", allowed)
    unsure = _asked(kernel, Ruleset(masquerade.saved, late), "FORWARD", packets)
    assert _decisions(unsure) == ["unproven", "unproven"]


def test_the_first_translation_of_a_kind_is_the_only_one(kernel: Kernel) -> None:
    native = """table ip early {
        chain pre { type nat hook prerouting priority -110; policy accept;
            tcp dport 80 dnat to 10.1.0.5
        }
    }
    table ip late {
        chain pre { type nat hook prerouting priority -90; policy accept;
            tcp dport { 80, 81 } dnat to 10.2.0.5
        }
        chain forwarding { type filter hook forward priority 0; policy drop;
            ip daddr 10.1.0.5 accept
        }
    }\n"""
    packets = [_packet(WAN, "198.51.100.1", port, "wan0") for port in (80, 81)]
    assert _decisions(_asked(kernel, Ruleset({}, native), "FORWARD", packets)) == ["permit", "deny"]


def test_chains_that_translate_stand_together_whatever_their_priority(kernel: Kernel) -> None:
    """The kernel asks all of them at one place, for prerouting at -100 (nf_nat_register_fn)."""
    native = """table ip odd {
        chain pre { type nat hook prerouting priority 20; policy accept;
            tcp dport 80 dnat to 10.1.0.5
        }
        chain mid { type filter hook prerouting priority 0; policy accept;
            ip daddr 10.1.0.5 tcp dport 80 drop
        }
    }\n"""
    packets = [_packet(WAN, "198.51.100.1", 80, "wan0")]
    assert _decisions(_asked(kernel, Ruleset({}, native), "FORWARD", packets)) == ["deny"]


def test_what_the_host_sends_is_routed_again(kernel: Kernel) -> None:
    nat = "-A OUTPUT -d 203.0.113.80/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.2.0.9:81\n"
    allowed = _filter("-A OUTPUT -d 10.2.0.9/32 -o wan0 -p tcp -m tcp --dport 81 -j ACCEPT\n")
    packets = [_packet("198.51.100.1", "203.0.113.80", 80), _packet("198.51.100.1", "203.0.113.80", 81)]
    assert _decisions(_asked(kernel, _save(nat, allowed), "OUTPUT", packets)) == ["permit", "deny"]
    behind = "-A POSTROUTING -o dmz0 -p tcp -j DROP\n"
    assert _decisions(_asked(kernel, _save(nat, _mangle(behind) + allowed), "OUTPUT", packets)) == ["deny", "deny"]


@pytest.mark.parametrize("tool", ["iptables-legacy", "nft"])
def test_legacy_and_native_rules_translate_alike(kernel: Kernel, tool: str) -> None:
    forward = "-A FORWARD -d 10.9.0.5/32 -o dmz0 -p udp -m udp --dport 53 -j ACCEPT\n"
    dnat = "-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 10.9.0.5\n"
    native = """table inet gate {
        chain pre { type nat hook prerouting priority dstnat; policy accept;
            udp dport 53 dnat ip to 10.9.0.5
        }
        chain forwarding { type filter hook forward priority filter; policy drop;
            ip daddr 10.9.0.5 oifname "dmz0" udp dport 53 accept
        }
    }\n"""
    rules = Ruleset({}, native)
    if tool == "iptables-legacy":
        rules = Ruleset({tool: _save(dnat, _filter(forward)).saved["iptables-nft"]})
    packets = [_packet(LAN, dst, 53, "lan0", proto=17) for dst in ("203.0.113.53", "198.51.100.1", "10.9.0.5")]
    assert _decisions(_asked(kernel, rules, "FORWARD", packets)) == ["permit", "permit", "permit"]


def test_ipv6_translates_alike(kernel: Kernel) -> None:
    nat = "-A PREROUTING -i wan0 -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8:2::5]:8080\n"
    allowed = _filter("-A FORWARD -d 2001:db8:2::5/128 -o lan0 -p tcp -m tcp --dport 8080 -j ACCEPT\n")
    packets = [_packet("2001:db8:77::9", "2001:db8:1::1", port, "wan0") for port in (80, 8080)]
    found = _asked(kernel, _save(nat, allowed, 6), "FORWARD", packets)
    assert found[0].decision == "permit"


def test_the_security_table_of_nft_sees_what_was_sent_on(kernel: Kernel) -> None:
    """iptables-nft hangs it behind the chains that translate, which the legacy tool does not."""
    heads = "".join(f":{name} ACCEPT [0:0]\n" for name in ("INPUT", "FORWARD", "OUTPUT"))
    security = f"*security\n{heads}-A INPUT -s 10.77.0.1/32 -j DROP\nCOMMIT\n"
    sent_on = "-A INPUT -p tcp -m tcp --dport 81 -j SNAT --to-source 10.77.0.1\n"
    rules = _save(sent_on, _filter("", "ACCEPT") + security)
    packets = [_packet(LAN, "10.1.0.1", port, "lan0") for port in (81, 82)]
    assert _decisions(_asked(kernel, rules, "INPUT", packets)) == ["deny", "permit"]
