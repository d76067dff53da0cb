"""Text that no database keeps as it is, and names longer than a column: read, compared and said, on both databases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evidence.actions.compare import compare
from evidence.models import Pull, VerdictRow
from tests.evidence.site import APP, put, read, save, source_of
from tests.factories import servers
from tests.people import everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
ODD = {
    "nul": b"a\0b",
    "latin-1": b"caf\xe9",
    "long": b"x" * 3000,
    "not a character": "\ufffe\U0010ffff".encode(),
}
RULE = b'-A INPUT -s %s/32 -p tcp -m tcp --dport 22 -m comment --comment "%s" -j ACCEPT'


def read_and_compared(folder: Path) -> Pull:
    """A reading of pay-db-01 from the folder, and a comparison that came to its end."""
    people = everybody()
    hosts = servers(people)
    row = read(source_of(hosts["pay-db-01"], folder, people), people)
    assert compare().published
    return row


@pytest.mark.parametrize("kind", ODD)
def test_a_comment_in_an_iptables_dump(tmp_path: Path, kind: str) -> None:
    folder = put(tmp_path / "data")
    rule = RULE % (APP.encode(), ODD[kind])
    (folder / "iptables-save.txt").write_bytes(save("@").encode().replace(b"@", rule))
    row = read_and_compared(folder)
    assert row.state == ("failed" if kind == "nul" else "ok"), row.what
    assert row.what
    if row.state == "ok":
        assert VerdictRow.objects.filter(verdict="permits_more").exists()


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 3000])
def test_names_and_comments_in_an_nft_dump(tmp_path: Path, text: str) -> None:
    ssh = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}
    inside = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": text}}
    chain = {"family": "inet", "table": "f", "name": "in", "handle": 1}
    rule = {"family": "inet", "table": "f", "chain": "in"}
    (tmp_path / "nft.json").write_text(json.dumps({"nftables": [
        {"metainfo": {"version": "1.0.6", "release_name": "x", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "f", "handle": 1}},
        {"chain": chain | {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": rule | {"handle": 4, "comment": text, "expr": [ssh, {"accept": None}]}},
        {"rule": rule | {"handle": 5, "expr": [inside, {"accept": None}]}},
        {"rule": rule | {"handle": 6, "expr": [{text: None}, {"accept": None}]}},
    ]}))  # fmt: skip
    row = read_and_compared(tmp_path)
    assert row.state == "ok", row.what
    assert VerdictRow.objects.filter(verdict="permits_more").exists()


def test_a_file_whose_name_is_no_text_is_refused_and_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "data")
    Path(os.fsdecode(os.fsencode(folder) + b"/iptables-\xe9.txt")).write_text(save())
    row = read_and_compared(folder)
    assert (row.state, row.error_code) == ("failed", "config")
    assert "iptables-" in row.what


def test_a_long_name_is_kept_as_far_as_it_fits(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text(f"/{'x' * 400} 10.0.0.0/8(rw)\n/ok *(rw,{'z' * 500})\n")
    users = f'users:(("{"p" * 600}",pid=1,fd=3))'
    (tmp_path / "ss.txt").write_text(f"tcp   LISTEN 0      128          0.0.0.0:8080      0.0.0.0:*    {users}\n")
    row = read_and_compared(tmp_path)
    assert row.what
    assert row.state in ("ok", "failed")
