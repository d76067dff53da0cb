"""Where the golden dumps are."""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"
READ_HERE = (
    "iptables",
    "ipset",
    "nftables",
    "ip_addr",
    "ip_route",
    "ip_neigh",
    "aws",
    "cloudtrail",
    "ios",
    "asa",
    "panos",
    "fortios",
    "fortios_rest",
    "junos",
    "nxos",
    "xr",
    "checkpoint",
    "pf_config",
)  # the formats whose cases test_corpus.py reads
