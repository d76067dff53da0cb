"""What a file that no format reads seems to be, and what to give instead."""

from __future__ import annotations

from typing import NamedTuple

from evidence.formats.cisco_kind import kind


class Guess(NamedTuple):
    """What it seems to be and what helps."""

    what: str
    next_step: str


SAVE = "Give the output of `iptables-save` (and `ip6tables-save`) of the host."
JSON = "Give the output of `nft -j list ruleset`."
WHOLE = "Give the whole configuration (`show full-configuration`), or the backup file."
LATER = "This version does not read it; the README lists what is read."

PART_OF_FORTIOS = Guess("a part of a FortiOS configuration in which no whole table stands", WHOLE)

# A line that starts so, in the order they are tried.
STARTS: tuple[tuple[tuple[str, ...], Guess], ...] = (
    (("iptables ", "ip6tables ", "-P INPUT", "-P FORWARD", "-P OUTPUT", "-N ", "-A "),
     Guess("iptables commands (or `iptables -S`), which do not say whether they are complete", SAVE)),
    (("Chain INPUT (", "Chain FORWARD (", "Chain OUTPUT (", "Chain PREROUTING ("),
     Guess("the listing of `iptables -L`, which leaves out parts of its rules", SAVE)),
    (("table ip ", "table ip6 ", "table inet ", "table bridge ", "table arp ", "table netdev ", "flush ruleset",
      "add table ", "add chain ", "add rule ", "add set ", "add map ", "add element ", "insert rule ", "create table ",
      "nft add ", "nft -f "),
     Guess("nft rules in text form, which is not read: a file may differ from what the kernel holds", JSON)),
    (("ASA Version", "object-group ", "access-group ", "nameif "), Guess("a Cisco ASA configuration", LATER)),
    (("ip access-list ", "access-list ", "ipv6 access-list "), Guess("a Cisco access list", LATER)),
    (("config firewall ", "config vdom", "#config-version="), PART_OF_FORTIOS),
    (("apiVersion:", "kind:"), Guess("a Kubernetes manifest", LATER)),
    (("netsh ",), Guess("Windows firewall commands", LATER)),
    (("/ip firewall ", "/interface ", "/ip address"), Guess("a MikroTik RouterOS export", LATER)),
    (("// vyos-config-version", "ethernet eth", "set interfaces ethernet eth", "set firewall name "),
     Guess("a VyOS or EdgeOS configuration", LATER)),
)  # fmt: skip
# What the file itself starts with.
BEGINS: tuple[tuple[tuple[str, ...], Guess], ...] = (
    (("<",), Guess("an XML document", LATER)),
    (("{", "["), Guess("JSON of another kind", LATER)),
)
KINDS = {
    "eos": Guess("an Arista EOS configuration", LATER),
    "comware": Guess("a configuration of HP Comware, H3C or Huawei VRP", LATER),
    "procurve": Guess("a configuration of an HP ProCurve or Aruba switch", LATER),
}
NOTHING = Guess("nothing this version knows", LATER)


def guess(text: str) -> Guess:
    """The best guess for the beginning of a file: the first line in the table that some line starts with."""
    known = KINDS.get(kind(text.encode("utf-8", "replace")))
    if known is not None:
        return known
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith(("#", "!"))]
    for starts, found in STARTS:
        if any(line.startswith(starts) for line in lines):
            return found
    return next((found for starts, found in BEGINS if text.lstrip("\ufeff \t\r\n").startswith(starts)), NOTHING)
